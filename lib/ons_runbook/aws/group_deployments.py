"""The deployments of one CodeDeploy group to Lambda: which version each brought, and what is under way.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html (application and group
together) · https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html: the content of
an AppSpec is not in it · which versions the alias was moved between:
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_LambdaFunctionInfo.html
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ons_runbook.calls import side_by_side
from ons_runbook.failures import error_code, reading
from ons_runbook.plan import State, readable
from ons_runbook.session import Session
from ons_runbook.window import Window

_UNDER_WAY = ("Created", "Queued", "InProgress", "Baking", "Ready")
_OVER = ("Succeeded", "Failed", "Stopped")
_NO_GROUP = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")
_DETAILS_A_CALL = 25


@dataclass(frozen=True)
class Deployment:
    """One deployment that is over, since `over` (aware), which moved an alias from version `old` to `new`.

    `rollback_of` is the id of the deployment that it took back, empty for an ordinary one.
    """

    id: str
    status: str
    over: datetime
    function: str
    alias: str
    old: str
    new: str
    rollback_of: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether `new` was live from then on."""
        return self.status == "Succeeded"

    @property
    def left_live(self) -> str:
        """The version that was live from then on."""
        return self.new if self.succeeded else self.old


def over(session: Session, application: str, group: str, window: Window) -> list[Deployment]:
    """The deployments made in the window that are over, in the order in which they were.

    None when there is no such group. Raises AccessDenied, ReadError.
    """
    between = {"start": window.start, "end": window.end}
    ids = _ids(session, application, group, includeOnlyStatuses=list(_OVER), createTimeRange=between)
    found: list[dict[str, Any]] = []
    with reading(f"Deployments of {group}", "codedeploy"):
        for first in range(0, len(ids), _DETAILS_A_CALL):
            asked = ids[first : first + _DETAILS_A_CALL]
            answer = session.client("codedeploy").batch_get_deployments(deploymentIds=asked)
            found += answer["deploymentsInfo"]
    moved = side_by_side(
        {info["deploymentId"]: partial(_moved, session, info["deploymentId"]) for info in found}
    )
    made = [_deployment(info, moved[info["deploymentId"]].unwrap()) for info in found]
    return sorted(made, key=lambda one: one.over)


@readable
def shifting(session: Session, application: str, group: str) -> State:
    """The deployments of a group that are not over: deployments, their ids."""
    ids = _ids(session, application, group, includeOnlyStatuses=list(_UNDER_WAY))
    return {"deployments": sorted(ids)}


def _ids(session: Session, application: str, group: str, **wanted: Any) -> list[str]:
    place = {"applicationName": application, "deploymentGroupName": group}
    with reading(f"Deployments of {group}", "codedeploy"):
        try:
            listed = session.pages("codedeploy", "ListDeployments", **place, **wanted)
            return [identifier for page in listed for identifier in page.get("deployments", [])]
        except ClientError as error:
            if error_code(error) in _NO_GROUP:
                return []
            raise


def _moved(session: Session, deployment: str) -> dict[str, Any]:
    """What a deployment did to the alias of its function; empty when it did not come so far."""
    with reading(f"Targets of deployment {deployment}", "codedeploy"):
        listed = session.pages("codedeploy", "ListDeploymentTargets", deploymentId=deployment)
        ids = [identifier for page in listed for identifier in page.get("targetIds", [])]
        if not ids:
            return {}
        # A deployment to Lambda has one target: the function.
        answer = session.client("codedeploy").batch_get_deployment_targets(
            deploymentId=deployment, targetIds=ids[:1]
        )
    found = [
        target.get("lambdaTarget", {}).get("lambdaFunctionInfo") for target in answer["deploymentTargets"]
    ]
    return next((info for info in found if info), {})


def _deployment(info: dict[str, Any], moved: dict[str, Any]) -> Deployment:
    return Deployment(
        info["deploymentId"],
        info["status"],
        (info.get("completeTime") or info["createTime"]).astimezone(UTC),
        moved.get("functionName", ""),
        moved.get("functionAlias", ""),
        moved.get("currentVersion", ""),
        moved.get("targetVersion", ""),
        info.get("rollbackInfo", {}).get("rollbackTriggeringDeploymentId", ""),
    )
