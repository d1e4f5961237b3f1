"""Deployments.

https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html: at most 25 ids
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import deployments
from ons_runbook.checks import names_covered
from ons_runbook.errors import NotFound
from ons_runbook.tables import table
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WEEK = Window.parse("7d", now=NOW)


def info(identifier, application="ons", **more):
    return {
        "deploymentId": identifier,
        "applicationName": application,
        "deploymentGroupName": "router-deployment-group",
        "status": "Succeeded",
        "createTime": NOW - timedelta(minutes=30),
        "completeTime": NOW - timedelta(minutes=25),
        "creator": "user",
        **more,
    }


def target(**function):
    return {"deploymentTargets": [{"lambdaTarget": {"lambdaFunctionInfo": function}}]}


def add_target(stub, **function):
    stub("codedeploy").add_response("list_deployment_targets", {"targetIds": ["t"]})
    stub("codedeploy").add_response("batch_get_deployment_targets", target(**function))


def test_a_deployment_says_what_it_moved_from_and_to(stub, session):
    asked = {"createTimeRange": {"start": WEEK.start, "end": WEEK.end}}
    stub("codedeploy").add_response("list_deployments", {"deployments": ["d-1"]}, asked)
    details = info("d-1", rollbackInfo={"rollbackTriggeringDeploymentId": "d-0"})
    stub("codedeploy").add_response("batch_get_deployments", {"deploymentsInfo": [details]})
    add_target(stub, functionName="router", currentVersion="6", targetVersion="7")
    row = deployments.made(session, "ons", WEEK).iloc[0]
    assert (row["function"], row["from_version"], row["to_version"]) == ("router", "6", "7")
    assert (row["minutes"], row["rollback_of"], row["status"]) == (5.0, "d-0", "Succeeded")


def test_details_come_twenty_five_a_call_and_those_of_others_are_left_out(stub, session):
    ids = [f"d-{n}" for n in range(26)]
    stub("codedeploy").add_response("list_deployments", {"deployments": ids[:20], "nextToken": "more"})
    stub("codedeploy").add_response("list_deployments", {"deployments": ids[20:]})
    for asked in (ids[:25], ids[25:]):
        found = {"deploymentsInfo": [info(name, "of-others") for name in asked]}
        stub("codedeploy").add_response("batch_get_deployments", found, {"deploymentIds": asked})
    stub("codedeploy").add_response("get_application", {"application": {"applicationName": "ons"}})
    frame = deployments.made(session, "ons", WEEK)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == deployments.DEPLOYMENTS
    assert frame.attrs["empty"].startswith("Nothing was deployed in 2026-11-16")
    assert deployments.judge(frame).verdict == "pass"


def test_an_application_that_is_not_there_is_an_error_and_not_an_empty_table(stub, session):
    stub("codedeploy").add_response("list_deployments", {"deployments": []})
    stub("codedeploy").add_client_error("get_application", "ApplicationDoesNotExistException", "no", 400)
    with pytest.raises(NotFound):
        deployments.made(session, "ons", WEEK)


def test_versions_that_cannot_be_read_are_missing_with_the_reason(stub, session):
    stub("codedeploy").add_response("list_deployments", {"deployments": ["d-1"]})
    stub("codedeploy").add_response("batch_get_deployments", {"deploymentsInfo": [info("d-1")]})
    stub("codedeploy").add_client_error("list_deployment_targets", "AccessDeniedException", "no", 400)
    row = deployments.made(session, "ons", WEEK).iloc[0]
    assert (row["function"], row["status"]) == ("router", "Succeeded")
    assert "codedeploy:ListDeploymentTargets" in row["problem"]


def row(name, status, minutes_ago, function="router", rollback_of=None):
    created = NOW - timedelta(minutes=minutes_ago)
    return {
        "deployment": name, "status": status, "created": created, "function": function,
        "rollback_of": rollback_of,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([], "pass"),
        ([row("d-1", "Succeeded", 9)], "pass"),
        ([row("d-1", "InProgress", 9)], "warn"),
        ([row("d-1", "Failed", 9)], "fail"),
        ([row("d-1", "Failed", 9), row("d-2", "Succeeded", 5)], "warn"),
        ([row("d-1", "Succeeded", 19), row("d-2", "Stopped", 5)], "fail"),
        ([row("d-1", "Failed", 9), row("d-2", "Succeeded", 5, "loader")], "fail"),
        ([row("d-1", "Failed", 9), row("d-2", "Failed", 5, rollback_of="d-1")], "fail"),
    ],
)
def test_the_verdict(rows, verdict):
    check = deployments.judge(table(rows, deployments.DEPLOYMENTS))
    assert check.verdict == verdict
    assert names_covered(deployments.judge, {}) == [check.name]
