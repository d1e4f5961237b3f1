"""Buckets: names under which points are kept, each with a retention period.

See "Manage buckets" and "Data retention / Shards and shard groups" in the InfluxDB OSS v2 documentation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .errors import InfluxError

HOUR_SECONDS = 60 * 60
DAY_SECONDS = 24 * HOUR_SECONDS


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket; ``retention_seconds`` 0 keeps points for ever, ``created`` and ``updated`` count ns."""

    id: str
    name: str
    retention_seconds: int
    shard_group_seconds: int
    description: str
    type: str
    created: int
    updated: int


def resource_id(kind: str, name: str) -> str:
    """The 16 hexadecimal digits by which the API knows a resource: a name has the same id everywhere."""
    return hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()[:16]


def new_bucket(
    name: str, retention_seconds: int, now: int, description: str = "", type_: str = "user"
) -> Bucket:
    """A bucket as InfluxDB makes it. Raises InfluxError when the retention period is not accepted."""
    if 0 < retention_seconds < HOUR_SECONDS:
        raise InfluxError("internal error", "retention policy duration must be at least 1h0m0s")
    return Bucket(
        resource_id("bucket", name),
        name,
        retention_seconds,
        _shard_group_seconds(retention_seconds),
        description,
        type_,
        now,
        now,
    )


def system_buckets(now: int) -> list[Bucket]:
    """The two buckets that InfluxDB makes for itself in every organization."""
    return [
        new_bucket("_monitoring", 7 * DAY_SECONDS, now, "System bucket for monitoring logs", "system"),
        new_bucket("_tasks", 3 * DAY_SECONDS, now, "System bucket for task logs", "system"),
    ]


def _shard_group_seconds(retention_seconds: int) -> int:
    """The documented default: an hour, a day or a week, by the length of the retention period."""
    if retention_seconds == 0 or retention_seconds > 180 * DAY_SECONDS:
        return 7 * DAY_SECONDS
    return DAY_SECONDS if retention_seconds >= 2 * DAY_SECONDS else HOUR_SECONDS
