"""IAM users and access keys.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ons_sandbox import Sandbox
from sandboxes import Clients


def user_with_keys(iam: Any, keys: int) -> tuple[str, list[dict[str, Any]]]:
    name = f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name, Path=f"/{name}/", Tags=[{"Key": "Team", "Value": "a"}])
    return name, [iam.create_access_key(UserName=name)["AccessKey"] for _ in range(keys)]


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


def test_users_and_keys_come_in_pages(empty_clients: Clients) -> None:
    iam = empty_clients("iam")
    name, keys = user_with_keys(iam, 2)
    first = iam.list_access_keys(UserName=name, MaxItems=1)
    assert first["IsTruncated"]
    paged = iam.get_paginator("list_access_keys").paginate(UserName=name, PaginationConfig={"PageSize": 1})
    found = [key["AccessKeyId"] for page in paged for key in page["AccessKeyMetadata"]]
    assert sorted(found) == sorted(key["AccessKeyId"] for key in keys)
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1}))
    users = [user["UserName"] for page in pages for user in page["Users"]]
    assert users == sorted(users)
    assert name in users
    assert "Tags" not in pages[0]["Users"][0]


def test_one_s_own_keys_are_listed_when_no_user_is_named(empty_clients: Clients) -> None:
    (key,) = empty_clients("iam").list_access_keys()["AccessKeyMetadata"]
    assert key["UserName"] == "runbook-operator"


def test_keys_of_nobody_are_no_empty_list(empty_clients: Clients) -> None:
    iam = empty_clients("iam")
    assert code_of(iam.list_access_keys, UserName="nobody") == "NoSuchEntity"
    assert code_of(iam.get_access_key_last_used, AccessKeyId="AKIA" + "A" * 16) == "NoSuchEntity"


def test_a_key_was_never_used_until_it_is_and_an_inactive_one_is_refused(
    empty_sandbox: Sandbox, empty_clients: Clients
) -> None:
    iam = empty_clients("iam")
    name, (key,) = user_with_keys(iam, 1)
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    never = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert never == {"ServiceName": "N/A", "Region": "N/A"}
    theirs = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1").client(
        "sqs",
        endpoint_url=empty_sandbox.env()["AWS_ENDPOINT_URL"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    theirs.list_queues()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert used["UserName"] == name
    assert used["AccessKeyLastUsed"]["ServiceName"] == "sqs"
    assert datetime.now(UTC) - used["AccessKeyLastUsed"]["LastUsedDate"] < timedelta(minutes=5)

    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code_of(theirs.list_queues) == "InvalidClientTokenId"
    (shown,) = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert shown["Status"] == "Inactive"
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Active")
    theirs.list_queues()


def test_a_key_is_changed_for_its_own_user_only(empty_clients: Clients) -> None:
    iam = empty_clients("iam")
    _, (key,) = user_with_keys(iam, 1)
    other, _ = user_with_keys(iam, 0)
    change = {"AccessKeyId": key["AccessKeyId"], "Status": "Inactive"}
    assert code_of(iam.update_access_key, UserName=other, **change) == "NoSuchEntity"
    assert code_of(iam.update_access_key, UserName="nobody", **change) == "NoSuchEntity"
    assert code_of(iam.update_access_key, **{**change, "Status": "Off"}) == "ValidationError"
