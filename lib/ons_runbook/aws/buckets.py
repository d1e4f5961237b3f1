"""S3 buckets: can they be reached and listed, and are they where they should be?

https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html (403 and 404 come without a message) ·
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import NotFound, RunbookError
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import TEXT, TRUTH, given, table, text

NEXT = "troubleshooting/s3_processing_failures"

REACHABLE = {
    "role": TEXT,
    "bucket": TEXT,
    "reachable": TRUTH,
    "region": TEXT,
    "has_objects": TRUTH,
    "problem": TEXT,
}


def reachable(session: Session, buckets: Mapping[str, str]) -> pd.DataFrame:
    """Whether each bucket can be reached and listed; `buckets` is role to name, as in {"raw": "…"}.

    Columns: role, bucket, reachable (missing when it could not be asked), region, has_objects, problem.
    """
    rows = []
    outcomes = side_by_side({role: partial(_look, session, name) for role, name in buckets.items()})
    for role, outcome in outcomes.items():
        row: dict[str, Any] = {"role": role, "bucket": buckets[role]}
        if isinstance(outcome.error, NotFound):
            row |= {"reachable": False, "problem": "the bucket does not exist"}
        elif isinstance(outcome.error, RunbookError):
            row |= {"problem": str(outcome.error)}
        else:
            row |= outcome.unwrap()
        rows.append(row)
    return table(rows, REACHABLE, empty="No bucket was asked for.")


def _look(session: Session, name: str) -> dict[str, Any]:
    client = session.client("s3")
    with reading(f"Bucket {name}", "s3"):
        head = client.head_bucket(Bucket=name)
        listed = client.list_objects_v2(Bucket=name, MaxKeys=1)
    return {
        "reachable": True,
        "region": head.get("BucketRegion"),
        "has_objects": bool(listed.get("Contents")),
    }


def _names(roles: Sequence[str], region: str) -> list[str]:
    return [f"bucket.{role}" for role in roles]


@covers(_names)
def judge(reachable: pd.DataFrame, roles: Sequence[str], region: str) -> list[Check]:
    """Whether the buckets of `roles` can be reached; empty, or in another region, warns."""
    rows = {text(row["role"]): row for _, row in reachable.iterrows()}
    return [_judge_one(rows[role], region) for role in roles]


def _judge_one(row: "pd.Series[Any]", region: str) -> Check:
    name, expected = f"bucket.{row['role']}", f"reachable, in {region}, not empty"
    if not given(row["reachable"]):
        return unknown(name, text(row["problem"]), expected)
    if not row["reachable"]:
        hint = f"Check {row['role']}_bucket in the platform's settings; if it is right: {NEXT}."
        return Check(name, Verdict.FAIL, f"{row['bucket']}: {row['problem']}", expected, "", hint)
    if given(row["region"]) and row["region"] != region:
        hint = "Check region in the platform's settings."
        return Check(name, Verdict.WARN, f"{row['bucket']} is in {row['region']}", expected, "", hint)
    if not row["has_objects"]:
        return Check(name, Verdict.WARN, f"{row['bucket']} is empty", expected, "", f"Next: {NEXT}.")
    return Check(name, Verdict.PASS, f"{row['bucket']} is reachable", expected)
