"""Lines in CloudWatch Logs.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html: "… can return
an empty page that has a nextToken"; both ends of the time are included
"""

import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ons_runbook.aws import logs
from ons_runbook.checks import names_covered
from ons_runbook.errors import NotFound
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HOUR = Window.parse("1h", now=NOW)
END = int(NOW.timestamp() * 1000)
START = END - 3_600_000


def asked(**more):
    return {"logGroupName": "/g", "filterPattern": "SUCCESS", "startTime": START, "endTime": END - 1, **more}


def page(*times, token=None):
    events = [{"timestamp": time, "message": f"SUCCESS {time}", "logStreamName": "s"} for time in times]
    return {"events": events} | ({"nextToken": token} if token else {})


def count(session, groups=None, window=HOUR):
    return logs.count_by_function(session, groups or {"router": "/g"}, window, "SUCCESS")


class TestCounting:
    def test_every_page_counts_even_after_an_empty_one(self, stub, session):
        stub("logs").add_response("filter_log_events", page(START, START + 5, token="1"), asked())
        stub("logs").add_response("filter_log_events", page(token="2"), asked(nextToken="1"))
        stub("logs").add_response("filter_log_events", page(END - 1), asked(nextToken="2"))
        row = count(session).iloc[0]
        assert (row["function"], row["lines"], row["log_group"]) == ("router", 3, "/g")
        assert row["first"] == HOUR.start
        assert row["last"] == NOW - timedelta(milliseconds=1)

    def test_no_line_is_zero_and_a_group_that_is_not_there_is_missing(self, stub, session):
        stub("logs").add_response("filter_log_events", page())
        assert count(session).iloc[0]["lines"] == 0
        stub("logs").add_client_error("filter_log_events", "ResourceNotFoundException", "no such group")
        row = count(session).iloc[0]
        assert row[["lines", "first", "last"]].isna().all()
        assert "Log group /g" in row["problem"]

    def test_a_long_window_is_read_in_slices_that_adjoin(self, session, monkeypatch):
        slices = []

        def events(_, group, window, pattern):
            slices.append((window.start, window.end))
            return iter([{"timestamp": int(window.start.timestamp() * 1000)}])

        monkeypatch.setattr(logs, "events", events)
        week = Window.parse("7d", now=NOW)
        row = count(session, window=week).iloc[0]
        slices.sort()
        assert len(slices) == row["lines"] == 56
        assert (slices[0][0], slices[-1][1]) == (week.start, week.end)
        assert all(first[1] == second[0] for first, second in pairwise(slices))

    def test_nothing_is_kept_but_the_count(self, session, monkeypatch):
        """A generator without end would fill the memory if events were collected."""
        many = ({"timestamp": START + n, "message": "x" * 10_000} for n in range(200_000))
        monkeypatch.setattr(logs, "events", lambda *_: many)
        tracemalloc.start()
        assert count(session).iloc[0]["lines"] == 200_000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5_000_000

    def test_no_functions_are_an_empty_table_with_its_columns(self, session):
        frame = logs.count_by_function(session, {}, HOUR, "SUCCESS")
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == logs.COUNTS


class TestSearching:
    def test_lines_come_oldest_first_over_all_groups(self, session, monkeypatch):
        found = {"/a": page(START + 9)["events"], "/b": page(START + 1)["events"]}
        monkeypatch.setattr(logs, "events", lambda _, group, *__: iter(found[group]))
        frame = logs.search(session, ["/a", "/b"], HOUR, "ERROR")
        assert frame["log_group"].tolist() == ["/b", "/a"]
        assert frame["time"][0] == HOUR.start + timedelta(milliseconds=1)
        assert frame.attrs["cut"] == []

    def test_it_stops_at_the_limit_and_says_so(self, stub, session):
        stub("logs").add_response("filter_log_events", page(START, START + 1, START + 2, token="more"))
        frame = logs.search(session, ["/g"], HOUR, "SUCCESS", limit=2)
        assert len(frame) == 2
        assert frame.attrs["cut"] == ["/g"]

    def test_a_group_that_is_not_there_is_an_error(self, stub, session):
        stub("logs").add_client_error("filter_log_events", "ResourceNotFoundException")
        with pytest.raises(NotFound):
            logs.search(session, ["/g"], HOUR, "ERROR")

    def test_no_line_is_an_empty_table_that_says_so(self, stub, session):
        stub("logs").add_response("filter_log_events", page())
        frame = logs.search(session, ["/g"], HOUR, "SUCCESS")
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == logs.LINES
        assert frame.attrs["empty"] == "No line matches SUCCESS in 2026-11-23 02:00 to 03:00 UTC."


def judged(window="1h", **lines):
    rows = [
        {"function": name, "problem": value} if isinstance(value, str) else {"function": name, "lines": value}
        for name, value in lines.items()
    ]
    frame = table(rows, logs.COUNTS)
    return logs.judge_activity(frame, Window.parse(window, now=NOW), Thresholds(), list(lines))


class TestActivity:
    @pytest.mark.parametrize(
        ("lines", "verdict"),
        [
            ({"router": 6, "processor": 6, "loader": 6}, "pass"),
            ({"router": 6, "processor": 0, "loader": 6}, "warn"),
            ({"router": 0, "processor": 0, "loader": 0}, "fail"),
            ({"router": 6, "processor": "denied", "loader": 6}, "unknown"),
            ({"router": 0, "processor": "denied", "loader": 6}, "fail"),
        ],
    )
    def test_the_verdict(self, lines, verdict):
        assert judged(**lines).verdict == verdict

    def test_it_says_how_much_each_did(self):
        assert judged(router=6, loader=5).observed == "SUCCESS lines: router 6, loader 5"

    def test_one_reason_is_said_once(self):
        assert judged(router="denied", loader="denied").observed == "denied"

    def test_a_window_that_may_be_quiet_may_be_quiet(self):
        check = judged("30m", router=0, loader=0)
        assert check.verdict == "pass"
        assert "or none in a window of up to 45 min" in check.expected

    def test_the_rule_covers_what_it_gives(self):
        assert names_covered(logs.judge_activity, {}) == [judged(router=1).name]
