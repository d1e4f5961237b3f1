"""How much do the buckets hold, and how fast does it grow?

S3 counts bytes (by storage class) and objects once a day, and publishes the count up to two days late:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html · Where there is no count the
objects are listed: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import metrics
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import RunbookError
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, WHOLE, given, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NEXT = "cost/optimize_costs"

HOLDS = {
    "role": TEXT,
    "bucket": TEXT,
    "size_bytes": WHOLE,
    "objects": WHOLE,
    "as_of": MOMENT,
    "growth_bytes": WHOLE,
    "growth_objects": WHOLE,
    "growth_percent": NUMBER,
    "since": MOMENT,
    "source": TEXT,
    "problem": TEXT,
}
OVER_TIME = {"time": MOMENT, "role": TEXT, "size_mb": NUMBER, "objects": WHOLE}

BY_METRIC, BY_LISTING = "daily metric", "listing"
_NAMESPACE = "AWS/S3"
_DAY = timedelta(days=1)
_DAY_SECONDS = 86_400
# A count bears the day it is of, and comes up to two days later: the newest may be three days old.
_LATE = 3 * _DAY
#: Objects that are listed of one bucket at most: a thousand a request.
MOST_LISTED = 200_000


@dataclass(frozen=True)
class _Counts:
    """A bucket's daily counts by day, oldest first."""

    size: Mapping[Any, float]
    objects: Mapping[Any, float]


def holds(
    session: Session, buckets: Mapping[str, str], window: Window, most_listed: int = MOST_LISTED
) -> pd.DataFrame:
    """Bytes and objects of each bucket, and the growth since the start of the window; `buckets` is role to
    name.

    Columns: role, bucket, size_bytes (all storage classes), objects, as_of (UTC, the day counted or the
    moment listed), growth_bytes, growth_objects, growth_percent (against the count at `since`, missing when
    there is none as old as that), since, source ("daily metric" or "listing"), problem. A listing reads at
    most `most_listed` objects, keeps only their sums, and says when there were more.
    """
    counts = _counts(session, buckets.values(), window)
    tasks = {
        role: partial(_holds_one, session, bucket, counts.get(bucket), window, most_listed)
        for role, bucket in buckets.items()
    }
    rows = []
    for role, outcome in side_by_side(tasks).items():
        row: dict[str, Any] = {"role": role, "bucket": buckets[role]}
        if isinstance(outcome.error, RunbookError):
            rows.append(row | {"problem": str(outcome.error)})
        else:
            rows.append(row | outcome.unwrap())
    return table(rows, HOLDS, empty="No bucket was asked for.")


def over_time(session: Session, buckets: Mapping[str, str], window: Window) -> pd.DataFrame:
    """The daily counts of each bucket in the window, newest last; `buckets` is role to name.

    Columns: time (the day counted, UTC), role, size_mb (millions of bytes), objects. Raises ReadError.
    """
    counts = _counts(session, buckets.values(), window)
    rows = [
        {"time": day, "role": role, "size_mb": size / 1e6, "objects": counts[bucket].objects.get(day)}
        for role, bucket in buckets.items()
        if bucket in counts
        for day, size in counts[bucket].size.items()
    ]
    rows.sort(key=lambda row: row["time"])
    return table(rows, OVER_TIME, empty=f"S3 published no storage metric in {window}.")


def _counts(session: Session, buckets: Any, window: Window) -> dict[str, _Counts]:
    """The daily counts of the buckets that have any, from `_LATE` before the window on."""
    wanted = _storage_metrics(session, set(buckets))
    # Counts bear midnights: whole days, from a midnight on.
    midnight = window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    reach = Window(midnight - _LATE, window.end)
    found = metrics.series(session, wanted, reach, _DAY_SECONDS)
    counts: dict[str, _Counts] = {}
    for bucket in {bucket for bucket, _, _ in wanted}:
        size: dict[Any, float] = {}
        objects: dict[Any, float] = {}
        for (name, measure, _), points in found.items():
            if name == bucket:
                into = size if measure == "BucketSizeBytes" else objects
                for day, value in points.items():
                    into[day] = into.get(day, 0.0) + value
        if size:
            counts[bucket] = _Counts(dict(sorted(size.items())), dict(sorted(objects.items())))
    return counts


def _storage_metrics(session: Session, buckets: set[str]) -> dict[tuple[str, str, str], metrics.Metric]:
    """The storage metrics that exist for the buckets, by bucket, measure and storage class."""
    wanted = {}
    for measure in ("BucketSizeBytes", "NumberOfObjects"):
        with reading("Storage metrics of S3", "cloudwatch"):
            for page in session.pages("cloudwatch", "ListMetrics", Namespace=_NAMESPACE, MetricName=measure):
                for listed in page["Metrics"]:
                    names = {item["Name"]: item["Value"] for item in listed["Dimensions"]}
                    if names.keys() == {"BucketName", "StorageType"} and names["BucketName"] in buckets:
                        key = (names["BucketName"], measure, names["StorageType"])
                        wanted[key] = metrics.metric(_NAMESPACE, measure, "Average", **names)
    return wanted


def _holds_one(
    session: Session, bucket: str, counts: _Counts | None, window: Window, most_listed: int
) -> dict[str, Any]:
    if counts is None or window.end - list(counts.size)[-1] > _LATE:
        return _listed(session, bucket, window, most_listed)
    as_of = list(counts.size)[-1]
    row = {
        "size_bytes": round(counts.size[as_of]),
        "objects": counts.objects.get(as_of),
        "as_of": as_of,
        "source": BY_METRIC,
    }
    # The count of the day before the window began: what the bucket held when it began.
    before = [day for day in counts.size if day + _DAY <= window.start]
    if not before:
        return row
    since = before[-1]
    grown = counts.size[as_of] - counts.size[since]
    row |= {"since": since, "growth_bytes": round(grown)}
    if counts.size[since]:
        row["growth_percent"] = 100 * grown / counts.size[since]
    if since in counts.objects and as_of in counts.objects:
        row["growth_objects"] = counts.objects[as_of] - counts.objects[since]
    return row


def _listed(session: Session, bucket: str, window: Window, most_listed: int) -> dict[str, Any]:
    """The sums over the bucket's objects; what was there at the window's start, as far as it still is."""
    size = objects = size_before = objects_before = 0
    cut = False
    with reading(f"Bucket {bucket}", "s3"):
        for page in session.pages("s3", "ListObjectsV2", Bucket=bucket):
            for item in page.get("Contents", []):
                if item["LastModified"] >= window.end:
                    continue
                size, objects = size + item["Size"], objects + 1
                if item["LastModified"] < window.start:
                    size_before, objects_before = size_before + item["Size"], objects_before + 1
            if cut := objects >= most_listed and bool(page.get("IsTruncated")):
                break
    row = {"size_bytes": size, "objects": objects, "as_of": window.end, "source": BY_LISTING}
    if cut:
        return row | {
            "source": f"{BY_LISTING}, cut",
            "problem": f"{bucket} has more than the {most_listed:,} objects that were listed: the sums are "
            "too low; turn to S3 Storage Lens or Inventory.",
        }
    row |= {
        "since": window.start,
        "growth_bytes": size - size_before,
        "growth_objects": objects - objects_before,
    }
    return row | ({"growth_percent": 100 * (size - size_before) / size_before} if size_before else {})


def _names(roles: Sequence[str], window: Window, thresholds: Thresholds) -> list[str]:
    return [f"storage.{role}" for role in roles]


@covers(_names)
def judge(holds: pd.DataFrame, roles: Sequence[str], window: Window, thresholds: Thresholds) -> list[Check]:
    """Whether the buckets of `roles` grow as they should: neither shrinking nor by leaps.

    A bucket that lost more than corrections explain fails, since nothing of the platform deletes; a leap
    warns. What has no count as old as the window's start is unknown.
    """
    rows = {text(row["role"]): row for _, row in holds.iterrows()}
    return [_judge_one(role, rows.get(role), window, thresholds) for role in roles]


def _judge_one(role: str, row: "pd.Series[Any] | None", window: Window, thresholds: Thresholds) -> Check:
    name, most = f"storage.{role}", thresholds.storage_growth_warn_percent * window.minutes / 10080
    lost = thresholds.storage_loss_fail_percent
    expected = f"growth under {most:.3g} % in the window, and nothing lost"
    if row is None or given(row["problem"]):
        return unknown(name, "it was not asked for" if row is None else text(row["problem"]), expected)
    if not given(row["growth_percent"]):
        reason = f"no count is as old as the window's start ({window.start:%Y-%m-%d %H:%M} UTC)"
        return unknown(name, reason, expected, f"by {row['source']}")
    grown = float(row["growth_percent"])
    verdict, hint = Verdict.PASS, ""
    if grown > most:
        verdict, hint = Verdict.WARN, f"Next: {NEXT}."
    if grown < -lost:
        verdict, hint = (
            Verdict.FAIL,
            "Objects are gone: look for who deleted them (security/daily_security_check).",
        )
    observed = (
        f"{row['size_bytes'] / 1e6:,.1f} MB in {text(row['objects'], '?')} objects, {grown:+.2f} % since "
        f"{row['since']:%Y-%m-%d}"
    )
    return Check(name, verdict, observed, expected, f"by {row['source']}, {row['as_of']:%Y-%m-%d}", hint)
