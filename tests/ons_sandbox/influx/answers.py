"""Annotated CSV as tables to compare, and the same tables written down in a test.

A test writes a table as the Flux documentation does: a line of column names, `*` before those of the group
key, and a line for each row, values between bars. An empty line ends a table. A column's type follows its
name (`n:int`) unless it is a string, or a time that Flux names itself. Neither the order of columns nor
that of tables counts (the documentation promises neither); that of rows does.
"""

import csv
import io
from dataclasses import dataclass

TYPES = {
    "string": "string",
    "double": "float",
    "long": "int",
    "unsignedLong": "uint",
    "boolean": "bool",
    "dateTime:RFC3339": "time",
}
TIMES = ("_start", "_stop", "_time")


@dataclass(frozen=True, order=True)
class AnsweredTable:
    """One table: the names of its columns with their types, those of the key marked, and its rows."""

    result: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(answer: str) -> list[AnsweredTable]:
    """The tables of an answer in annotated CSV, sorted."""
    tables: list[AnsweredTable] = []
    annotations: dict[str, list[str]] = {}
    names: list[str] = []
    rows: dict[str, list[list[str]]] = {}

    def finish() -> None:
        if not names:
            return
        result = annotations["#default"][1]
        marked = [
            _described(name, TYPES[type_], in_key == "true")
            for name, type_, in_key in zip(
                names[3:], annotations["#datatype"][3:], annotations["#group"][3:], strict=True
            )
        ]
        for table in rows.values():
            tables.append(_table(result, marked, [row[3:] for row in table]))
        if not rows and annotations["#default"][2]:
            tables.append(_table(result, marked, []))

    for line in csv.reader(io.StringIO(answer)):
        if not line:
            continue
        if line[0] == "#datatype":
            finish()
            annotations, names, rows = {}, [], {}
        if line[0].startswith("#"):
            annotations[line[0]] = line
        elif not names:
            names = line
        else:
            rows.setdefault(line[2], []).append(line)
    finish()
    return sorted(tables)


def expected(text: str, result: str = "_result") -> list[AnsweredTable]:
    """The tables written down in a test, sorted."""
    tables = []
    for block in text.strip().split("\n\n"):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        if lines and lines[0] != [""]:
            tables.append(_table(result, lines[0], lines[1:]))
    return sorted(tables)


def _described(name: str, type_: str, in_key: bool) -> str:
    usual = "time" if name in TIMES else "string"
    return ("*" if in_key else "") + name + ("" if type_ == usual else f":{type_}")


def _table(result: str, names: list[str], rows: list[list[str]]) -> AnsweredTable:
    order = sorted(range(len(names)), key=lambda at: names[at].lstrip("*"))
    return AnsweredTable(
        result,
        tuple(names[at] for at in order),
        tuple(tuple(row[at] for at in order) for row in rows),
    )
