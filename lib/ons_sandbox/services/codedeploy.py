"""CodeDeploy on the Lambda platform: deployments that move an alias's traffic, and can be stopped.

moto's deployments stay Created. Here they shift real traffic between two versions in accelerated time, are
stopped by people and alarms, and roll back. Applications, groups, deployments and their targets are all
answered here; the rest is moto's.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
"""

import hashlib
from typing import Any

from ons_sandbox.services import clock, codedeploy_groups, codedeploy_store, codedeploy_views, traffic_shift
from ons_sandbox.services.codedeploy_configurations import known
from ons_sandbox.services.codedeploy_store import (
    AppSpec,
    Deployment,
    Group,
    Record,
    unsupported,
)
from ons_sandbox.services.json_service import Parameters, ServiceError, page

service = codedeploy_store.service

STATUSES = ("Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready")
DEPLOYMENTS_A_PAGE = 10
BATCH = 25


def install() -> None:
    """Answer in front of moto. Raises MendError."""
    service.install()


def reset() -> None:
    """Forget everything, and end the deployments that are under way."""
    codedeploy_store.clear()


def put_deployment(
    group: Group, appspec: AppSpec, *, created: float, completed: float, description: str, configuration: str
) -> Deployment:
    """Add a deployment of the past that succeeded. Times in seconds since the epoch.

    Works inside the server's process only.
    """
    before = codedeploy_views.last(group, "Succeeded")
    deployment = Deployment(
        codedeploy_store.new_deployment_id(),
        group,
        appspec,
        codedeploy_store.revision_of(appspec),
        configuration,
        created,
        status="Succeeded",
        started=created + 4.0,
        completed=completed,
        updated=completed,
        weight=100.0,
        description=description,
        previous=before.revision if before else None,
        auto_rollback=group.settings.get("autoRollbackConfiguration") or {},
    )
    codedeploy_store.deployments()[deployment.identifier] = deployment
    return deployment


@service.operation
def create_deployment(parameters: Parameters) -> dict[str, Any]:
    """CreateDeployment: of a revision that holds its AppSpec file; one at a time a group."""
    group = codedeploy_store.group(parameters)
    revision, appspec = _revision(parameters.get("revision"))
    configuration = known(parameters.get("deploymentConfigName") or group.settings["deploymentConfigName"])
    for other in codedeploy_store.deployments().values():
        if other.group is group and other.active:
            message = (
                f"The Deployment Group '{group.name}' already has an active Deployment '{other.identifier}'"
            )
            raise ServiceError("DeploymentLimitExceededException", message)
    before = codedeploy_views.last(group, "Succeeded")
    deployment = Deployment(
        codedeploy_store.new_deployment_id(),
        group,
        appspec,
        revision,
        configuration,
        clock.now(),
        updated=clock.now(),
        description=parameters.get("description", ""),
        previous=before.revision if before else None,
        auto_rollback=parameters.get("autoRollbackConfiguration")
        or group.settings.get("autoRollbackConfiguration")
        or {},
    )
    codedeploy_store.deployments()[deployment.identifier] = deployment
    traffic_shift.start(deployment)
    return {"deploymentId": deployment.identifier}


def _revision(revision: Record | None) -> tuple[Record, AppSpec]:
    if not revision:
        raise ServiceError("RevisionRequiredException", "The revision is required.")
    kind = revision.get("revisionType")
    place = {"String": "string", "AppSpecContent": "appSpecContent"}.get(str(kind))
    if place is None:
        raise unsupported(f"a revision of type {kind}")
    content = (revision.get(place) or {}).get("content")
    if not content:
        raise ServiceError("InvalidRevisionException", f"The revision has no {place}.content.")
    digest = hashlib.sha256(content.encode()).hexdigest()
    if revision[place].get("sha256", digest) != digest:
        raise ServiceError("InvalidRevisionException", "The sha256 is not that of the content.")
    return {"revisionType": kind, place: {"content": content, "sha256": digest}}, AppSpec.parse(content)


@service.operation
def stop_deployment(parameters: Parameters) -> dict[str, Any]:
    """StopDeployment: traffic stays as it is, or goes back with autoRollbackEnabled."""
    deployment = codedeploy_views.deployment(parameters)
    if not deployment.active:
        message = f"Deployment {deployment.identifier} has already completed with status {deployment.status}"
        raise ServiceError("DeploymentAlreadyCompletedException", message)
    back = bool(parameters.get("autoRollbackEnabled"))
    reason = "The deployment was stopped by a user."
    traffic_shift.end(deployment, "Stopped", "MANUAL_STOP", reason, "DEPLOYMENT_STOP_ON_REQUEST", back)
    message = "No more commands will be scheduled for execution in the deployment instances"
    return {"status": "Succeeded", "statusMessage": message}


@service.operation
def get_deployment(parameters: Parameters) -> dict[str, Any]:
    """GetDeployment."""
    return {"deploymentInfo": codedeploy_views.info(codedeploy_views.deployment(parameters))}


@service.operation
def batch_get_deployments(parameters: Parameters) -> dict[str, Any]:
    """BatchGetDeployments: those that there are, of at most 25."""
    wanted = parameters.get("deploymentIds") or []
    if not wanted:
        raise ServiceError("DeploymentIdRequiredException", "At least one deployment ID is required.")
    if len(wanted) > BATCH:
        raise ServiceError("BatchLimitExceededException", f"At most {BATCH} deployments can be asked for.")
    made = codedeploy_store.deployments()
    found = [codedeploy_views.info(made[identifier]) for identifier in wanted if identifier in made]
    return {"deploymentsInfo": found}


@service.operation
def list_deployments(parameters: Parameters) -> dict[str, Any]:
    """ListDeployments: application and group together or not at all; newest first, in pages."""
    named = parameters.get("applicationName"), parameters.get("deploymentGroupName")
    group = codedeploy_store.group(parameters) if any(named) else None
    statuses = parameters.get("includeOnlyStatuses") or STATUSES
    unknown = [status for status in statuses if status not in STATUSES]
    if unknown:
        raise ServiceError("InvalidDeploymentStatusException", f"There is no status {unknown[0]}.")
    span = parameters.get("createTimeRange") or {}
    start, end = span.get("start"), span.get("end")
    if start is not None and end is not None and start > end:
        message = "The start time must be earlier than the end time."
        raise ServiceError("InvalidTimeRangeException", message)
    found = [
        deployment
        for deployment in codedeploy_store.deployments().values()
        if (group is None or deployment.group is group)
        and deployment.status in statuses
        and (start is None or deployment.created >= start)
        and (end is None or deployment.created <= end)
        # A deployment of a CloudFormation stack is none of these.
        and not parameters.get("externalId")
    ]
    found.sort(key=lambda deployment: deployment.created, reverse=True)
    shown, token = page(found, DEPLOYMENTS_A_PAGE, parameters.get("nextToken"), "InvalidNextTokenException")
    answer: dict[str, Any] = {"deployments": [deployment.identifier for deployment in shown]}
    return answer | ({"nextToken": token} if token else {})


@service.operation
def list_deployment_targets(parameters: Parameters) -> dict[str, Any]:
    """ListDeploymentTargets: the one function of a deployment, if its status is asked for."""
    deployment = codedeploy_views.deployment(parameters)
    wanted = (parameters.get("targetFilters") or {}).get("TargetStatus")
    status = codedeploy_views.target_status(deployment)
    shown = wanted is None or status in wanted
    return {"targetIds": [deployment.appspec.function] if shown else []}


@service.operation
def get_deployment_target(parameters: Parameters) -> dict[str, Any]:
    """GetDeploymentTarget."""
    deployment = codedeploy_views.deployment(parameters)
    return {"deploymentTarget": codedeploy_views.target(deployment, parameters.get("targetId"))}


@service.operation
def batch_get_deployment_targets(parameters: Parameters) -> dict[str, Any]:
    """BatchGetDeploymentTargets."""
    deployment = codedeploy_views.deployment(parameters)
    wanted = parameters.get("targetIds") or []
    return {"deploymentTargets": [codedeploy_views.target(deployment, name) for name in wanted]}


@service.operation
def get_application_revision(parameters: Parameters) -> dict[str, Any]:
    """GetApplicationRevision: the AppSpec file's content, by its hash."""
    application = codedeploy_store.application(parameters)
    wanted = codedeploy_views.digest(parameters.get("revision") or {})
    users = [
        deployment
        for deployment in codedeploy_store.deployments().values()
        if deployment.group.application == application.name
        and codedeploy_views.digest(deployment.revision) == wanted
    ]
    if not users:
        raise ServiceError("RevisionDoesNotExistException", "No such revision was registered.")
    times = [deployment.created for deployment in users]
    return {
        "applicationName": application.name,
        "revision": users[0].revision,
        "revisionInfo": {
            "deploymentGroups": sorted({deployment.group.name for deployment in users}),
            "firstUsedTime": min(times),
            "lastUsedTime": max(times),
            "registerTime": min(times),
        },
    }


# Their operations enter the service when the module is imported.
GROUPS = codedeploy_groups
