"""The two steps that switch feature flags: a new stored version, and its deployment with its way back.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_CreateHostedConfigurationVersion.html:
Latest-Version-Number is an optimistic lock, descriptions are ASCII ·
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StartDeployment.html ·
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StopDeployment.html: AllowRevert takes back
what bakes or completed, too
"""

import difflib
import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ons_runbook.aws import flag_states
from ons_runbook.aws.flag_deployments import Place, deployment
from ons_runbook.aws.flag_states import key
from ons_runbook.aws.flags import OFF, ON, Document
from ons_runbook.errors import ChangeRefused
from ons_runbook.failures import reading
from ons_runbook.plan import Action, Found, Kept, State
from ons_runbook.session import Session

_LONGEST_DESCRIPTION = 1024
# What a deployment may take beyond its strategy's minutes: validators, extensions, a late answer.
_PATIENCE_S = 300


@dataclass(frozen=True)
class Strategy:
    """How a deployment goes: minutes until all callers have it, and minutes that alarms are watched then."""

    id: str
    name: str
    minutes: float
    bake_minutes: float

    def __str__(self) -> str:
        over = f"over {self.minutes:g} min" if self.minutes else "at once"
        return f"{over}, then {self.bake_minutes:g} min of baking" if self.bake_minutes else over


def word(on: bool) -> str:
    """`on` or `off`."""
    return ON if on else OFF


def description(due: Mapping[str, bool], reason: str) -> str:
    """What is done and why, in one line of ASCII."""
    what = ", ".join(f"{name} {word(on)}" for name, on in due.items())
    whole = " ".join(f"{what}: {reason}".split()).rstrip(": ")
    plain = unicodedata.normalize("NFKD", whole).encode("ascii", "ignore").decode()
    return plain[:_LONGEST_DESCRIPTION]


def strategy(session: Session, where: Place, last: int, wanted: str) -> Strategy:
    """The strategy of that name or id, or that of deployment `last`; ChangeRefused for an unknown one."""
    with reading("AppConfig deployment strategies", "appconfig"):
        pages = session.pages("appconfig", "ListDeploymentStrategies")
        known = [item for page in pages for item in page.get("Items", [])]
    if not wanted:
        wanted = str(deployment(session, where.application, where.environment, last)["DeploymentStrategyId"])
    found = [one for one in known if one["Id"] == wanted] or [one for one in known if one["Name"] == wanted]
    if len(found) != 1:
        names = sorted({one["Name"] for one in known})
        near = difflib.get_close_matches(wanted, names, n=1)
        problem = "Several deployment strategies are" if found else "No deployment strategy is"
        raise ChangeRefused(
            f"{problem} called {wanted}.{f' Did you mean {near[0]}?' if near and not found else ''} "
            f"There are: {', '.join(names)}.",
            "Name one of them; when several have the name, by its id.",
        )
    one = found[0]
    minutes, bake = one["DeploymentDurationInMinutes"], one.get("FinalBakeTimeInMinutes", 0)
    return Strategy(one["Id"], one["Name"], minutes, bake)


def storing(
    where: Place,
    base: str,
    due: Mapping[str, bool],
    made: Document,
    latest: State,
    content_type: str,
    said: str,
) -> Action:
    """Store the switched document as a new version. Nobody gets it until it is deployed."""
    at = {"application": where.application, "profile": where.profile}
    sent = flag_states.written(made)
    after: State = {key(name): word(on) for name, on in due.items()}
    after["document"] = flag_states.digest(made)
    before = {name: latest[name] for name in after if name in latest}
    return Action(
        name=f"new version of {where.profile_name}",
        target=f"stored versions of {where.profile_name}",
        service="appconfig",
        operation="CreateHostedConfigurationVersion",
        parameters={
            "ApplicationId": where.application,
            "ConfigurationProfileId": where.profile,
            "Content": Kept(
                hashlib.sha256(sent).hexdigest(),
                len(sent),
                flag_states.content.at(**at, base=base, wanted=dict(due)),
            ),
            "ContentType": content_type,
            "LatestVersionNumber": int(latest["version"]),
            "Description": said,
        },
        state=flag_states.newest.at(**at),
        before={"version": latest["version"], **before},
        after=after,
        risk="None yet: it is only stored, and refused when it is malformed or somebody stored another.",
        undo_note="the version stays in the history; what callers get is decided by the deployment",
        resources=(where.profile_name, *due),
        repeatable=False,
    )


def switching(
    session: Session,
    where: Place,
    how: Strategy,
    now: State,
    due: Mapping[str, bool],
    version: Any,
    said: str,
) -> Action:
    """Deploy a version; its undo deploys the version that was live before."""
    before: State = {key(name): now[key(name)] for name in due if key(name) in now}
    before |= {"version": now["version"], "under_way": None}
    after: State = {key(name): word(on) for name, on in due.items()}
    after |= {"version": version, "under_way": None}
    watched = {0: "no alarm watches it", 1: "an alarm watches it"}.get(
        where.alarms, f"{where.alarms} alarms watch it"
    )
    risk = f"Callers get it {how}, each at its next poll; {watched}."
    if due.get(session.platform.maintenance_flag):
        risk += f" {session.platform.maintenance_flag} turns callers away on purpose."
    name = f"deploy flags to {where.environment_name}"
    again = f"deploy version {now['version']} to {where.environment_name}"
    back = _deploying(where, how, again, after, before, f"Back to version {now['version']}.", risk, due)
    return _deploying(where, how, name, before, after, said, risk, due, (back,))


def _deploying(
    where: Place,
    how: Strategy,
    name: str,
    before: State,
    after: State,
    said: str,
    risk: str,
    due: Mapping[str, bool],
    undo: tuple[Action, ...] = (),
) -> Action:
    at = {
        "application": where.application,
        "environment": where.environment,
        "profile": where.profile,
        "name": where.profile_name,
    }
    state = flag_states.live.at(**at)
    place = {"ApplicationId": where.application, "EnvironmentId": where.environment}
    target = f"flags in {where.environment_name}"
    stop = Action(
        name=f"stop the deployment to {where.environment_name}",
        target=target,
        service="appconfig",
        operation="StopDeployment",
        parameters={**place, "DeploymentNumber": Found(name, "deployment"), "AllowRevert": True},
        state=state,
        before={"under_way": Found(name, "deployment")},
        after={"under_way": None, "version": before["version"]},
        risk="Callers go back to what they had.",
        wait_s=_PATIENCE_S,
        performer=flag_states.stop.at(),
        opens=("appconfig:StopDeployment",),
    )
    return Action(
        name=name,
        target=target,
        service="appconfig",
        operation="StartDeployment",
        parameters={
            **place,
            "DeploymentStrategyId": how.id,
            "ConfigurationProfileId": where.profile,
            "ConfigurationVersion": after["version"],
            "Description": said,
        },
        state=state,
        before=before,
        after=after,
        risk=risk,
        undo=undo,
        resources=(where.profile_name, *due),
        repeatable=False,
        wait_s=60 * (how.minutes + how.bake_minutes) + _PATIENCE_S,
        watch=flag_states.progress.at(**at),
        abort=stop,
    )
