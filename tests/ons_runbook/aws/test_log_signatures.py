"""Lines by function, day and signature.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import log_signatures, logs
from ons_runbook.checks import names_covered
from ons_runbook.errors import NotFound
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WEEK = Window.parse("7d", now=NOW)
GROUPS = {"router": "/r", "loader": "/l"}
LIMITS = {"name": "errors", "functions": list(GROUPS), "warn_a_day": 5, "fail_a_day": 9, "hint": "Next: x."}


def at(day, hour=12):
    return int(datetime(2026, 11, day, hour, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def lines(monkeypatch):
    """What the log groups hold; an exception stands for a group that cannot be read."""
    held = {"/r": [], "/l": []}

    def pages(_, group, window, pattern):
        if isinstance(held[group], Exception):
            raise held[group]
        start, end = window.start.timestamp() * 1000, window.end.timestamp() * 1000
        yield []
        yield [{"timestamp": when, "message": said} for when, said in held[group] if start <= when < end]

    monkeypatch.setattr(logs, "event_pages", pages)
    return held


def count(session, window=WEEK):
    return log_signatures.count(session, GROUPS, window, "ERROR")


def test_lines_are_counted_by_function_day_and_signature(session, lines):
    lines["/r"] = [(at(20), "lost 1 row"), (at(20, 13), "lost 2 row"), (at(21), "lost 3 row")]
    lines["/l"] = [(at(20), "boom")]
    frame = count(session)
    found = [tuple(row) for row in frame[["function", "signature", "lines"]].itertuples(index=False)]
    assert found == [("router", "lost … row", 2), ("loader", "boom", 1), ("router", "lost … row", 1)]
    assert frame["day"].dt.day.tolist() == [20, 20, 21]
    assert frame["last_seen"][0] == datetime(2026, 11, 20, 13, tzinfo=UTC)


def test_no_line_is_an_empty_typed_table_that_says_so(session, lines):
    frame = count(session)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == log_signatures.COUNTS
    assert frame.attrs["empty"].startswith("No line matches ERROR in 2026-11-16")
    assert log_signatures.top(frame).empty
    assert log_signatures.daily(frame)["lines"].tolist() == [0] * 16


def test_a_group_that_is_not_there_is_missing_and_unknown(session, lines):
    lines["/r"] = NotFound("Log group /r: no such group")
    lines["/l"] = [(at(20), "boom")]
    frame = count(session)
    days = log_signatures.daily(frame)
    assert days[days["function"] == "router"]["lines"].isna().all()
    router, loader = log_signatures.judge(frame, **LIMITS)
    assert (router.verdict, router.observed) == ("unknown", "Log group /r: no such group")
    assert loader.verdict == "pass"


def test_the_window_before_is_moved_onto_this_one(session, lines):
    lines["/r"] = [(at(12), "boom"), (at(12), "boom"), (at(19), "boom")]
    before = count(session, Window(WEEK.start - WEEK.duration, WEEK.start))
    days = log_signatures.daily(count(session), before)
    of_day = days[(days["time"].dt.day == 19) & (days["function"] == "router")]
    assert dict(zip(of_day["before"], of_day["lines"], strict=True)) == {False: 1, True: 2}


def test_days_are_utc_days_also_when_clocks_change(session, lines):
    """2026-10-25: clocks go back in Europe; a UTC day has 24 hours all the same."""
    window = Window(datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 27, tzinfo=UTC))
    when = int(datetime(2026, 10, 25, 23, 59, tzinfo=UTC).timestamp() * 1000)
    lines["/r"] = [(when, "boom")]
    days = log_signatures.daily(count(session, window))
    assert days[days["function"] == "router"]["lines"].tolist() == [0, 1, 0]
    assert (days["time"].diff().dropna() <= timedelta(days=1)).all()


@pytest.mark.parametrize(("many", "verdict"), [(4, "pass"), (5, "warn"), (8, "warn"), (9, "fail")])
def test_the_worst_day_decides(session, lines, many, verdict):
    lines["/r"] = [(at(20), "boom")] * many + [(at(21), "boom")] * 3
    check, quiet = log_signatures.judge(count(session), **LIMITS)
    assert check.verdict == verdict
    assert (
        check.observed
        == f"lines: {many + 3} in all, {many} on the worst day (2026-11-20); mostly boom ({many + 3})"
    )
    assert (quiet.verdict, quiet.observed) == ("pass", "no line")
    assert names_covered(log_signatures.judge, LIMITS) == ["errors.router", "errors.loader"]


def test_the_most_frequent_come_first(session, lines):
    lines["/r"] = [(at(18), "rare"), (at(18), "often"), (at(20), "often")]
    top = log_signatures.top(count(session), most=1)
    assert top[["signature", "lines", "days"]].values.tolist() == [["often", 2, 2]]
    assert (top["first_seen"][0].day, top["last_seen"][0].day) == (18, 20)


def test_memory_does_not_grow_with_the_number_of_lines(session, monkeypatch):
    peaks = []
    for many in (10, 100):
        pages = (
            [{"timestamp": at(20) + n, "message": f"lost {n} rows of {m}"} for n in range(200)]
            for m in range(many)
        )
        monkeypatch.setattr(logs, "event_pages", lambda *_, pages=pages: pages)
        tracemalloc.start()
        frame = log_signatures.count(session, {"router": "/r"}, Window.parse("1d", now=NOW), "ERROR")
        assert frame["lines"].sum() == many * 200
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
