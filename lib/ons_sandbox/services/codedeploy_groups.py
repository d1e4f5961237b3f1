"""CodeDeploy: applications and deployment groups.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentGroupInfo.html
"""

from typing import Any

from ons_sandbox.services import clock, codedeploy_store, codedeploy_views
from ons_sandbox.services.codedeploy_configurations import known
from ons_sandbox.services.codedeploy_store import (
    Application,
    Deployment,
    Group,
    Record,
    application,
    applications,
)
from ons_sandbox.services.json_service import Parameters, ServiceError, page

service = codedeploy_store.service

NAMES_A_PAGE = 100
PLATFORMS = ("Server", "Lambda", "ECS")
# What a group is told, and tells again.
SETTINGS = (
    *("deploymentConfigName", "serviceRoleArn", "triggerConfigurations", "alarmConfiguration"),
    *("autoRollbackConfiguration", "deploymentStyle", "outdatedInstancesStrategy"),
    "blueGreenDeploymentConfiguration",
)
DEFAULTS: Record = {
    "deploymentConfigName": "CodeDeployDefault.LambdaAllAtOnce",
    "triggerConfigurations": [],
    "alarmConfiguration": {"enabled": False, "ignorePollAlarmFailure": False, "alarms": []},
    "autoRollbackConfiguration": {"enabled": False, "events": []},
    "deploymentStyle": codedeploy_views.STYLE,
    "outdatedInstancesStrategy": "UPDATE",
}


@service.operation
def create_application(parameters: Parameters) -> dict[str, Any]:
    """CreateApplication."""
    name, platform = parameters.get("applicationName"), parameters.get("computePlatform", "Server")
    if not name:
        raise ServiceError("ApplicationNameRequiredException", "Application name is required.")
    if platform not in PLATFORMS:
        raise ServiceError("InvalidComputePlatformException", f"There is no compute platform {platform}.")
    if name in applications():
        message = f"An application with name {name} already exists"
        raise ServiceError("ApplicationAlreadyExistsException", message)
    made = Application(name, platform, clock.now(), tags=_tags(parameters))
    applications()[name] = made
    return {"applicationId": made.identifier}


@service.operation
def delete_application(parameters: Parameters) -> dict[str, Any]:
    """DeleteApplication: with its groups; gone already is as good."""
    applications().pop(parameters.get("applicationName", ""), None)
    return {}


@service.operation
def get_application(parameters: Parameters) -> dict[str, Any]:
    """GetApplication."""
    return {"application": _application_info(application(parameters))}


@service.operation
def batch_get_applications(parameters: Parameters) -> dict[str, Any]:
    """BatchGetApplications."""
    wanted = [application({"applicationName": name}) for name in parameters.get("applicationNames") or ()]
    return {"applicationsInfo": [_application_info(found) for found in wanted]}


@service.operation
def list_applications(parameters: Parameters) -> dict[str, Any]:
    """ListApplications."""
    return _names("applications", sorted(applications()), parameters)


@service.operation
def create_deployment_group(parameters: Parameters) -> dict[str, Any]:
    """CreateDeploymentGroup."""
    owner, name = application(parameters), parameters.get("deploymentGroupName")
    if not name:
        raise ServiceError("DeploymentGroupNameRequiredException", "Deployment group name is required.")
    if owner.platform != "Lambda":
        raise codedeploy_store.unsupported(f"a deployment group on the platform {owner.platform}")
    if name in owner.groups:
        message = f"Deployment group {name} already exists for application {owner.name}"
        raise ServiceError("DeploymentGroupAlreadyExistsException", message)
    if not parameters.get("serviceRoleArn"):
        raise ServiceError("RoleRequiredException", "The service role is required.")
    group = Group(owner.name, name, {**DEFAULTS, **_settings(parameters)}, tags=_tags(parameters))
    owner.groups[name] = group
    return {"deploymentGroupId": group.identifier}


@service.operation
def update_deployment_group(parameters: Parameters) -> dict[str, Any]:
    """UpdateDeploymentGroup: what is not given stays."""
    group = codedeploy_store.group(parameters, "currentDeploymentGroupName")
    owner, new_name = application(parameters), parameters.get("newDeploymentGroupName", group.name)
    if new_name != group.name and new_name in owner.groups:
        message = f"Deployment group {new_name} already exists for application {owner.name}"
        raise ServiceError("DeploymentGroupAlreadyExistsException", message)
    group.settings |= _settings(parameters)
    del owner.groups[group.name]
    group.name = new_name
    owner.groups[new_name] = group
    return {"hooksNotCleanedUp": []}


@service.operation
def delete_deployment_group(parameters: Parameters) -> dict[str, Any]:
    """DeleteDeploymentGroup."""
    application(parameters).groups.pop(parameters.get("deploymentGroupName", ""), None)
    return {"hooksNotCleanedUp": []}


@service.operation
def get_deployment_group(parameters: Parameters) -> dict[str, Any]:
    """GetDeploymentGroup."""
    return {"deploymentGroupInfo": _group_info(codedeploy_store.group(parameters))}


@service.operation
def batch_get_deployment_groups(parameters: Parameters) -> dict[str, Any]:
    """BatchGetDeploymentGroups: those that there are."""
    groups = application(parameters).groups
    wanted = parameters.get("deploymentGroupNames") or ()
    return {"deploymentGroupsInfo": [_group_info(groups[name]) for name in wanted if name in groups]}


@service.operation
def list_deployment_groups(parameters: Parameters) -> dict[str, Any]:
    """ListDeploymentGroups."""
    owner = application(parameters)
    return {"applicationName": owner.name} | _names("deploymentGroups", sorted(owner.groups), parameters)


@service.operation
def list_tags_for_resource(parameters: Parameters) -> dict[str, Any]:
    """ListTagsForResource."""
    tags = _tagged(parameters["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}


@service.operation
def tag_resource(parameters: Parameters) -> dict[str, Any]:
    """TagResource."""
    _tagged(parameters["ResourceArn"]).update(_tags({"tags": parameters.get("Tags")}))
    return {}


@service.operation
def untag_resource(parameters: Parameters) -> dict[str, Any]:
    """UntagResource."""
    tags = _tagged(parameters["ResourceArn"])
    for key in parameters.get("TagKeys") or ():
        tags.pop(key, None)
    return {}


def _tagged(arn: str) -> dict[str, str]:
    """The tags of …:application:NAME or …:deploymentgroup:APPLICATION/NAME."""
    kind, _, name = arn.partition(":codedeploy:")[2].partition(":")[2].partition(":")[2].partition(":")
    owner, _, group = name.partition("/")
    if kind == "deploymentgroup":
        return codedeploy_store.group({"applicationName": owner, "deploymentGroupName": group}).tags
    if kind == "application":
        return application({"applicationName": name}).tags
    raise ServiceError("InvalidArnException", f"{arn} is not the ARN of an application or deployment group")


def _settings(parameters: Parameters) -> Record:
    given = {key: parameters[key] for key in SETTINGS if parameters.get(key) is not None}
    if "deploymentConfigName" in given:
        known(given["deploymentConfigName"])
    return given


def _application_info(found: Application) -> Record:
    return {
        "applicationId": found.identifier,
        "applicationName": found.name,
        "createTime": found.created,
        "linkedToGitHub": False,
        "computePlatform": found.platform,
    }


def _group_info(group: Group) -> Record:
    told = {
        "applicationName": group.application,
        "deploymentGroupId": group.identifier,
        "deploymentGroupName": group.name,
        "computePlatform": applications()[group.application].platform,
        "terminationHookEnabled": False,
        **group.settings,
    }
    succeeded, attempted = codedeploy_views.last(group, "Succeeded"), codedeploy_views.last(group)
    if succeeded:
        told["lastSuccessfulDeployment"] = _last_info(succeeded)
        told["targetRevision"] = codedeploy_views.info(succeeded)["revision"]
    if attempted:
        told["lastAttemptedDeployment"] = _last_info(attempted)
    return told


def _last_info(deployment: Deployment) -> Record:
    told = {
        "deploymentId": deployment.identifier,
        "status": deployment.status,
        "createTime": deployment.created,
        "endTime": deployment.completed,
    }
    return {key: value for key, value in told.items() if value is not None}


def _tags(parameters: Parameters) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in parameters.get("tags") or ()}


def _names(key: str, names: list[str], parameters: Parameters) -> dict[str, Any]:
    shown, token = page(names, NAMES_A_PAGE, parameters.get("nextToken"), "InvalidNextTokenException")
    return {key: shown} | ({"nextToken": token} if token else {})
