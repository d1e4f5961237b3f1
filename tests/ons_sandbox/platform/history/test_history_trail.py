"""The past in CloudTrail, looked up as the library does it.

Members of a record:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
"""

import ipaddress
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ons_sandbox.platform import names
from sandboxes import Clients

Record = dict[str, Any]
Events = list[dict[str, Any]]

DOCUMENTATION = [ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
CHANGES = (
    *("CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "PutUserPolicy", "AttachUserPolicy"),
    *("AttachRolePolicy", "DetachRolePolicy", "AuthorizeSecurityGroupIngress", "PutBucketPolicy"),
    "DeleteBucketPolicy",
)


@pytest.fixture(scope="session")
def look_up(clients: Clients) -> Callable[..., Events]:
    """All events of so many days, with one attribute when it is given."""

    def found(days: float, **attribute: str) -> Events:
        wanted = [{"AttributeKey": key, "AttributeValue": value} for key, value in attribute.items()]
        pages = (
            clients("cloudtrail")
            .get_paginator("lookup_events")
            .paginate(LookupAttributes=wanted, StartTime=datetime.now(UTC) - timedelta(days=days))
        )
        return [event for page in pages for event in page["Events"]]

    return found


def records(events: Events) -> list[Record]:
    return [json.loads(event["CloudTrailEvent"]) for event in events]


def history(look_up: Callable[..., Events]) -> Events:
    """What was there before anybody called this sandbox."""
    return [event for event in look_up(14) if "127.0.0.1" not in event["CloudTrailEvent"]]


def test_a_fortnight_has_many_events_by_many_callers(look_up: Callable[..., Events]) -> None:
    found = history(look_up)
    assert len(found) > 1000
    assert len({event["EventId"] for event in found}) == len(found)
    assert {"ana.souza", "bruno.lima", "carla.mendes", "ci-deployer", "grafana-reader"} <= {
        event["Username"] for event in found
    }


def test_every_record_is_whole(look_up: Callable[..., Events]) -> None:
    for event, record in zip(found := history(look_up), records(found), strict=True):
        assert record["eventVersion"]
        assert (record["eventName"], record["eventID"]) == (event["EventName"], event["EventId"])
        assert record["recipientAccountId"] == names.ACCOUNT
        assert record["userAgent"]
        identity = record["userIdentity"]
        assert identity["type"] in ("IAMUser", "AssumedRole", "Root")
        assert identity["arn"].startswith("arn:aws:")
        if identity["type"] == "AssumedRole":
            assert identity["sessionContext"]["sessionIssuer"]["type"] == "Role"
        source = record["sourceIPAddress"]
        if not source.endswith(".amazonaws.com"):
            assert any(ipaddress.ip_address(source) in net for net in DOCUMENTATION)


def test_nothing_worrying_happened_in_the_last_day(look_up: Callable[..., Events]) -> None:
    recent = history(look_up)
    since = datetime.now(UTC) - timedelta(days=1)
    recent = [event for event in recent if event["EventTime"] > since]
    assert recent
    assert not [event for event in recent if event["EventName"] in CHANGES]
    logins = [record for record in records(recent) if record["eventName"] == "ConsoleLogin"]
    assert {login["additionalEventData"]["MFAUsed"] for login in logins} <= {"Yes"}


@pytest.mark.parametrize("name", CHANGES)
def test_each_kind_of_change_was_made_by_somebody_in_the_last_fortnight(
    look_up: Callable[..., Events], name: str
) -> None:
    found = [record for record in records(look_up(14, EventName=name)) if "runbook" not in str(record)]
    assert found
    for record in found:
        assert record["userIdentity"]["userName"] in ("ana.souza", "bruno.lima", "carla.mendes")
        assert record["readOnly"] is False
        assert record["requestParameters"]


def test_sign_ins_with_and_without_mfa_and_failed_ones_can_be_told_apart(
    look_up: Callable[..., Events],
) -> None:
    found = records(look_up(14, EventName="ConsoleLogin"))
    assert {record["eventType"] for record in found} == {"AwsConsoleSignIn"}
    without = [
        record["userIdentity"]["userName"]
        for record in found
        if record["additionalEventData"]["MFAUsed"] == "No"
        and record["responseElements"]["ConsoleLogin"] == "Success"
    ]
    assert set(without) == {"carla.mendes"}
    failed = [record for record in found if record["responseElements"]["ConsoleLogin"] == "Failure"]
    assert {record["errorMessage"] for record in failed} == {"Failed authentication"}
    assert sum(record["additionalEventData"]["MFAUsed"] == "Yes" for record in found) > 5


def test_the_root_user_was_used_once_long_ago(look_up: Callable[..., Events]) -> None:
    assert look_up(30, Username="root") == []
    (login,) = [event for event in look_up(90, Username="root") if event["EventName"] == "ConsoleLogin"]
    record = json.loads(login["CloudTrailEvent"])
    assert record["userIdentity"]["type"] == "Root"
    assert record["additionalEventData"]["MFAUsed"] == "Yes"


def test_the_key_that_was_made_is_the_one_that_its_owner_has(
    look_up: Callable[..., Events], clients: Clients
) -> None:
    (made,) = records(look_up(14, EventName="CreateAccessKey"))
    (key,) = clients("iam").list_access_keys(UserName="ana.souza")["AccessKeyMetadata"]
    assert made["responseElements"]["accessKey"]["accessKeyId"] == key["AccessKeyId"]
    at = datetime.fromisoformat(made["eventTime"])
    assert abs(at - key["CreateDate"]) < timedelta(minutes=1)


def test_each_deployment_has_its_code_its_version_and_its_move_of_the_alias(
    look_up: Callable[..., Events], clients: Clients
) -> None:
    created = [
        record
        for record in records(look_up(14, EventName="CreateDeployment"))
        if record["userIdentity"]["userName"] == "ci-deployer"
    ]
    codedeploy = clients("codedeploy")
    for record in created:
        identifier = record["responseElements"]["deploymentId"]
        info = codedeploy.get_deployment(deploymentId=identifier)["deploymentInfo"]
        assert info["createTime"] == datetime.fromisoformat(record["eventTime"])
        (name,) = codedeploy.list_deployment_targets(deploymentId=identifier)["targetIds"]
        of_function = look_up(14, ResourceName=name)
        changes = [event["EventName"] for event in of_function if event["ReadOnly"] == "false"][::-1]
        assert changes[:3] == [
            "UpdateFunctionCode20150331v2",
            "PublishVersion20150331",
            "UpdateAlias20150331",
        ]
    assert len(created) == 3


def test_the_port_that_is_open_was_opened_by_somebody(
    look_up: Callable[..., Events], clients: Clients
) -> None:
    (record,) = records(look_up(14, EventName="AuthorizeSecurityGroupIngress"))
    group = record["requestParameters"]["groupName"]
    permissions = clients("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [group]}]
    )["SecurityGroups"][0]["IpPermissions"]
    opened = record["requestParameters"]["ipPermissions"]["items"]
    assert [(item["fromPort"], item["toPort"]) for item in opened] == [
        (permission["FromPort"], permission["ToPort"]) for permission in permissions
    ]
