"""Values. "Flux specification / Lexical elements / Duration literals": adding durations to times."""

import pytest

from ons_sandbox.influx.flux.values import Duration, Time
from ons_sandbox.influx.times import format_rfc3339, parse_rfc3339


def time(text: str) -> Time:
    return Time(parse_rfc3339(text))


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2018-01-01T00:00:00Z", "1d", "2018-01-02T00:00:00Z"),
        ("2018-01-01T00:00:00Z", "1mo", "2018-02-01T00:00:00Z"),
        ("2018-01-31T00:00:00Z", "2mo", "2018-03-31T00:00:00Z"),
        ("2018-02-28T00:00:00Z", "2mo", "2018-04-28T00:00:00Z"),
        ("2018-01-31T00:00:00Z", "1mo", "2018-02-28T00:00:00Z"),
        ("2018-01-28T00:00:00Z", "1mo2d", "2018-03-02T00:00:00Z"),
        ("2018-01-01T00:00:00Z", "1mo30d", "2018-03-03T00:00:00Z"),
        ("2018-01-31T00:00:00Z", "1mo1d", "2018-03-01T00:00:00Z"),
        ("2016-02-29T12:00:00.000000001Z", "1y", "2017-02-28T12:00:00.000000001Z"),
    ],
)
def test_months_are_added_before_the_rest(start: str, duration: str, end: str) -> None:
    assert time(start).plus(Duration.parse(duration)) == time(end)


def test_a_negative_duration_goes_back() -> None:
    assert time("2018-03-31T00:00:00Z").plus(-Duration.parse("1mo")) == time("2018-02-28T00:00:00Z")
    assert time("2018-01-01T00:00:00Z").plus(-Duration.parse("1mo1h")) == time("2017-11-30T23:00:00Z")


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59.999999999Z",
        "2020-01-01T00:00:00Z",
        "2020-01-01T00:00:00.5Z",
        "2261-01-01T01:02:03Z",
    ],
)
def test_a_time_is_written_with_as_many_digits_as_it_needs(text: str) -> None:
    assert str(time(text)) == text


def test_a_time_may_be_written_with_all_digits() -> None:
    assert format_rfc3339(10**9, digits=9) == "1970-01-01T00:00:01.000000000Z"


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2020-1-1", "2020-01-01T00:00Z", "2020-13-01", "2020-01-01 "]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)
