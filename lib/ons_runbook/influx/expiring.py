"""What is in a bucket, and which of its points a shorter retention period would delete.

https://docs.influxdata.com/influxdb/v2/reference/internals/data-retention/ · counting is left to the database
(https://docs.influxdata.com/flux/v0/stdlib/universe/count/), one stretch of time after the other, so that no
single query is long and only one row a measurement comes back.
"""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from ons_runbook.errors import ChangeRefused, NoAnswerInTime
from ons_runbook.influx import buckets
from ons_runbook.influx.buckets import Bucket
from ons_runbook.influx.client import query
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, WHOLE, table
from ons_runbook.window import utc_now

EXPIRING = {
    "measurement": TEXT,
    "points": WHOLE,
    "oldest": MOMENT,
    "newest": MOMENT,
    "deleted": WHOLE,
    "deleted_before": MOMENT,
}
#: Seconds that counting may take altogether.
DEADLINE = 110.0

# InfluxDB's time begins in 1677.
_EARLIEST = datetime(1678, 1, 1, tzinfo=UTC)
_STRETCH = timedelta(days=90)

# The times alone are kept before series are merged: fields of one measurement may have different types.
_EDGE = """
from(bucket: _bucket)
  |> range(start: _start, stop: _stop)
  |> {edge}()
  |> keep(columns: ["_measurement", "_time"])
  |> group(columns: ["_measurement"])
  |> sort(columns: ["_time"], desc: {desc})
  |> limit(n: 1)
"""
_COUNT = """
from(bucket: _bucket)
  |> range(start: _start, stop: _stop)
  |> count()
  |> group(columns: ["_measurement"])
  |> sum()
"""


def cut(bucket: Bucket, seconds: int | None, now: datetime) -> tuple[datetime, datetime] | None:
    """From when until before when (UTC) a retention of `seconds` deletes what the present one would keep.

    None when it deletes nothing. Both ends are the next midnight (the next full hour when `seconds` is under
    two days): what the period reaches until then, so that the answer stays the same meanwhile.
    """
    if seconds is None or (bucket.seconds is not None and seconds >= bucket.seconds):
        return None
    step = timedelta(seconds=buckets.HOUR if seconds < 2 * buckets.DAY else buckets.DAY)
    start = _EARLIEST if bucket.seconds is None else _up(now - timedelta(seconds=bucket.seconds), step)
    return start, _up(now - timedelta(seconds=seconds), step)


def _up(moment: datetime, step: timedelta) -> datetime:
    """The next moment that is a multiple of the step."""
    return moment + (_EARLIEST - moment) % step


def counted(
    session: Session,
    bucket: str,
    period: str = "",
    *,
    now: datetime | None = None,
    deadline: float = DEADLINE,
) -> pd.DataFrame:
    """The points of a bucket by measurement, and how many of them a shorter retention period would delete.

    Columns: measurement, points (values of fields: a point with three fields counts three times; without
    those that the present period deletes anyway), oldest and newest (UTC), deleted (how many points `period`
    would delete; missing without a `period`), deleted_before (UTC; missing when none would be). Without rows
    when the bucket is empty, or there is no such bucket or period: the sentence says which.

    Args:
        period: such as `30d`; "" asks for the points alone.
        now: the moment from which periods count (default: the present).
        deadline: seconds; NoAnswerInTime when counting takes longer. Other ReadErrors as they come.
    """
    now = now or utc_now()
    try:
        found = buckets.named(session, bucket)
        wanted = cut(found, buckets.period(period), now) if period else None
    except ChangeRefused as refused:
        return table([], EXPIRING, empty=str(refused))
    oldest, newest = _edges(session, bucket, "first"), _edges(session, bucket, "last")
    start = _EARLIEST if found.seconds is None else now - timedelta(seconds=found.seconds)
    count = _Count(session, bucket, time.monotonic() + deadline, deadline)
    first, last = min(oldest.values(), default=now), max(newest.values(), default=now) + timedelta(seconds=1)
    gone: Counter[str] = Counter()
    if wanted:
        start = wanted[1]
        gone = count.between(max(first, wanted[0]), min(last, start))
    left = count.between(max(first, start), last)
    rows = [
        {
            "measurement": name,
            "points": gone[name] + left[name],
            "oldest": oldest[name],
            "newest": newest[name],
            "deleted": gone[name] if period else None,
            "deleted_before": wanted and wanted[1],
        }
        for name in sorted(oldest)
    ]
    return table(rows, EXPIRING, empty=f"The bucket {bucket} is empty.")


def _edges(session: Session, bucket: str, edge: str) -> dict[str, Any]:
    """The first or last time of each measurement."""
    flux = _EDGE.format(edge=edge, desc=str(edge == "last").lower())
    # What is stamped with a time to come is kept as well.
    until = utc_now() + timedelta(days=365)
    rows = query(session, flux, _bucket=bucket, _start=_EARLIEST, _stop=until)
    return {row["_measurement"]: row["_time"] for row in rows}


class _Count:
    """Counts until the deadline (as of time.monotonic)."""

    def __init__(self, session: Session, bucket: str, until: float, seconds: float) -> None:
        self._session, self._bucket, self._until, self._seconds = session, bucket, until, seconds

    def between(self, start: datetime, stop: datetime) -> "Counter[str]":
        """The values from `start` to before `stop`, by measurement."""
        found: Counter[str] = Counter()
        while start < stop:
            if time.monotonic() > self._until:
                raise NoAnswerInTime(
                    f"Bucket {self._bucket}: not all points were counted within {self._seconds:g} s, only "
                    f"{found.total():,} of those before {start:%Y-%m-%d}.",
                    "Ask again when the database is less busy.",
                )
            end = min(start + _STRETCH, stop)
            for row in query(self._session, _COUNT, _bucket=self._bucket, _start=start, _stop=end):
                found[row["_measurement"]] += row["_value"]
            start = end
        return found
