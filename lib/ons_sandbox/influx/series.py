"""Series and points: the words of InfluxDB's data model.

A point is one line of line protocol; a series is one measurement, one set of tags and one field. See "Data
elements" in the InfluxDB OSS v2 documentation
(https://docs.influxdata.com/influxdb/v2/reference/key-concepts/).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TagSet = tuple[tuple[str, str], ...]


class FieldType(StrEnum):
    """The types of fields, by the names that InfluxDB's messages use (the store's columns have the same)."""

    FLOAT = "float"
    INTEGER = "integer"
    UNSIGNED = "unsigned"
    STRING = "string"
    BOOLEAN = "boolean"


FieldValue = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Point:
    """Fields of one measurement and tag set at one time (nanoseconds since 1970; None: when it arrives)."""

    measurement: str
    tags: TagSet
    fields: tuple[tuple[str, FieldType, FieldValue], ...]
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """What identifies a run of values, the type they have, and the number by which the store knows it."""

    id: int
    bucket: str
    measurement: str
    tags: TagSet
    field: str
    type: FieldType

    def labels(self) -> dict[str, str]:
        """The names that Flux knows it by: ``_field``, ``_measurement`` and the tags."""
        return {"_field": self.field, "_measurement": self.measurement, **dict(self.tags)}


class SeriesIndex:
    """Every series of every bucket, in memory. Whoever uses it holds the store's lock."""

    def __init__(self, series: Iterable[Series]) -> None:
        self._series: dict[tuple[str, str, TagSet, str], Series] = {}
        self._types: dict[tuple[str, str, str], FieldType] = {}
        self._next_id = 0
        for one in series:
            self._add(one)

    def of_bucket(self, bucket_id: str) -> list[Series]:
        """The series of one bucket."""
        return [one for one in self._series.values() if one.bucket == bucket_id]

    def type_of(self, bucket_id: str, measurement: str, field: str) -> FieldType | None:
        """The type that the field's values have in this measurement; None when there are none."""
        return self._types.get((bucket_id, measurement, field))

    def get_or_add(
        self, bucket_id: str, measurement: str, tags: TagSet, field: str, type_: FieldType
    ) -> Series:
        """The series of these names; a new one gets the next number."""
        known = self._series.get((bucket_id, measurement, tags, field))
        return known or self._add(Series(self._next_id, bucket_id, measurement, tags, field, type_))

    def mark(self) -> int:
        """A place in time for ``since``."""
        return self._next_id

    def since(self, mark: int) -> list[Series]:
        """The series that were added after the mark."""
        return [one for one in self._series.values() if one.id >= mark]

    def remove(self, gone: Iterable[Series]) -> None:
        """Forget these series, and the types of fields that no series is left of."""
        for one in gone:
            del self._series[one.bucket, one.measurement, one.tags, one.field]
        self._types = {(one.bucket, one.measurement, one.field): one.type for one in self._series.values()}

    def _add(self, one: Series) -> Series:
        self._series[one.bucket, one.measurement, one.tags, one.field] = one
        self._types[one.bucket, one.measurement, one.field] = one.type
        self._next_id = max(self._next_id, one.id + 1)
        return one
