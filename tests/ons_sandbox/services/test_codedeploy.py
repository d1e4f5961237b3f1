"""CodeDeploy on the Lambda platform: what is listed, and traffic that really shifts.

Expected values: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html,
API_CreateDeployment.html, API_StopDeployment.html, API_GetDeployment.html beside it, and
https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
"""

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ons_sandbox.services import codedeploy_configurations

ALL_AT_ONCE = "CodeDeployDefault.LambdaAllAtOnce"
CANARY = "CodeDeployDefault.LambdaCanary10Percent30Minutes"
LINEAR = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"
ROLE = "arn:aws:iam::123456789012:role/codedeploy"
FAST, SLOW = 1200, 90


def archive(version: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr("app.py", f"def handler(event, context):\n    return {version}\n")
    return content.getvalue()


class Releases:
    """A function with two versions and an alias, and the group that deploys it."""

    def __init__(self, services: Any) -> None:
        self.services = services
        self.client, self.functions = services.client("codedeploy"), services.client("lambda")
        self.name = f"f-{uuid.uuid4().hex[:8]}"
        self.application, self.group = f"{self.name}-app", f"{self.name}-group"
        self.functions.create_function(
            FunctionName=self.name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": archive(1)},
        )
        self.publish()
        self.functions.update_function_code(FunctionName=self.name, ZipFile=archive(2))
        self.publish()
        self.functions.create_alias(FunctionName=self.name, Name="LIVE", FunctionVersion="1")
        self.client.create_application(applicationName=self.application, computePlatform="Lambda")

    def publish(self) -> None:
        """Publish when the creation or update is over."""

        def settled() -> bool:
            found = self.functions.get_function_configuration(FunctionName=self.name)
            return bool(found["LastUpdateStatus"] == "Successful")

        assert self.services.eventually(settled)
        self.functions.publish_version(FunctionName=self.name)

    def create_group(self, **settings: Any) -> None:
        self.client.create_deployment_group(
            applicationName=self.application,
            deploymentGroupName=self.group,
            serviceRoleArn=ROLE,
            deploymentConfigName=ALL_AT_ONCE,
            **settings,
        )

    def place(self) -> dict[str, str]:
        return {"applicationName": self.application, "deploymentGroupName": self.group}

    def appspec(self, current: str = "1", target: str = "2", **more: Any) -> str:
        properties = {
            "Name": self.name,
            "Alias": "LIVE",
            "CurrentVersion": current,
            "TargetVersion": target,
        }
        resource = {self.name: {"Type": "AWS::Lambda::Function", "Properties": properties}}
        return json.dumps({"version": 0.0, "Resources": [resource], **more})

    def deploy(self, content: str | None = None, **parameters: Any) -> str:
        revision = {
            "revisionType": "AppSpecContent",
            "appSpecContent": {"content": content or self.appspec()},
        }
        made = self.client.create_deployment(**self.place(), **{"revision": revision, **parameters})
        identifier: str = made["deploymentId"]
        return identifier

    def info(self, identifier: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_deployment(deploymentId=identifier)["deploymentInfo"]
        return found

    def ended(self, identifier: str) -> dict[str, Any]:
        assert self.services.eventually(
            lambda: self.info(identifier)["status"] in ("Succeeded", "Failed", "Stopped")
        )
        return self.info(identifier)

    def target(self, identifier: str) -> dict[str, Any]:
        (name,) = self.client.list_deployment_targets(deploymentId=identifier)["targetIds"]
        answer = self.client.get_deployment_target(deploymentId=identifier, targetId=name)
        found: dict[str, Any] = answer["deploymentTarget"]["lambdaTarget"]
        return found

    def weight(self, identifier: str) -> float:
        found: float = self.target(identifier)["lambdaFunctionInfo"]["targetVersionWeight"]
        return found

    def alias(self) -> tuple[str, dict[str, float]]:
        found = self.functions.get_alias(FunctionName=self.name, Name="LIVE")
        return found["FunctionVersion"], found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


@pytest.fixture
def releases(services: Any, pace: Callable[[float], None]) -> Releases:
    pace(FAST)
    return Releases(services)


def test_a_deployment_moves_the_alias_and_says_so(releases: Releases) -> None:
    releases.create_group()
    identifier = releases.deploy(description="the second")
    info = releases.ended(identifier)
    assert info["status"] == "Succeeded"
    assert releases.alias() == ("2", {})
    assert info["createTime"] <= info["startTime"] <= info["completeTime"]
    assert (info["creator"], info["computePlatform"], info["description"]) == ("user", "Lambda", "the second")
    assert info["deploymentOverview"]["Succeeded"] == 1
    target = releases.target(identifier)
    assert target["status"] == "Succeeded"
    assert [event["lifecycleEventName"] for event in target["lifecycleEvents"]] == [
        "BeforeAllowTraffic",
        "AllowTraffic",
        "AfterAllowTraffic",
    ]
    assert target["lambdaFunctionInfo"] == {
        "functionName": releases.name,
        "functionAlias": "LIVE",
        "currentVersion": "1",
        "targetVersion": "2",
        "targetVersionWeight": 100.0,
    }


def test_a_canary_gets_a_tenth_of_the_traffic_first(
    releases: Releases, pace: Callable[[float], None]
) -> None:
    releases.create_group()
    pace(SLOW)
    identifier = releases.deploy(deploymentConfigName=CANARY)
    assert releases.services.eventually(lambda: releases.alias() == ("1", {"2": 0.1}))
    assert releases.weight(identifier) == 10.0
    assert releases.info(identifier)["status"] == "InProgress"
    assert releases.target(identifier)["status"] == "InProgress"


def test_a_linear_deployment_goes_step_by_step(releases: Releases, pace: Callable[[float], None]) -> None:
    releases.create_group()
    pace(400)
    identifier = releases.deploy(deploymentConfigName=LINEAR)
    seen = set()

    def whole() -> bool:
        seen.add(releases.weight(identifier))
        return 100.0 in seen

    assert releases.services.eventually(whole)
    assert seen <= {float(percent) for percent in range(0, 101, 10)}
    assert len(seen) > 2


@pytest.mark.parametrize(
    ("configuration", "steps"),
    [
        (ALL_AT_ONCE, [(0, 100)]),
        (CANARY, [(0, 10), (30, 100)]),
        (LINEAR, [(0, 10), *((1, percent) for percent in range(20, 101, 10))]),
    ],
)
def test_steps_are_as_far_apart_as_the_configuration_says(
    configuration: str, steps: list[tuple[float, int]]
) -> None:
    assert list(codedeploy_configurations.steps(configuration)) == steps


def test_a_stopped_deployment_leaves_traffic_where_it_is(
    releases: Releases, pace: Callable[[float], None]
) -> None:
    releases.create_group()
    pace(SLOW)
    identifier = releases.deploy(deploymentConfigName=CANARY)
    assert releases.services.eventually(lambda: releases.weight(identifier) == 10.0)
    assert releases.client.stop_deployment(deploymentId=identifier)["status"] == "Succeeded"
    info = releases.info(identifier)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "MANUAL_STOP")
    assert "rollbackInfo" not in info
    assert releases.alias() == ("1", {"2": 0.1})


def test_a_stop_with_rollback_gives_all_traffic_back_by_a_deployment_of_its_own(
    releases: Releases, pace: Callable[[float], None]
) -> None:
    releases.create_group()
    pace(SLOW)
    identifier = releases.deploy(deploymentConfigName=CANARY)
    assert releases.services.eventually(lambda: releases.weight(identifier) == 10.0)
    releases.client.stop_deployment(deploymentId=identifier, autoRollbackEnabled=True)
    assert releases.alias() == ("1", {})
    rollback = releases.info(identifier)["rollbackInfo"]["rollbackDeploymentId"]
    info = releases.info(rollback)
    assert (info["status"], info["creator"]) == ("Succeeded", "codeDeployRollback")
    assert info["rollbackInfo"]["rollbackTriggeringDeploymentId"] == identifier
    listed = releases.client.list_deployments(**releases.place())["deployments"]
    assert listed == [rollback, identifier]


def test_an_alarm_of_the_group_stops_and_rolls_back(
    releases: Releases, pace: Callable[[float], None]
) -> None:
    alarm = f"{releases.name}-errors"
    cloudwatch = releases.services.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="ignore",
    )
    releases.create_group(
        alarmConfiguration={"enabled": True, "alarms": [{"name": alarm}]},
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_STOP_ON_ALARM"]},
    )
    pace(SLOW)
    identifier = releases.deploy(deploymentConfigName=CANARY)
    assert releases.services.eventually(lambda: releases.weight(identifier) == 10.0)
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    info = releases.ended(identifier)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    assert f"<{alarm}>" in info["errorInformation"]["message"]
    assert info["rollbackInfo"]["rollbackDeploymentId"]
    assert releases.alias() == ("1", {})


@pytest.mark.parametrize(
    ("current", "target", "code"),
    [("2", "1", "INVALID_LAMBDA_CONFIGURATION"), ("1", "99", "INVALID_LAMBDA_FUNCTION")],
)
def test_a_deployment_that_does_not_fit_the_function_fails_and_changes_nothing(
    releases: Releases, current: str, target: str, code: str
) -> None:
    releases.create_group()
    info = releases.ended(releases.deploy(releases.appspec(current, target)))
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", code)
    assert releases.alias() == ("1", {})


def test_a_group_has_one_deployment_at_a_time(
    releases: Releases, pace: Callable[[float], None], refused: Callable[..., dict[str, Any]]
) -> None:
    releases.create_group()
    pace(1)
    first = releases.deploy()
    error = refused(releases.deploy)
    assert error["Code"] == "DeploymentLimitExceededException"
    assert first in error["Message"]


def test_a_deployment_that_is_over_cannot_be_stopped(
    releases: Releases, refused: Callable[..., dict[str, Any]]
) -> None:
    releases.create_group()
    identifier = releases.deploy()
    releases.ended(identifier)
    error = refused(releases.client.stop_deployment, deploymentId=identifier)
    assert error["Code"] == "DeploymentAlreadyCompletedException"


def test_application_and_group_go_together_or_not_at_all(
    releases: Releases, refused: Callable[..., dict[str, Any]]
) -> None:
    releases.create_group()
    identifier = releases.deploy()
    call = releases.client.list_deployments
    assert identifier in call()["deployments"]
    assert call(**releases.place())["deployments"] == [identifier]
    alone = refused(call, applicationName=releases.application)
    assert alone["Code"] == "DeploymentGroupNameRequiredException"
    alone = refused(call, deploymentGroupName=releases.group)
    assert alone["Code"] == "ApplicationNameRequiredException"
    wrong = refused(call, applicationName=releases.application, deploymentGroupName="no-such")
    assert wrong["Code"] == "DeploymentGroupDoesNotExistException"
    wrong = refused(call, applicationName="no-such", deploymentGroupName=releases.group)
    assert wrong["Code"] == "ApplicationDoesNotExistException"


def test_deployments_are_listed_by_status_and_time(
    releases: Releases, refused: Callable[..., dict[str, Any]]
) -> None:
    releases.create_group()
    bad = releases.deploy(releases.appspec("2", "1"))
    releases.ended(bad)
    good = releases.deploy()
    releases.ended(good)

    def listed(**parameters: Any) -> list[str]:
        found: list[str] = releases.client.list_deployments(**releases.place(), **parameters)["deployments"]
        return found

    assert listed() == [good, bad]
    assert listed(includeOnlyStatuses=["Failed", "Stopped"]) == [bad]
    between = releases.info(good)["createTime"]
    assert listed(createTimeRange={"start": between}) == [good]
    assert listed(createTimeRange={"end": between - timedelta(milliseconds=1)}) == [bad]
    now = datetime.now(UTC)
    reversed_range = {"start": now, "end": now - timedelta(hours=1)}
    error = refused(releases.client.list_deployments, createTimeRange=reversed_range)
    assert error["Code"] == "InvalidTimeRangeException"
    error = refused(releases.client.list_deployments, includeOnlyStatuses=["Done"])
    assert error["Code"] == "InvalidDeploymentStatusException"


def test_many_deployments_come_in_pages(releases: Releases, refused: Callable[..., dict[str, Any]]) -> None:
    releases.create_group()
    made = []
    for _ in range(12):
        made.append(releases.deploy(releases.appspec("2", "1")))
        releases.ended(made[-1])
    pages = list(releases.client.get_paginator("list_deployments").paginate(**releases.place()))
    assert len(pages) == 2
    assert [name for page in pages for name in page["deployments"]] == made[::-1]
    error = refused(releases.client.list_deployments, nextToken="invented")
    assert error["Code"] == "InvalidNextTokenException"


def test_the_appspec_file_is_told_by_its_hash_and_found_by_it(releases: Releases) -> None:
    releases.create_group()
    revision = releases.info(releases.deploy())["revision"]
    assert revision["revisionType"] == "AppSpecContent"
    # GetDeployment never tells the content; GetApplicationRevision does.
    assert "content" not in revision["appSpecContent"]
    found = releases.client.get_application_revision(applicationName=releases.application, revision=revision)
    assert found["revision"]["appSpecContent"]["content"] == releases.appspec()
    assert found["revisionInfo"]["deploymentGroups"] == [releases.group]


def test_an_appspec_file_may_be_yaml(releases: Releases) -> None:
    releases.create_group()
    content = (
        "version: 0.0\nResources:\n  - it:\n      Type: AWS::Lambda::Function\n      Properties:\n"
        f"        Name: {releases.name}\n        Alias: LIVE\n"
        "        CurrentVersion: 1\n        TargetVersion: 2\n"
    )
    identifier = releases.deploy(revision={"revisionType": "String", "string": {"content": content}})
    assert releases.ended(identifier)["status"] == "Succeeded"
    assert releases.alias() == ("2", {})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("version: 0.0", "InvalidRevisionException"),
        ("{not yaml: [", "InvalidRevisionException"),
        ('{"version": 0.0, "Resources": []}', "InvalidRevisionException"),
        ('{"version": 0.0, "Resources": [{"a": {"Type": "AWS::ECS::Service"}}]}', "InvalidRevisionException"),
    ],
)
def test_an_appspec_file_that_is_none_is_refused(
    releases: Releases, refused: Callable[..., dict[str, Any]], content: str, code: str
) -> None:
    releases.create_group()
    assert refused(releases.deploy, content=content)["Code"] == code
    assert releases.client.list_deployments(**releases.place())["deployments"] == []


def test_hooks_are_refused_and_not_left_out_silently(
    releases: Releases, refused: Callable[..., dict[str, Any]]
) -> None:
    releases.create_group()
    content = releases.appspec(Hooks=[{"BeforeAllowTraffic": "check"}])
    error = refused(releases.deploy, content=content)
    assert error["Code"] == "NotImplemented"
    assert "hooks" in error["Message"]


def test_a_group_tells_its_settings_and_its_last_deployments(releases: Releases) -> None:
    releases.create_group(autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
    good = releases.deploy()
    releases.ended(good)
    bad = releases.deploy(releases.appspec("1", "2"))
    releases.ended(bad)
    info = releases.client.get_deployment_group(**releases.place())["deploymentGroupInfo"]
    assert info["deploymentConfigName"] == ALL_AT_ONCE
    assert info["autoRollbackConfiguration"] == {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}
    assert info["deploymentStyle"]["deploymentType"] == "BLUE_GREEN"
    assert info["lastSuccessfulDeployment"]["deploymentId"] == good
    assert info["lastAttemptedDeployment"]["deploymentId"] == bad
    # It failed before any traffic had moved: there was nothing to roll back.
    assert "rollbackInfo" not in releases.info(bad)
    assert releases.alias() == ("2", {})
    groups = releases.client.list_deployment_groups(applicationName=releases.application)
    assert groups["deploymentGroups"] == [releases.group]


def test_several_deployments_are_told_at_once_and_unknown_ones_left_out(
    releases: Releases, refused: Callable[..., dict[str, Any]]
) -> None:
    releases.create_group()
    identifier = releases.deploy()
    answer = releases.client.batch_get_deployments(deploymentIds=[identifier, "d-ABCDEF123"])
    assert [info["deploymentId"] for info in answer["deploymentsInfo"]] == [identifier]
    error = refused(releases.client.batch_get_deployments, deploymentIds=[identifier] * 26)
    assert error["Code"] == "BatchLimitExceededException"
    error = refused(releases.client.get_deployment, deploymentId="d-ABCDEF123")
    assert error["Code"] == "DeploymentDoesNotExistException"
    error = refused(releases.client.get_deployment, deploymentId="the last one")
    assert error["Code"] == "InvalidDeploymentIdException"


@pytest.mark.parametrize(
    ("name", "routing"),
    [
        (ALL_AT_ONCE, {"type": "AllAtOnce"}),
        (
            CANARY,
            {
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 30},
            },
        ),
        (
            LINEAR,
            {
                "type": "TimeBasedLinear",
                "timeBasedLinear": {"linearPercentage": 10, "linearInterval": 1},
            },
        ),
    ],
)
def test_the_predefined_configurations_are_known(services: Any, name: str, routing: dict[str, Any]) -> None:
    client = services.client("codedeploy")
    answer = client.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]
    assert answer["trafficRoutingConfig"] == routing
    assert name in client.list_deployment_configs()["deploymentConfigsList"]


def test_each_move_of_the_alias_is_in_cloudtrail_by_the_service_role(releases: Releases) -> None:
    releases.create_group()
    identifier = releases.deploy()
    releases.ended(identifier)
    wanted = {"AttributeKey": "ResourceName", "AttributeValue": releases.name}
    found = releases.services.client("cloudtrail").lookup_events(LookupAttributes=[wanted])["Events"]
    (event,) = [event for event in found if event["Username"] == identifier]
    assert event["EventName"] == "UpdateAlias20150331"
    record = json.loads(event["CloudTrailEvent"])
    assert record["sourceIPAddress"] == "codedeploy.amazonaws.com"
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == ROLE
    assert record["requestParameters"]["functionVersion"] == "2"
