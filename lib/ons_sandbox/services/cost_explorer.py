"""Cost Explorer: costs by date, service and record type, from the platform's ledger.

moto answers with results that were queued for the exact request. Here every question about days, months,
services and record types is answered from one ledger, in pages of a few periods so that clients must page.
What a real account refuses is refused alike, and `set_access` makes the account one without access.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetDimensionValues.html
"""

import hashlib
import json
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from ons_sandbox.mends import mended
from ons_sandbox.services import clock, cost_query
from ons_sandbox.services.cost_query import Charge, Ledger, invalid, unsupported
from ons_sandbox.services.json_service import JsonService, Parameters, ServiceError, page

Access = Literal["allowed", "denied", "not_enabled", "no_data"]

PERIODS_A_PAGE = 5
FORECAST_FROM_DAYS = 28
"""A forecast is the median of the same weekday over these last days."""
FORECAST_NEEDS_DAYS = 14
FORECAST_MONTHS = {"DAILY": 3, "MONTHLY": 18}

service = JsonService("ce", model="ce")
# By account: its ledger, and whether it may be read.
_ledgers: Any = mended("ministack.core.responses", "AccountScopedDict").AccountScopedDict()
_access: Any = mended("ministack.core.responses", "AccountScopedDict").AccountScopedDict()


def install() -> None:
    """Answer in front of moto. Raises MendError."""
    service.install()


def reset() -> None:
    """Forget the ledgers, and let everybody in again."""
    _ledgers.clear()
    _access.clear()


def use(ledger: Ledger) -> None:
    """Answer the current account's questions from this ledger."""
    _ledgers["ledger"] = ledger


def set_access(access: Access) -> None:
    """Make the current account one that may ask, or may not: for exercises and tests.

    denied: the caller has no permission. not_enabled: nobody switched Cost Explorer on. no_data: it was
    switched on a moment ago, and the first data comes within a day.
    """
    _access["access"] = access


@service.operation
def get_cost_and_usage(parameters: Parameters) -> dict[str, Any]:
    """GetCostAndUsage."""
    ledger = _ledger("GetCostAndUsage")
    start, end = cost_query.past(parameters["TimePeriod"], _today())
    wanted = cost_query.metrics(parameters["Metrics"])
    definitions = parameters.get("GroupBy") or []
    group_of = cost_query.grouper(definitions)
    matches = cost_query.matcher(parameters.get("Filter"))
    periods, token = _page(list(cost_query.split(start, end, parameters["Granularity"])), parameters)
    results = []
    for first, after in periods:
        charges = [charge for charge in _charges(ledger, first, after) if matches(charge)]
        groups: dict[tuple[str, ...], list[Charge]] = {}
        for charge in charges if definitions else ():
            groups.setdefault(group_of(charge), []).append(charge)
        results.append(
            {
                "TimePeriod": {"Start": first.isoformat(), "End": after.isoformat()},
                "Total": {} if definitions else cost_query.amounts(charges, wanted),
                "Groups": [
                    {"Keys": list(keys), "Metrics": cost_query.amounts(members, wanted)}
                    for keys, members in sorted(groups.items())
                ],
                # What was used yesterday and today is still being counted.
                "Estimated": after >= _today(),
            }
        )
    answer = {"ResultsByTime": results, "DimensionValueAttributes": []}
    return answer | ({"GroupDefinitions": definitions} if definitions else {}) | _onward(token)


@service.operation
def get_dimension_values(parameters: Parameters) -> dict[str, Any]:
    """GetDimensionValues."""
    ledger = _ledger("GetDimensionValues")
    start, end = cost_query.past(parameters["TimePeriod"], _today())
    if parameters.get("Context", "COST_AND_USAGE") != "COST_AND_USAGE":
        raise unsupported(f"the context {parameters['Context']}")
    if parameters.get("SortBy"):
        raise unsupported("SortBy")
    value_of = cost_query.dimension(parameters["Dimension"])
    matches = cost_query.matcher(parameters.get("Filter"))
    search = parameters.get("SearchString", "").lower()
    found = {value_of(charge) for charge in _charges(ledger, start, end) if matches(charge)}
    values = sorted(value for value in found if search in value.lower())
    shown, token = _page(values, parameters)
    return {
        "DimensionValues": [{"Value": value, "Attributes": {}} for value in shown],
        "ReturnSize": len(shown),
        "TotalSize": len(values),
    } | _onward(token)


@service.operation
def get_cost_forecast(parameters: Parameters) -> dict[str, Any]:
    """GetCostForecast: the median of the same weekday of the last weeks, and how far days stray from it."""
    ledger, today = _ledger("GetCostForecast"), _today()
    start, end = cost_query.interval(parameters["TimePeriod"])
    granularity = parameters["Granularity"]
    _check_forecast(start, end, granularity, today)
    if not parameters["Metric"].endswith("_COST"):
        raise invalid(f"Invalid metric {parameters['Metric']}")
    matches = cost_query.matcher(parameters.get("Filter"))
    known = [today - timedelta(days=back) for back in range(FORECAST_FROM_DAYS, 0, -1)]
    costs = {
        day: sum(charge.cost for charge in ledger.charges(day) if matches(charge))
        for day in known
        if day >= ledger.first_day
    }
    if len(costs) < FORECAST_NEEDS_DAYS:
        raise ServiceError("DataUnavailableException", "Insufficient amount of historical data.")
    usual = {
        weekday: statistics.median([cost for day, cost in costs.items() if day.weekday() == weekday])
        for weekday in range(7)
    }
    spread = statistics.pstdev(cost - usual[day.weekday()] for day, cost in costs.items())
    results, total = [], 0.0
    for first, after in cost_query.split(start, end, granularity):
        mean = sum(usual[day.weekday()] for day in cost_query.days(first, after))
        total += mean
        period = {"Start": first.isoformat(), "End": after.isoformat()}
        result = {"TimePeriod": period, "MeanValue": cost_query.decimal(mean)}
        level = parameters.get("PredictionIntervalLevel")
        results.append(result | _bounds(mean, spread * (after - first).days ** 0.5, level))
    amount = {"Amount": cost_query.decimal(total), "Unit": "USD"}
    return {"Total": amount, "ForecastResultsByTime": results}


def _check_forecast(start: date, end: date, granularity: str, today: date) -> None:
    if start < today:
        raise invalid("The start date of a forecast must be the current date or later")
    if granularity not in FORECAST_MONTHS:
        raise invalid(f"GetCostForecast does not support the granularity {granularity}")
    months = FORECAST_MONTHS[granularity]
    if end > today + timedelta(days=31 * months):
        raise invalid(f"Only {months} months of {granularity} forecasts can be asked for")


def _bounds(mean: float, spread: float, level: int | None) -> dict[str, str]:
    if level is None:
        return {}
    reach = statistics.NormalDist().inv_cdf(0.5 + level / 200) * spread
    return {
        "PredictionIntervalLowerBound": cost_query.decimal(max(mean - reach, 0.0)),
        "PredictionIntervalUpperBound": cost_query.decimal(mean + reach),
    }


def _ledger(operation: str) -> Ledger:
    """The account's ledger, if the caller may see it."""
    access = _access.get("access", "allowed")
    if access == "denied":
        account = mended("ministack.core.responses", "get_account_id").get_account_id()
        message = (
            f"User: arn:aws:iam::{account}:user/sandbox-operator is not authorized to perform: "
            f"ce:{operation} on resource: arn:aws:ce:us-east-1:{account}:/{operation} because no "
            f"identity-based policy allows the ce:{operation} action"
        )
        raise ServiceError("AccessDeniedException", message)
    if access == "not_enabled":
        raise ServiceError("AccessDeniedException", "User not enabled for cost explorer access")
    ledger: Ledger | None = _ledgers.get("ledger")
    if access == "no_data" or ledger is None:
        message = (
            "Data is not available. Please try to adjust the time period. "
            "If just enabled Cost Explorer, data might not be ingested yet"
        )
        raise ServiceError("DataUnavailableException", message)
    return ledger


def _charges(ledger: Ledger, first: date, after: date) -> Iterator[Charge]:
    """The charges until now: those of today as far as the day has come, none of days to come."""
    now = datetime.fromtimestamp(clock.now(), UTC)
    for day in cost_query.days(first, min(after, now.date())):
        yield from ledger.charges(day)
    if first <= now.date() < after:
        gone = (now.hour * 3600 + now.minute * 60 + now.second) / 86_400
        for charge in ledger.charges(now.date()):
            yield replace(charge, cost=charge.cost * gone, usage=charge.usage * gone)


def _today() -> date:
    return datetime.fromtimestamp(clock.now(), UTC).date()


def _page(items: Iterable[Any], parameters: Parameters) -> tuple[list[Any], str | None]:
    """One page; a token is good for the very request that it came from."""
    asked = {key: value for key, value in parameters.items() if key != "NextPageToken"}
    request = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    given = parameters.get("NextPageToken")
    if given is not None:
        made_for, dot, given = given.partition(".")
        if not dot:
            raise ServiceError("InvalidNextTokenException", "The pagination token is invalid.")
        if made_for != request:
            raise ServiceError(
                "RequestChangedException", "Your request parameters changed between pages. Try again."
            )
    shown, onward = page(list(items), PERIODS_A_PAGE, given, "InvalidNextTokenException")
    return shown, f"{request}.{onward}" if onward else None


def _onward(token: str | None) -> dict[str, str]:
    return {"NextPageToken": token} if token else {}
