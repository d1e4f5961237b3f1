"""What the buckets hold.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html: BucketSizeBytes by storage
class, NumberOfObjects for all; once a day
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import metrics, storage
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WEEK = Window.parse("7d", now=NOW)
LIMITS = {"roles": ["raw"], "window": WEEK, "thresholds": Thresholds()}


def day(number):
    return datetime(2026, 11, number, tzinfo=UTC)


def listed(measure, *classes):
    dimensions = [
        [{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": kind}]
        for bucket in ("ons-raw", "of-others")
        for kind in classes
    ]
    return {"Metrics": [{"Namespace": "AWS/S3", "MetricName": measure, "Dimensions": d} for d in dimensions]}


@pytest.fixture
def counted(stub, monkeypatch):
    """S3 counts bytes of two storage classes and objects: `counted(sizes, archived, objects)`, by day."""

    def set_up(*by_measure):
        stub("cloudwatch").add_response(
            "list_metrics", listed("BucketSizeBytes", "StandardStorage", "GlacierStorage")
        )
        stub("cloudwatch").add_response("list_metrics", listed("NumberOfObjects", "AllStorageTypes"))
        monkeypatch.setattr(
            metrics, "series", lambda _, wanted, *__: dict(zip(wanted, by_measure, strict=True))
        )

    return set_up


@pytest.fixture
def not_counted(stub):
    stub("cloudwatch").add_response("list_metrics", {"Metrics": []})
    stub("cloudwatch").add_response("list_metrics", {"Metrics": []})


def holds(session, **options):
    return storage.holds(session, {"raw": "ons-raw"}, WEEK, **options).iloc[0]


def test_the_newest_count_is_the_sum_over_storage_classes_and_grows_since_the_start(session, counted):
    counted({day(15): 100.0, day(21): 180.0}, {day(15): 100.0, day(21): 40.0}, {day(15): 7.0, day(21): 9.0})
    row = holds(session)
    assert (row["size_bytes"], row["objects"], row["growth_bytes"], row["growth_objects"]) == (220, 9, 20, 2)
    assert (row["growth_percent"], row["as_of"], row["since"]) == (10.0, day(21), day(15))
    assert row["source"] == "daily metric"


def test_without_a_count_as_old_as_the_window_there_is_no_growth(session, counted):
    counted({day(20): 100.0, day(21): 180.0}, {}, {})
    row = holds(session)
    assert row["size_bytes"] == 180
    assert row[["growth_bytes", "growth_objects", "growth_percent", "objects"]].isna().all()


OBJECTS = [
    {"Key": "a", "Size": 100, "LastModified": WEEK.start - timedelta(days=9)},
    {"Key": "b", "Size": 25, "LastModified": WEEK.start},
    {"Key": "c", "Size": 999, "LastModified": WEEK.end},
]


def test_a_bucket_without_counts_is_listed(session, stub, not_counted):
    page = {"Contents": OBJECTS[:1], "IsTruncated": True, "NextContinuationToken": "more"}
    stub("s3").add_response("list_objects_v2", page)
    stub("s3").add_response("list_objects_v2", {"Contents": OBJECTS[1:], "IsTruncated": False})
    row = holds(session)
    assert (row["size_bytes"], row["objects"], row["growth_bytes"]) == (125, 2, 25)
    assert (row["growth_percent"], row["source"]) == (25.0, "listing")


def test_counts_that_ended_long_ago_are_not_taken_for_the_present(session, stub, counted):
    counted({day(10): 100.0}, {}, {})
    stub("s3").add_response("list_objects_v2", {"IsTruncated": False})
    row = holds(session)
    assert (row["size_bytes"], row["source"]) == (0, "listing")


def test_a_listing_ends_at_its_bound_and_says_so(session, stub, not_counted):
    page = {"Contents": OBJECTS[:1], "IsTruncated": True, "NextContinuationToken": "more"}
    stub("s3").add_response("list_objects_v2", page)
    row = holds(session, most_listed=1)
    assert row["source"] == "listing, cut"
    assert "more than the 1 objects" in row["problem"]


def test_a_bucket_that_may_not_be_listed_is_missing(session, stub, not_counted):
    stub("s3").add_client_error("list_objects_v2", "AccessDenied", "no", 403)
    row = holds(session)
    assert row[["size_bytes", "objects", "growth_percent"]].isna().all()
    assert "s3:ListBucket" in row["problem"]


def test_metrics_that_may_not_be_listed_are_an_error(session, stub):
    stub("cloudwatch").add_client_error("list_metrics", "AccessDenied", "no", 403)
    with pytest.raises(AccessDenied):
        holds(session)


def test_over_time_is_a_row_a_day_newest_last_and_empty_but_typed_without_counts(session, counted, stub):
    counted({day(20): 1e6, day(21): 2e6}, {day(21): 1e6}, {day(20): 7.0})
    frame = storage.over_time(session, {"raw": "ons-raw"}, WEEK)
    assert frame["size_mb"].tolist() == [1.0, 3.0]
    assert frame["objects"].isna().tolist() == [False, True]
    counted({}, {}, {})
    frame = storage.over_time(session, {"raw": "ons-raw"}, WEEK)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == storage.OVER_TIME
    assert frame.attrs["empty"].startswith("S3 published no storage metric")


FINE = {
    "role": "raw", "bucket": "ons-raw", "size_bytes": 10**7, "objects": 9, "as_of": day(21), "since": day(15),
    "growth_percent": 3.0, "source": "daily metric",
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "verdict", "said"),
    [
        ({}, "pass", "10.0 MB in 9 objects, +3.00 % since 2026-11-15"),
        ({"growth_percent": 11.0}, "warn", "+11.00 %"),
        ({"growth_percent": -0.5}, "pass", "-0.50 %"),
        ({"growth_percent": -2.0}, "fail", "-2.00 %"),
        ({"growth_percent": None}, "unknown", "no count is as old"),
        ({"problem": "denied"}, "unknown", "denied"),
    ],
)
def test_the_verdict(row, verdict, said):
    [check] = storage.judge(table([{**FINE, **row}], storage.HOLDS), **LIMITS)
    assert check.verdict == verdict
    assert said in check.observed
    assert names_covered(storage.judge, LIMITS) == [check.name] == ["storage.raw"]
