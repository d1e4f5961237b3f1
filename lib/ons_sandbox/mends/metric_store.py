"""Writing metric history into MiniStack's CloudWatch, and reading one metric's points of a window quickly.

PutMetricData on AWS takes no datum older than two weeks and 1,000 a call. MiniStack copies every point of
every metric at each call (to drop those of more than two weeks) and reads a metric by walking through all
of them. Here the points of a metric are kept in order of time, so that a window is two bisections;
`keep_chronological` makes every writer in MiniStack keep that order, and drops points only after
RETENTION_SECONDS.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

import bisect
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ons_sandbox.mends import mended

Point = dict[str, Any]
Key = tuple[str, str, str]

# AWS keeps one-minute points for 15 days, coarser ones for longer; a day more, so that 15 whole days are
# there.
RETENTION_SECONDS = 16 * 24 * 3600
SWEEP_SECONDS = 3600.0

_last_sweep = 0.0
# Functions run in threads of their own and publish from there; a list that is being sorted looks empty to
# others.
_lock = threading.RLock()


def bulk_put_metric(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    points: Iterable[tuple[float, float | Mapping[str, float]]],
    unit: str = "None",
) -> int:
    """Write many points of one metric of the current account and region, and say how many.

    Call it inside the server's process, after the mends are installed.

    namespace, name, dimensions: e.g. "AWS/Lambda", "Errors", {"FunctionName": "lambda_router"}. A metric is
        exactly one set of dimensions: one written with two is not found by one of them.
    points: (time in seconds since the epoch UTC, value). A value is a number, a statistic set as
        PutMetricData has it {"SampleCount", "Sum", "Minimum", "Maximum"}, or {"Values": [...],
        "Counts": [...]} for percentiles (CloudWatch has none for a statistic set that is not one repeated
        value). Kept for 16 days before the metric's newest point.
    unit: as PutMetricData names it: Count, Milliseconds, Percent, Bytes, Seconds, None …

    About 2 µs and 300 bytes a point; alarms are not evaluated by this call.
    """
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_metric_bucket", "_dims_key")
    shared = dict(dimensions)
    base = {"Unit": unit, "Dimensions": shared}
    stored: list[Point] = []
    for at, value in points:
        if not isinstance(value, Mapping):
            stored.append({"Timestamp": float(at), "Value": float(value), **base})
        elif "Values" in value:
            stored.extend(_weighted(float(at), value, base))
        else:
            count = float(value["SampleCount"])
            mean = float(value["Sum"]) / count if count else 0.0
            stored.append({"Timestamp": float(at), "Value": mean, "_stat": dict(value), **base})
    bucket = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(shared)))
    bucket.extend(stored)
    if not isinstance(bucket, Chronological):
        bucket.sort(key=_time_of)
    return len(stored)


def _weighted(at: float, value: Mapping[str, Any], base: Point) -> list[Point]:
    values = value["Values"]
    counts = value.get("Counts") or [1.0] * len(values)
    return [
        {"Timestamp": at, "Value": float(number), "Count": float(count), **base}
        for number, count in zip(values, counts, strict=True)
    ]


def _time_of(point: Point) -> float:
    at: float = point["Timestamp"]
    return at


class Chronological(list[Point]):
    """The points of one metric, oldest first, whatever the order in which they arrive."""

    def append(self, point: Point) -> None:
        """Add one point at its place in time (after those of the same moment)."""
        with _lock:
            if self and self[-1]["Timestamp"] > point["Timestamp"]:
                bisect.insort(self, point, key=_time_of)
            else:
                super().append(point)

    def extend(self, points: Iterable[Point]) -> None:
        """Add many points; sorting two ordered runs is one merge."""
        with _lock:
            super().extend(points)
            self.sort(key=_time_of)

    def between(self, start: float, end: float) -> list[Point]:
        """The points with start <= time < end (seconds since the epoch), oldest first."""
        return self[
            bisect.bisect_left(self, start, key=_time_of) : bisect.bisect_left(self, end, key=_time_of)
        ]


def window(namespace: str, name: str, dimensions: Mapping[str, str], start: float, end: float) -> list[Point]:
    """The stored points of exactly this metric with start <= time < end, oldest first.

    start, end: seconds since the epoch UTC. Empty when the metric is not there. A point is MiniStack's own
    record: `_calc_stats` and `_percentile_samples` of ministack.services.cloudwatch take a list of them.
    """
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_metrics", "_dims_key")
    bucket = cloudwatch._metrics.get((namespace, name, cloudwatch._dims_key(dict(dimensions))))
    if bucket is None:
        return []
    if not isinstance(bucket, Chronological):  # came from a snapshot
        bucket = Chronological(sorted(bucket, key=_time_of))
    return bucket.between(start, end)


def keep_chronological() -> None:
    """Make MiniStack keep each metric's points in order of time, and look for old ones once an hour only."""
    cloudwatch: Any = mended(
        "ministack.services.cloudwatch", "_metrics", "_metric_bucket", "_evict_old_metrics"
    )

    def metric_bucket(key: Key) -> Chronological:
        bucket = cloudwatch._metrics.get(key)
        if not isinstance(bucket, Chronological):
            bucket = Chronological(sorted(bucket or (), key=_time_of))
            cloudwatch._metrics[key] = bucket
        return bucket

    def evict_old_metrics() -> None:
        global _last_sweep
        now = time.time()
        if now - _last_sweep < SWEEP_SECONDS:
            return
        _last_sweep = now
        _drop_old(cloudwatch._metrics)

    cloudwatch._metric_bucket = metric_bucket
    cloudwatch._evict_old_metrics = evict_old_metrics


def _drop_old(metrics: Any) -> None:
    """Drop what is too old against the metric's newest point: history of a day long past stays whole."""
    for points in metrics.values():
        with _lock:
            oldest = points[-1]["Timestamp"] - RETENTION_SECONDS if points else 0.0
            if points and points[0]["Timestamp"] < oldest:
                points[:] = [point for point in points if point["Timestamp"] >= oldest]
