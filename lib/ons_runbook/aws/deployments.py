"""What was deployed: to which function, by whom, from which version to which, and did it succeed?

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html (application and group
together, or neither) · https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html
(25 a call) · The content of an AppSpec is never in a deployment; which versions it moved the alias between
is told by https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentTargets.html
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.errors import RunbookError
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, table, text
from ons_runbook.window import Window

NEXT = "maintenance/rollback_lambda_function"

DEPLOYMENTS = {
    "deployment": TEXT,
    "function": TEXT,
    "group": TEXT,
    "status": TEXT,
    "created": MOMENT,
    "completed": MOMENT,
    "minutes": NUMBER,
    "creator": TEXT,
    "config": TEXT,
    "from_version": TEXT,
    "to_version": TEXT,
    "rollback_of": TEXT,
    "description": TEXT,
    "problem": TEXT,
}
_DETAILS_A_CALL = 25
_BAD = ("Failed", "Stopped")
_GONE_ON = ("Succeeded", *_BAD)


def made(session: Session, application: str, window: Window) -> pd.DataFrame:
    """The deployments of a CodeDeploy application that were created in the window, newest last.

    Columns: deployment (id), function (as its target says, else from the group's name), group, status,
    created, completed (UTC), minutes (missing while it goes on), creator (user, autoscaling,
    codeDeployRollback, …), config, from_version, to_version (of the function behind the alias),
    rollback_of (id of the deployment that it takes back), description, problem (why the versions are not
    known). Raises NotFound when there is no such application, AccessDenied, ReadError.
    """
    found = _details(session, _ids(session, window))
    ours = [info for info in found if info.get("applicationName") == application]
    if not ours:
        _application_exists(session, application)
    tasks = {info["deploymentId"]: partial(_target, session, info["deploymentId"]) for info in ours}
    targets = side_by_side(tasks)
    rows = []
    for info in ours:
        outcome = targets[info["deploymentId"]]
        if isinstance(outcome.error, RunbookError):
            rows.append(_row(info, {"problem": str(outcome.error)}))
        else:
            rows.append(_row(info, outcome.unwrap()))
    rows.sort(key=lambda row: row["created"])
    return table(rows, DEPLOYMENTS, empty=f"Nothing was deployed in {window}.")


def _ids(session: Session, window: Window) -> list[str]:
    # Without application and group: one listing instead of one a group.
    between = {"start": window.start, "end": window.end}
    with reading("Deployments", "codedeploy"):
        listed = session.pages("codedeploy", "ListDeployments", createTimeRange=between)
        return [identifier for page in listed for identifier in page.get("deployments", [])]


def _details(session: Session, ids: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with reading("Deployments", "codedeploy"):
        for first in range(0, len(ids), _DETAILS_A_CALL):
            asked = ids[first : first + _DETAILS_A_CALL]
            found += session.client("codedeploy").batch_get_deployments(deploymentIds=asked)[
                "deploymentsInfo"
            ]
    return found


def _application_exists(session: Session, application: str) -> None:
    """Raises NotFound when it does not: no deployment of an unknown name is no answer."""
    with reading(f"CodeDeploy application {application}", "codedeploy"):
        session.client("codedeploy").get_application(applicationName=application)


def _target(session: Session, deployment: str) -> dict[str, Any]:
    client = session.client("codedeploy")
    with reading(f"Targets of deployment {deployment}", "codedeploy"):
        listed = session.pages("codedeploy", "ListDeploymentTargets", deploymentId=deployment)
        ids = [identifier for page in listed for identifier in page.get("targetIds", [])]
        if not ids:
            return {}
        # A Lambda deployment has one target: the function.
        answer = client.batch_get_deployment_targets(deploymentId=deployment, targetIds=ids[:1])
    functions = [
        target.get("lambdaTarget", {}).get("lambdaFunctionInfo", {}) for target in answer["deploymentTargets"]
    ]
    return {
        "function": functions[0].get("functionName") if functions else None,
        "from_version": functions[0].get("currentVersion") if functions else None,
        "to_version": functions[0].get("targetVersion") if functions else None,
    }


def _row(info: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    created, completed = info["createTime"], info.get("completeTime")
    group = info.get("deploymentGroupName", "")
    return {
        "deployment": info["deploymentId"],
        "group": group,
        "status": info["status"],
        "created": created,
        "completed": completed,
        "minutes": (completed - created).total_seconds() / 60 if completed else None,
        "creator": info.get("creator"),
        "config": info.get("deploymentConfigName"),
        "rollback_of": info.get("rollbackInfo", {}).get("rollbackTriggeringDeploymentId"),
        "description": info.get("description"),
        **target,
        "function": target.get("function") or group.removesuffix("-deployment-group"),
    }


@covers(["deployments"])
def judge(made: pd.DataFrame) -> Check:
    """Whether every deployment of the window succeeded.

    One that failed or was stopped warns, as CodeDeploy goes back by itself; it fails when no later
    deployment of the function succeeded, and nothing took it back. None at all is fine.
    """
    expected = "every deployment succeeded, or was taken back"
    bad = made[made["status"].isin(_BAD)]
    open_ones = [row for _, row in bad.iterrows() if not _followed(row, made)]
    going_on = made[~made["status"].isin(_GONE_ON)]
    counts = made["status"].value_counts()
    observed = ", ".join(f"{number} {text(status)}" for status, number in counts.items())
    if open_ones:
        names = ", ".join(f"{row['deployment']} ({row['function']})" for row in open_ones)
        said = f"{observed}; not taken back: {names}"
        return Check("deployments", Verdict.FAIL, said, expected, "", f"Next: {NEXT}.")
    if len(bad) or len(going_on):
        return Check("deployments", Verdict.WARN, observed, expected, "", f"If it is not expected: {NEXT}.")
    return Check("deployments", Verdict.PASS, observed or "nothing was deployed", expected)


def _followed(row: "pd.Series[Any]", made: pd.DataFrame) -> bool:
    later = made[(made["function"] == row["function"]) & (made["status"] == "Succeeded")]
    return bool(((later["created"] > row["created"]) | (later["rollback_of"] == row["deployment"])).any())
