"""Blue/green: CodeDeploy moves an alias's traffic to a new version, watched, and taken back when it is worse.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html ·
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html ·
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html (one at a time a group;
it is not idempotent) · https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html ·
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from ons_runbook.aws import aliases, deployment_groups, rollout_progress
from ons_runbook.aws.deployment_groups import Group
from ons_runbook.failures import error_code, reading
from ons_runbook.plan import Action, Found, Reading, State, readable
from ons_runbook.plan.sending import send
from ons_runbook.session import Session

# Seconds that CodeDeploy takes at most to begin and to end, beside moving the traffic; and to go back.
_AROUND_S, _BACK_S = 120.0, 300.0
# What a version that is yet to be published is called.
_NEW = "the new version"
_GOES_BACK_ON = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")


@readable
def rollout(session: Session, function: str, alias: str, application: str, group: str, version: str) -> State:
    """The alias (version and weights as `aliases.alias` has them) of which `version` is to be replaced.

    calls_go_to: in words. deployment: the id of one that is under way, else None.
    """
    # In this order: when a deployment is seen to be over, the alias is where it left it.
    under_way = deployment_groups.under_way(session, application, group)
    state: State = aliases.alias(session, function=function, alias=alias)
    calls_go_to = _old(version) if state["version"] == version else _NEW
    return {**state, "calls_go_to": calls_go_to, "deployment": under_way}


def deploy(
    group: Group,
    alias: str,
    version: str,
    target: str | Found,
    *,
    description: str = "",
    minimum_calls: int,
    patience_minutes: float,
) -> Action:
    """The action that moves an alias's traffic from `version` to `target` as the group's configuration says.

    It counts as done when CodeDeploy is, and the new version had `minimum_calls` without being clearly worse
    (see `version_errors`); `patience_minutes` after the traffic has moved, it is given up to wait for them.
    """
    function, place = group.function, group.place
    before = _at_rest(version)
    after: State = {**before, "version": target, "calls_go_to": _NEW}
    name = f"deploy {function}"
    what = {"function": function, "alias": alias, "current": version, "target": target}
    return Action(
        name=name,
        target=f"alias {alias} of {function}",
        service="codedeploy",
        operation="CreateDeployment",
        parameters={**what, **place, "configuration": group.configuration, "description": description},
        state=_state(group, alias, version),
        before=before,
        after=after,
        risk=f"Callers get the new version ({group.traffic}). It goes back by itself on an alarm, and when "
        f"it is clearly worse over {max(1, minimum_calls)} calls or more.",
        undo=(_point_back(group, alias, version, after),),
        undo_note="all calls at once, without CodeDeploy",
        resources=(function,),
        repeatable=False,
        wait_s=60 * (group.shift_minutes + patience_minutes) + _AROUND_S,
        watch=rollout_progress.watch.at(
            function=function,
            alias=alias,
            **place,
            version=version,
            minimum_calls=minimum_calls,
        ),
        abort=_taking_back(name, group, alias, version),
        performer=create.at(),
        opens=("codedeploy:CreateDeployment",),
    )


def _at_rest(version: str) -> State:
    return {"version": version, "calls_go_to": _old(version), "weights": {}, "deployment": None}


def _old(version: str) -> str:
    return f"version {version}"


def _state(group: Group, alias: str, version: str) -> Reading:
    return rollout.at(function=group.function, alias=alias, **group.place, version=version)


def _point_back(group: Group, alias: str, version: str, before: State) -> Action:
    return Action(
        name=f"point {group.function}:{alias} back at {version}",
        target=f"alias {alias} of {group.function}",
        service="lambda",
        operation="UpdateAlias",
        parameters=_pointing(group.function, alias, version),
        state=_state(group, alias, version),
        before=before,
        after=_at_rest(version),
        risk=f"Every caller of {group.function} gets version {version} from the next call on.",
        resources=(group.function,),
    )


def _pointing(function: str, alias: str, version: str) -> dict[str, Any]:
    routing: dict[str, Any] = {"AdditionalVersionWeights": {}}
    return {"FunctionName": function, "Name": alias, "FunctionVersion": version, "RoutingConfig": routing}


def _taking_back(deploying: str, group: Group, alias: str, version: str) -> Action:
    under_way = Found(deploying, "deployment")
    return Action(
        name=f"take back the deployment of {group.function}",
        target=f"alias {alias} of {group.function}",
        service="codedeploy",
        operation="StopDeployment",
        parameters={"deploymentId": under_way, "autoRollbackEnabled": True},
        state=_state(group, alias, version),
        before={"deployment": under_way},
        after=_at_rest(version),
        risk=f"Every caller of {group.function} gets version {version} again.",
        undo_note="deploy again",
        resources=(group.function,),
        wait_s=_BACK_S,
        performer=take_back.at(function=group.function, alias=alias, **group.place, version=version),
        opens=("codedeploy:StopDeployment", "lambda:UpdateAlias"),
    )


def appspec(function: str, alias: str, current: str, target: str) -> str:
    """The AppSpec file, as JSON, that moves an alias of a function from one version to another."""
    properties = {"Name": function, "Alias": alias, "CurrentVersion": current, "TargetVersion": target}
    resource = {function: {"Type": "AWS::Lambda::Function", "Properties": properties}}
    return json.dumps({"version": 0.0, "Resources": [resource]})


@readable
def create(session: Session, parameters: Mapping[str, str]) -> None:
    """Have CodeDeploy move the traffic; it goes back by itself on failure, alarm and stop."""
    content = appspec(*(parameters[name] for name in ("function", "alias", "current", "target")))
    digest = hashlib.sha256(content.encode()).hexdigest()
    wanted: dict[str, Any] = {
        "applicationName": parameters["application"],
        "deploymentGroupName": parameters["group"],
        "deploymentConfigName": parameters["configuration"],
        "revision": {
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": content, "sha256": digest},
        },
        "autoRollbackConfiguration": {"enabled": True, "events": list(_GOES_BACK_ON)},
    }
    if parameters["description"]:
        wanted["description"] = parameters["description"]
    send(session, "codedeploy", "CreateDeployment", wanted)


@readable
def take_back(
    session: Session,
    parameters: Mapping[str, Any],
    function: str,
    alias: str,
    application: str,
    group: str,
    version: str,
) -> None:
    """Give all calls back to `version`: stop what is under way, with rollback; else move the alias itself.

    A deployment may be over, or on its way back, by the time it is to be taken back.
    """
    place = {"function": function, "alias": alias, "application": application, "group": group}
    deadline = time.monotonic() + _BACK_S / 2
    stopped: set[str] = set()
    while identifier := (state := rollout(session, **place, version=version))["deployment"]:
        if identifier not in stopped and not _is_rollback(session, identifier):
            _stop(session, identifier)
            stopped.add(identifier)
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    if state["version"] != version or state["weights"]:
        send(session, "lambda", "UpdateAlias", _pointing(function, alias, version), again=lambda: True)


def _is_rollback(session: Session, identifier: str) -> bool:
    with reading(f"Deployment {identifier}", "codedeploy"):
        answer = session.client("codedeploy").get_deployment(deploymentId=identifier)
    return bool(answer["deploymentInfo"].get("creator") == deployment_groups.ROLLBACK)


def _stop(session: Session, identifier: str) -> None:
    wanted = {"deploymentId": identifier, "autoRollbackEnabled": True}
    try:
        send(session, "codedeploy", "StopDeployment", wanted, again=lambda: True)
    except ClientError as error:
        if error_code(error) != "DeploymentAlreadyCompletedException":
            raise
