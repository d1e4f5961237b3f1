"""Feature flags as a plan compares and watches them: the newest stored version, what is live, a deployment.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_GetHostedConfigurationVersion.html ·
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_GetDeployment.html (State, EventLog)
"""

import copy
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ons_runbook.aws.flag_deployments import deployment, standing, told
from ons_runbook.aws.flags import NOTES, Document, served, stored, switch
from ons_runbook.failures import reading
from ons_runbook.plan import Progress, State, readable
from ons_runbook.plan.action import fingerprint
from ons_runbook.plan.sending import send
from ons_runbook.session import Session

# How far this machine's clock may be ahead of AWS's.
_SKEW = timedelta(seconds=60)
_TAKEN_BACK = ("ROLLED_BACK", "REVERTED")


def key(flag: str) -> str:
    """What a flag is called in a state; no other key begins so."""
    return f"flag {flag}"


def _switches(values: Mapping[str, Any]) -> State:
    return {key(name): switch(value) for name, value in values.items()}


@readable
def newest(session: Session, *, application: str, profile: str) -> State:
    """The newest stored version: its number, a digest of its document, and each flag in it as `flag NAME`."""
    with reading("Versions of the flags", "appconfig"):
        pages = session.pages(
            "appconfig",
            "ListHostedConfigurationVersions",
            ApplicationId=application,
            ConfigurationProfileId=profile,
        )
        numbers = [item["VersionNumber"] for page in pages for item in page.get("Items", [])]
    if not numbers:
        return {"version": None, "document": None}
    number = str(max(numbers))
    document, _ = stored(session, application, profile, number)
    return {"version": number, "document": digest(document), **_switches(document.get("values", {}))}


def digest(document: Document) -> str:
    """Twelve hexadecimal digits that differ when anything but AppConfig's own notes of times does."""
    bare = copy.deepcopy(document)
    for members in (bare.get("flags", {}), bare.get("values", {})):
        for member in members.values():
            for note in NOTES:
                member.pop(note, None)
    return fingerprint(bare)[:12]


@readable
def live(session: Session, *, application: str, environment: str, profile: str, name: str) -> State:
    """What is deployed: the version, the number of the newest deployment and of the one under way (None when
    there is none), and each flag as callers get it, as `flag NAME`. All by id; `name` is the profile's.
    """
    now = standing(session, application, environment, profile, name)
    got = served(session, application, environment, profile) if now.live else {}
    return {
        "version": now.version,
        "deployment": now.newest["DeploymentNumber"] if now.newest else None,
        "under_way": now.under_way["DeploymentNumber"] if now.under_way else None,
        **_switches(got),
    }


@readable
def content(
    session: Session, *, application: str, profile: str, base: str, wanted: Mapping[str, bool]
) -> bytes:
    """Version `base` with the wanted flags switched, as it is stored."""
    document, _ = stored(session, application, profile, base)
    return written(switched(document, wanted))


def switched(document: Document, wanted: Mapping[str, bool]) -> Document:
    """The document with these flags on or off, and all else as it is; flags that are new are added."""
    made = copy.deepcopy(document)
    flags, values = made.setdefault("flags", {}), made.setdefault("values", {})
    for name, on in wanted.items():
        flags.setdefault(name, {"name": name})
        value = {**values.get(name, {}), "enabled": on}
        value.pop("_updatedAt", None)  # AppConfig's note of the last change, which this is
        values[name] = value
    return made


def written(document: Document) -> bytes:
    """The document as the bytes that are sent."""
    return json.dumps(document, ensure_ascii=False).encode()


@readable
def progress(
    session: Session, *, since: datetime, application: str, environment: str, profile: str, name: str
) -> Progress:
    """How the deployment that was started at `since` is coming along; failing when AppConfig took it back."""
    one = standing(session, application, environment, profile, name).newest
    if one is None or one["StartedAt"] < since - _SKEW:
        return Progress("the deployment is not to be seen yet")
    number, state = one["DeploymentNumber"], one["State"]
    said = f"deployment {number} is {state}, {one.get('PercentageComplete', 0):g} % of callers"
    if state not in _TAKEN_BACK:
        return Progress(said)
    why = told(deployment(session, application, environment, number)) or "it does not say why"
    return Progress(said, failing=f"AppConfig took deployment {number} back: {why}")


@readable
def stop(session: Session, *, parameters: Mapping[str, Any]) -> None:
    """Stop a deployment, or revert one that completed; nothing when AppConfig took it back already."""
    where = [parameters[name] for name in ("ApplicationId", "EnvironmentId", "DeploymentNumber")]

    def due() -> bool:
        return deployment(session, *where)["State"] not in (*_TAKEN_BACK, "ROLLING_BACK")

    if due():
        send(session, "appconfig", "StopDeployment", parameters, again=due)
