"""Log groups: pages and retention.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

# The days that PutRetentionPolicy documents.
DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288),
    3653,
)


@pytest.fixture
def group(emulator: Any) -> str:
    name = f"/test/{uuid.uuid4().hex[:8]}"
    emulator.client("logs").create_log_group(logGroupName=name, tags={"Project": "tests"})
    return name


def retention(emulator: Any, group: str) -> int | None:
    (found,) = emulator.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    days: int | None = found.get("retentionInDays")
    return days


def test_only_the_documented_days_are_taken(emulator: Any, group: str) -> None:
    logs = emulator.client("logs")
    for days in DAYS:
        logs.put_retention_policy(logGroupName=group, retentionInDays=days)
        assert retention(emulator, group) == days
    for days in (0, 2, 10, 31, 366, 3654):
        with pytest.raises(logs.exceptions.InvalidParameterException):
            logs.put_retention_policy(logGroupName=group, retentionInDays=days)
    assert retention(emulator, group) == DAYS[-1]
    logs.delete_retention_policy(logGroupName=group)
    assert retention(emulator, group) is None


def test_groups_come_in_pages_of_fifty_at_most(emulator: Any) -> None:
    logs, prefix = emulator.client("logs"), f"/many/{uuid.uuid4().hex[:8]}"
    names = [f"{prefix}/{number:02}" for number in range(53)]
    for name in names:
        logs.create_log_group(logGroupName=name)
    pages = list(logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix))
    assert [len(page["logGroups"]) for page in pages] == [50, 3]
    assert [found["logGroupName"] for page in pages for found in page["logGroups"]] == names
    with pytest.raises(ClientError) as raised:
        logs.describe_log_groups(limit=51)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"


def test_a_group_s_tags_are_read_by_its_arn(emulator: Any, group: str) -> None:
    logs = emulator.client("logs")
    (found,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert logs.list_tags_for_resource(resourceArn=found["logGroupArn"])["tags"] == {"Project": "tests"}
