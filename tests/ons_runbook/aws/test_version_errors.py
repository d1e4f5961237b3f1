"""Errors of two versions behind one alias, and which is worse.

https://www.itl.nist.gov/div898/handbook/prc/section3/prc33.htm ·
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html (ExecutedVersion)
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import version_errors
from ons_runbook.aws.aliases import ALL
from ons_runbook.aws.version_errors import Sample, worse
from ons_runbook.thresholds import Thresholds

START = datetime(2026, 11, 23, 3, 0, 30, tzinfo=UTC)
LIMITS = Thresholds()


def old(calls, errors):
    return Sample("7", calls, errors)


def new(calls, errors):
    return Sample("8", calls, errors)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (old(250, 1), new(240, 3)),  # noise
        (old(250, 0), new(240, 0)),
        (old(250, 250), new(240, 240)),  # something else is broken
        (old(250, 50), new(240, 48)),
        (old(9000, 0), new(1000, 9)),  # no chance, and below 1 %
        (old(250, 0), new(19, 19)),  # too few calls
        (old(250, 0), new(20, 1)),  # one error never counts
        (old(250, 0), new(20, 2)),  # once in two hundred times
        (old(0, 0), new(20, 0)),
        (old(19, 0), new(1000, 49)),  # nothing to compare with, and below 5 %
        (old(20, 5), new(20, 11)),
        (old(250, 125), new(240, 2)),  # better
        (old(1_000_000, 1000), new(100_000, 101)),
    ],
)
def test_what_may_be_chance_is_not_worse(before, after):
    assert worse(before, after, 20, LIMITS) == ""


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (old(250, 1), new(240, 24), "24 of 240 calls failed on version 8 (10.0 %), 1 in 250 on version 7"),
        (old(250, 1), new(240, 24), "1 in 250 on version 7 (0.4 %): more than chance"),
        (old(9000, 0), new(1000, 10), "10 of 1000 calls failed on version 8 (1.0 %)"),
        (old(250, 0), new(20, 3), "more than chance"),
        (old(20, 0), new(20, 20), "more than chance"),
        (old(1_000_000, 1000), new(100_000, 1100), "more than chance"),
        (old(19, 0), new(1000, 50), "(5.0 %), and version 7 had too few to compare with"),
        (old(0, 0), new(20, 20), "(100.0 %), and version 7 had too few"),
    ],
)
def test_what_is_no_chance_is_worse_with_the_numbers(before, after, says):
    assert says in worse(before, after, 20, LIMITS)


@pytest.mark.parametrize(
    ("before", "after", "chance"),
    [
        # Fisher's own tea: https://en.wikipedia.org/wiki/Lady_tasting_tea
        (old(4, 0), new(4, 4), 1 / 70),
        (old(4, 1), new(4, 3), 17 / 70),
        (old(4, 2), new(4, 2), 53 / 70),
        (old(250, 0), new(20, 2), 20 * 19 / (270 * 269)),
        (old(10, 3), new(10, 0), 1),
    ],
)
def test_chance_is_counted_exactly(before, after, chance):
    assert version_errors._chance(before, after) == pytest.approx(chance)


def test_without_a_minimum_it_takes_two_errors_and_something_to_compare_with():
    assert worse(old(100, 0), new(0, 0), 0, LIMITS) == ""
    assert worse(old(100, 0), new(1, 1), 0, LIMITS) == ""
    assert worse(old(100, 0), new(2, 2), 0, LIMITS) != ""
    assert worse(old(0, 0), new(2, 2), 0, LIMITS) != ""


def test_the_limits_are_the_platforms():
    assert worse(old(250, 0), new(20, 3), 20, Thresholds(errors_tolerated=3)) == ""
    assert worse(old(250, 0), new(20, 3), 20, Thresholds(error_rate_fail_percent=16)) != ""
    limits = Thresholds(error_rate_warn_percent=15.1, error_rate_fail_percent=16)
    assert worse(old(250, 0), new(20, 3), 20, limits) == ""
    assert worse(old(0, 0), new(20, 3), 20, Thresholds(error_rate_fail_percent=15)) != ""
    assert worse(old(0, 0), new(20, 3), 20, Thresholds(error_rate_fail_percent=15.1)) == ""


def minute(number):
    """The start of a minute, counted from that in which the deployment began."""
    return START.replace(second=0) + timedelta(minutes=number)


def points(**minutes):
    """`m_2=(calls, errors)` is two minutes before, `m2` after; None is what has not come yet."""
    sides = ({}, {})
    for name, values in minutes.items():
        for side, value in zip(sides, values, strict=True):
            if value is not None:
                side[minute(int(name[1:].replace("_", "-")))] = float(value)
    return sides


@pytest.fixture
def counted(monkeypatch, session):
    """`counted(calls by version, moved, least)` at five and a half minutes after the start."""

    def count(found, moved=None, least=20):
        asked = []

        def calls(session, function, alias, versions, window):
            asked.append(window)
            return {"7": ({}, {}), "8": ({}, {}), ALL: ({}, {}), **found}

        monkeypatch.setattr(version_errors.aliases, "calls", calls)
        end = START + timedelta(minutes=5)
        both = version_errors.since(session, "f", "LIVE", ("7", "8"), START, moved, end, least)
        assert [(window.start, window.end) for window in asked] == [(minute(-60), end + timedelta(minutes=1))]
        return both

    return count


def test_both_are_counted_since_the_deployment_began(counted):
    found = {
        "7": points(m_1=(500, 100), m0=(90, 1), m1=(160, 0)),
        "8": points(m0=(10, 1), m1=(20, 2), m5=(1, 0)),
    }
    assert counted(found) == (old(250, 1), new(31, 3))


def test_a_minute_of_which_only_the_calls_have_come_does_not_count(counted):
    found = {"7": points(m0=(30, 0)), "8": points(m0=(30, 3), m1=(40, None), m2=(None, 1))}
    assert counted(found) == (old(30, 0), new(30, 3))


def test_the_hour_before_helps_out_when_the_old_version_has_too_few_calls(counted):
    hour = points(m_61=(1000, 1000), m_60=(100, 2), m_1=(50, 0), m0=(19, 1), m1=(7, 7))
    before, after = counted({"7": points(m0=(19, 1)), "8": points(m1=(7, 7)), ALL: hour})
    assert (before.calls, before.errors) == (169, 3)
    assert str(before) == "3 in 169 on version 7, the hour before included"
    assert after == new(7, 7)
    assert counted({"7": points(m0=(20, 1)), ALL: hour})[0] == old(20, 1)


def test_when_all_traffic_has_moved_every_call_through_the_alias_is_the_new_versions(counted):
    # CloudWatch need not tell versions apart any more: nothing of version 8 from the third minute on.
    found = {
        "7": points(m0=(90, 0), m1=(80, 0)),
        "8": points(m0=(10, 0), m1=(20, 1), m2=(100, 2)),
        ALL: points(m0=(100, 0), m1=(100, 1), m2=(150, 3), m3=(200, 4), m4=(300, 8)),
    }
    assert counted(found, moved=minute(2) + timedelta(seconds=1)) == (old(170, 0), new(630, 15))
    assert counted(found, moved=None) == (old(170, 0), new(130, 3))


def test_a_rate_without_calls_is_no_error():
    assert Sample("8").rate == 0.0
