"""S3's daily storage metrics of both buckets.

Names and dimensions: https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ons_sandbox.platform import names
from ons_sandbox.platform.history import storage
from sandboxes import Clients

BUCKETS = (names.RAW_BUCKET, names.PROCESSED_BUCKET)


def daily(clients: Clients, bucket: str, metric: str, kind: str) -> list[dict[str, Any]]:
    """The daily averages, oldest first."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    answer = clients("cloudwatch").get_metric_statistics(
        Namespace="AWS/S3",
        MetricName=metric,
        Dimensions=[{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": kind}],
        StartTime=midnight - timedelta(days=20),
        EndTime=now,
        Period=86_400,
        Statistics=["Average"],
    )
    return sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])


@pytest.mark.parametrize("bucket", BUCKETS)
def test_objects_grow_by_a_days_files_a_day(clients: Clients, bucket: str) -> None:
    points = daily(clients, bucket, "NumberOfObjects", "AllStorageTypes")
    assert len(points) == storage.DAYS
    for before, after in pairwise(points):
        assert 144 <= after["Average"] - before["Average"] <= 160


@pytest.mark.parametrize("bucket", BUCKETS)
def test_bytes_are_as_many_as_such_objects_have(clients: Clients, bucket: str) -> None:
    points = daily(clients, bucket, "BucketSizeBytes", "StandardStorage")
    objects = daily(clients, bucket, "NumberOfObjects", "AllStorageTypes")
    listed = clients("s3").list_objects_v2(Bucket=bucket)["Contents"]
    size = sum(item["Size"] for item in listed) / len(listed)
    for point, count in zip(points, objects, strict=True):
        assert point["Unit"] == "Bytes"
        assert point["Average"] / count["Average"] == pytest.approx(size, rel=0.2)


def test_the_newest_count_is_of_yesterday_at_midnight(clients: Clients) -> None:
    newest = daily(clients, names.RAW_BUCKET, "NumberOfObjects", "AllStorageTypes")[-1]["Timestamp"]
    assert (newest.hour, newest.minute) == (0, 0)
    assert timedelta(days=1) <= datetime.now(UTC) - newest < timedelta(days=2, hours=1)


def test_the_dimensions_are_those_that_s3_publishes(clients: Clients) -> None:
    pages = clients("cloudwatch").get_paginator("list_metrics").paginate(Namespace="AWS/S3")
    found = {
        (metric["MetricName"], item["Value"])
        for page in pages
        for metric in page["Metrics"]
        for item in metric["Dimensions"]
        if item["Name"] == "StorageType"
    }
    assert found == {("BucketSizeBytes", "StandardStorage"), ("NumberOfObjects", "AllStorageTypes")}
