"""How a deployment is coming along: the share of the traffic that has moved, and the errors on both sides.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html (status, creator,
errorInformation) · what is worse, and from how many calls on: `version_errors`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ons_runbook.aws import aliases, deployment_groups, version_errors
from ons_runbook.errors import ReadError
from ons_runbook.failures import reading
from ons_runbook.plan import Progress, State, readable
from ons_runbook.session import Session
from ons_runbook.window import utc_now

# Clocks differ by less: AWS refuses requests with an older signature.
_SKEW = timedelta(minutes=5)
# Deployments that are described in one call.
_A_CALL = 25


@readable
def watch(
    session: Session,
    since: datetime,
    function: str,
    alias: str,
    application: str,
    group: str,
    version: str,
    minimum_calls: int,
) -> Progress:
    """How a deployment that replaces `version` is coming along: share of the traffic, errors on both sides.

    since: when it was asked for.
    """
    try:
        made = _newest(session, application, group, since)
        if made is None:
            return Progress("waiting for CodeDeploy to begin", settled=False)
        if made["status"] in ("Failed", "Stopped"):
            said = f"deployment {made['deploymentId']} {made['status'].lower()}: {_reason(made)}"
            # One that went wrong before is not this one, which is not to be seen yet.
            return Progress(said, said if made["createTime"] >= since else "", settled=False)
        share, new = _share(aliases.alias(session, function=function, alias=alias), version)
        if not new:
            said = f"deployment {made['deploymentId']} {made['status']}, no traffic has moved yet"
            return Progress(said, settled=False)
        moved = made.get("completeTime") if made["status"] == "Succeeded" else None
        old, fresh = version_errors.since(
            session, function, alias, (version, new), since, moved, utc_now(), minimum_calls
        )
    except ReadError as error:
        # Not known for the moment: the deployment goes on, and so does looking after it.
        return Progress(str(error), settled=False, doubt=f"it could not be watched: {error}")
    errors, calls = _count(fresh.errors, "error"), _count(fresh.calls, "call")
    said = f"{100 * share:.0f} % on version {new}; {errors} in {calls} there, {old}"
    failing = version_errors.worse(old, fresh, minimum_calls, session.platform.thresholds)
    doubt = f"too few calls to judge by, {minimum_calls} are wanted: {said}"
    return Progress(said, failing, fresh.calls >= minimum_calls, doubt)


def _newest(session: Session, application: str, group: str, since: datetime) -> dict[str, Any] | None:
    """The group's newest deployment since then that is no rollback, as GetDeployment tells it."""
    made = deployment_groups.deployments(
        session, application, group, createTimeRange={"start": since - _SKEW}
    )
    if not made:
        return None
    with reading(f"Deployments of {group}", "codedeploy"):
        answer = session.client("codedeploy").batch_get_deployments(deploymentIds=made[:_A_CALL])
    found = [info for info in answer["deploymentsInfo"] if info.get("creator") != deployment_groups.ROLLBACK]
    return max(found, key=lambda info: info["createTime"], default=None)


def _reason(made: Mapping[str, Any]) -> str:
    error = made.get("errorInformation") or {}
    return " ".join(part for part in (error.get("code"), error.get("message")) if part) or "it does not say"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _share(state: State, old: str) -> tuple[float, str]:
    """The share of the calls (0 to 1) that goes to another version than `old`, and which that is."""
    others = {number: weight for number, weight in state["weights"].items() if number != old}
    if state["version"] != old:
        return 1 - sum(state["weights"].values()), str(state["version"])
    return next(((weight, number) for number, weight in others.items()), (0.0, ""))
