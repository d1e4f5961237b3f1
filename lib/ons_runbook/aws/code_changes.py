"""New code for a function: what has to be done for it to reach whoever calls the alias, as a plan.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html ·
https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html (which versions can share calls) ·
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ons_runbook.aws import (
    aliases,
    deployment_groups,
    function_code,
    packages,
    rollouts,
    version_packages,
    versions,
)
from ons_runbook.aws.deployment_groups import Group
from ons_runbook.aws.versions import LATEST
from ons_runbook.errors import ChangeRefused, NotFound
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Changes, Found, Kept, LeftAlone, State
from ons_runbook.session import Session

# Characters: what Lambda takes as the description of a version.
_LONGEST_DESCRIPTION = 256
# What two versions behind one alias must have in common.
_ALIKE = ("Role", "DeadLetterConfig")

Contents = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class _Code:
    """Code that is to be live. `folder`: where it comes from; None when it is `$LATEST`'s."""

    sha256: str
    contents: Contents | None
    size: int = 0
    folder: Path | None = None


@dataclass(frozen=True)
class _Function:
    """A function: its versions as they are listed, and `$LATEST` as it is by itself, with its state."""

    name: str
    listed: Mapping[str, Mapping[str, Any]]
    now: Mapping[str, Any]

    @property
    def numbers(self) -> list[str]:
        """The published versions, oldest first."""
        return sorted(self.listed.keys() - {LATEST}, key=int)

    def as_now(self, version: str) -> bool:
        """Whether a version has the settings that `$LATEST` has."""
        return function_code.settings(self.listed[version]) == function_code.settings(self.listed[LATEST])


def changes(
    session: Session,
    *,
    function: str,
    source: str = "",
    description: str = "",
    deployment_config: str = "",
    minimum_calls: int = 20,
    patience_minutes: float = 5,
) -> Changes:
    """What makes the code in the folder `source` live behind the platform's alias; without one, `$LATEST`'s.

    Code and published versions that are there already are not made again. description: of the version and
    the deployment. deployment_config: in the place of the deployment group's own. minimum_calls and
    patience_minutes: see `rollouts.deploy`. Raises ChangeRefused for what cannot be done, ReadError.
    """
    _check(session, function, description, minimum_calls, patience_minutes)
    packed = packages.pack(packages.folder(source)) if source else b""
    found = _found(session, function)
    alias = session.platform.alias
    group = deployment_groups.group(session, function, deployment_config)
    live = _live_version(session, group, alias)
    code = _wanted(session, found, source, packed)
    if found.as_now(live) and _same(session, found, code, live):
        return Changes(
            left_alone=_latest_left_alone(found, live),
            nothing=f"Version {live}, which {alias} points at, has exactly this code and these settings.",
        )
    actions: list[Action] = []
    alone: list[LeftAlone] = []
    if code.folder is not None and not _same(session, found, code, LATEST):
        digest, place = (
            version_packages.hexadecimal(code.sha256),
            packages.package.at(folder=str(code.folder)),
        )
        kept = Kept(digest, code.size, place)
        actions.append(function_code.update(function, found.now, code.sha256, kept))
    else:
        code = _Code(found.now["CodeSha256"], code.contents)
        alone.append(LeftAlone(f"code of {function}", "it is in $LATEST already"))
    target = _version(found, code, description, actions, alone)
    if target != live:
        _check_shared(found, group, live)
        actions.append(
            rollouts.deploy(
                group,
                alias,
                live,
                target,
                description=description,
                minimum_calls=minimum_calls,
                patience_minutes=patience_minutes,
            )
        )
    return Changes(actions, alone)


def _version(
    found: _Function, code: _Code, description: str, actions: list[Action], alone: list[LeftAlone]
) -> str | Found:
    """The version to deploy: one that has this code and these settings, else the one that is published."""
    for number in reversed(found.numbers):
        if found.listed[number]["CodeSha256"] == code.sha256 and found.as_now(number):
            alone.append(
                LeftAlone(f"version {number} of {found.name}", "it has this code and these settings")
            )
            return number
    above = int(found.numbers[-1]) if found.numbers else 0
    made_of = function_code.settings(found.now)
    action, target = function_code.publish(found.name, code.sha256, above, made_of, description)
    actions.append(action)
    return target


def _check(
    session: Session, function: str, description: str, minimum_calls: int, patience_minutes: float
) -> None:
    known = session.platform.functions
    if function not in known:
        plain = function.partition(":")[0]
        near = get_close_matches(plain, known, 1)
        raise ChangeRefused(
            f"{function!r} is a version or an alias: name the function alone."
            if plain in known
            else f"Platform {session.platform.name!r} has no function {function!r}.",
            f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known)}.",
        )
    if len(description) > _LONGEST_DESCRIPTION:
        raise ChangeRefused(
            f"The description has {len(description)} characters, and Lambda takes {_LONGEST_DESCRIPTION}.",
            "Shorten it.",
        )
    if minimum_calls < 0 or patience_minutes < 0:
        raise ChangeRefused("minimum_calls and patience_minutes cannot be negative.", "0 is the least.")


def _found(session: Session, function: str) -> _Function:
    """The function as it is. Raises ChangeRefused when its code cannot be updated now."""
    try:
        listed = versions.configurations(session, function)
        with reading(f"Lambda function {function}", "lambda"):
            now = session.client("lambda").get_function_configuration(FunctionName=function)
    except NotFound as error:
        raise ChangeRefused(
            f"There is no function {function} in this account and region.",
            "Check `functions` and `region` in the platform's settings.",
        ) from error
    if now.get("PackageType", "Zip") != "Zip":
        raise ChangeRefused(
            f"{function} is a container image, not a zip.", "Deploy it as its images are built."
        )
    if now.get("State") == "Pending" or now.get("LastUpdateStatus") == "InProgress":
        raise ChangeRefused(
            f"An update of {function} is in progress.", "Wait until it is over, and plan again."
        )
    return _Function(function, listed, now)


def _live_version(session: Session, group: Group, alias: str) -> str:
    """The version that all callers get. Raises ChangeRefused when it is not one, or not at rest."""
    function = group.function
    if group.under_way:
        raise ChangeRefused(
            f"Deployment {group.under_way} of {function} is under way ({group.last}).",
            "There is one at a time: wait until it is over.",
        )
    state: State = aliases.alias(session, function=function, alias=alias)
    version = state["version"]
    if version is None:
        with reading(f"Aliases of {function}", "lambda"):
            listed = session.pages("lambda", "ListAliases", FunctionName=function)
            names = sorted(one["Name"] for page in listed for one in page["Aliases"])
        raise ChangeRefused(
            f"{function} has no alias {alias}, so that there is nothing to deploy to.",
            f"It has: {', '.join(names) or 'none'}. Create it, or set `alias` in the platform's settings.",
        )
    if state["weights"] or version == LATEST:
        others = ", ".join(
            f"version {number} ({100 * weight:.0f} %)" for number, weight in state["weights"].items()
        )
        raise ChangeRefused(
            f"Alias {alias} of {function} points at {version}{' and ' if others else ''}{others}: CodeDeploy "
            "moves traffic from one published version.",
            "First point the alias at one: maintenance/rollback_lambda_function.",
        )
    return str(version)


def _check_shared(found: _Function, group: Group, live: str) -> None:
    """Raise ChangeRefused when an alias cannot share its calls between the live version and `$LATEST`'s."""
    old, new = found.listed[live], found.listed[LATEST]
    differ = [name for name in _ALIKE if (old.get(name) or None) != (new.get(name) or None)]
    if differ and group.shift_minutes:
        raise ChangeRefused(
            f"$LATEST of {found.name} has another {' and '.join(differ)} than version {live}, and an alias "
            "cannot share its calls between two such versions.",
            "Deploy all at once (deployment_config CodeDeployDefault.LambdaAllAtOnce), or change it back.",
        )


def _wanted(session: Session, found: _Function, source: str, packed: bytes) -> _Code:
    if not source:
        return _Code(found.now["CodeSha256"], _contents(session, found, LATEST))
    contents = packages.contents(packed)
    packages.check_handler(contents, found.now, source)
    digest = base64.b64encode(hashlib.sha256(packed).digest()).decode()
    return _Code(digest, contents, len(packed), packages.folder(source))


def _same(session: Session, found: _Function, code: _Code, version: str) -> bool:
    """Whether a version has this code: the same package, or the same files in another one."""
    if code.sha256 == found.listed[version]["CodeSha256"]:
        return True
    return code.contents is not None and code.contents == _contents(session, found, version)


def _contents(session: Session, found: _Function, version: str) -> Contents | None:
    """The files of a version's package; None when it is too large to be fetched."""
    if found.listed[version]["CodeSize"] > version_packages.LARGEST_PACKAGE:
        return None
    return packages.contents(version_packages.package(session, function=found.name, version=version))


def _latest_left_alone(found: _Function, live: str) -> list[LeftAlone]:
    if found.now["CodeSha256"] == found.listed[live]["CodeSha256"]:
        return []
    why = "it is another package; nobody who calls the alias gets it"
    return [LeftAlone(f"$LATEST of {found.name}", why)]
