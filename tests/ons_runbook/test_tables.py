"""Tables: typed even when empty, missing stays missing."""

from datetime import UTC, datetime

import pandas as pd

from ons_runbook.tables import MOMENT, NUMBER, TEXT, TRUTH, WHOLE, given, table, text

COLUMNS = {"name": TEXT, "count": WHOLE, "latency_ms": NUMBER, "seen": MOMENT, "ok": TRUTH}


def test_an_empty_table_has_its_columns_and_types_and_a_sentence():
    frame = table([], COLUMNS, empty="There is nothing.")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS
    assert frame.attrs["empty"] == "There is nothing."


def test_what_a_row_does_not_have_is_missing_and_not_zero():
    frame = table([{"name": "a"}, {"name": "b", "count": 0, "ok": False}], COLUMNS)
    assert frame["count"].isna().tolist() == [True, False]
    assert frame["ok"].isna().tolist() == [True, False]
    assert not given(frame["latency_ms"][0])
    assert given(frame["count"][1])


def test_moments_are_aware_and_utc():
    frame = table([{"seen": datetime(2026, 11, 23, tzinfo=UTC)}], {"seen": MOMENT})
    assert str(frame["seen"].dt.tz) == "UTC"


def test_columns_that_were_not_asked_for_do_not_come():
    assert list(table([{"name": "a", "other": 1}], {"name": TEXT})) == ["name"]


def test_a_missing_cell_reads_as_what_stands_for_it():
    assert text(pd.NA, "?") == "?"
    assert text("a", "?") == "a"
