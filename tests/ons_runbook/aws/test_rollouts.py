"""Blue/green: the action, what CodeDeploy is told, and how a deployment is taken back.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html ·
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html
"""

import hashlib
import json
from collections import deque

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from ons_runbook.aws import rollouts
from ons_runbook.aws.deployment_groups import Group
from ons_runbook.plan import Action, Found, changes_between

GROUP = Group("f", "app", "f-group", "CodeDeployDefault.LambdaCanary10Percent5Minutes", "canary", 5.0)
PLACE = {"applicationName": "app", "deploymentGroupName": "f-group"}
OF = {"function": "f", "alias": "LIVE", "application": "app", "group": "f-group", "version": "7"}
NEW = Found("publish f", "version")


def validated(service, operation, parameters):
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()
    return parameters


def deploy(**more):
    facts = {"minimum_calls": 20, "patience_minutes": 10.0, "description": "a ticket"}
    return rollouts.deploy(GROUP, "LIVE", "7", NEW, **{**facts, **more})


def add_state(stub, version, weights=None, deployment=None):
    statuses = ["Created", "Queued", "InProgress", "Baking", "Ready"]
    stub("codedeploy").add_response(
        "list_deployments",
        {"deployments": [deployment] if deployment else []},
        {**PLACE, "includeOnlyStatuses": statuses},
    )
    routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
    stub("lambda").add_response("get_alias", {"FunctionVersion": version, **routing})


@pytest.mark.parametrize(
    ("version", "weights", "deployment", "goes_to"),
    [
        ("7", {}, None, "version 7"),
        ("7", {"8": 0.1}, "d-1", "version 7"),
        ("8", {}, "d-1", "the new version"),
        ("8", {}, None, "the new version"),
    ],
)
def test_the_state_of_an_alias_that_is_moved(stub, session, version, weights, deployment, goes_to):
    add_state(stub, version, weights, deployment)
    state = rollouts.rollout(session, **OF)
    assert state == {
        "version": version,
        "weights": weights,
        "calls_go_to": goes_to,
        "deployment": deployment,
    }


def test_the_action_leads_from_the_old_version_to_the_one_that_is_published():
    action = deploy()
    assert changes_between(action.before, action.after)["calls_go_to"] == ("version 7", "the new version")
    assert action.before == {
        "version": "7",
        "calls_go_to": "version 7",
        "weights": {},
        "deployment": None,
    }
    assert action.after == {**action.before, "version": NEW, "calls_go_to": "the new version"}
    assert not action.repeatable
    assert action.permissions == ("codedeploy:CreateDeployment",)
    assert action.wait_s == (5 + 10) * 60 + 120
    assert Action.from_dict(action.as_dict()) == action
    assert "(canary)" in action.risk
    assert "over 20 calls or more" in action.risk
    assert "over 1 calls or more" in deploy(minimum_calls=0).risk


def test_its_undo_gives_all_calls_back_to_the_old_version():
    action = deploy()
    (undo,) = action.undo
    assert (undo.service, undo.operation) == ("lambda", "UpdateAlias")
    # An empty map takes the weights away; left out, it would keep them.
    assert undo.parameters["RoutingConfig"] == {"AdditionalVersionWeights": {}}
    assert undo.parameters["FunctionVersion"] == "7"
    validated("lambda", "UpdateAlias", undo.parameters)
    assert (undo.state, undo.before, undo.after) == (action.state, action.after, action.before)


def test_what_takes_it_back_names_the_deployment_that_is_under_way():
    action = deploy()
    abort = action.abort
    assert abort.parameters["deploymentId"] == Found(action.name, "deployment")
    assert abort.state == action.state
    assert abort.after == action.before
    assert set(abort.permissions) == {"codedeploy:StopDeployment", "lambda:UpdateAlias"}


@pytest.fixture
def sent(monkeypatch):
    """What is sent: (operation, parameters); `answers` may hold exceptions to be raised first."""
    calls = []
    calls_and_errors = deque()

    def send(session, service, operation, parameters, again=None):
        calls.append((operation, validated(service, operation, parameters)))
        if calls_and_errors:
            raise calls_and_errors.popleft()
        return {}

    monkeypatch.setattr(rollouts, "send", send)
    send.calls, send.errors = calls, calls_and_errors
    return send


def test_codedeploy_is_told_by_an_appspec_and_goes_back_by_itself(session, sent):
    parameters = {**deploy().parameters, "target": "8"}
    rollouts.create(session, parameters=parameters)
    ((operation, wanted),) = sent.calls
    assert operation == "CreateDeployment"
    content = wanted["revision"]["appSpecContent"]["content"]
    assert wanted["revision"]["appSpecContent"]["sha256"] == hashlib.sha256(content.encode()).hexdigest()
    properties = {"Name": "f", "Alias": "LIVE", "CurrentVersion": "7", "TargetVersion": "8"}
    resource = {"f": {"Type": "AWS::Lambda::Function", "Properties": properties}}
    assert json.loads(content) == {"version": 0.0, "Resources": [resource]}
    events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"]
    assert wanted["autoRollbackConfiguration"] == {"enabled": True, "events": events}
    assert {key: wanted[key] for key in PLACE} == PLACE
    assert wanted["deploymentConfigName"] == GROUP.configuration
    assert wanted["description"] == "a ticket"
    rollouts.create(session, parameters={**parameters, "description": ""})
    assert "description" not in sent.calls[1][1]


@pytest.fixture
def take_back(stub, session, monkeypatch):
    """Take back with these states, one after the other, and who made the deployments under way."""
    monkeypatch.setattr(rollouts.time, "sleep", lambda seconds: None)

    def take(*states, creator="user"):
        for count, state in enumerate(states):
            add_state(stub, *state)
            # Who made it is asked until it was stopped.
            if len(state) == 3 and (count == 0 or creator != "user"):
                info = {"deploymentInfo": {"deploymentId": state[2], "creator": creator}}
                stub("codedeploy").add_response("get_deployment", info, {"deploymentId": state[2]})
        rollouts.take_back(session, parameters={}, **OF)

    return take


STOP = ("StopDeployment", {"deploymentId": "d-1", "autoRollbackEnabled": True})
BACK = (
    "UpdateAlias",
    {
        "FunctionName": "f",
        "Name": "LIVE",
        "FunctionVersion": "7",
        "RoutingConfig": {"AdditionalVersionWeights": {}},
    },
)
MOVING, HALF, DONE, OLD = ("7", {"8": 0.1}, "d-1"), ("7", {"8": 0.1}), ("8", {}), ("7", {})


def test_what_is_under_way_is_stopped_once_and_goes_back(take_back, sent):
    take_back(MOVING, MOVING, OLD)
    assert sent.calls == [STOP]


def test_when_stopping_leaves_the_traffic_shared_the_alias_is_moved(take_back, sent):
    take_back(MOVING, HALF)
    assert sent.calls == [STOP, BACK]


def test_what_is_over_is_taken_back_by_moving_the_alias(take_back, sent):
    take_back(DONE)
    assert sent.calls == [BACK]


def test_what_ended_just_before_it_was_stopped_is_taken_back_all_the_same(take_back, sent):
    error = {"Error": {"Code": "DeploymentAlreadyCompletedException", "Message": "late"}}
    sent.errors.append(ClientError(error, "StopDeployment"))
    take_back(MOVING, DONE)
    assert sent.calls == [STOP, BACK]


def test_another_refusal_is_raised(take_back, sent):
    error = {"Error": {"Code": "AccessDeniedException", "Message": "not you"}}
    sent.errors.append(ClientError(error, "StopDeployment"))
    with pytest.raises(ClientError):
        take_back(MOVING)


def test_a_rollback_under_way_is_waited_for_and_not_stopped(take_back, sent):
    take_back(MOVING, MOVING, OLD, creator="codeDeployRollback")
    assert sent.calls == []


def test_what_codedeploy_has_taken_back_is_left(take_back, sent):
    take_back(OLD)
    assert sent.calls == []
