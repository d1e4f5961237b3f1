"""The past in CodeDeploy and in Timestream for InfluxDB, and how it fits what is there now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ons_sandbox.platform import names
from ons_sandbox.platform.history import database, deployments
from sandboxes import Clients


def deployed(clients: Clients, function: names.Function) -> list[dict[str, Any]]:
    """The deployments of a function, oldest first."""
    codedeploy = clients("codedeploy")
    group = deployments.group_name(function)
    pages = codedeploy.get_paginator("list_deployments").paginate(
        applicationName=deployments.APPLICATION, deploymentGroupName=group
    )
    identifiers = [identifier for page in pages for identifier in page["deployments"]]
    found = codedeploy.batch_get_deployments(deploymentIds=identifiers)["deploymentsInfo"]
    return sorted(found, key=lambda info: info["createTime"])


def function_info(clients: Clients, deployment: dict[str, Any]) -> dict[str, Any]:
    answer = clients("codedeploy").batch_get_deployment_targets(
        deploymentId=deployment["deploymentId"], targetIds=[names_of(clients, deployment)]
    )
    found: dict[str, Any] = answer["deploymentTargets"][0]["lambdaTarget"]["lambdaFunctionInfo"]
    return found


def names_of(clients: Clients, deployment: dict[str, Any]) -> str:
    (name,) = clients("codedeploy").list_deployment_targets(deploymentId=deployment["deploymentId"])[
        "targetIds"
    ]
    return str(name)


@pytest.mark.parametrize("function", names.FUNCTIONS, ids=lambda function: function.name)
def test_each_version_but_the_first_was_deployed_once_just_after_it_was_published(
    clients: Clients, function: names.Function
) -> None:
    pages = clients("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function.name)
    published = {
        version["Version"]: datetime.fromisoformat(version["LastModified"])
        for page in pages
        for version in page["Versions"]
        if version["Version"] not in ("$LATEST", "1")
    }
    found = deployed(clients, function)
    assert [info["status"] for info in found] == ["Succeeded"] * len(published)
    targets = [function_info(clients, info) for info in found]
    assert [target["targetVersion"] for target in targets] == sorted(published, key=int)
    for info, target in zip(found, targets, strict=True):
        assert target["functionName"] == function.name
        late = info["createTime"] - published[target["targetVersion"]]
        assert timedelta(0) < late < timedelta(minutes=1)
        assert info["completeTime"] > info["createTime"]


@pytest.mark.parametrize("function", names.FUNCTIONS, ids=lambda function: function.name)
def test_the_alias_is_where_the_last_deployment_put_it(clients: Clients, function: names.Function) -> None:
    last = function_info(clients, deployed(clients, function)[-1])
    alias = clients("lambda").get_alias(FunctionName=function.name, Name=last["functionAlias"])
    assert alias["FunctionVersion"] == last["targetVersion"]


def test_every_function_has_its_group_with_its_alarm(clients: Clients) -> None:
    codedeploy = clients("codedeploy")
    groups = codedeploy.list_deployment_groups(applicationName=deployments.APPLICATION)["deploymentGroups"]
    assert sorted(groups) == sorted(f"{function.name}-deployment-group" for function in names.FUNCTIONS)
    known = {alarm["AlarmName"] for alarm in clients("cloudwatch").describe_alarms()["MetricAlarms"]}
    for group in groups:
        info = codedeploy.get_deployment_group(
            applicationName=deployments.APPLICATION, deploymentGroupName=group
        )["deploymentGroupInfo"]
        assert {alarm["name"] for alarm in info["alarmConfiguration"]["alarms"]} <= known


def test_some_deployments_were_made_in_the_last_two_weeks(clients: Clients) -> None:
    since = datetime.now(UTC) - timedelta(days=14)
    found = clients("codedeploy").list_deployments(createTimeRange={"start": since})["deployments"]
    assert len(found) == 3


def test_the_database_is_available_as_it_was_ordered(clients: Clients) -> None:
    influx = clients("timestream-influxdb")
    (item,) = [item for item in influx.list_db_instances()["items"] if item["name"] == names.INFLUX_INSTANCE]
    found = influx.get_db_instance(identifier=item["id"])
    assert (found["status"], found["dbInstanceType"], found["allocatedStorage"]) == (
        "AVAILABLE",
        "db.influx.medium",
        100,
    )


def test_the_database_was_backed_up_every_day_of_the_last_week(clients: Clients) -> None:
    found = clients("timestream-influxdb").list_db_backups()["items"]
    daily = [backup for backup in found if backup["type"] == "DAILY"]
    assert {backup["status"] for backup in daily} == {"COMPLETED"}
    days = [backup["createdAt"].date() for backup in daily]
    assert days == [days[0] - timedelta(days=age) for age in range(database.BACKUP_DAYS)]
    assert datetime.now(UTC) - daily[0]["createdAt"] < timedelta(days=1, hours=1)
