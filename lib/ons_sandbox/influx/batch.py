"""A batch on its way into a bucket: what of it is accepted, and what is dropped and why.

The rules are those of "Troubleshoot issues writing data" in the InfluxDB OSS v2 documentation: a point is
dropped whole when a field has another type than it had before in its measurement, or when the point is
older than the bucket's retention period; the other points of the batch are stored all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from .buckets import Bucket
from .errors import PartialWrite
from .series import FieldType, FieldValue, Point, SeriesIndex, TagSet

ARROW_TYPE = {
    FieldType.FLOAT: pa.float64(),
    FieldType.INTEGER: pa.int64(),
    FieldType.UNSIGNED: pa.uint64(),
    FieldType.STRING: pa.string(),
    FieldType.BOOLEAN: pa.bool_(),
}
Rows = list[tuple[int, int, FieldValue]]


class Batch:
    """Collects values by type; ``now`` stamps points without a time, ``oldest`` is the oldest time kept."""

    def __init__(self, bucket: Bucket, index: SeriesIndex, now: int, oldest: int | None) -> None:
        self._bucket = bucket
        self._index = index
        self._now = now
        self._oldest = oldest
        self._rows: dict[FieldType, Rows] = defaultdict(list)
        self._columns: list[tuple[FieldType, pa.Table]] = []
        self._dropped = 0
        self._too_old = 0
        self._reason = ""

    def add(self, point: Point) -> None:
        """Take one point, or count it as dropped."""
        time = self._now if point.time is None else point.time
        fields = [field for field in point.fields if field[0] != "time"]
        if self._oldest is not None and time < self._oldest:
            self._too_old += 1
        elif not fields:
            self._drop(
                1,
                f'invalid field name: input field "time" on measurement "{point.measurement}" is invalid',
            )
        elif all(self._accepts(point.measurement, field, type_, 1) for field, type_, _ in fields):
            for field, type_, value in fields:
                series = self._index.get_or_add(self._bucket.id, point.measurement, point.tags, field, type_)
                self._rows[type_].append((series.id, time, value))

    def add_frame(
        self, measurement: str, frame: pd.DataFrame, tags: Sequence[str], fields: Sequence[str], time: str
    ) -> int:
        """Take a table of points, a column at a time; gives how many values were taken."""
        times = pd.to_datetime(frame[time], utc=True).dt.as_unit("ns").astype("int64").to_numpy()
        kept = np.ones(len(frame), bool) if self._oldest is None else times >= self._oldest
        self._too_old += int((~kept).sum())
        group, tag_sets = _tag_sets(frame, tags)
        taken = 0
        for field in fields:
            type_ = field_type(frame[field])
            if not self._accepts(measurement, field, type_, len(frame)):
                continue
            series = [
                self._index.get_or_add(self._bucket.id, measurement, tag_set, field, type_).id
                for tag_set in tag_sets
            ]
            values = pa.Table.from_pandas(frame[[field]], preserve_index=False)[field].cast(ARROW_TYPE[type_])
            rows = kept & values.is_valid().to_numpy()
            ids = np.array(series, np.int32)[group[rows]]
            self._columns.append((type_, _newest(ids, times[rows], values.filter(pa.array(rows)))))
            taken += int(rows.sum())
        return taken

    def tables(self) -> Iterator[tuple[FieldType, pa.Table]]:
        """What is to be stored, by type: columns series, time, value; each series and time once."""
        for type_, rows in self._rows.items():
            series, times, values = zip(*rows, strict=True)
            yield (
                type_,
                _newest(
                    np.array(series, np.int32),
                    np.array(times, np.int64),
                    pa.chunked_array([pa.array(values, ARROW_TYPE[type_])]),
                ),
            )
        yield from self._columns

    def raise_if_dropped(self) -> None:
        """Raise PartialWrite when something was dropped."""
        if self._dropped:
            raise PartialWrite(self._reason, self._dropped)
        if self._too_old:
            hours = self._bucket.retention_seconds // 3600
            raise PartialWrite(
                f"dropped {self._too_old} points outside retention policy of duration {hours}h0m0s",
                self._too_old,
            )

    def _accepts(self, measurement: str, field: str, type_: FieldType, points: int) -> bool:
        known = self._index.type_of(self._bucket.id, measurement, field)
        if known in (None, type_):
            return True
        self._drop(
            points,
            f'field type conflict: input field "{field}" on measurement "{measurement}" is type {type_}, '
            f"already exists as type {known}",
        )
        return False

    def _drop(self, points: int, reason: str) -> None:
        self._dropped += points
        self._reason = self._reason or reason


def field_type(column: pd.Series) -> FieldType:
    """The type of field that a column of this dtype holds."""
    if pd.api.types.is_bool_dtype(column):
        return FieldType.BOOLEAN
    if pd.api.types.is_unsigned_integer_dtype(column):
        return FieldType.UNSIGNED
    if pd.api.types.is_integer_dtype(column):
        return FieldType.INTEGER
    return FieldType.FLOAT if pd.api.types.is_float_dtype(column) else FieldType.STRING


def _tag_sets(frame: pd.DataFrame, tags: Sequence[str]) -> tuple[npt.NDArray[np.int64], list[TagSet]]:
    """For each row the number of its tag set, and the tag sets by their numbers."""
    if not tags:
        return np.zeros(len(frame), np.int64), [()]
    numbers = frame.groupby(list(tags), sort=False, dropna=False).ngroup().to_numpy()
    examples = frame[list(tags)].iloc[np.unique(numbers, return_index=True)[1]]
    return numbers, [
        tuple(sorted((tag, str(value)) for tag, value in row.items() if pd.notna(value) and value != ""))
        for row in examples.to_dict("records")
    ]


def _newest(series: npt.NDArray[np.int32], times: npt.NDArray[np.int64], values: pa.ChunkedArray) -> pa.Table:
    """One row a series and time: of several, the one that came last."""
    order = np.lexsort((times, series))  # stable, so equal ones stay in the order in which they came
    repeated = (np.diff(series[order]) == 0) & (np.diff(times[order]) == 0)
    kept = order[np.append(~repeated, True)] if len(order) else order
    return pa.table({"series": series[kept], "time": times[kept], "value": values.take(pa.array(kept))})
