"""Windows of time."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from ons_runbook.errors import WindowError
from ons_runbook.window import Window, iso, parse_duration

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_durations_are_written_as_people_say_them(text, length):
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "h", "1", "1 h", "1s", "-1h", "0h", "1.5h", "1h30m", "١h", None, 60])
def test_anything_else_is_no_duration(text):
    with pytest.raises(WindowError):
        parse_duration(text)


def test_a_window_ends_now_unless_told():
    assert Window.parse("1h", now=NOW) == Window(NOW - timedelta(hours=1), NOW)


def test_an_end_may_have_any_zone_and_is_kept_in_utc():
    window = Window.parse("1h", "2026-11-22T23:00-03:00", now=NOW)
    assert window.end == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert window.end.tzinfo is UTC
    brasilia = datetime(2026, 11, 22, 23, tzinfo=timezone(timedelta(hours=-3)))
    assert Window(brasilia - timedelta(hours=1), brasilia) == window


@pytest.mark.parametrize(
    ("window", "until", "reason"),
    [
        ("1h", "2026-11-23T04:00Z", "future"),
        ("1h", "2026-11-23T02:00", "no time zone"),
        ("1h", "2026-11-23", "no time zone"),
        ("1h", "yesterday", "not a moment"),
        ("1h", None, "not a moment"),
        ("999999w", "now", "reaches back"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(window, until, reason):
    with pytest.raises(WindowError, match=reason):
        Window.parse(window, until, now=NOW)


def test_a_clock_that_is_a_little_behind_is_forgiven():
    assert Window.parse("1h", iso(NOW + timedelta(seconds=30)), now=NOW).end > NOW


def test_reversed_empty_and_naive_windows_are_refused():
    with pytest.raises(WindowError, match="reversed"):
        Window(NOW, NOW - timedelta(hours=1))
    with pytest.raises(WindowError, match="reversed or empty"):
        Window(NOW, NOW)
    with pytest.raises(WindowError, match="no time zone"):
        Window(datetime(2026, 1, 1), NOW)  # noqa: DTZ001


def test_parts_adjoin_and_cover_the_whole():
    parts = Window(NOW - timedelta(hours=1), NOW).split(7)
    assert len(parts) == 7
    assert (parts[0].start, parts[-1].end) == (NOW - timedelta(hours=1), NOW)
    assert all(first.end == second.start for first, second in pairwise(parts))


def test_it_reads_well():
    assert str(Window.parse("1h", now=NOW)) == "2026-11-23 02:00 to 03:00 UTC"
    assert str(Window.parse("1d", now=NOW)) == "2026-11-22 03:00 to 2026-11-23 03:00 UTC"
