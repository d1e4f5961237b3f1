"""The month to date, and at its end.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html
"""

from datetime import datetime

import pytest

from ons_runbook.aws import cost_month, costs
from ons_runbook.checks import names_covered
from ons_runbook.thresholds import Thresholds

from .costing import DAY, NOW, TODAY, history, usual, window

FORECAST = {
    "TimePeriod": {"Start": "2026-11-23", "End": "2026-12-01"},
    "Metric": "UNBLENDED_COST",
    "Granularity": "MONTHLY",
    "Filter": costs.USAGE_ONLY,
}


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(cost_month, "utc_now", lambda: NOW)


@pytest.fixture
def forecast(stub):
    answer = {"Total": {"Amount": "50.5", "Unit": "USD"}}
    stub("ce").add_response("get_cost_forecast", answer, FORECAST)


def judged(month):
    return cost_month.judge(month, Thresholds())


def test_days_to_come_cost_what_their_weekday_costs(session, monkeypatch, forecast):
    history(monkeypatch, usual)
    month = cost_month.month(session, window())
    # November 2026 begins on a Sunday: 21 working days, 9 days of weekends, Glue on five Mondays.
    assert month.projected_usd == pytest.approx(21 * 4 + 9 * 1 + 30 * 3 + 5 * 2)
    # To the 22nd: 15 working days, 7 of weekends, three Mondays.
    assert month.to_date_usd == pytest.approx(15 * 4 + 7 * 1 + 22 * 3 + 3 * 2)
    assert (month.month, month.days, month.days_known) == ("2026-11", 30, 22)
    assert "8 as the median of their weekday over the 28 days" in month.projected_from
    assert month.forecast_usd == pytest.approx(month.to_date_usd + 50.5)
    # October: 22 working days, 9 of weekends, four Mondays.
    assert month.month_before_usd == pytest.approx(22 * 4 + 9 * 1 + 31 * 3 + 4 * 2)
    assert judged(month).verdict == "pass"


def test_without_a_forecast_of_aws_the_projection_stands(session, monkeypatch, stub):
    history(monkeypatch, usual)
    stub("ce").add_client_error("get_cost_forecast", "DataUnavailableException", "Insufficient data")
    month = cost_month.month(session, window())
    assert month.forecast_usd is None
    assert "Insufficient data" in month.forecast_from
    assert judged(month).verdict == "pass"


def test_a_month_of_the_past_is_not_forecast(session, monkeypatch):
    end = datetime.fromisoformat("2026-11-15T00:00:00+00:00")
    history(monkeypatch, usual, last=end.date() - DAY)
    month = cost_month.month(session, window(now=end))
    assert (month.days_known, month.forecast_usd) == (14, None)
    assert "from today" in month.forecast_from


def test_on_the_first_of_a_month_the_month_before_is_what_counts(session, monkeypatch):
    end = datetime.fromisoformat("2026-11-01T05:00:00+00:00")
    monkeypatch.setattr(cost_month, "utc_now", lambda: end)
    history(monkeypatch, usual, last=end.date() - DAY)
    month = cost_month.month(session, window(now=end))
    assert (month.month, month.days, month.days_known) == ("2026-10", 31, 31)
    assert month.projected_usd == month.to_date_usd


def test_a_day_that_is_missing_is_projected_and_not_free(session, monkeypatch, forecast):
    history(monkeypatch, usual, missing=[TODAY - DAY])
    month = cost_month.month(session, window())
    assert month.days_known == 21
    assert month.projected_usd == pytest.approx(21 * 4 + 9 * 1 + 30 * 3 + 5 * 2)


@pytest.mark.parametrize(("times", "verdict"), [(1.1, "pass"), (1.3, "warn"), (1.6, "fail")])
def test_a_month_that_grows_warns_and_fails(session, monkeypatch, forecast, times, verdict):
    def grown(service, day):
        return (usual(service, day) or 0) * (times if day.month == 11 else 1)

    history(monkeypatch, grown)
    check = judged(cost_month.month(session, window()))
    assert check.verdict == verdict
    assert bool(check.hint) == (verdict != "pass")


def test_a_few_days_are_no_pattern(session, monkeypatch, forecast):
    history(monkeypatch, usual, days=13)
    month = cost_month.month(session, window())
    assert (month.projected_usd, month.projected_from) == (
        None,
        "only 13 days have costs, too few to project from",
    )


@pytest.mark.parametrize("days", [0, 5, 30])
def test_with_little_or_no_history_it_is_unknown(session, monkeypatch, forecast, days):
    history(monkeypatch, usual, days=days)
    assert judged(cost_month.month(session, window())).verdict == "unknown"


def test_the_rule_covers_what_it_gives(session, monkeypatch, forecast):
    history(monkeypatch, usual)
    assert names_covered(cost_month.judge, {}) == [judged(cost_month.month(session, window())).name]
