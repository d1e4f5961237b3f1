"""A deployment to Lambda under way: the alias's weights move step by step, in accelerated time.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

import contextvars
import json
import threading
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.mends.cloudtrail_lookup import put_event
from ons_sandbox.services import clock, codedeploy_store
from ons_sandbox.services.codedeploy_configurations import steps
from ons_sandbox.services.codedeploy_store import Deployment

# Minutes on AWS from one state to the next, before traffic moves.
PREPARING = 0.2
# Seconds here between two looks at the alarms of the group.
ALARMS_EVERY = 0.25

BY = "codedeploy.amazonaws.com"

STOPPED_BY_ALARM = (
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the "
    "affected deployments have been stopped. Activated alarms: "
)


class Failure(Exception):
    """Lambda did not do what the deployment asked for; the code is CodeDeploy's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def start(deployment: Deployment) -> None:
    """Carry out a deployment in a thread of its own, for the account and region of the caller."""
    context = contextvars.copy_context()
    name = f"deployment-{deployment.identifier}"
    threading.Thread(target=context.run, args=(_run, deployment), name=name, daemon=True).start()


def _run(deployment: Deployment) -> None:
    for status in ("Queued", "InProgress"):
        if not _waited(deployment, PREPARING) or not _advanced(deployment, status):
            return
    deployment.started = clock.now()
    try:
        _check(deployment)
        for minutes, percent in steps(deployment.configuration):
            if not _waited(deployment, minutes):
                return
            _shift(deployment, percent)
    except Failure as failure:
        end(deployment, "Failed", failure.code, failure.message, "DEPLOYMENT_FAILURE")
        return
    _advanced(deployment, "Succeeded")


def _advanced(deployment: Deployment, status: str) -> bool:
    """Go on to the next status; False when the deployment was ended meanwhile."""
    with codedeploy_store.service.lock:
        if deployment.active:
            deployment.change(status)
            return True
        return False


def end(deployment: Deployment, status: str, code: str, message: str, event: str, back: bool = False) -> None:
    """End a deployment before its time, and roll back when its settings say so for the event, or `back`."""
    with codedeploy_store.service.lock:
        if not deployment.active:
            return
        deployment.stopping.set()
        deployment.change(status)
        deployment.error = {"code": code, "message": message}
        automatic = deployment.auto_rollback
        if not deployment.weight:
            return  # no traffic has moved: there is nothing to take back
        if back or (automatic.get("enabled") and event in automatic.get("events", ())):
            _roll_back(deployment)


def _roll_back(deployment: Deployment) -> None:
    """Give all traffic back to the version before: a deployment of its own, done at once."""
    appspec = deployment.appspec
    identifier = codedeploy_store.new_deployment_id()
    message = f"Deployment {identifier} is triggered to roll back deployment {deployment.identifier}."
    # What was deployed before is deployed again.
    back = codedeploy_store.AppSpec(appspec.function, appspec.alias, appspec.target, appspec.current)
    made = Deployment(
        identifier,
        deployment.group,
        back,
        deployment.previous or codedeploy_store.revision_of(back),
        "CodeDeployDefault.LambdaAllAtOnce",
        clock.now(),
        creator="codeDeployRollback",
        description=f"Rollback of {deployment.identifier}",
        started=clock.now(),
        rollback={
            "rollbackTriggeringDeploymentId": deployment.identifier,
            "rollbackMessage": message,
        },
    )
    deployment.rollback = {"rollbackDeploymentId": identifier, "rollbackMessage": message}
    codedeploy_store.deployments()[identifier] = made
    try:
        _update_alias(made, appspec.current, {})
    except Failure as failure:
        made.error = {"code": failure.code, "message": failure.message}
        made.change("Failed")
    else:
        made.change("Succeeded", weight=100.0)


def _waited(deployment: Deployment, minutes: float) -> bool:
    """Wait, with an eye on the group's alarms; False when the deployment was ended meanwhile."""
    until = clock.now() + clock.real_seconds(minutes * 60)
    while True:
        alarms = _ringing(deployment)
        if alarms:
            message = STOPPED_BY_ALARM + " ".join(f"<{name}>" for name in alarms)
            end(deployment, "Stopped", "ALARM_ACTIVE", message, "DEPLOYMENT_STOP_ON_ALARM")
        left = until - clock.now()
        if deployment.stopping.wait(max(0.0, min(left, ALARMS_EVERY))):
            return False
        if left <= 0:
            return True


def _ringing(deployment: Deployment) -> list[str]:
    """Those of the group's alarms that are in ALARM."""
    configuration = deployment.group.settings.get("alarmConfiguration") or {}
    if not configuration.get("enabled"):
        return []
    known = mended("ministack.services.cloudwatch", "_alarms")._alarms
    names = [alarm["name"] for alarm in configuration.get("alarms", ())]
    return [name for name in names if (known.get(name) or {}).get("StateValue") == "ALARM"]


def _check(deployment: Deployment) -> None:
    appspec = deployment.appspec
    functions = mended("ministack.services.lambda_svc", "_functions")._functions
    function = functions.get(appspec.function)
    if function is None:
        raise Failure("INVALID_LAMBDA_FUNCTION", f"Function not found: {appspec.function}")
    alias = function["aliases"].get(appspec.alias)
    if alias is None:
        message = f"Function {appspec.function} has no alias {appspec.alias}"
        raise Failure("INVALID_LAMBDA_FUNCTION", message)
    for version in (appspec.current, appspec.target):
        if version not in function["versions"]:
            message = f"Function {appspec.function} has no version {version}"
            raise Failure("INVALID_LAMBDA_FUNCTION", message)
    if alias["FunctionVersion"] != appspec.current:
        raise Failure(
            "INVALID_LAMBDA_CONFIGURATION",
            f"The current version {appspec.current} of the AppSpec file is not the version "
            f"{alias['FunctionVersion']} that the alias {appspec.alias} points to",
        )


def _shift(deployment: Deployment, percent: int) -> None:
    appspec = deployment.appspec
    with codedeploy_store.service.lock:
        if deployment.stopping.is_set():
            return
        if percent < 100:
            _update_alias(deployment, appspec.current, {appspec.target: percent / 100})
        else:
            _update_alias(deployment, appspec.target, {})
        deployment.change(weight=float(percent))


def _update_alias(deployment: Deployment, version: str, weights: dict[str, float]) -> None:
    """UpdateAlias, as CodeDeploy's service role calls it. Raises Failure."""
    appspec = deployment.appspec
    service = mended("ministack.services.lambda_svc", "_update_alias")
    data: dict[str, Any] = {
        "FunctionVersion": version,
        "RoutingConfig": {"AdditionalVersionWeights": weights},
    }
    status, _, body = service._update_alias(appspec.function, appspec.alias, data)
    if status >= 400:
        raise Failure("INVALID_LAMBDA_FUNCTION", str(json.loads(body).get("message", "Lambda refused")))
    _record(deployment, {"functionName": appspec.function, "name": appspec.alias, **_lowered(data)})


def _record(deployment: Deployment, parameters: dict[str, Any]) -> None:
    """Leave the call in CloudTrail, as one of the group's service role."""
    role = deployment.group.settings["serviceRoleArn"]
    name = role.rpartition("/")[2]
    issuer = {"type": "Role", "arn": role, "userName": name}
    session = f"{name}/{deployment.identifier}"
    user = {
        "type": "AssumedRole",
        "arn": role.replace(":iam:", ":sts:").partition(":role/")[0] + f":assumed-role/{session}",
        "sessionContext": {"sessionIssuer": issuer},
        "invokedBy": BY,
    }
    put_event(
        clock.now(),
        "lambda.amazonaws.com",
        "UpdateAlias20150331",
        user,
        parameters=parameters,
        source_address=BY,
        user_agent=BY,
        region=mended("ministack.core.responses", "get_region").get_region(),
        touched=[{"ResourceName": parameters["functionName"], "ResourceType": "AWS::Lambda::Function"}],
    )


def _lowered(data: dict[str, Any]) -> dict[str, Any]:
    return {key[:1].lower() + key[1:]: value for key, value in data.items()}
