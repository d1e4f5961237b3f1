"""Yesterday against days like it, one week against the week before.

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-exploring-data.html (estimated until final)
"""

import pytest

from ons_runbook.aws import cost_changes, costs
from ons_runbook.aws.cost_changes import ALL
from ons_runbook.checks import names_covered
from ons_runbook.thresholds import Thresholds

from .costing import DAY, TODAY, but, history, usual, window

YESTERDAY = TODAY - DAY


@pytest.fixture(autouse=True)
def one_history(monkeypatch):
    monkeypatch.setattr(cost_changes, "history", lambda *given: costs.history(*given))


def daily(session, monkeypatch, cost=usual, **more):
    history(monkeypatch, cost, **more)
    return cost_changes.daily(session, window())


def judged(frame):
    return cost_changes.judge_daily(frame, Thresholds())


class TestYesterday:
    def test_a_sunday_is_compared_with_sundays_and_with_the_days_before(self, session, monkeypatch):
        frame = daily(session, monkeypatch)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == cost_changes.DAILY
        assert frame["service"].tolist() == [ALL, "S3", "Lambda", "Glue"]
        everything = frame.iloc[0]
        assert (everything["cost_usd"], everything["same_weekday_mean_usd"]) == (4.0, 4.0)
        # Ten working days, two Saturdays and two Sundays, with Glue on two Mondays.
        assert everything["trailing_mean_usd"] == pytest.approx((10 * 7 + 4 * 4 + 2 * 2) / 14)
        assert everything["same_weekday_change_percent"] == 0
        assert everything["estimated"]

    def test_a_service_that_cost_nothing_yesterday_is_still_there(self, session, monkeypatch):
        row = daily(session, monkeypatch).set_index("service").loc["Glue"]
        assert (row["cost_usd"], row["change_percent"]) == (0.0, -100.0)

    def test_an_ordinary_day_passes(self, session, monkeypatch):
        check = judged(daily(session, monkeypatch))
        assert check.verdict == "pass"
        assert check.observed == "4.00 USD, the same weekday's mean is 4.00 USD (+0 %)"
        assert check.evidence == "2026-11-22"

    @pytest.mark.parametrize(
        ("usd", "verdict"), [(1.19, "pass"), (2.1, "pass"), (2.3, "warn"), (4.9, "warn"), (5.1, "fail")]
    )
    def test_a_dear_day_warns_and_fails(self, session, monkeypatch, usd, verdict):
        assert judged(daily(session, monkeypatch, but("Lambda", YESTERDAY, usd))).verdict == verdict

    def test_cents_do_not_warn_whatever_the_percentage(self, session, monkeypatch):
        tenth = lambda service, day: (2 if day == YESTERDAY else 1) * (usual(service, day) or 0) / 10  # noqa: E731
        check = judged(daily(session, monkeypatch, tenth))
        assert (check.verdict, "+100 %" in check.observed) == ("pass", True)

    def test_a_day_without_costs_is_unknown(self, session, monkeypatch):
        frame = daily(session, monkeypatch, missing=[YESTERDAY])
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == cost_changes.DAILY
        check = judged(frame)
        assert (check.verdict, check.observed) == (
            "unknown",
            "Cost Explorer has no costs for 2026-11-22 (yet).",
        )

    def test_an_empty_platform_is_unknown(self, session, monkeypatch):
        assert judged(daily(session, monkeypatch, lambda *_: None)).verdict == "unknown"

    def test_a_day_that_is_still_being_counted_is_unknown(self, session, monkeypatch):
        half = lambda s, d: usual(s, d) if d != YESTERDAY else (0.9 if s == "S3" else None)  # noqa: E731
        check = judged(daily(session, monkeypatch, half))
        assert (check.verdict, "not all is counted yet" in check.observed) == ("unknown", True)

    def test_the_first_days_of_an_account_have_little_to_compare_with(self, session, monkeypatch):
        assert judged(daily(session, monkeypatch, days=1)).verdict == "unknown"
        check = judged(daily(session, monkeypatch, days=3))
        assert "trailing mean (no such weekday is known)" in check.observed


class TestWeek:
    def week(self, session, monkeypatch, cost=usual, **more):
        history(monkeypatch, cost, **more)
        return cost_changes.week_against_week(session, window("7d"))

    def test_the_days_of_the_window_against_as_many_before(self, session, monkeypatch):
        frame = self.week(session, monkeypatch, but("Lambda", YESTERDAY, 6.0))
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == cost_changes.WEEK
        everything = frame.iloc[0]
        assert (everything["service"], everything["before_usd"]) == (ALL, 5 * 4 + 2 * 1 + 7 * 3 + 2)
        assert everything["change_usd"] == pytest.approx(5.0)
        assert frame.set_index("service").loc["S3", "change_percent"] == 0
        assert cost_changes.judge_week(frame, Thresholds()).verdict == "pass"

    def test_a_dear_week_warns(self, session, monkeypatch):
        frame = self.week(session, monkeypatch, but("S3", YESTERDAY, 25.0))
        check = cost_changes.judge_week(frame, Thresholds())
        assert (check.verdict, check.hint.endswith("cost/optimize_costs.")) == ("warn", True)

    @pytest.mark.parametrize("missing", [YESTERDAY, TODAY - 10 * DAY])
    def test_a_week_with_a_hole_is_unknown_and_not_cheap(self, session, monkeypatch, missing):
        frame = self.week(session, monkeypatch, missing=[missing])
        assert frame["change_percent"].isna().all()
        assert cost_changes.judge_week(frame, Thresholds()).verdict == "unknown"

    def test_an_empty_platform_is_unknown(self, session, monkeypatch):
        frame = self.week(session, monkeypatch, lambda *_: None)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == cost_changes.WEEK
        assert cost_changes.judge_week(frame, Thresholds()).verdict == "unknown"


def test_the_rules_cover_what_they_give(session, monkeypatch):
    assert names_covered(cost_changes.judge_daily, {}) == [judged(daily(session, monkeypatch)).name]
    frame = TestWeek().week(session, monkeypatch)
    assert names_covered(cost_changes.judge_week, {}) == [cost_changes.judge_week(frame, Thresholds()).name]
