"""The store: buckets with a retention period, series, and points, as InfluxDB OSS v2 keeps them.

What a write, a delete and a retention period mean: "Write data", "Handle duplicate data points", "Delete
data" and "Data retention" in the InfluxDB OSS v2 documentation (https://docs.influxdata.com/influxdb/v2/).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from .batch import Batch
from .buckets import Bucket, new_bucket, system_buckets
from .database import Database, Edge
from .errors import BucketNotFound, InfluxError
from .series import Point, Series, SeriesIndex

NANOSECONDS = 1_000_000_000
EARLIEST, LATEST = -(2**63), 2**63 - 1


class Store:
    """Buckets and points, in memory (``path`` None) or in one DuckDB file; threads may share it.

    ``clock`` gives the time in nanoseconds since 1970: retention counts from it, and a point without a time
    gets it.
    """

    def __init__(self, path: Path | None = None, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._database = Database(path)
        self._lock = threading.RLock()
        self.clock = clock
        self._buckets = {bucket.id: bucket for bucket in self._database.buckets()}
        self._index = SeriesIndex(self._database.series())
        if not self._buckets:
            for bucket in system_buckets(clock()):
                self._save(bucket)

    def close(self) -> None:
        """Close the database; a file then holds all that was written."""
        with self._lock:
            self._database.close()

    # Buckets

    def buckets(self) -> list[Bucket]:
        """Every bucket, the system's own included, by id (as the API lists them)."""
        with self._lock:
            return sorted(self._buckets.values(), key=lambda bucket: bucket.id)

    def bucket(self, name_or_id: str) -> Bucket:
        """The bucket of this name or id. Raises BucketNotFound."""
        for bucket in self.buckets():
            if name_or_id in (bucket.name, bucket.id):
                return bucket
        raise BucketNotFound(name_or_id)

    def create_bucket(self, name: str, retention_seconds: int = 0, description: str = "") -> Bucket:
        """Make an empty bucket; retention 0 keeps points for ever.

        Raises InfluxError when the name is taken or the retention is under an hour.
        """
        with self._lock:
            self._check_free(name)
            bucket = new_bucket(name, retention_seconds, self.clock(), description)
            self._save(bucket)
            return bucket

    def update_bucket(
        self,
        name_or_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        retention_seconds: int | None = None,
        shard_group_seconds: int | None = None,
    ) -> Bucket:
        """Change what is given. What a shorter retention no longer covers is deleted at once.

        Raises InfluxError when the retention is under an hour, or shorter than a shard group of the bucket
        (which then has to be made shorter in the same call).
        """
        with self._lock:
            old = self.bucket(name_or_id)
            if name is not None and name != old.name:
                self._check_free(name)
            retention = old.retention_seconds if retention_seconds is None else retention_seconds
            shards = shard_group_seconds or old.shard_group_seconds
            new_bucket(old.name, retention, old.created)  # refuses what InfluxDB refuses
            if 0 < retention < shards:
                raise InfluxError(
                    "unprocessable entity",
                    "shard-group duration must also be updated to be smaller than new retention duration",
                )
            bucket = replace(
                old,
                name=name or old.name,
                description=old.description if description is None else description,
                retention_seconds=retention,
                shard_group_seconds=shards,
                updated=self.clock(),
            )
            self._save(bucket)
            oldest = self._oldest_kept(bucket)
            if oldest is not None:
                self.delete(bucket.id, EARLIEST, oldest - 1)
            return bucket

    def delete_bucket(self, name_or_id: str) -> None:
        """Delete a bucket and all that is in it. Raises InfluxError for the system's own."""
        with self._lock:
            bucket = self.bucket(name_or_id)
            if bucket.type == "system":
                raise InfluxError("invalid", "system buckets cannot be deleted")
            self.delete(bucket.id, EARLIEST, LATEST)
            self._database.remove_bucket(bucket)
            del self._buckets[bucket.id]

    def _check_free(self, name: str) -> None:
        if any(bucket.name == name for bucket in self._buckets.values()):
            raise InfluxError("conflict", f"bucket with name {name} already exists")
        if name.startswith("_"):
            raise InfluxError(
                "invalid", f"bucket name {name} is invalid. Buckets may not start with underscore"
            )

    def _save(self, bucket: Bucket) -> None:
        with self._database.transaction():
            self._database.save_bucket(bucket)
        self._buckets[bucket.id] = bucket

    def _oldest_kept(self, bucket: Bucket) -> int | None:
        return self.clock() - bucket.retention_seconds * NANOSECONDS if bucket.retention_seconds else None

    # Writing

    def write(self, bucket: str, points: Iterable[Point]) -> None:
        """Store points; one with the series and time of an older one replaces it.

        Raises PartialWrite when some were dropped (field type conflict, older than the retention period); the
        others are stored.
        """
        with self._batch(bucket) as batch:
            for point in points:
                batch.add(point)

    def write_frame(
        self,
        bucket: str,
        measurement: str,
        frame: pd.DataFrame,
        tag_columns: Sequence[str],
        field_columns: Sequence[str],
        time_column: str,
    ) -> int:
        """Store a table of points, column by column: the fast way in. Gives the number of values stored.

        ``time_column`` holds datetimes (naive ones are UTC); a missing or empty tag is no tag, a missing
        value no point. Raises PartialWrite like ``write``.
        """
        with self._batch(bucket) as batch:
            return batch.add_frame(measurement, frame, tag_columns, field_columns, time_column)

    @contextmanager
    def _batch(self, bucket: str) -> Iterator[Batch]:
        """A batch that is stored when the block ends, and then says what was dropped."""
        with self._lock:
            found = self.bucket(bucket)
            mark = self._index.mark()
            batch = Batch(found, self._index, self.clock(), self._oldest_kept(found))
            try:
                yield batch
                with self._database.transaction():
                    self._database.add_series(self._index.since(mark))
                    for type_, table in batch.tables():
                        self._database.upsert(type_, table)
            except BaseException:
                self._index.remove(self._index.since(mark))
                raise
        batch.raise_if_dropped()

    def delete(
        self, bucket: str, first: int, last: int, chosen: Callable[[Series], bool] = lambda series: True
    ) -> None:
        """Delete points from time ``first`` to ``last`` (nanoseconds, both included) of the chosen series."""
        with self._lock:
            series = [one for one in self.series(bucket) if chosen(one)]
            ids = [one.id for one in series]
            with self._database.transaction():
                self._database.delete(ids, first, last)
                left = self._database.count(ids, EARLIEST, LATEST)
                empty = [one for one in series if one.id not in left]
                self._database.remove_series(empty)
            self._index.remove(empty)

    # Reading

    def series(self, bucket: str) -> list[Series]:
        """Every series of a bucket, by measurement, tags and field."""
        with self._lock:
            series = self._index.of_bucket(self.bucket(bucket).id)
        return sorted(series, key=lambda one: (one.measurement, one.tags, one.field))

    def read(
        self, bucket: str, series: Sequence[Series], start: int, stop: int, edge: Edge | None = None
    ) -> Iterator[tuple[Series, pa.Array, pa.Array]]:
        """Times (int64 nanoseconds, ascending) and values of each series from ``start`` to before ``stop``.

        In the order of ``series``; one without points in that time is left out, and so are points that the
        bucket's retention no longer covers. ``edge`` takes only the first or the last point of each.
        """
        first = self._first_readable(bucket, start)
        points = {}
        for type_ in {one.type for one in series}:
            ids = [one.id for one in series if one.type == type_]
            points[type_] = self._database.select(type_, ids, first, stop - 1, edge).combine_chunks()
        numbers = {type_: table["series"].to_numpy() for type_, table in points.items()}
        for one in series:
            low, high = np.searchsorted(numbers[one.type], [one.id, one.id + 1])
            if low < high:
                rows = points[one.type].slice(low, high - low)
                yield one, rows["time"].combine_chunks(), rows["value"].combine_chunks()

    def count(self, bucket: str, series: Sequence[Series], start: int, stop: int) -> dict[int, int]:
        """How many points each series (by id) has from ``start`` to before ``stop``; never 0."""
        first = self._first_readable(bucket, start)
        return self._database.count([one.id for one in series], first, stop - 1)

    def _first_readable(self, bucket: str, start: int) -> int:
        oldest = self._oldest_kept(self.bucket(bucket))
        return start if oldest is None else max(start, oldest)
