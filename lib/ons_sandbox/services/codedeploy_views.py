"""How CodeDeploy tells of deployments and of the function that each of them deploys to.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_LambdaTarget.html
"""

import re
from collections.abc import Mapping
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.services import codedeploy_store
from ons_sandbox.services.codedeploy_store import LIFECYCLE, Deployment, Group, Record
from ons_sandbox.services.json_service import ServiceError

STYLE = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
# Deployment -> its target. A deployment that was stopped leaves a function that failed to be deployed to.
TARGET_STATUS = {"Created": "Pending", "Queued": "Pending", "Succeeded": "Succeeded", "Failed": "Failed"}
TARGET_STATUS |= {"Stopped": "Failed"}


def deployment(parameters: Mapping[str, Any]) -> Deployment:
    """The deployment that a call names. Raises ServiceError."""
    identifier = parameters.get("deploymentId")
    if not identifier:
        raise ServiceError("DeploymentIdRequiredException", "The deployment ID is required.")
    if not re.fullmatch(r"d-[A-Z0-9]{9}", identifier):
        message = f"Specified deployment ID {identifier} is not in a valid format."
        raise ServiceError("InvalidDeploymentIdException", message)
    found = codedeploy_store.deployments().get(identifier)
    if found is None:
        message = f"The deployment {identifier} could not be found"
        raise ServiceError("DeploymentDoesNotExistException", message)
    return found


def last(group: Group, *statuses: str) -> Deployment | None:
    """The newest deployment of a group, of those with one of the statuses when there are any given."""
    found = [
        known
        for known in codedeploy_store.deployments().values()
        if known.group is group and (not statuses or known.status in statuses)
    ]
    return max(found, key=lambda known: known.created, default=None)


def digest(revision: Record) -> str | None:
    """The hash by which a revision is known."""
    for place in ("appSpecContent", "string"):
        if place in revision:
            found: str | None = revision[place].get("sha256")
            return found
    return None


def info(deployment: Deployment) -> Record:
    """DeploymentInfo."""
    status = target_status(deployment)
    overview = dict.fromkeys(("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready"), 0)
    overview[status] += 1
    told: Record = {
        "applicationName": deployment.group.application,
        "deploymentGroupName": deployment.group.name,
        "deploymentConfigName": deployment.configuration,
        "deploymentId": deployment.identifier,
        "previousRevision": _shown(deployment.previous),
        "revision": _shown(deployment.revision),
        "status": deployment.status,
        "errorInformation": deployment.error,
        "createTime": deployment.created,
        "startTime": deployment.started,
        "completeTime": deployment.completed,
        "deploymentOverview": overview,
        "description": deployment.description or None,
        "creator": deployment.creator,
        "ignoreApplicationStopFailures": False,
        "autoRollbackConfiguration": deployment.auto_rollback or None,
        "updateOutdatedInstancesOnly": False,
        "rollbackInfo": deployment.rollback,
        "deploymentStyle": STYLE,
        "instanceTerminationWaitTimeStarted": False,
        "fileExistsBehavior": "DISALLOW",
        "deploymentStatusMessages": [],
        "computePlatform": "Lambda",
    }
    return {key: value for key, value in told.items() if value is not None}


def _shown(revision: Record | None) -> Record | None:
    """A revision as GetDeployment tells it: the content of appSpecContent is always null there."""
    if revision is None or "appSpecContent" not in revision:
        return revision
    return {**revision, "appSpecContent": {"sha256": revision["appSpecContent"]["sha256"]}}


def target_status(deployment: Deployment) -> str:
    """How far the function of a deployment is."""
    return TARGET_STATUS.get(deployment.status, "InProgress")


def target(deployment: Deployment, name: str | None) -> Record:
    """The DeploymentTarget of a deployment, which a call names. Raises ServiceError."""
    appspec = deployment.appspec
    if not name:
        raise ServiceError("DeploymentTargetIdRequiredException", "The deployment target ID is required.")
    if name != appspec.function:
        message = f"The target {name} does not belong to the deployment {deployment.identifier}"
        raise ServiceError("DeploymentTargetDoesNotExistException", message)
    responses = mended("ministack.core.responses", "get_account_id", "get_region")
    place = f"{responses.get_region()}:{responses.get_account_id()}"
    told = {
        "deploymentId": deployment.identifier,
        "targetId": appspec.function,
        "targetArn": f"arn:aws:lambda:{place}:function:{appspec.function}:{appspec.alias}",
        "status": target_status(deployment),
        "lastUpdatedAt": deployment.updated,
        "lifecycleEvents": _events(deployment),
        "lambdaFunctionInfo": {
            "functionName": appspec.function,
            "functionAlias": appspec.alias,
            "currentVersion": appspec.current,
            "targetVersion": appspec.target,
            "targetVersionWeight": deployment.weight,
        },
    }
    return {"deploymentTargetType": "LambdaTarget", "lambdaTarget": told}


def _events(deployment: Deployment) -> list[Record]:
    """Without hooks, all that happens is that traffic is allowed."""
    if deployment.started is None:
        return [{"lifecycleEventName": name, "status": "Pending"} for name in LIFECYCLE]
    allowing = target_status(deployment)
    events: list[Record] = [{"lifecycleEventName": name} for name in LIFECYCLE]
    before, allow, after = events
    before |= {"startTime": deployment.started, "endTime": deployment.started, "status": "Succeeded"}
    allow |= {"startTime": deployment.started, "status": allowing}
    after |= {"status": {"Succeeded": "Succeeded", "Failed": "Skipped"}.get(allowing, "Pending")}
    if deployment.completed is not None:
        allow["endTime"] = deployment.completed
        if allowing == "Succeeded":
            after |= {"startTime": deployment.completed, "endTime": deployment.completed}
    return events
