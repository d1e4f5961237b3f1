"""Where feature flags live in AppConfig, and what was deployed of them: when, by whom, and what became of it.

Deployments come newest first, and an environment has one at a time:
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_ListDeployments.html ·
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-deploying.html · who deployed is told by
CloudTrail: https://docs.aws.amazon.com/appconfig/latest/userguide/logging-using-cloudtrail.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import pandas as pd

from ons_runbook.aws import trail
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import NotFound, RunbookError, UnexpectedAnswer
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, WHOLE, given, table, text
from ons_runbook.window import Window, utc_now

HISTORY = {
    "deployment": WHOLE,
    "version": TEXT,
    "state": TEXT,
    "started": MOMENT,
    "completed": MOMENT,
    "who": TEXT,
    "description": TEXT,
    "note": TEXT,
    "problem": TEXT,
}
_UNDER_WAY = ("DEPLOYING", "BAKING", "VALIDATING", "ROLLING_BACK")
# CloudTrail tells seconds, and a call is recorded when it came in.
_SAME_CALL = timedelta(seconds=5)


@dataclass(frozen=True)
class Place:
    """Where flags live: ids of application, environment and profile, names of the last two, the profile's
    type, whether AppConfig itself stores the flags, and how many alarms roll a deployment back.
    """

    application: str
    environment: str
    profile: str
    environment_name: str
    profile_name: str
    type: str
    hosted: bool
    alarms: int


@dataclass(frozen=True)
class Standing:
    """What is deployed: the last deployment that completed, the newest one, and the one that goes on.

    Each as ListDeployments gives it, or None; `under_way` may be of another profile of the environment.
    """

    live: Mapping[str, Any] | None
    newest: Mapping[str, Any] | None
    under_way: Mapping[str, Any] | None

    @property
    def version(self) -> str | None:
        """The version that is live."""
        return str(self.live["ConfigurationVersion"]) if self.live else None


def place(session: Session, application: str, environment: str, profile: str) -> Place:
    """Find application, environment and profile, each by its name or id.

    Raises NotFound with the names that there are, UnexpectedAnswer when several have the name.
    """
    app = _one(session, "application", application, "ListApplications")["Id"]
    env = _one(session, "environment", environment, "ListEnvironments", ApplicationId=app)
    prof = _one(session, "profile", profile, "ListConfigurationProfiles", ApplicationId=app)
    return Place(
        application=app,
        environment=env["Id"],
        profile=prof["Id"],
        environment_name=env["Name"],
        profile_name=prof["Name"],
        type=prof.get("Type", ""),
        hosted=prof.get("LocationUri") == "hosted",
        alarms=len(env.get("Monitors") or ()),
    )


def _one(session: Session, what: str, wanted: str, operation: str, **within: str) -> dict[str, Any]:
    with reading(f"AppConfig {what} {wanted}", "appconfig"):
        pages = session.pages("appconfig", operation, **within)
        items = [item for page in pages for item in page.get("Items", [])]
    found = [item for item in items if item["Id"] == wanted]
    found = found or [item for item in items if item.get("Name") == wanted]
    if not found:
        known = ", ".join(sorted(str(item.get("Name")) for item in items)) or "none"
        raise NotFound(
            f"There is no AppConfig {what} {wanted!r} in {session.region}; there is: {known}.",
            f"Check flags_{what} in the platform's settings, and the region.",
        )
    if len(found) > 1:
        ids = ", ".join(item["Id"] for item in found)
        raise UnexpectedAnswer(f"Several AppConfig {what}s are called {wanted}: {ids}.", "Name it by its id.")
    return found[0]


def standing(session: Session, application: str, environment: str, profile: str, name: str) -> Standing:
    """What is deployed of a profile (all by id; `name` is the profile's)."""
    newest = under_way = None
    for item in _deployments(session, application, environment):
        if item["State"] in _UNDER_WAY:
            under_way = under_way or item
        if _is_of(item, profile, name):
            newest = newest or item
            if item["State"] == "COMPLETE":
                return Standing(item, newest, under_way)
    return Standing(None, newest, under_way)


def _deployments(session: Session, application: str, environment: str) -> Iterator[dict[str, Any]]:
    with reading(f"AppConfig deployments to {environment}", "appconfig"):
        for page in session.pages(
            "appconfig", "ListDeployments", ApplicationId=application, EnvironmentId=environment
        ):
            yield from page.get("Items", [])


def _is_of(item: Mapping[str, Any], profile: str, name: str) -> bool:
    # Summaries have not always had the profile's id.
    known = item.get("ConfigurationProfileId")
    return known == profile if known else item.get("ConfigurationName") == name


def history(
    session: Session, application: str, environment: str, profile: str, limit: int = 10
) -> pd.DataFrame:
    """The last deployments of the flags, newest first.

    Columns: deployment (number), version, state (COMPLETE, DEPLOYING, BAKING, ROLLED_BACK, REVERTED, …),
    started, completed (UTC), who (as CloudTrail says it, which keeps 90 days and is up to 15 minutes late),
    description, note (what happened on the way, such as a rollback), problem (why `who` is not known).
    """
    where = place(session, application, environment, profile)
    ours = (
        item
        for item in _deployments(session, where.application, where.environment)
        if _is_of(item, where.profile, where.profile_name)
    )
    numbers = [item["DeploymentNumber"] for item in islice(ours, limit)]
    at = (where.application, where.environment)
    tasks: dict[Any, Any] = {n: partial(deployment, session, *at, n) for n in numbers}
    done = side_by_side(tasks)
    found = [done[number].unwrap() for number in numbers]
    people, problem = _callers(session, [item["StartedAt"] for item in found])
    rows = [
        {
            "deployment": item["DeploymentNumber"],
            "version": item["ConfigurationVersion"],
            "state": item["State"],
            "started": item["StartedAt"],
            "completed": item.get("CompletedAt"),
            "who": _caller(people, item["StartedAt"]),
            "description": item.get("Description"),
            "note": told(item),
            "problem": problem,
        }
        for item in found
    ]
    return table(rows, HISTORY, empty="The flags were never deployed.")


def deployment(session: Session, application: str, environment: str, number: int) -> dict[str, Any]:
    """One deployment with its events, as GetDeployment gives it (application and environment by id)."""
    with reading(f"AppConfig deployment {number}", "appconfig"):
        answer: dict[str, Any] = session.client("appconfig").get_deployment(
            ApplicationId=application, EnvironmentId=environment, DeploymentNumber=number
        )
    return answer


def told(item: Mapping[str, Any]) -> str | None:
    """Why a deployment was taken back, as its events say it; None when it was not."""
    said = [
        str(event.get("Description") or event["EventType"])
        for event in item.get("EventLog", [])
        if event.get("EventType") in ("ROLLBACK_STARTED", "REVERT_COMPLETED")
    ]
    return "; ".join(said) or None


def _callers(session: Session, moments: list[datetime]) -> tuple[list[trail.Record], str | None]:
    now = utc_now() + timedelta(seconds=1)
    if not moments:
        return [], None
    since = max(min(moments) - _SAME_CALL, now - trail.KEPT)
    lookup = trail.Lookup(session.region, "EventName", "StartDeployment")
    try:
        records = trail.look_up(session, [lookup], Window(since, now)).records
    except RunbookError as error:
        return [], str(error)
    return [record for record in records if record["source"].startswith("appconfig.")], None


def _caller(people: list[trail.Record], moment: datetime) -> str | None:
    near = [record for record in people if abs(record["time"] - moment) <= _SAME_CALL and not record["error"]]
    return min(near, key=lambda record: abs(record["time"] - moment))["who"] if near else None


@covers(["flags.deployment"])
def judge_deployment(history: pd.DataFrame) -> Check:
    """Whether the newest deployment completed: one that goes on blocks the next, one taken back warns."""
    expected = "the newest deployment is COMPLETE"
    if history.empty:
        return Check("flags.deployment", Verdict.WARN, "the flags were never deployed", expected)
    newest = history.iloc[0]
    state = text(newest["state"])
    said = f"deployment {newest['deployment']} of version {text(newest['version'])} is {state}"
    if state == "COMPLETE":
        return Check("flags.deployment", Verdict.PASS, said, expected)
    if given(newest["note"]):
        said += f": {text(newest['note'])}"
    going_on = state in _UNDER_WAY
    hint = (
        "Wait until it is over: only one deployment at a time."
        if going_on
        else "Find out why before the next one."
    )
    return Check("flags.deployment", Verdict.WARN, said, expected, "", hint)
