"""The DuckDB database under the store: its tables, and every statement that touches them.

A point is three numbers: series, time (nanoseconds since 1970), and a value in the column of its type. All
that has a name stands once, in the small table of series. Values are always bound; the only text put into a
statement is the name of a typed column, from the FieldType enumeration.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from .buckets import Bucket
from .series import FieldType, Series

Edge = Literal["first", "last"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    id VARCHAR, name VARCHAR, retention_seconds BIGINT, shard_group_seconds BIGINT, description VARCHAR,
    type VARCHAR, created BIGINT, updated BIGINT);
CREATE TABLE IF NOT EXISTS series (
    id INTEGER, bucket VARCHAR, measurement VARCHAR, tags MAP(VARCHAR, VARCHAR), field VARCHAR, type VARCHAR);
CREATE TABLE IF NOT EXISTS points (
    series INTEGER, time BIGINT,
    float DOUBLE, integer BIGINT, unsigned UBIGINT, string VARCHAR, boolean BOOLEAN);
"""
WITHIN = "series IN (SELECT unnest($series)) AND time BETWEEN $first AND $last"
EXTREME = {"first": "min", "last": "max"}


class Database:
    """One DuckDB database, in memory (``path`` None) or in a file; every thread has a cursor of its own."""

    def __init__(self, path: Path | None) -> None:
        self._connection = duckdb.connect(":memory:" if path is None else str(path))
        self._connection.execute(SCHEMA)
        self._local = threading.local()

    def close(self) -> None:
        """Close the database; a file then holds all that was written."""
        self._connection.close()

    @property
    def _cursor(self) -> duckdb.DuckDBPyConnection:
        if not hasattr(self._local, "cursor"):
            self._local.cursor = self._connection.cursor()
        cursor: duckdb.DuckDBPyConnection = self._local.cursor
        return cursor

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is done inside, or nothing of it."""
        self._cursor.begin()
        try:
            yield
        except BaseException:
            self._cursor.rollback()
            raise
        self._cursor.commit()

    # Buckets and series

    def buckets(self) -> list[Bucket]:
        """Every bucket."""
        return [Bucket(*row) for row in self._cursor.execute("SELECT * FROM buckets").fetchall()]

    def save_bucket(self, bucket: Bucket) -> None:
        """Insert the bucket, or replace the one with its id."""
        self.remove_bucket(bucket)
        self._cursor.execute("INSERT INTO buckets VALUES (?, ?, ?, ?, ?, ?, ?, ?)", astuple(bucket))

    def remove_bucket(self, bucket: Bucket) -> None:
        """Delete the bucket's row."""
        self._cursor.execute("DELETE FROM buckets WHERE id = ?", [bucket.id])

    def series(self) -> list[Series]:
        """Every series of every bucket."""
        rows = self._cursor.execute("SELECT * FROM series").fetchall()
        return [
            Series(id_, bucket, measurement, tuple(sorted(tags.items())), field, FieldType(type_))
            for id_, bucket, measurement, tags, field, type_ in rows
        ]

    def add_series(self, series: Sequence[Series]) -> None:
        """Insert new series."""
        if series:
            self._cursor.executemany(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (one.id, one.bucket, one.measurement, dict(one.tags), one.field, one.type.value)
                    for one in series
                ],
            )

    def remove_series(self, series: Sequence[Series]) -> None:
        """Delete series."""
        ids = [one.id for one in series]
        self._cursor.execute("DELETE FROM series WHERE id IN (SELECT unnest(?))", [ids])

    # Points

    def upsert(self, type_: FieldType, batch: pa.Table) -> None:
        """Store a batch (columns series, time, value; each series and time once) over what is there."""
        self._cursor.register("batch", batch)
        self._cursor.execute(
            "DELETE FROM points USING batch WHERE points.series = batch.series AND points.time = batch.time"
        )
        self._cursor.execute(
            f"INSERT INTO points (series, time, {type_}) SELECT series, time, value FROM batch"  # noqa: S608
        )
        self._cursor.unregister("batch")

    def select(
        self, type_: FieldType, series: list[int], first: int, last: int, edge: Edge | None
    ) -> pa.Table:
        """Points of series that all have this type, from time ``first`` to ``last``, both included.

        Columns series, time, value, ordered by series and time; ``edge`` takes only the first or the last
        point of each series.
        """
        bound = {"series": series, "first": first, "last": last}
        if edge is None:
            query = f"SELECT series, time, {type_} AS value FROM points WHERE {WITHIN}"  # noqa: S608
        else:
            query = (
                f"SELECT series, {EXTREME[edge]}(time) AS time, arg_{EXTREME[edge]}({type_}, time) AS value "  # noqa: S608
                f"FROM points WHERE {WITHIN} GROUP BY series"
            )
        return self._cursor.sql(f"{query} ORDER BY series, time", params=bound).to_arrow_table()

    def count(self, series: list[int], first: int, last: int) -> dict[int, int]:
        """How many points each series has from ``first`` to ``last``, both included; never 0."""
        rows = self._cursor.execute(
            f"SELECT series, count(*) FROM points WHERE {WITHIN} GROUP BY series",  # noqa: S608
            {"series": series, "first": first, "last": last},
        ).fetchall()
        return dict(rows)

    def delete(self, series: list[int], first: int, last: int) -> None:
        """Delete the points of these series from ``first`` to ``last``, both included."""
        self._cursor.execute(
            f"DELETE FROM points WHERE {WITHIN}",  # noqa: S608
            {"series": series, "first": first, "last": last},
        )
