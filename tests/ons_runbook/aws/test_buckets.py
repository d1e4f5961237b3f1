"""Buckets.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html: 403 and 404 without a message
"""

import pytest

from ons_runbook.aws import buckets
from ons_runbook.checks import names_covered
from ons_runbook.tables import table


def look(session, role="raw"):
    return buckets.reachable(session, {role: "ons-raw"}).iloc[0]


def test_a_bucket_that_answers_is_reachable(stub, session):
    stub("s3").add_response("head_bucket", {"BucketRegion": "us-east-1"}, {"Bucket": "ons-raw"})
    stub("s3").add_response(
        "list_objects_v2", {"Contents": [{"Key": "k"}]}, {"Bucket": "ons-raw", "MaxKeys": 1}
    )
    row = look(session)
    assert (row["role"], row["bucket"], row["region"]) == ("raw", "ons-raw", "us-east-1")
    assert bool(row["reachable"])
    assert bool(row["has_objects"])


def test_one_that_is_not_there_is_not_reachable(stub, session):
    stub("s3").add_client_error("head_bucket", "404", "Not Found", 404)
    row = look(session)
    assert not row["reachable"]
    assert row["problem"] == "the bucket does not exist"


@pytest.mark.parametrize("operation", ["head_bucket", "list_objects_v2"])
def test_one_that_may_not_be_asked_is_neither(operation, stub, session):
    if operation == "list_objects_v2":
        stub("s3").add_response("head_bucket", {})
    stub("s3").add_client_error(
        operation, "AccessDenied" if operation != "head_bucket" else "403", "Forbidden", 403
    )
    row = look(session)
    assert row[["reachable", "has_objects"]].isna().all()
    assert "The identity needs the permission s3:" in row["problem"]


FINE = {"role": "raw", "bucket": "ons-raw", "reachable": True, "region": "us-east-1", "has_objects": True}


@pytest.mark.parametrize(
    ("row", "verdict", "said"),
    [
        ({}, "pass", "ons-raw is reachable"),
        ({"region": None}, "pass", "reachable"),
        ({"reachable": False, "problem": "the bucket does not exist"}, "fail", "does not exist"),
        ({"reachable": None, "problem": "denied"}, "unknown", "denied"),
        ({"region": "sa-east-1"}, "warn", "is in sa-east-1"),
        ({"has_objects": False}, "warn", "is empty"),
    ],
)
def test_the_verdict(row, verdict, said):
    limits = {"roles": ["raw"], "region": "us-east-1"}
    [check] = buckets.judge(table([{**FINE, **row}], buckets.REACHABLE), **limits)
    assert check.verdict == verdict
    assert said in check.observed
    assert names_covered(buckets.judge, limits) == [check.name] == ["bucket.raw"]
