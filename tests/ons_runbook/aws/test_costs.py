"""Costs by service and day.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html: NextPageToken;
amounts are strings; DataUnavailableException · API_DateInterval.html: "The end date is exclusive"
"""

from datetime import UTC, date, datetime

import pytest

from ons_runbook.aws import costs
from ons_runbook.errors import AccessDenied, ReadError, Throttled, UnexpectedAnswer, WindowError
from ons_runbook.window import Window

from .costing import NOW, history, usual, window

ASKED = {
    "TimePeriod": {"Start": "2026-11-21", "End": "2026-11-23"},
    "Granularity": "DAILY",
    "Metrics": ["UnblendedCost"],
    "Filter": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}},
    "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}],
}
START, END = date(2026, 11, 21), date(2026, 11, 23)


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(costs, "utc_now", lambda: NOW)


def period(day, estimated=False, unit="USD", **services):
    groups = [
        {"Keys": [name], "Metrics": {"UnblendedCost": {"Amount": usd, "Unit": unit}}}
        for name, usd in services.items()
    ]
    return {"TimePeriod": {"Start": day, "End": day}, "Groups": groups, "Estimated": estimated}


class TestReading:
    def test_every_page_counts_oldest_day_first(self, stub, session):
        first = {"ResultsByTime": [period("2026-11-22", True, Lambda="0.5")], "NextPageToken": "1"}
        second = {"ResultsByTime": [period("2026-11-21", S3="1.5", Lambda="1.25")]}
        stub("ce").add_response("get_cost_and_usage", first, ASKED)
        stub("ce").add_response("get_cost_and_usage", second, {**ASKED, "NextPageToken": "1"})
        frame = costs.by_service(session, START, END)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == costs.COSTS
        assert frame["service"].tolist() == ["Lambda", "S3", "Lambda"]
        assert frame["cost_usd"].tolist() == [1.25, 1.5, 0.5]
        assert frame["estimated"].tolist() == [False, False, True]
        assert frame["date"][2] == datetime(2026, 11, 22, tzinfo=UTC)

    def test_an_account_without_costs_is_an_empty_typed_table_that_says_so(self, stub, session):
        stub("ce").add_response("get_cost_and_usage", {"ResultsByTime": [period("2026-11-21")]}, ASKED)
        frame = costs.by_service(session, START, END)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == costs.COSTS
        assert frame.attrs["empty"] == "Cost Explorer has no costs from 2026-11-21 to 2026-11-22."

    def test_another_currency_is_not_taken_for_dollars(self, stub, session):
        answer = {"ResultsByTime": [period("2026-11-21", unit="CNY", S3="1")]}
        stub("ce").add_response("get_cost_and_usage", answer)
        with pytest.raises(UnexpectedAnswer, match="CNY"):
            costs.by_service(session, START, END)

    @pytest.mark.parametrize(
        ("start", "end", "said"),
        [
            (END, START, "reversed"),
            (START, START, "reversed or none"),
            (date(2026, 11, 24), date(2026, 11, 25), "future"),
            (date(2025, 9, 30), END, "does not go back to 2025-09-30"),
        ],
    )
    def test_days_that_cannot_be_asked_for_are_named_and_nothing_is_sent(self, session, start, end, said):
        with pytest.raises(WindowError, match=said):
            costs.by_service(session, start, end)

    def test_the_oldest_day_is_that_of_the_month_thirteen_months_ago(self):
        assert costs.oldest(date(2026, 11, 23)) == date(2025, 10, 1)
        assert costs.oldest(date(2026, 1, 31)) == date(2024, 12, 1)

    @pytest.mark.parametrize(
        ("code", "message", "kind", "todo"),
        [
            ("AccessDeniedException", "not authorized", AccessDenied, "permission ce:GetCostAndUsage"),
            ("AccessDeniedException", "User not enabled for cost explorer access", AccessDenied, "open Cost"),
            ("DataUnavailableException", "no data", ReadError, "within 24 hours"),
            ("ValidationException", "beyond 14 months", ReadError, "last 13 months"),
            ("ThrottlingException", "Rate exceeded", Throttled, "Ask again"),
        ],
    )
    def test_a_refusal_says_what_to_do(self, stub, session, code, message, kind, todo):
        stub("ce").add_client_error("get_cost_and_usage", code, message)
        with pytest.raises(kind, match=todo):
            costs.by_service(session, START, END)


class TestHistory:
    def test_it_is_asked_for_once(self, stub, session):
        stub("ce").add_response("get_cost_and_usage", {"ResultsByTime": [period("2026-11-21", S3="1")]})
        frame = costs.history(session, window())
        assert costs.history(session, window()) is frame

    def test_a_failed_read_is_not_kept(self, stub, session):
        stub("ce").add_client_error("get_cost_and_usage", "ThrottlingException")
        stub("ce").add_response("get_cost_and_usage", {"ResultsByTime": []})
        with pytest.raises(Throttled):
            costs.history(session, window())
        assert costs.history(session, window()).empty

    @pytest.mark.parametrize(
        ("length", "until", "start", "end"),
        [
            ("1d", "2026-11-23T05:00:00Z", "2026-10-01", "2026-11-23"),
            ("20d", "2026-11-05T00:00:00Z", "2026-09-18", "2026-11-05"),
            ("60d", "2026-11-23T05:00:00Z", "2026-07-26", "2026-11-23"),
            ("1d", "2026-11-01T00:00:00Z", "2026-09-01", "2026-11-01"),
            ("1d", "2025-10-05T00:00:00Z", "2025-10-01", "2025-10-05"),
        ],
    )
    def test_it_reaches_back_to_all_that_is_compared_with(
        self, session, monkeypatch, length, until, start, end
    ):
        asked = []
        monkeypatch.setattr(costs, "by_service", lambda _, first, after: asked.append((first, after)))
        costs.history(session, Window.parse(length, until, now=NOW))
        assert asked == [(date.fromisoformat(start), date.fromisoformat(end))]

    def test_a_window_from_before_what_is_kept_is_refused(self, session):
        with pytest.raises(WindowError, match="does not go back"):
            costs.history(session, Window.parse("14d", "2025-10-05T00:00:00Z", now=NOW))


@pytest.mark.parametrize(
    ("length", "until", "first", "after"),
    [
        ("14d", "2026-11-23T05:00:00Z", "2026-11-09", "2026-11-23"),
        ("1h", "2026-11-23T05:00:00Z", "2026-11-22", "2026-11-23"),
        # In Brasília that is still the day before; costs are by UTC days.
        ("1d", "2026-11-22T21:30:00-03:00", "2026-11-22", "2026-11-23"),
        # Clocks change on these days in New York and Lisbon: a UTC day has 24 hours all the same.
        ("2d", "2026-11-02T00:00:00Z", "2026-10-31", "2026-11-02"),
        ("2d", "2026-03-09T00:00:00Z", "2026-03-07", "2026-03-09"),
    ],
)
def test_a_window_stands_for_the_whole_utc_days_before_its_end(length, until, first, after):
    days = costs.whole_days(Window.parse(length, until, now=NOW))
    assert days == (date.fromisoformat(first), date.fromisoformat(after))


class TestByDay:
    def test_the_dearest_services_have_their_names_and_the_rest_is_together(self, session, monkeypatch):
        history(monkeypatch, usual)
        frame = costs.by_day(session, window("7d"), most=1)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == costs.COSTS
        assert frame["service"].unique().tolist() == ["Lambda", costs.OTHERS]
        assert frame[frame["service"] == "Lambda"]["cost_usd"].tolist() == [4.0] * 5 + [1.0] * 2
        assert frame[frame["service"] == costs.OTHERS]["cost_usd"].tolist() == [5.0] + [3.0] * 6
        assert frame["estimated"].tolist() == ([False] * 6 + [True]) * 2

    def test_nothing_is_an_empty_typed_table(self, session, monkeypatch):
        history(monkeypatch, lambda *_: None)
        frame = costs.by_day(session, window())
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == costs.COSTS
        assert "2026-11-09 to 2026-11-22" in frame.attrs["empty"]


def test_a_change_from_nothing_has_no_percentage():
    assert costs.percent(3.0, 2.0) == 50.0
    assert costs.percent(3.0, 0.0) is None
    assert costs.percent(3.0, float("nan")) is None
