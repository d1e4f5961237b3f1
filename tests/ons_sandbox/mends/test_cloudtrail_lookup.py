"""CloudTrail's event history over the wire, as AWS documents it.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html (names with a version)
"""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from ons_sandbox.mends.trail_event import Call, is_data_event, operation


def lookup(emulator: Any, key: str, value: str, **more: Any) -> list[dict[str, Any]]:
    attributes = [{"AttributeKey": key, "AttributeValue": value}]
    pages = (
        emulator.client("cloudtrail")
        .get_paginator("lookup_events")
        .paginate(LookupAttributes=attributes, **more)
    )
    return [event for page in pages for event in page["Events"]]


def put(emulator: Any, when: float, name: str, **more: Any) -> str:
    asked = {
        "when": when,
        "event_source": "iam.amazonaws.com",
        "event_name": name,
        "user": {"type": "IAMUser", "userName": "written", "accessKeyId": "AK" + "IAWRITTEN"},
    }
    return str(emulator.call("ons_sandbox.mends.cloudtrail_lookup:put_event", **(asked | more)))


@pytest.fixture(scope="module")
def ana(emulator: Any) -> Any:
    """The IAM clients of a user with a key of her own."""
    iam = emulator.client("iam")
    iam.create_user(UserName="ana")
    key = iam.create_access_key(UserName="ana")["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name=emulator.region,
    )
    return lambda service: session.client(service, endpoint_url=emulator.url)


def test_a_call_is_recorded_under_its_name_and_its_user(emulator: Any, ana: Any) -> None:
    ana("iam").create_user(UserName="made-by-ana")
    event = lookup(emulator, "ResourceName", "made-by-ana")[0]
    record = json.loads(event["CloudTrailEvent"])
    assert (event["EventName"], event["Username"], event["EventSource"]) == (
        "CreateUser",
        "ana",
        "iam.amazonaws.com",
    )
    assert event["ReadOnly"] == "false"
    assert abs(event["EventTime"] - datetime.now(UTC)) < timedelta(minutes=5)
    assert record["userIdentity"]["type"] == "IAMUser"
    assert record["userIdentity"]["arn"].endswith(":user/ana")
    assert record["requestParameters"] == {"userName": "made-by-ana"}
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert event in lookup(emulator, "Username", "ana")


def test_a_role_session_goes_by_its_session_name(emulator: Any) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    role = emulator.client("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))
    asked = {"RoleArn": role["Role"]["Arn"], "RoleSessionName": "night-shift"}
    assumed = emulator.client("sts").assume_role(**asked)["Credentials"]
    session = boto3.Session(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    session.client("iam", endpoint_url=emulator.url, region_name=emulator.region).list_users()
    event = lookup(emulator, "Username", "night-shift")[0]
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert (event["EventName"], event["ReadOnly"]) == ("ListUsers", "true")
    assert (identity["type"], identity["sessionContext"]["sessionIssuer"]["userName"]) == (
        "AssumedRole",
        "deployer",
    )


@pytest.mark.parametrize(
    ("service", "method", "address", "name"),
    [
        ("lambda", "PUT", "/2015-03-31/functions/f/code", "UpdateFunctionCode20150331v2"),
        ("lambda", "PUT", "/2015-03-31/functions/f/aliases/LIVE", "UpdateAlias20150331"),
        ("lambda", "POST", "/2015-03-31/functions/f/versions", "PublishVersion20150331"),
        ("lambda", "GET", "/2015-03-31/functions/", "ListFunctions20150331"),
        ("apigateway", "PATCH", "/restapis/abc/stages/prod", "UpdateStage"),
        ("apigateway", "POST", "/usageplans/u1/keys", "CreateUsagePlanKey"),
        ("appconfig", "POST", "/applications/a/environments/e/deployments", "StartDeployment"),
        ("s3", "PUT", "/bucket?policy", "PutBucketPolicy"),
        ("s3", "PUT", "/bucket?versioning", "PutBucketVersioning"),
        ("s3", "PUT", "/bucket", "CreateBucket"),
        ("s3", "DELETE", "/bucket?lifecycle", "DeleteBucketLifecycle"),
        ("s3", "GET", "/", "ListBuckets"),
    ],
)
def test_rest_operations_have_their_names(service: str, method: str, address: str, name: str) -> None:
    path, _, query = address.partition("?")
    found = operation(Call(service, method, path, {}, b"", {query: [""]} if query else {}))
    assert found is not None
    assert found.name == name


def test_query_operations_have_the_name_of_their_action() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    body = b"Action=PutUserPolicy&Version=2010-05-08&UserName=ana"
    found = operation(Call("iam", "POST", "/", headers, body, {}))
    assert found is not None
    assert (found.name, found.parameters) == ("PutUserPolicy", {"userName": "ana"})


def test_an_operation_that_nobody_knows_has_no_name() -> None:
    assert operation(Call("lambda", "PATCH", "/no/such/thing", {}, b"", {})) is None


@pytest.mark.parametrize(
    ("service", "name", "expected"),
    [
        ("s3", "PutObject", True),
        ("s3", "ListObjectsV2", True),
        ("s3", "PutBucketPolicy", False),
        ("lambda", "Invoke20150331", True),
        ("lambda", "UpdateFunctionCode20150331v2", False),
        ("monitoring", "PutMetricData", True),
        ("monitoring", "PutMetricAlarm", False),
        ("iam", "CreateUser", False),
    ],
)
def test_data_events_are_told_from_management_events(service: str, name: str, expected: bool) -> None:
    assert is_data_event(service, name) is expected


def test_data_events_are_not_in_the_history(emulator: Any) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="trail-bucket")
    s3.put_object(Bucket="trail-bucket", Key="k", Body=b"x")
    s3.put_bucket_versioning(Bucket="trail-bucket", VersioningConfiguration={"Status": "Enabled"})
    names = [event["EventName"] for event in lookup(emulator, "ResourceName", "trail-bucket")]
    assert names == ["PutBucketVersioning", "CreateBucket"]


def test_events_come_newest_first_in_pages_of_fifty(emulator: Any) -> None:
    now = time.time()
    for number in range(120):
        put(emulator, now - 3600 - number, "TagUser")
    cloudtrail = emulator.client("cloudtrail")
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "TagUser"}]
    pages = list(cloudtrail.get_paginator("lookup_events").paginate(LookupAttributes=attributes))
    events = [event for page in pages for event in page["Events"]]
    times = [event["EventTime"] for event in events]
    assert [len(page["Events"]) for page in pages] == [50, 50, 20]
    assert times == sorted(times, reverse=True)
    assert len({event["EventId"] for event in events}) == 120


def test_events_that_happen_while_paging_shift_nothing(emulator: Any) -> None:
    now = time.time()
    for number in range(4):
        put(emulator, now - 100 - number, "UntagUser")
    cloudtrail = emulator.client("cloudtrail")
    attributes = [{"AttributeKey": "EventName", "AttributeValue": "UntagUser"}]
    first = cloudtrail.lookup_events(LookupAttributes=attributes, MaxResults=2)
    put(emulator, now, "UntagUser")
    second = cloudtrail.lookup_events(LookupAttributes=attributes, MaxResults=2, NextToken=first["NextToken"])
    ids = {event["EventId"] for page in (first, second) for event in page["Events"]}
    assert len(ids) == 4
    assert "NextToken" not in second


def test_only_events_of_the_time_range_are_given(emulator: Any) -> None:
    begin = int(time.time()) - 5 * 24 * 3600
    for hour in range(6):
        put(emulator, begin + 3600 * hour, "TagRole")
    found = lookup(emulator, "EventName", "TagRole", StartTime=begin + 3600, EndTime=begin + 3 * 3600)
    assert [event["EventTime"].timestamp() - begin for event in found] == [3 * 3600, 2 * 3600, 3600]


def test_what_is_written_is_found_by_each_attribute(emulator: Any) -> None:
    event_id = put(
        emulator,
        time.time() - 60,
        "ConsoleLogin",
        event_source="signin.amazonaws.com",
        user={"type": "Root", "accountId": "123456789012", "accessKeyId": "AK" + "IAROOT"},
        touched=[{"ResourceName": "the-door", "ResourceType": "AWS::Test::Door"}],
        more={"eventType": "AwsConsoleSignIn", "additionalEventData": {"MFAUsed": "No"}},
    )
    for key, value in {
        "EventId": event_id,
        "EventName": "ConsoleLogin",
        "EventSource": "signin.amazonaws.com",
        "ResourceName": "the-door",
        "ResourceType": "AWS::Test::Door",
        "AccessKeyId": "AK" + "IAROOT",
    }.items():
        assert [event["EventId"] for event in lookup(emulator, key, value)] == [event_id], key
    event = lookup(emulator, "EventId", event_id)[0]
    assert event["Username"] == "root"
    assert json.loads(event["CloudTrailEvent"])["additionalEventData"] == {"MFAUsed": "No"}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (
            {
                "LookupAttributes": [
                    {"AttributeKey": "EventName", "AttributeValue": "CreateUser"},
                    {"AttributeKey": "Username", "AttributeValue": "ana"},
                ]
            },
            "InvalidLookupAttributesException",
        ),
        (
            {"StartTime": datetime(2026, 1, 2, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)},
            "InvalidTimeRange",
        ),
        ({"NextToken": "made up"}, "InvalidNextTokenException"),
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
    ],
)
def test_wrong_lookups_are_refused(emulator: Any, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as raised:
        emulator.client("cloudtrail").lookup_events(**asked)
    assert raised.value.response["Error"]["Code"].startswith(code)


def test_a_token_belongs_to_its_lookup(emulator: Any) -> None:
    now = time.time()
    for number in range(2):
        put(emulator, now - number, "TagPolicy")
    cloudtrail = emulator.client("cloudtrail")

    def attribute(name: str) -> list[dict[str, str]]:
        return [{"AttributeKey": "EventName", "AttributeValue": name}]

    token = cloudtrail.lookup_events(LookupAttributes=attribute("TagPolicy"), MaxResults=1)["NextToken"]
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        cloudtrail.lookup_events(LookupAttributes=attribute("TagUser"), NextToken=token)
