"""The past in S3's daily storage metrics: bytes and objects of each bucket, growing by a day's files a day.

S3 counts once a day and stamps the count with midnight UTC. The metrics tell of all the files since the
platform began; the objects that can be listed are those of the last days.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from ons_sandbox.mends import mended
from ons_sandbox.mends.metric_store import bulk_put_metric
from ons_sandbox.platform import names

NAMESPACE = "AWS/S3"
BYTES, OBJECTS = "BucketSizeBytes", "NumberOfObjects"
# CloudWatch here keeps sixteen days of a metric: fifteen counts, and room for the next ones.
DAYS = 15
BORN = timedelta(days=214)
FILES_A_DAY = 48 * len(names.DATASETS)
# Part of a day's files that comes or goes by chance: corrections that ONS sends later.
CORRECTIONS = 0.01


def dimensions(bucket: str, metric: str) -> dict[str, str]:
    """The dimensions under which S3 publishes a storage metric."""
    kind = "AllStorageTypes" if metric == OBJECTS else "StandardStorage"
    return {"BucketName": bucket, "StorageType": kind}


def write(*, seed: int, now: datetime) -> None:
    """Write the metrics of both buckets, whose objects of the last days must be there already.

    now: when the history ends (aware). Works inside the server's process only.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight - timedelta(days=age) for age in range(DAYS, 0, -1)]
    for bucket in (names.RAW_BUCKET, names.PROCESSED_BUCKET):
        draw = np.random.default_rng([seed, *bucket.encode()])
        size = _mean_size(bucket)
        counts = [_objects(day, now) for day in days]
        corrections = np.cumsum(draw.poisson(FILES_A_DAY * CORRECTIONS, DAYS)).tolist()
        found = [count + more for count, more in zip(counts, corrections, strict=True)]
        times = [day.timestamp() for day in days]
        objects = [(at, float(count)) for at, count in zip(times, found, strict=True)]
        sizes = [(at, float(round(count * size))) for at, count in zip(times, found, strict=True)]
        bulk_put_metric(NAMESPACE, OBJECTS, dimensions(bucket, OBJECTS), objects, "Count")
        bulk_put_metric(NAMESPACE, BYTES, dimensions(bucket, BYTES), sizes, "Bytes")


def _objects(day: datetime, now: datetime) -> int:
    """How many files there were at the end of a day."""
    return int((day + timedelta(days=1) - (now - BORN)).total_seconds() / 86_400 * FILES_A_DAY)


def _mean_size(bucket: str) -> float:
    """Bytes of an object, from those that are there."""
    objects = mended("ministack.services.s3", "_buckets")._buckets[bucket]["objects"]
    sizes = [record["size"] for record in objects.values()]
    return sum(sizes) / len(sizes)
