"""Publishing a deleted version's content again, under a new number: code, configuration and description.

A version can only be published from $LATEST (https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html).
So $LATEST gets the old code and configuration, is published, and gets back its own; each is an action, which
starts from $LATEST as it was when the plan was made: work that somebody has put there since is never lost.
The bytes of packages and configurations are kept beside the journal before anything is deleted; variables of
an environment may be secret, and stand in no journal.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html: one update at a time, it takes a while ·
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ons_runbook.aws import versions
from ons_runbook.aws.version_packages import LARGEST_PACKAGE
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Kept, Reading, State, readable
from ons_runbook.plan.sending import send
from ons_runbook.redaction import shorten
from ons_runbook.session import Session

Configuration = Mapping[str, Any]

#: Why a version that was brought back is not what it was.
NEW_NUMBER = "Under a new number, and only as long as $LATEST is what it is now."

# Settings, each with what stands for it when it was never set.
_DEFAULTS: dict[str, Any] = {
    "Runtime": "",
    "Role": "",
    "Handler": "",
    "Timeout": 3,
    "MemorySize": 128,
    "KMSKeyArn": "",
    "TracingConfig": {"Mode": "PassThrough"},
    "DeadLetterConfig": {"TargetArn": ""},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    "Environment": {"Variables": {}},
    "Layers": [],
    "FileSystemConfigs": [],
    "EphemeralStorage": {"Size": 512},
    "SnapStart": {"ApplyOn": "None"},
    "LoggingConfig": {},
}
# What an answer has besides what can be set.
_ANSWERED = {"VpcConfig": ("VpcId",), "SnapStart": ("OptimizationStatus",), "Environment": ("Error",)}
# What this module cannot set.
_FOREIGN = ("Architectures", "CapacityProviderConfig", "DurableConfig", "TenancyConfig")
_UPDATE_S = 300.0


def settings(found: Configuration) -> dict[str, Any]:
    """What UpdateFunctionConfiguration would have to be given to make a function like this."""
    made = {name: found.get(name) or default for name, default in _DEFAULTS.items()}
    for name, answered in _ANSWERED.items():
        made[name] = {key: value for key, value in made[name].items() if key not in answered}
    made["Layers"] = [layer["Arn"] for layer in made["Layers"]]
    return made


def fingerprint(found: Configuration) -> str:
    """One short text for each configuration: for states, which show no variables of an environment."""
    return hashlib.sha256(_text(settings(found))).hexdigest()[:16]


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@readable
def latest(session: Session, function: str) -> State:
    """$LATEST as it is: code, configuration (as fingerprint), ready (no update of it is under way)."""
    with reading(f"Lambda function {function}", "lambda"):
        found = session.client("lambda").get_function_configuration(FunctionName=function)
    ready = found.get("LastUpdateStatus", "Successful") == "Successful"
    return {"code": found["CodeSha256"], "configuration": fingerprint(found), "ready": ready}


@readable
def published(session: Session, function: str, code: str, configuration: str, above: int) -> State:
    """Whether a version of this content was published under a number above `above`; its number as version."""
    found = versions.configurations(session, function)
    numbers = [
        number
        for number, one in found.items()
        if number != versions.LATEST and int(number) > above
        if (one["CodeSha256"], fingerprint(one)) == (code, configuration)
    ]
    return {"published": bool(numbers), "version": max(numbers, key=int, default=None)}


@readable
def content(
    session: Session, function: str, version: str, code: str, configuration: str, above: int
) -> State:
    """Whether a version is published, its `versions.version`, and again: the new number of its content."""
    found: State = versions.version(session, function=function, version=version)
    state = {"published": found["code"] is not None, **found, "again": None}
    if not state["published"]:
        anew = published(session, function=function, code=code, configuration=configuration, above=above)
        state["again"] = anew["version"]
    return state


@readable
def configuration(session: Session, function: str, version: str, names: Sequence[str]) -> bytes:
    """These settings of a version, as JSON."""
    with reading(f"Version {version} of {function}", "lambda"):
        found = session.client("lambda").get_function_configuration(FunctionName=function, Qualifier=version)
    return _some(found, names)


def _some(found: Configuration, names: Sequence[str]) -> bytes:
    made = settings(found)
    return _text({name: made[name] for name in names})


@readable
def configure(session: Session, parameters: Mapping[str, Any], function: str) -> None:
    """Give $LATEST the settings in `parameters["Settings"]`, bytes of JSON."""
    wanted = json.loads(parameters["Settings"])
    send(session, "lambda", "UpdateFunctionConfiguration", {"FunctionName": function, **wanted})


@dataclass(frozen=True)
class _Step:
    """One update of $LATEST: what of its state changes, to which value, and the call."""

    what: str
    becomes: str
    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Contents:
    """The configuration of every version of a function, by number, $LATEST's among them."""

    session: Session
    function: str
    found: Mapping[str, Configuration]

    @classmethod
    def of(cls, session: Session, function: str) -> "Contents":
        """Read them. Raises NotFound, ReadError."""
        return cls(session, function, versions.configurations(session, function))

    def code(self, number: str) -> str:
        """The SHA-256 of a version's package, in base64."""
        return str(self.found[number]["CodeSha256"])

    def state(self, number: str) -> Reading:
        """Where the state of a version, and of what is published in its place, is read."""
        return content.at(version=number, **self._place(number))

    def _place(self, number: str) -> dict[str, Any]:
        code, configuration = self._content(number)
        above = max(int(one) for one in self.found if one != versions.LATEST)
        return {"function": self.function, "code": code, "configuration": configuration, "above": above}

    def said(self, number: str) -> str:
        """A version in a sentence: its description, and the day of its code."""
        found = self.found[number]
        described = shorten(self._description(number), 100)
        return f"{described or 'Without a description'} ({found['LastModified'][:10]})."

    def _description(self, number: str) -> str:
        # A journal holds no secret, not even one that stands in a description.
        return self.session.redactor().redact(str(self.found[number].get("Description") or ""))

    def publish_again(self, number: str, leaving: Sequence[str]) -> tuple[tuple[Action, ...], str]:
        """The actions that publish a version's content again, () when there are none; and what to know of it.

        `leaving`: the versions that are deleted together.
        """
        if why_not := self._twin(number, leaving) or self._impossible(number):
            return (), why_not
        steps = list(self._steps(number, versions.LATEST))
        back = list(self._steps(versions.LATEST, number))
        return (*steps, self._publish(number), *back), NEW_NUMBER

    def _content(self, number: str) -> tuple[str, str]:
        return self.code(number), fingerprint(self.found[number])

    def _twin(self, number: str, leaving: Sequence[str]) -> str:
        """Why there is nothing to publish: Lambda makes no version of what the newest one is already."""
        others = [one for one in self.found if one not in (number, versions.LATEST)]
        same = [one for one in others if self._content(one) == self._content(number)]
        if stays := [one for one in same if one not in leaving]:
            return f"Version {stays[-1]}, which stays, has the same code and configuration."
        if later := [one for one in same if int(one) > int(number)]:
            return f"Version {later[-1]} has the same code and configuration, and can be published again."
        return ""

    def _impossible(self, number: str) -> str:
        for which in (number, versions.LATEST):
            found = self.found[which]
            if found.get("PackageType") == "Image":
                return "It is a container image: publish it again from its repository."
            if found["CodeSize"] > LARGEST_PACKAGE:
                return f"None from here: the package of {which} is too large for a direct upload."
            if (found.get("Environment") or {}).get("Error"):
                return f"None from here: variables in the environment of {which} cannot be read."
        old, now = self.found[number], self.found[versions.LATEST]
        other = [name for name in _FOREIGN if (old.get(name) or None) != (now.get(name) or None)]
        return f"None from here: its {other[0]} is another than that of $LATEST." if other else ""

    def _steps(self, to: str, was: str) -> Iterator[Action]:
        """Give $LATEST, which has the content of version `was`, that of version `to`: code first."""
        state: State = dict(zip(("code", "configuration"), self._content(was), strict=True))
        for there, back in zip(self._changed(to, was), self._changed(was, to), strict=True):
            before, state = state, {**state, there.what: there.becomes}
            undo = self._give(back, was, state, before)
            yield self._give(there, to, before, state, (undo,))

    def _give(
        self, step: "_Step", to: str, before: State, after: State, undo: tuple[Action, ...] = ()
    ) -> Action:
        own = "its own" if to == versions.LATEST else f"that of {to}"
        return Action(
            name=f"{step.what} of {self.function}: {own}",
            target=f"{versions.LATEST} of {self.function}",
            service="lambda",
            operation=step.operation,
            parameters=step.parameters,
            state=latest.at(function=self.function),
            before={**before, "ready": True},
            after={**after, "ready": True},
            risk=f"Who calls {self.function} without an alias gets that until $LATEST has its own again.",
            undo=undo,
            resources=(self.function,),
            wait_s=_UPDATE_S,
            performer=configure.at(function=self.function) if step.what == "configuration" else None,
        )

    def _changed(self, to: str, was: str) -> Iterator["_Step"]:
        new, old = self.found[to], self.found[was]
        if self.code(to) != self.code(was):
            source = versions.package.at(function=self.function, version=to)
            package = Kept(base64.b64decode(self.code(to)).hex(), new["CodeSize"], source)
            # Left out, it would be x86_64.
            built_for = {"Architectures": list(new["Architectures"])} if new.get("Architectures") else {}
            given = {"FunctionName": self.function, "ZipFile": package, **built_for}
            yield _Step("code", self.code(to), "UpdateFunctionCode", given)
        names = [name for name in _DEFAULTS if settings(new)[name] != settings(old)[name]]
        if names:
            data = _some(new, names)
            source = configuration.at(function=self.function, version=to, names=names)
            kept = Kept(hashlib.sha256(data).hexdigest(), len(data), source)
            yield _Step("configuration", fingerprint(new), "UpdateFunctionConfiguration", {"Settings": kept})

    def _publish(self, number: str) -> Action:
        description = self._description(number)
        return Action(
            name=f"publish {self.function}:{number} again",
            target=f"version {number} of {self.function}, as a new version",
            service="lambda",
            operation="PublishVersion",
            parameters={
                "FunctionName": self.function,
                "CodeSha256": self.code(number),
                **({"Description": description} if description else {}),
            },
            state=published.at(**self._place(number)),
            before={"published": False},
            after={"published": True},
            risk="Nothing calls a new version until an alias points at it.",
            undo_note="maintenance/clean_up_lambda_versions deletes it again.",
            resources=(self.function,),
        )
