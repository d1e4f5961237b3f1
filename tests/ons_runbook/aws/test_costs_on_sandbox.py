"""Costs of the living miniature platform: five periods a page, one bad day, and refusals as AWS gives them.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ons_runbook.aws import cost_anomalies, cost_changes, cost_month, costs
from ons_runbook.calls import recording
from ons_runbook.errors import ReadError
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.window import Window

DAY = timedelta(days=1)


@pytest.fixture
def live(clean_environment: pytest.MonkeyPatch, sandbox: Any) -> Session:
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform())


@pytest.fixture
def seeded(sandbox: Any) -> datetime:
    """The day on which the history ends."""
    return datetime.combine(sandbox.status().started, datetime.min.time(), UTC)


def test_every_page_is_read_and_tax_is_left_out(live, seeded):
    with recording() as calls:
        frame = costs.by_service(live, (seeded - 60 * DAY).date(), seeded.date())
    assert frame["date"].nunique() == 60
    assert sum(call.operation == "GetCostAndUsage" for call in calls) == 12
    assert "Tax" not in set(frame["service"])
    assert set(frame[frame["service"] == "AWS Glue"]["date"].dt.day_of_week) == {0}
    assert frame[frame["date"] < seeded - DAY]["estimated"].eq(False).all()


def test_the_costs_are_paid_for_once_and_are_evidence_twice(live):
    with recording() as first:
        costs.history(live, Window.parse("7d"))
    with recording() as second:
        costs.history(live, Window.parse("7d"))
    paid = [call for call in first if call.service == "ce"]
    assert paid
    assert [call for call in second if call.service == "ce"] == paid


def test_the_one_bad_day_of_ninety_is_found_and_no_other(live, seeded):
    frame = cost_anomalies.anomalies(live, Window.parse("60d"), live.platform.thresholds)
    assert frame["service"].tolist() == ["AmazonCloudWatch"]
    assert frame["date"].tolist() == [seeded - 9 * DAY]
    check = cost_anomalies.judge(frame, live.platform.thresholds)
    assert (check.verdict, "AmazonCloudWatch" in check.observed) == ("pass", True)


def test_seen_from_the_day_after_it_warns(live, seeded):
    until = (seeded - 8 * DAY).isoformat()
    frame = cost_anomalies.anomalies(live, Window.parse("14d", until), live.platform.thresholds)
    assert cost_anomalies.judge(frame, live.platform.thresholds).verdict == "warn"


def test_a_healthy_platform_costs_what_it_does(live):
    window, thresholds = Window.parse("7d"), live.platform.thresholds
    assert cost_changes.judge_daily(cost_changes.daily(live, window), thresholds).verdict == "pass"
    assert cost_changes.judge_week(cost_changes.week_against_week(live, window), thresholds).verdict == "pass"
    month = cost_month.month(live, window)
    assert cost_month.judge(month, thresholds).verdict == "pass"
    assert month.projected_usd >= month.to_date_usd > 0


def test_days_before_the_account_had_costs_are_no_free_days(live, seeded):
    until = (seeded - 88 * DAY).isoformat()
    frame = cost_changes.daily(live, Window.parse("1d", until))
    assert frame["same_weekday_mean_usd"].isna().all()
    assert cost_changes.week_against_week(live, Window.parse("7d", until))["cost_usd"].isna().all()


def test_an_account_without_cost_explorer_is_told_to_wait(
    clean_environment: pytest.MonkeyPatch, empty_sandbox: Any
):
    for name, value in empty_sandbox.env().items():
        clean_environment.setenv(name, value)
    with pytest.raises(ReadError, match="first data come within 24 hours"):
        cost_changes.daily(Session(load_platform()), Window.parse("1d"))
