"""Lifecycle configurations of buckets.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

RULE = {"ID": "rule", "Status": "Enabled", "Filter": {"Prefix": "raw/"}}


@pytest.fixture
def bucket(emulator: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    emulator.client("s3").create_bucket(Bucket=name)
    return name


def put(emulator: Any, bucket: str, *rules: dict[str, Any], **more: Any) -> Any:
    return emulator.client("s3").put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **more
    )


def get(emulator: Any, bucket: str) -> Any:
    return emulator.client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)


@pytest.mark.parametrize(
    "rule",
    [
        {**RULE, "Expiration": {"Days": 10}},
        {
            **RULE,
            "Transitions": [
                {"Days": 30, "StorageClass": "STANDARD_IA"},
                {"Days": 90, "StorageClass": "GLACIER"},
            ],
            "Expiration": {"Days": 365},
        },
        {"ID": "old", "Status": "Disabled", "Prefix": "old/", "Expiration": {"Days": 1}},
        {**RULE, "Filter": {}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {**RULE, "Filter": {"Tag": {"Key": "a", "Value": "b & c"}}, "Expiration": {"Days": 3}},
        {
            **RULE,
            "Filter": {
                "And": {"Prefix": "a/", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeLessThan": 9}
            },
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        },
    ],
)
def test_a_rule_comes_back_as_it_was_put(emulator: Any, bucket: str, rule: dict[str, Any]) -> None:
    put(emulator, bucket, rule)
    assert get(emulator, bucket)["Rules"] == [rule]


def test_a_put_replaces_every_rule_and_a_delete_leaves_none(emulator: Any, bucket: str) -> None:
    put(
        emulator, bucket, {**RULE, "Expiration": {"Days": 10}}, {**RULE, "ID": "2", "Expiration": {"Days": 1}}
    )
    put(emulator, bucket, {**RULE, "ID": "3", "Expiration": {"Days": 5}})
    assert [rule["ID"] for rule in get(emulator, bucket)["Rules"]] == ["3"]
    emulator.client("s3").delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(ClientError) as raised:
        get(emulator, bucket)
    assert raised.value.response["Error"]["Code"] == "NoSuchLifecycleConfiguration"


def test_the_least_size_for_transitions_is_kept(emulator: Any, bucket: str) -> None:
    rule = {**RULE, "Expiration": {"Days": 10}}
    assert put(emulator, bucket, rule)["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    put(emulator, bucket, rule, TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    assert get(emulator, bucket)["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"


def test_a_rule_without_an_id_gets_one(emulator: Any, bucket: str) -> None:
    put(emulator, bucket, {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 10}})
    (rule,) = get(emulator, bucket)["Rules"]
    assert rule.pop("ID")
    assert rule == {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 10}}


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([], "MalformedXML"),
        ([{**RULE, "Expiration": {"Days": 1}}, {**RULE, "Expiration": {"Days": 2}}], "InvalidArgument"),
        ([RULE], "InvalidRequest"),
        ([{**RULE, "Expiration": {"Days": 0}}], "InvalidArgument"),
        ([{**RULE, "Status": "On", "Expiration": {"Days": 1}}], "MalformedXML"),
        ([{**RULE, "Prefix": "b/", "Expiration": {"Days": 1}}], "MalformedXML"),
        ([{"ID": "r", "Status": "Enabled", "Expiration": {"Days": 1}}], "MalformedXML"),
        ([{**RULE, "ID": "x" * 256, "Expiration": {"Days": 1}}], "InvalidArgument"),
        ([{**RULE, "Transitions": [{"Days": 29, "StorageClass": "STANDARD_IA"}]}], "InvalidArgument"),
        ([{**RULE, "Transitions": [{"Days": 29, "StorageClass": "ONEZONE_IA"}]}], "InvalidArgument"),
        ([{**RULE, "Transitions": [{"Days": 40, "StorageClass": "COLD"}]}], "MalformedXML"),
        (
            [
                {
                    **RULE,
                    "Transitions": [
                        {"Days": 30, "StorageClass": "STANDARD_IA"},
                        {"Days": 59, "StorageClass": "GLACIER"},
                    ],
                }
            ],
            "InvalidArgument",
        ),
        (
            [
                {
                    **RULE,
                    "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
                    "Expiration": {"Days": 30},
                }
            ],
            "InvalidArgument",
        ),
        (
            [
                {
                    **RULE,
                    "Filter": {"Tag": {"Key": "a", "Value": "b"}},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                }
            ],
            "InvalidRequest",
        ),
    ],
)
def test_what_s3_does_not_take_is_refused_and_the_rules_stay(
    emulator: Any, bucket: str, rules: list[dict[str, Any]], code: str
) -> None:
    put(emulator, bucket, {**RULE, "ID": "before", "Expiration": {"Days": 10}})
    with pytest.raises(ClientError) as raised:
        put(emulator, bucket, *rules)
    assert raised.value.response["Error"]["Code"] == code
    assert [rule["ID"] for rule in get(emulator, bucket)["Rules"]] == ["before"]
