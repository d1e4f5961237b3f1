"""A function's code: what callers run, what is newest, and the way of new code to the callers.

Updating changes `$LATEST` alone, publishing makes a numbered version of it, and a deployment gives that to
whoever calls the alias. https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html ·
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html (an update is over when LastUpdateStatus
says so, and callers get the old code until then) ·
https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html (nothing is published when neither code
nor settings changed since the last version: doing it twice is doing it once)
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from ons_runbook.aws import aliases, version_packages, versions
from ons_runbook.aws.versions import LATEST
from ons_runbook.errors import NotFound
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Found, Kept, Progress, State, readable
from ons_runbook.plan.action import fingerprint
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, WHOLE, table

OVERVIEW = {
    "version": TEXT,
    "who_gets_it": TEXT,
    "code": TEXT,
    "code_size_bytes": WHOLE,
    "modified": MOMENT,
    "description": TEXT,
}

#: What a version is made of beside its code; what else Lambda tells of one is its name, state or hash.
SETTINGS = frozenset(
    {
        *("Runtime", "Role", "Handler", "Timeout", "MemorySize", "VpcConfig", "PackageType", "Environment"),
        *("DeadLetterConfig", "KMSKeyArn", "TracingConfig", "Layers", "FileSystemConfigs", "Architectures"),
        *("ImageConfigResponse", "EphemeralStorage", "SnapStart", "LoggingConfig", "CapacityProviderConfig"),
        *("DurableConfig", "TenancyConfig"),
    }
)
# Characters of a hash that tell packages apart at a glance.
_SHORT = 12
# Seconds: functions in a VPC, and with large packages, take minutes.
_UPDATED_S, _PUBLISHED_S = 300.0, 300.0


def overview(session: Session, function: str, alias: str) -> pd.DataFrame:
    """Who runs which code of a function: the versions behind the alias, the newest one, and `$LATEST`.

    Columns: version, who_gets_it, code (how its SHA-256 begins, in base64 as Lambda gives it),
    code_size_bytes, modified (UTC), description. Raises NotFound without the function, ReadError.
    """
    found = versions.configurations(session, function)
    state: State = aliases.alias(session, function=function, alias=alias)
    numbers = sorted(found.keys() - {LATEST}, key=int)
    who = {LATEST: "nobody; the next version is made of it"}
    who |= dict.fromkeys(numbers[-1:], "nobody; it is the newest version")
    rest = 1 - sum(state["weights"].values())
    shares = {**state["weights"], **({state["version"]: rest} if state["version"] else {})}
    who |= {number: f"{100 * share:.0f} % of the calls of {alias}" for number, share in shares.items()}
    rows = [
        {
            "version": number,
            "who_gets_it": said,
            "code": found[number]["CodeSha256"][:_SHORT],
            "code_size_bytes": found[number].get("CodeSize"),
            "modified": pd.to_datetime(found[number]["LastModified"], utc=True),
            "description": found[number].get("Description") or None,
        }
        for number, said in sorted(who.items(), key=lambda item: (item[0] == LATEST, item[0] not in shares))
        if number in found
    ]
    return table(rows, OVERVIEW)


def carried_along(session: Session, function: str, alias: str) -> pd.DataFrame:
    """The settings of `$LATEST` that are not those of the version behind the alias: a new version gets them.

    Columns as `versions.differences` has them. Raises NotFound, ReadError.
    """
    found = versions.differences(session, function, alias, LATEST)
    settings = found["what"].isin(["configuration", "variable"]) & (found["name"] != "Description")
    kept = found[settings].reset_index(drop=True)
    kept.attrs["empty"] = f"The settings of $LATEST are those of the version behind {alias}."
    return kept


def settings(configuration: Mapping[str, Any]) -> str:
    """A short hash over what a version is made of beside its code; nothing of it can be read from it."""
    kept = {name: configuration[name] for name in SETTINGS if configuration.get(name)}
    # How far Lambda is with a snapshot is no setting.
    kept["SnapStart"] = (configuration.get("SnapStart") or {}).get("ApplyOn", "None")
    return fingerprint(kept)[:_SHORT]


@readable
def latest(session: Session, function: str) -> State:
    """`$LATEST`: code and settings (short hashes), last_update (`Successful`, `InProgress`, `Failed`)."""
    try:
        with reading(f"Lambda function {function}", "lambda"):
            found = session.client("lambda").get_function_configuration(FunctionName=function)
    except NotFound:
        return {"code": None, "last_update": None, "settings": None}
    return {
        "code": found["CodeSha256"][:_SHORT],
        "last_update": found.get("LastUpdateStatus"),
        "settings": settings(found),
    }


@readable
def published(session: Session, function: str, code_sha256: str, above: int) -> State:
    """The newest version of this code with a number above `above`.

    published: whether there is one that can be called; version: its number; settings: of `$LATEST`, as
    `latest` has them, since a new version would be made of those. All None without the function.
    """
    now: State = latest(session, function=function)
    if now["code"] is None:
        return {"published": None, "version": None, "settings": None}
    found = versions.configurations(session, function)
    made = [number for number in found.keys() - {LATEST} if int(number) > above]
    ours = max((n for n in made if found[n]["CodeSha256"] == code_sha256), key=int, default=None)
    usable = ours is not None and _usable(session, function, ours)
    return {"published": usable, "version": ours, "settings": now["settings"]}


def _usable(session: Session, function: str, version: str) -> bool:
    # The listing does not tell states. What was not called for long is Inactive, and can be.
    with reading(f"Version {version} of {function}", "lambda"):
        found = session.client("lambda").get_function_configuration(FunctionName=function, Qualifier=version)
    return found.get("State", "Active") in ("Active", "Inactive")


@readable
def updating(session: Session, since: datetime, function: str) -> Progress:
    """How an update of the code is coming along."""
    with reading(f"Lambda function {function}", "lambda"):
        found = session.client("lambda").get_function_configuration(FunctionName=function)
    status = found.get("LastUpdateStatus", "unknown")
    reason = found.get("LastUpdateStatusReason") or "Lambda gives no reason"
    return Progress(f"the update is {status}", f"the update failed: {reason}" if status == "Failed" else "")


def update(function: str, before: Mapping[str, Any], code_sha256: str, code: Kept) -> Action:
    """The action that puts a package into `$LATEST`. `before`: its configuration; `code_sha256`: base64."""
    was = {"code": before["CodeSha256"][:_SHORT], "last_update": before.get("LastUpdateStatus", "Successful")}
    after = {"code": code_sha256[:_SHORT], "last_update": "Successful"}
    old = Kept(
        version_packages.hexadecimal(before["CodeSha256"]),
        before["CodeSize"],
        version_packages.package.at(function=function, version=LATEST),
    )
    undoable = old.size <= version_packages.LARGEST_PACKAGE
    note = "" if undoable else "the package before is too large to be uploaded again"
    back = (_put(function, after, {**after, "code": was["code"]}, old),) if undoable else ()
    return _put(function, {**was, "settings": settings(before)}, after, code, undo=back, undo_note=note)


def _put(function: str, before: State, after: State, code: Kept, **more: Any) -> Action:
    return Action(
        name=f"put {after['code']} into {function}",
        target=f"code of {function}",
        service="lambda",
        operation="UpdateFunctionCode",
        parameters={"FunctionName": function, "ZipFile": code},
        state=latest.at(function=function),
        before=before,
        after=after,
        risk="None for who calls the alias; who calls the function without one gets this code at once.",
        resources=(function,),
        wait_s=_UPDATED_S,
        # Whose last update failed still says so while the next one begins.
        watch=None if before["last_update"] == "Failed" else updating.at(function=function),
        **more,
    )


def publish(
    function: str, code_sha256: str, above: int, settings: str, description: str
) -> tuple[Action, Found]:
    """The action that publishes `$LATEST` with this code, and where its version's number will be found.

    above: the newest number so far. settings: hash of what the version is to be made of beside the code.
    """
    name = f"publish {function}"
    number = Found(name, "version")
    state = published.at(function=function, code_sha256=code_sha256, above=above)
    undo = Action(
        name=f"delete the version published of {function}",
        target=f"version of {function} with code {code_sha256[:_SHORT]}",
        service="lambda",
        operation="DeleteFunction",
        parameters={"FunctionName": function, "Qualifier": number},
        state=state,
        before={"published": True},
        after={"published": False, "version": None},
        risk="None while no alias refers to it; Lambda refuses to delete one that is referred to.",
        resources=(function,),
    )
    parameters = {"FunctionName": function, "CodeSha256": code_sha256}
    action = Action(
        name=name,
        target=f"version of {function} with code {code_sha256[:_SHORT]}",
        service="lambda",
        operation="PublishVersion",
        parameters=parameters | ({"Description": description} if description else {}),
        state=state,
        before={"published": False, "settings": settings},
        after={"published": True},
        risk="None: nobody calls a version before traffic is sent to it.",
        undo=(undo,),
        undo_note="its number is never used again",
        resources=(function,),
        wait_s=_PUBLISHED_S,
    )
    return action, number
