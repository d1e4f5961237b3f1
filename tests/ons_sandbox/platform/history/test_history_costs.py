"""What the platform costs: rhythm, growth, one bad day, and the tax of the month before."""

import statistics
from datetime import UTC, date, datetime, timedelta

import pytest

from ons_sandbox.platform.history import costs
from ons_sandbox.services import cost_query
from sandboxes import Clients

# A Sunday in the middle of a month.
UNTIL = date(2026, 11, 15)


def by_day(service: str, ledger: costs.Costs | None = None) -> dict[date, float]:
    """The cost of one service on each day of the history."""
    ledger = ledger or costs.Costs(7, UNTIL)
    return {
        day: sum(charge.cost for charge in ledger.charges(day) if charge.service == service)
        for day in cost_query.days(UNTIL - timedelta(days=costs.DAYS), UNTIL)
    }


def test_the_same_seed_costs_the_same_and_another_does_not() -> None:
    day = UNTIL - timedelta(days=20)
    assert costs.Costs(7, UNTIL).charges(day) == costs.Costs(7, UNTIL).charges(day)
    assert costs.Costs(8, UNTIL).charges(day) != costs.Costs(7, UNTIL).charges(day)


def test_ninety_days_are_known_and_those_to_come() -> None:
    ledger = costs.Costs(7, UNTIL)
    assert ledger.charges(ledger.first_day - timedelta(days=1)) == ()
    assert len(by_day("AWS Lambda")) == 90
    assert all(cost > 0 for cost in by_day("AWS Lambda").values())
    assert ledger.charges(UNTIL + timedelta(days=40))


def test_the_api_rests_at_weekends_and_the_database_never() -> None:
    def weekend_against_week(service: str) -> float:
        found = by_day(service)
        weekend = [cost for day, cost in found.items() if day.weekday() >= 5]
        return statistics.mean(weekend) / statistics.mean(
            cost for day, cost in found.items() if day.weekday() < 5
        )

    assert weekend_against_week("Amazon API Gateway") < 0.5
    assert weekend_against_week("Amazon Timestream") == pytest.approx(1.0, abs=0.01)


def test_storage_grows() -> None:
    found = list(by_day("Amazon Simple Storage Service").values())
    assert statistics.mean(found[-14:]) > 1.1 * statistics.mean(found[:14])


def test_one_day_of_one_service_is_out_of_the_ordinary() -> None:
    ledger = costs.Costs(7, UNTIL)
    odd = []
    for service, usage in costs.SERVICES.items():
        found = by_day(service, ledger)
        for day, cost in found.items():
            usual = statistics.median(
                other for when, other in found.items() if when.weekday() == day.weekday()
            )
            if usage.only_on in (None, day.weekday()) and cost > 1.5 * usual:
                odd.append((service, day))
    assert odd == [("AmazonCloudWatch", UNTIL - timedelta(days=9))]
    assert ledger.anomaly == UNTIL - timedelta(days=9)


def test_the_first_of_a_month_carries_the_tax_of_the_month_before() -> None:
    ledger = costs.Costs(7, UNTIL)
    taxed = [
        charge
        for day in cost_query.days(date(2026, 11, 1), UNTIL)
        for charge in ledger.charges(day)
        if charge.record_type == "Tax"
    ]
    october = cost_query.days(date(2026, 10, 1), date(2026, 11, 1))
    used = sum(charge.cost for day in october for charge in ledger.charges(day) if charge.service != "Tax")
    (tax,) = taxed
    assert tax.cost == pytest.approx(used * costs.TAX_RATE)
    assert tax in ledger.charges(date(2026, 11, 1))


def test_cost_explorer_tells_of_the_bad_day(clients: Clients) -> None:
    today = datetime.now(UTC).date()
    cloudwatch = {"Dimensions": {"Key": "SERVICE", "Values": [costs.ANOMALY_SERVICE]}}
    found: dict[str, float] = {}
    asked = {
        "TimePeriod": {"Start": str(today - timedelta(days=30)), "End": str(today)},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "Filter": cloudwatch,
    }
    while True:
        answer = clients("ce").get_cost_and_usage(**asked)
        for result in answer["ResultsByTime"]:
            amount = float(result["Total"]["UnblendedCost"]["Amount"])
            found[result["TimePeriod"]["Start"]] = amount
        if "NextPageToken" not in answer:
            break
        asked["NextPageToken"] = answer["NextPageToken"]
    assert len(found) == 30
    worst = max(found, key=lambda day: found[day])
    assert worst == str(today - costs.ANOMALY_AGE)
    assert found[worst] > 2 * statistics.median(found.values())
