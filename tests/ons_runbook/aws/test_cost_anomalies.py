"""Days on which a service stands out.

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-exploring-data.html
"""

import pytest

from ons_runbook.aws import cost_anomalies
from ons_runbook.checks import names_covered
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds

from .costing import DAY, TODAY, but, day, history, usual, window

YESTERDAY = TODAY - DAY


def found(session, monkeypatch, cost=usual, length="14d", **more):
    history(monkeypatch, cost, **more)
    return cost_anomalies.anomalies(session, window(length), Thresholds())


def judged(frame):
    return cost_anomalies.judge(frame, Thresholds())


def test_weekends_and_a_job_of_mondays_are_no_anomalies(session, monkeypatch):
    frame = found(session, monkeypatch, length="50d")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == cost_anomalies.ANOMALIES
    assert frame.empty
    assert "No service stands out" in frame.attrs["empty"]
    assert judged(frame).verdict == "pass"


def test_a_day_of_three_times_the_usual_is_named_with_its_excess(session, monkeypatch):
    frame = found(session, monkeypatch, but("S3", YESTERDAY, 9.0))
    row = frame.iloc[0]
    assert len(frame) == 1
    assert (row["service"], row["cost_usd"], row["expected_usd"], row["excess_usd"]) == ("S3", 9.0, 3.0, 6.0)
    assert row["reason"] == "3.0 times the median of 4 Sundays"
    check = judged(frame)
    assert check.verdict == "warn"
    assert check.observed == "S3 on 2026-11-22: 9.00 USD instead of 3.00 (+6.00)"


def test_a_job_of_mondays_on_a_tuesday_is_one(session, monkeypatch):
    frame = found(session, monkeypatch, but("Glue", day("2026-11-17"), 2.0))
    assert frame["reason"].tolist() == ["nothing before: the median of 4 Tuesdays is 0"]


def test_an_old_anomaly_is_mentioned_and_does_not_warn_again(session, monkeypatch):
    check = judged(found(session, monkeypatch, but("S3", TODAY - 9 * DAY, 9.0)))
    assert check.verdict == "pass"
    assert check.observed.startswith("none on the last 3 days; earlier: S3 on 2026-11-14")


@pytest.mark.parametrize(("back", "verdict"), [(3, "warn"), (4, "pass")])
def test_it_warns_for_so_many_days(session, monkeypatch, back, verdict):
    assert judged(found(session, monkeypatch, but("S3", TODAY - back * DAY, 9.0))).verdict == verdict


def test_the_bad_day_does_not_raise_what_is_expected_of_the_next(session, monkeypatch):
    bad = but("S3", TODAY - 8 * DAY, 30.0)
    again = lambda s, d: 9.0 if (s, d) == ("S3", YESTERDAY) else bad(s, d)  # noqa: E731
    assert found(session, monkeypatch, again)["expected_usd"].tolist() == [3.0, 3.0]


@pytest.mark.parametrize("usd", [3.9, 4.4])
def test_little_in_dollars_or_in_percent_is_none(session, monkeypatch, usd):
    assert found(session, monkeypatch, but("S3", YESTERDAY, usd)).empty


def test_three_times_a_few_cents_are_none(session, monkeypatch):
    cents = lambda s, d: (usual(s, d) or 0) / (10 if d != YESTERDAY else 10 / 3)  # noqa: E731
    assert found(session, monkeypatch, cents).empty


def test_a_service_that_is_always_restless_is_none(session, monkeypatch):
    week = lambda d: (TODAY - d).days // 7  # noqa: E731
    restless = lambda s, d: (2.0, 8.0, 3.0, 7.0, 5.0)[week(d) % 5] * 2 if s == "S3" else usual(s, d)  # noqa: E731
    assert found(session, monkeypatch, restless).empty


def test_a_new_account_is_compared_with_all_its_days(session, monkeypatch):
    frame = found(session, monkeypatch, but("S3", YESTERDAY, 9.0), days=10)
    assert frame["reason"].tolist() == ["3.0 times the median of 9 days"]


@pytest.mark.parametrize("more", [{"days": 0}, {"days": 5}, {"missing": [YESTERDAY]}])
def test_without_days_to_judge_it_is_unknown(session, monkeypatch, more):
    frame = found(session, monkeypatch, **more)
    assert frame.empty
    assert judged(frame).verdict == "unknown"


def test_a_table_that_does_not_say_what_was_judged_is_no_pass():
    assert judged(table([], cost_anomalies.ANOMALIES)).verdict == "unknown"


def test_the_rule_covers_what_it_gives(session, monkeypatch):
    assert names_covered(cost_anomalies.judge, {}) == [judged(found(session, monkeypatch)).name]
