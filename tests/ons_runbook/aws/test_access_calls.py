"""The table of calls that change access, against the services' own models in botocore.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
(eventName is an action of the service's API); Lambda's carry the version of its API, and some of S3's differ:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
"""

import re

import botocore.session
import pytest

from ons_runbook.aws import access_calls

_MODELS = {"access-analyzer": "accessanalyzer"}
# S3 records these under names of their own.
_OF_S3 = {
    "PutBucketPublicAccessBlock": "PutPublicAccessBlock",
    "DeleteBucketPublicAccessBlock": "DeletePublicAccessBlock",
    "PutAccountPublicAccessBlock": "PutPublicAccessBlock",
    "DeleteAccountPublicAccessBlock": "DeletePublicAccessBlock",
}
_CALLS = [(group.source, name) for group in access_calls.GROUPS for name in group.names]


@pytest.fixture(scope="module")
def models():
    session = botocore.session.get_session()
    return lambda source: session.get_service_model(_MODELS.get(source, source)).operation_names


@pytest.mark.parametrize(("source", "name"), _CALLS, ids=lambda part: part)
def test_every_call_is_an_operation_of_its_service(models, source, name):
    operation = re.sub(r"\d{8}(v\d)?$", "", _OF_S3.get(name, name))
    known = {*models(source), *(models("s3control") if source == "s3" else ())}
    assert operation in known


def test_none_stands_twice_and_none_only_looks():
    assert len(_CALLS) == len(set(_CALLS))
    assert [name for _, name in _CALLS if name.startswith(("Get", "List", "Describe"))] == []


def test_every_change_of_a_policy_in_iam_is_there(models):
    changing = re.compile(r"(Put|Attach|Detach|Delete|Create|Set)\w*(Policy|PolicyVersion|Boundary)$")
    account = "DeleteAccountPasswordPolicy"
    missing = {name for name in models("iam") if changing.match(name)} - {n for s, n in _CALLS if s == "iam"}
    assert missing - {account} == set()


def test_each_group_says_why_and_where_aws_says_so():
    for group in access_calls.GROUPS:
        assert group.category
        assert group.reason
        assert group.page.startswith("https://docs.aws.amazon.com/")


def test_a_call_of_the_same_name_of_another_service_is_not_meant():
    assert access_calls.group_of("iam.amazonaws.com", "CreatePolicy").category == "policy"
    assert access_calls.group_of("organizations.amazonaws.com", "CreatePolicy").category == "organization"
    assert access_calls.group_of("iot.amazonaws.com", "CreatePolicy") is None
    assert access_calls.group_of("iam.amazonaws.com", "GetUser") is None


def test_names_are_looked_up_once_where_they_are_recorded():
    everywhere, regional = access_calls.names(everywhere=True), access_calls.names(everywhere=False)
    assert len(everywhere) == len(set(everywhere))
    assert {"PutUserPolicy", "AttachPolicy"} <= set(everywhere)
    assert {"PutBucketPolicy", "AuthorizeSecurityGroupIngress", "AddPermission20150331v2"} <= set(regional)
