"""How CodeDeploy shifts traffic: the deployment configurations that AWS predefines for Lambda.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
"""

import uuid
from collections.abc import Iterator
from typing import Any

from ons_sandbox.services import codedeploy_store
from ons_sandbox.services.codedeploy_store import Record
from ons_sandbox.services.json_service import Parameters, ServiceError

service = codedeploy_store.service

# Configuration: (percent of each step, minutes between steps); the last step is always the whole.
CONFIGURATIONS: dict[str, tuple[int, int]] = {
    "CodeDeployDefault.LambdaAllAtOnce": (100, 0),
    **{
        f"CodeDeployDefault.LambdaCanary10Percent{minutes}Minutes": (10, minutes)
        for minutes in (5, 10, 15, 30)
    },
    "CodeDeployDefault.LambdaLinear10PercentEvery1Minute": (10, 1),
    **{
        f"CodeDeployDefault.LambdaLinear10PercentEvery{minutes}Minutes": (10, minutes)
        for minutes in (2, 3, 10)
    },
}


def known(name: str) -> str:
    """A configuration's name, when there is one. Raises ServiceError."""
    if name not in CONFIGURATIONS:
        message = f"No Deployment Configuration found for name: {name}"
        raise ServiceError("DeploymentConfigDoesNotExistException", message)
    return name


def steps(configuration: str) -> Iterator[tuple[float, int]]:
    """Each step: minutes to wait before it, and the percent of traffic for the target version after it."""
    percent, minutes = CONFIGURATIONS[configuration]
    canary = "Canary" in configuration
    reached, wait = percent, 0.0
    while reached < 100:
        yield wait, reached
        reached, wait = 100 if canary else reached + percent, float(minutes)
    yield wait, 100


@service.operation
def get_deployment_config(parameters: Parameters) -> dict[str, Any]:
    """GetDeploymentConfig: of those that AWS predefines for Lambda."""
    name = parameters.get("deploymentConfigName")
    if not name:
        raise ServiceError("DeploymentConfigNameRequiredException", "The configuration's name is required.")
    percent, minutes = CONFIGURATIONS[known(name)]
    routing: Record = {"type": "AllAtOnce"}
    if "Canary" in name:
        canary = {"canaryPercentage": percent, "canaryInterval": minutes}
        routing = {"type": "TimeBasedCanary", "timeBasedCanary": canary}
    elif "Linear" in name:
        linear = {"linearPercentage": percent, "linearInterval": minutes}
        routing = {"type": "TimeBasedLinear", "timeBasedLinear": linear}
    told = {
        "deploymentConfigId": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "deploymentConfigName": name,
        "computePlatform": "Lambda",
        "trafficRoutingConfig": routing,
    }
    return {"deploymentConfigInfo": told}


@service.operation
def list_deployment_configs(_: Parameters) -> dict[str, Any]:
    """ListDeploymentConfigs: those that AWS predefines for Lambda."""
    return {"deploymentConfigsList": sorted(CONFIGURATIONS)}
