"""Deployment groups.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeploymentGroup.html ·
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_TrafficRoutingConfig.html
"""

from datetime import UTC, datetime

import pytest

from ons_runbook.aws import deployment_groups
from ons_runbook.aws.deployment_groups import Group, judge, routed
from ons_runbook.checks import names_covered
from ons_runbook.errors import ChangeRefused, NotFound

APPLICATION, GROUP = "ons-data-platform-lambda-app", "f-deployment-group"
PLACE = {"applicationName": APPLICATION, "deploymentGroupName": GROUP}
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"


def add_configuration(stub, name, platform="Lambda", **routing):
    info = {
        "deploymentConfigName": name,
        "computePlatform": platform,
        **({"trafficRoutingConfig": routing} if routing else {}),
    }
    stub("codedeploy").add_response(
        "get_deployment_config", {"deploymentConfigInfo": info}, {"deploymentConfigName": name}
    )


def add_group(stub, **more):
    info = {"deploymentConfigName": CANARY, **more}
    stub("codedeploy").add_response("get_deployment_group", {"deploymentGroupInfo": info}, PLACE)


def add_under_way(stub, *ids):
    statuses = ["Created", "Queued", "InProgress", "Baking", "Ready"]
    asked = {**PLACE, "includeOnlyStatuses": statuses}
    stub("codedeploy").add_response("list_deployments", {"deployments": list(ids)}, asked)


CANARY_ROUTING = {
    "type": "TimeBasedCanary",
    "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 5},
}


def test_a_group_is_told_with_how_its_traffic_moves(stub, session):
    last = {
        "deploymentId": "d-1",
        "status": "Succeeded",
        "createTime": datetime(2026, 11, 19, 14, 50, tzinfo=UTC),
    }
    alarms = {"enabled": True, "alarms": [{"name": "errors"}, {"name": "slow"}]}
    back = {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
    add_group(stub, alarmConfiguration=alarms, autoRollbackConfiguration=back, lastAttemptedDeployment=last)
    add_configuration(stub, CANARY, **CANARY_ROUTING)
    add_under_way(stub)
    assert deployment_groups.group(session, "f") == Group(
        function="f",
        application=APPLICATION,
        group=GROUP,
        configuration=CANARY,
        traffic="canary, 10 % for 5 min, then all",
        shift_minutes=5.0,
        alarms="errors, slow",
        goes_back_on="DEPLOYMENT_FAILURE",
        last="d-1 Succeeded, 2026-11-19T14:50:00Z",
        under_way=None,
    )


def test_what_is_switched_off_is_not_told_and_a_deployment_under_way_is(stub, session):
    alarms = {"enabled": False, "alarms": [{"name": "errors"}]}
    back = {"enabled": False, "events": ["DEPLOYMENT_FAILURE"]}
    add_group(stub, alarmConfiguration=alarms, autoRollbackConfiguration=back)
    add_configuration(stub, CANARY, **CANARY_ROUTING)
    add_under_way(stub, "d-2")
    found = deployment_groups.group(session, "f")
    assert (found.alarms, found.goes_back_on, found.last, found.under_way) == ("", "", "", "d-2")
    assert found.place == {"application": APPLICATION, "group": GROUP}


def test_another_configuration_takes_the_place_of_the_groups_own(stub, session):
    add_group(stub)
    add_configuration(stub, "mine", type="AllAtOnce")
    add_under_way(stub)
    found = deployment_groups.group(session, "f", "mine")
    assert (found.configuration, found.traffic, found.shift_minutes) == ("mine", "all at once", 0.0)


def linear(percent, minutes):
    return {"timeBasedLinear": {"linearPercentage": percent, "linearInterval": minutes}}


@pytest.mark.parametrize(
    ("routing", "traffic", "minutes"),
    [
        (CANARY_ROUTING, "canary, 10 % for 5 min, then all", 5),
        (linear(10, 3), "linear, 10 % more every 3 min", 27),
        (linear(30, 2), "linear, 30 % more every 2 min", 6),
        ({"type": "AllAtOnce"}, "all at once", 0),
        ({}, "all at once", 0),
    ],
)  # fmt: skip
def test_how_traffic_moves_is_told_in_words_and_minutes(routing, traffic, minutes):
    assert routed(routing) == (traffic, minutes)


def test_an_unknown_configuration_is_refused_with_the_nearest_for_lambda(stub, session):
    add_group(stub)
    stub("codedeploy").add_client_error(
        "get_deployment_config", "DeploymentConfigDoesNotExistException", "no", 400
    )
    names = ["CodeDeployDefault.OneAtATime", "CodeDeployDefault.LambdaAllAtOnce", CANARY, "mine"]
    first = {"deploymentConfigsList": names[:2], "nextToken": "more"}
    stub("codedeploy").add_response("list_deployment_configs", first)
    stub("codedeploy").add_response("list_deployment_configs", {"deploymentConfigsList": names[2:]})
    with pytest.raises(
        ChangeRefused, match=rf"no deployment configuration .*5Minute\. Did you mean {CANARY}\?"
    ):
        deployment_groups.group(session, "f", CANARY[:-1])


def test_one_that_is_nothing_like_any_is_refused_with_all_of_them(stub, session):
    add_group(stub)
    stub("codedeploy").add_client_error(
        "get_deployment_config", "DeploymentConfigDoesNotExistException", "no", 400
    )
    names = ["CodeDeployDefault.OneAtATime", "CodeDeployDefault.LambdaAllAtOnce", "mine"]
    stub("codedeploy").add_response("list_deployment_configs", {"deploymentConfigsList": names})
    with pytest.raises(ChangeRefused, match=r"There are: CodeDeployDefault\.LambdaAllAtOnce, mine\."):
        deployment_groups.group(session, "f", "zzz")


def test_a_configuration_for_servers_is_refused(stub, session):
    add_group(stub)
    add_configuration(stub, "CodeDeployDefault.OneAtATime", platform="Server")
    with pytest.raises(ChangeRefused, match="is for Server, not for Lambda"):
        deployment_groups.group(session, "f", "CodeDeployDefault.OneAtATime")


def test_without_a_group_it_is_refused_with_the_nearest(stub, session):
    stub("codedeploy").add_client_error(
        "get_deployment_group", "DeploymentGroupDoesNotExistException", "no", 400
    )
    stub("codedeploy").add_response(
        "list_deployment_groups",
        {"deploymentGroups": ["f-deployment-grp", "other"]},
        {"applicationName": APPLICATION},
    )
    with pytest.raises(
        ChangeRefused, match=rf"no deployment group {GROUP}\. Did you mean f-deployment-grp\?"
    ):
        deployment_groups.group(session, "f")


def test_without_the_application_nothing_is_known(stub, session):
    for call in ("get_deployment_group", "list_deployment_groups"):
        stub("codedeploy").add_client_error(call, "ApplicationDoesNotExistException", "no", 400)
    with pytest.raises(NotFound):
        deployment_groups.group(session, "f")


def a_group(**more):
    return Group("f", APPLICATION, GROUP, CANARY, "canary", 5.0, **more)


@pytest.mark.parametrize(
    ("group", "verdict", "says"),
    [
        (a_group(alarms="errors"), "pass", "canary; last: none"),
        (a_group(alarms="errors", last="d-1 Failed, then"), "pass", "last: d-1 Failed, then"),
        (a_group(), "warn", "no alarm watches"),
        (a_group(alarms="errors", under_way="d-2"), "fail", "d-2 is under way"),
    ],
)
def test_the_verdict(group, verdict, says):
    check = judge(group)
    assert check.verdict == verdict
    assert says in check.observed
    assert names_covered(judge, {}) == [check.name]
