"""What a query calls ``r``: the rows that a function is applied to.

A row stands for all rows of a table at once, so that its members are columns; for a series it stands for
the series' labels, which are the same in all its rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from .tables import Table


class AbsentTag(str):
    """A tag that a series does not have: to the storage engine it is an empty string, and not there."""


ABSENT_TAG = AbsentTag()


class Row(ABC):
    """A record whose members are looked up, not listed in the query."""

    type_name = "record"

    @abstractmethod
    def get(self, name: str) -> Any:
        """A member: a column, a value, or None when there is none."""

    def columns(self) -> Mapping[str, pa.Array]:
        """All members, where they can be listed: what ``{r with …}`` starts from."""
        return {}


class TableRow(Row):
    """All rows of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, name: str) -> Any:
        """A column, or None when the table has none of that name."""
        return self.columns().get(name)

    def columns(self) -> Mapping[str, pa.Array]:
        """The columns, in order."""
        return self._table.by_name()


class StoredRow(Row):
    """All rows of a stored series, as the storage engine sees them when a filter is handed down to it."""

    def __init__(self, labels: Mapping[str, str], columns: Mapping[str, pa.Array]) -> None:
        self._labels = labels
        self._columns = columns

    def get(self, name: str) -> Any:
        """A column, a label of the series, or the mark of a tag that the series does not have."""
        return self._columns.get(name, self._labels.get(name, ABSENT_TAG))
