"""Annotated CSV: what a query answers with.

"Annotated CSV" in the InfluxDB OSS v2 documentation
(https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/). Columns are made text as a whole,
so that a long table costs little more than a short one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import InfluxError
from .flux.program import Result
from .flux.tables import Table
from .flux.text import of_column
from .flux.values import FluxType

ANNOTATIONS = ("group", "datatype", "default")
TIME_FORMATS = ("RFC3339", "RFC3339Nano")
END_OF_LINE = "\r\n"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the answer is written: which annotations, header or not, what stands between values."""

    annotations: tuple[str, ...] = ()
    header: bool = True
    delimiter: str = ","

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Dialect:
        """The dialect that a query request asks for. Raises InfluxError for one that there is not."""
        annotations = tuple(document.get("annotations") or ())
        for annotation in annotations:
            if annotation not in ANNOTATIONS:
                raise InfluxError("invalid", f"unknown dialect annotation type: {annotation}")
        time_format = document.get("dateTimeFormat") or TIME_FORMATS[0]
        if time_format not in TIME_FORMATS:
            raise InfluxError("invalid", f"unknown dialect date time format: {time_format}")
        delimiter = document.get("delimiter") or ","
        if len(delimiter) != 1:
            raise InfluxError("invalid", "invalid dialect delimeter: must be length 1")
        return cls(annotations, document.get("header", True), delimiter)


def encode(result: Result, dialect: Dialect) -> Iterator[bytes]:
    """The tables of one result: those of the same columns under one head, heads set off by empty lines."""
    number = 0
    for alike in _runs(result.tables):
        lines = [""] if number else []
        lines += _head(result.name, number, alike[0], dialect)
        if len(alike[0]):
            lines += _rows(result.name, number, alike, dialect)
        yield "".join(line + END_OF_LINE for line in lines).encode()
        number += len(alike)
    yield END_OF_LINE.encode()


def _runs(tables: list[Table]) -> Iterator[list[Table]]:
    """Neighbours that one head does for: same columns, same key, with rows. One without rows has its own."""
    run: list[Table] = []
    for table in tables:
        if run and (not len(table) or not len(run[0]) or not _alike(run[0], table)):
            yield run
            run = []
        run.append(table)
    if run:
        yield run


def _alike(one: Table, other: Table) -> bool:
    return one.rows.schema == other.rows.schema and one.key.keys() == other.key.keys()


def _head(name: str, number: int, table: Table, dialect: Dialect) -> Iterator[str]:
    columns = [table.rows.schema.names, [FluxType.of_arrow(column.type) for column in table.rows.columns]]
    for annotation in dialect.annotations:
        match annotation:
            case "datatype":
                cells = ["string", "long", *(type_.annotation for type_ in columns[1])]
            case "group":
                in_key = (str(column in table.key).lower() for column in table.columns)
                cells = ["false", "false", *in_key]
            case _:
                cells = [name, "", *([""] * len(table.columns))]
                if not len(table):
                    cells = [name, str(number), *_key_values(table, dialect)]
        yield dialect.delimiter.join([f"#{annotation}", *cells])
    if dialect.header:
        names = _quoted(pa.array(["result", "table", *table.columns]), dialect.delimiter).to_pylist()
        yield dialect.delimiter.join(["", *names])


def _key_values(table: Table, dialect: Dialect) -> Iterator[str]:
    """For a table without rows: the values of its key, where they would be in a row."""
    for name in table.columns:
        value = table.key.get(name)
        yield "" if value is None else str(value)


def _rows(name: str, first: int, tables: list[Table], dialect: Dialect) -> list[str]:
    """The rows of tables with the same columns; what is in the group key is made text once a table."""
    of_table = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    lead = pa.array(of_table + first).cast(pa.string())
    lead = pc.binary_join_element_wise(
        "" if "default" in dialect.annotations else name, lead, dialect.delimiter
    )
    cells = []
    for column in tables[0].columns:
        in_key = column in tables[0].key
        parts = [table[column].slice(0, 1 if in_key else None) for table in tables]
        texts = _cells(pa.concat_arrays(parts), dialect.delimiter)
        cells.append(texts.take(pa.array(of_table)) if in_key else texts)
    lines = pc.binary_join_element_wise(
        "", lead, *cells, dialect.delimiter, null_handling="replace", null_replacement=""
    )
    rows: list[str] = lines.to_pylist()
    return rows


def _cells(column: pa.Array, delimiter: str) -> pa.Array:
    texts = of_column(column)
    return _quoted(texts, delimiter) if pa.types.is_string(column.type) else texts


def _quoted(texts: pa.Array, delimiter: str) -> pa.Array:
    """Quotes around what holds a delimiter, a quote or an end of line, or starts with a space."""
    needed = pc.match_substring_regex(texts, rf'[{re.escape(delimiter)}"\r\n]|^\s')
    if not pc.any(needed).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needed, pc.binary_join_element_wise('"', doubled, '"', ""), texts)
