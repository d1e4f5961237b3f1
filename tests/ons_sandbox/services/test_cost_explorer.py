"""Cost Explorer answers by date, service and record type, in pages.

Expected values: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html,
and API_DateInterval, API_Expression, API_GetCostForecast and API_GetDimensionValues beside it.
Messages that those pages do not have are as AWS has been seen to write them (aws/aws-sdk-js issue 2732).
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

LAMBDA, S3 = "AWS Lambda", "Amazon Simple Storage Service"
BY_SERVICE = [{"Type": "DIMENSION", "Key": "SERVICE"}]


class Costs:
    """Cost Explorer's client, asked in days before today."""

    def __init__(self, client: Any, today: date) -> None:
        self.client, self.today = client, today

    def day(self, ago: int) -> str:
        return (self.today - timedelta(days=ago)).isoformat()

    def period(self, start: int, end: int) -> dict[str, str]:
        return {"Start": self.day(start), "End": self.day(end)}

    def pages(self, start: int, end: int, **parameters: Any) -> Iterator[dict[str, Any]]:
        asked = {"Granularity": "DAILY", "Metrics": ["UnblendedCost"], **parameters}
        asked["TimePeriod"] = self.period(start, end)
        while True:
            answer = self.client.get_cost_and_usage(**asked)
            yield answer
            if "NextPageToken" not in answer:
                return
            asked["NextPageToken"] = answer["NextPageToken"]

    def results(self, start: int, end: int, **parameters: Any) -> list[dict[str, Any]]:
        return [result for page in self.pages(start, end, **parameters) for result in page["ResultsByTime"]]

    def costs(self, start: int, end: int, **parameters: Any) -> dict[str, float]:
        """Cost by first day of each period."""
        return {
            result["TimePeriod"]["Start"]: float(result["Total"]["UnblendedCost"]["Amount"])
            for result in self.results(start, end, **parameters)
        }


@pytest.fixture
def ce(services: Any) -> Iterator[Costs]:
    today = date.fromisoformat(services.call("ledgers:use"))
    yield Costs(services.client("ce"), today)
    services.call("ons_sandbox.services.cost_explorer:reset")


def dimension(key: str, *values: str) -> dict[str, Any]:
    return {"Dimensions": {"Key": key, "Values": list(values)}}


def test_the_first_day_counts_and_the_last_does_not(ce: Costs) -> None:
    assert ce.costs(9, 6) == {ce.day(9): 3.0, ce.day(8): 3.0, ce.day(7): 3.0}


def test_costs_by_service_stand_in_groups_and_the_total_is_empty(ce: Costs) -> None:
    (result,) = ce.results(7, 6, GroupBy=BY_SERVICE)
    assert result["Total"] == {}
    assert [(group["Keys"], group["Metrics"]["UnblendedCost"]) for group in result["Groups"]] == [
        ([LAMBDA], {"Amount": "1", "Unit": "USD"}),
        ([S3], {"Amount": "2", "Unit": "USD"}),
    ]


def test_a_day_without_costs_is_there_with_no_groups_or_a_total_of_zero(ce: Costs) -> None:
    (grouped,) = ce.results(5, 4, GroupBy=BY_SERVICE)
    assert grouped["Groups"] == []
    (whole,) = ce.results(5, 4)
    assert whole["Total"] == {"UnblendedCost": {"Amount": "0", "Unit": "USD"}}


def test_two_groups_share_their_keys(ce: Costs) -> None:
    by_both = [*BY_SERVICE, {"Type": "DIMENSION", "Key": "RECORD_TYPE"}]
    (answer,) = ce.pages(3, 2, GroupBy=by_both)
    (result,) = answer["ResultsByTime"]
    assert [group["Keys"] for group in result["Groups"]] == [
        [LAMBDA, "Usage"],
        [S3, "Usage"],
        ["Tax", "Tax"],
    ]
    assert answer["GroupDefinitions"] == by_both


def test_filters_combine(ce: Costs) -> None:
    def cost(expression: dict[str, Any]) -> float:
        return ce.costs(3, 2, Filter=expression)[ce.day(3)]

    assert ce.costs(3, 2)[ce.day(3)] == 33.0
    assert cost(dimension("SERVICE", S3)) == 2.0
    assert cost(dimension("SERVICE", S3, LAMBDA)) == 3.0
    assert cost({"Not": dimension("RECORD_TYPE", "Tax", "Credit")}) == 3.0
    assert cost({"Or": [dimension("SERVICE", LAMBDA), dimension("RECORD_TYPE", "Tax")]}) == 31.0
    assert cost({"And": [dimension("SERVICE", LAMBDA), dimension("RECORD_TYPE", "Tax")]}) == 0.0


def test_every_metric_that_is_asked_for_is_answered(ce: Costs) -> None:
    wanted = ["BlendedCost", "UnblendedCost", "AmortizedCost", "NetUnblendedCost", "UsageQuantity"]
    (result,) = ce.results(7, 6, Metrics=wanted)
    assert set(result["Total"]) == set(wanted)
    assert {result["Total"][name]["Amount"] for name in wanted[:4]} == {"3"}
    # Different units of usage cannot be added.
    assert result["Total"]["UsageQuantity"] == {"Amount": "110", "Unit": "N/A"}


def test_months_are_calendar_months_and_add_up(ce: Costs) -> None:
    months = ce.results(60, 0, Granularity="MONTHLY")
    starts = [result["TimePeriod"]["Start"] for result in months]
    assert starts[0] == ce.day(60)
    assert all(start.endswith("-01") for start in starts[1:])
    total = sum(float(result["Total"]["UnblendedCost"]["Amount"]) for result in months)
    assert total == pytest.approx(sum(ce.costs(60, 0).values()))


def test_two_weeks_come_in_pages_that_neither_lose_nor_repeat_a_day(ce: Costs) -> None:
    pages = list(ce.pages(20, 6))
    assert len(pages) > 1
    days = [result["TimePeriod"]["Start"] for page in pages for result in page["ResultsByTime"]]
    assert days == [ce.day(ago) for ago in range(20, 6, -1)]


def test_a_token_is_good_for_the_request_that_it_came_from_only(
    ce: Costs, refused: Callable[..., dict[str, Any]]
) -> None:
    token = next(ce.pages(20, 6))["NextPageToken"]
    asked = {"Granularity": "DAILY", "TimePeriod": ce.period(20, 6)}
    call = ce.client.get_cost_and_usage
    changed = refused(call, **asked, Metrics=["BlendedCost"], NextPageToken=token)
    assert changed["Code"] == "RequestChangedException"
    invented = refused(call, **asked, Metrics=["UnblendedCost"], NextPageToken="invented")
    assert invented["Code"] == "InvalidNextTokenException"


def test_only_what_is_still_being_counted_is_estimated(ce: Costs) -> None:
    results = {result["TimePeriod"]["Start"]: result for result in ce.results(3, -1)}
    estimated = {start: result["Estimated"] for start, result in results.items()}
    assert estimated == {ce.day(3): False, ce.day(2): False, ce.day(1): True, ce.day(0): True}
    assert float(results[ce.day(0)]["Total"]["UnblendedCost"]["Amount"]) < 3.0


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (5, 5, "Start date (and hour) should be before end date (and hour)"),
        (3, 5, "Start date (and hour) should be before end date (and hour)"),
        (-1, -2, "The start date must be no later than the current date"),
        (430, 5, "You haven't enabled historical data beyond 14 months"),
        (5, -40, "end date past the beginning of next month"),
    ],
)
def test_periods_that_cannot_be_are_refused(
    ce: Costs, refused: Callable[..., dict[str, Any]], start: int, end: int, message: str
) -> None:
    period = ce.period(start, end)
    error = refused(
        ce.client.get_cost_and_usage, TimePeriod=period, Granularity="DAILY", Metrics=["UnblendedCost"]
    )
    assert (error["Code"], error["Message"]) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("wrong", "code", "named"),
    [
        ({"Granularity": "WEEKLY"}, "ValidationException", "WEEKLY"),
        ({"Metrics": ["Cost"]}, "ValidationException", "Cost"),
        ({"TimePeriod": {"Start": "1 November", "End": "2026-11-02"}}, "ValidationException", "1 November"),
        ({"GroupBy": BY_SERVICE * 3}, "ValidationException", "at most two"),
        ({"Filter": {}}, "ValidationException", "exactly one"),
        # What the sandbox cannot answer is named, not answered wrongly.
        ({"Granularity": "HOURLY"}, "NotImplemented", "HOURLY"),
        ({"GroupBy": [{"Type": "TAG", "Key": "Project"}]}, "NotImplemented", "TAG"),
        ({"GroupBy": [{"Type": "DIMENSION", "Key": "AZ"}]}, "NotImplemented", "AZ"),
        ({"Filter": {"Tags": {"Key": "Project", "Values": ["x"]}}}, "NotImplemented", "Tags"),
        ({"Filter": dimension("REGION", "us-east-1")}, "NotImplemented", "REGION"),
    ],
)
def test_what_is_wrong_or_not_known_is_named(
    ce: Costs, refused: Callable[..., dict[str, Any]], wrong: dict[str, Any], code: str, named: str
) -> None:
    asked = {"TimePeriod": ce.period(7, 5), "Granularity": "DAILY", "Metrics": ["UnblendedCost"], **wrong}
    error = refused(ce.client.get_cost_and_usage, **asked)
    assert error["Code"] == code
    assert named in error["Message"]


@pytest.mark.parametrize(
    ("access", "code", "message"),
    [
        ("denied", "AccessDeniedException", "is not authorized to perform: ce:GetCostAndUsage"),
        ("not_enabled", "AccessDeniedException", "User not enabled for cost explorer access"),
        ("no_data", "DataUnavailableException", "Data is not available."),
    ],
)
def test_an_account_may_have_no_access(
    ce: Costs, services: Any, refused: Callable[..., dict[str, Any]], access: str, code: str, message: str
) -> None:
    services.call("ons_sandbox.services.cost_explorer:set_access", access=access)
    asked = {"TimePeriod": ce.period(7, 5), "Granularity": "DAILY", "Metrics": ["UnblendedCost"]}
    error = refused(ce.client.get_cost_and_usage, **asked)
    assert error["Code"] == code
    assert message in error["Message"]
    services.call("ons_sandbox.services.cost_explorer:set_access", access="allowed")
    assert ce.costs(7, 6) == {ce.day(7): 3.0}


def test_an_account_without_a_ledger_has_no_data(
    ce: Costs, services: Any, refused: Callable[..., dict[str, Any]]
) -> None:
    services.call("ons_sandbox.services.cost_explorer:reset")
    asked = {"TimePeriod": ce.period(7, 5), "Granularity": "DAILY", "Metrics": ["UnblendedCost"]}
    assert refused(ce.client.get_cost_and_usage, **asked)["Code"] == "DataUnavailableException"


def test_a_forecast_has_a_mean_and_an_interval_that_grows_with_the_level(ce: Costs) -> None:
    def forecast(level: int) -> dict[str, Any]:
        answer = ce.client.get_cost_forecast(
            TimePeriod=ce.period(0, -10),
            Granularity="DAILY",
            Metric="UNBLENDED_COST",
            PredictionIntervalLevel=level,
        )
        assert answer["Total"] == {"Amount": "30", "Unit": "USD"}
        assert len(answer["ForecastResultsByTime"]) == 10
        first: dict[str, Any] = answer["ForecastResultsByTime"][0]
        return first

    narrow, wide = forecast(60), forecast(95)
    assert narrow["TimePeriod"] == ce.period(0, -1)
    assert narrow["MeanValue"] == "3"
    assert 3 < float(narrow["PredictionIntervalUpperBound"]) < float(wide["PredictionIntervalUpperBound"])


def test_a_forecast_of_months_adds_their_days_up(ce: Costs) -> None:
    period = ce.period(0, -45)
    answer = ce.client.get_cost_forecast(TimePeriod=period, Granularity="MONTHLY", Metric="BLENDED_COST")
    means = [float(result["MeanValue"]) for result in answer["ForecastResultsByTime"]]
    assert len(means) >= 2
    assert sum(means) == pytest.approx(45 * 3.0)
    assert "PredictionIntervalLowerBound" not in answer["ForecastResultsByTime"][0]


def test_what_cannot_be_forecast_is_refused(
    ce: Costs, services: Any, refused: Callable[..., dict[str, Any]]
) -> None:
    def error(start: int, end: int, granularity: str = "DAILY") -> str:
        period = ce.period(start, end)
        answer = refused(
            ce.client.get_cost_forecast, TimePeriod=period, Granularity=granularity, Metric="UNBLENDED_COST"
        )
        code: str = answer["Code"]
        return code

    assert error(3, -3) == "ValidationException"
    assert error(0, -120) == "ValidationException"
    assert error(0, -3, "HOURLY") == "ValidationException"
    services.call("ledgers:use", days=6)
    assert error(0, -3) == "DataUnavailableException"


def test_dimension_values_are_those_of_the_period(ce: Costs) -> None:
    def services_of(start: int, end: int, **parameters: Any) -> list[str]:
        answer = ce.client.get_dimension_values(
            TimePeriod=ce.period(start, end), Dimension="SERVICE", **parameters
        )
        assert answer["ReturnSize"] == len(answer["DimensionValues"]) == answer["TotalSize"]
        return [value["Value"] for value in answer["DimensionValues"]]

    assert services_of(5, 2) == [LAMBDA, S3, "Tax"]
    assert services_of(9, 6) == [LAMBDA, S3]
    assert services_of(9, 6, SearchString="storage") == [S3]
