"""What Cost Explorer's requests mean: periods, filters and groups over the charges of single days.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DateInterval.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Expression.html
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GroupDefinition.html
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from ons_sandbox.services.json_service import ServiceError

DAY = timedelta(days=1)
MONTHS_KEPT = 13
"""Whole months before the current one that Cost Explorer answers for."""

COST_METRICS = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost")
USAGE_METRIC = "UsageQuantity"


@dataclass(frozen=True)
class Charge:
    """What one service cost on one day. `cost` in USD, `usage` in the service's own unit."""

    service: str
    record_type: str
    """Usage, Tax, Credit, Refund …"""
    cost: float
    usage: float
    account: str


class Ledger(Protocol):
    """Where charges come from."""

    @property
    def first_day(self) -> date:
        """The first day with charges."""

    def charges(self, day: date) -> Sequence[Charge]:
        """The charges of a whole day, past or to come; none before the first."""


DIMENSIONS: dict[str, Callable[[Charge], str]] = {
    "SERVICE": lambda charge: charge.service,
    "RECORD_TYPE": lambda charge: charge.record_type,
    "LINKED_ACCOUNT": lambda charge: charge.account,
}


def unsupported(what: str) -> ServiceError:
    """A question that the sandbox cannot answer truthfully."""
    return ServiceError("NotImplemented", f"The sandbox does not implement this ce request: {what}", 501)


def invalid(message: str) -> ServiceError:
    """A request that Cost Explorer refuses."""
    return ServiceError("ValidationException", message)


def interval(period: dict[str, str]) -> tuple[date, date]:
    """Start (inclusive) and end (exclusive) of a DateInterval. Raises ServiceError."""
    start, end = _day(period["Start"]), _day(period["End"])
    if start >= end:
        raise invalid("Start date (and hour) should be before end date (and hour)")
    return start, end


def past(period: dict[str, str], today: date) -> tuple[date, date]:
    """The interval of a question about the past. Raises ServiceError."""
    start, end = interval(period)
    if start > today:
        raise invalid("The start date must be no later than the current date")
    if end > next_month(today):
        raise invalid("end date past the beginning of next month")
    if start < oldest(today):
        raise invalid("You haven't enabled historical data beyond 14 months")
    return start, end


def _day(text: str) -> date:
    if "T" in text:
        raise unsupported("times of day (HOURLY granularity)")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(f"Failed to parse the date {text}") from None


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def oldest(today: date) -> date:
    """The first day that can be asked for: the months kept are whole ones."""
    months = today.year * 12 + today.month - 1 - MONTHS_KEPT
    return date(months // 12, months % 12 + 1, 1)


def split(start: date, end: date, granularity: str) -> Iterator[tuple[date, date]]:
    """The periods of an interval: its days, or its calendar months (the outer ones may be parts)."""
    if granularity == "HOURLY":
        raise unsupported("HOURLY granularity")
    while start < end:
        following = start + DAY if granularity == "DAILY" else min(next_month(start), end)
        yield start, following
        start = following


def days(start: date, end: date) -> Iterator[date]:
    """Every day with start <= day < end."""
    while start < end:
        yield start
        start += DAY


def matcher(expression: dict[str, Any] | None) -> Callable[[Charge], bool]:
    """An Expression as a predicate. Raises ServiceError for what is wrong with it, or not known here."""
    if expression is None:
        return lambda charge: True
    if len(expression) != 1:
        raise invalid("Expression must have exactly one of And, Or, Not, Dimensions, Tags, CostCategories")
    kind, operand = next(iter(expression.items()))
    if kind == "Dimensions":
        return _dimension(operand)
    if kind == "Not":
        inner = matcher(operand)
        return lambda charge: not inner(charge)
    if kind in ("And", "Or"):
        if len(operand) < 2:
            raise invalid(f"{kind} must have at least two operands")
        parts = [matcher(part) for part in operand]
        every = all if kind == "And" else any
        return lambda charge: every(part(charge) for part in parts)
    raise unsupported(f"a filter by {kind}")


def _dimension(operand: dict[str, Any]) -> Callable[[Charge], bool]:
    value_of, wanted = dimension(operand.get("Key", "")), frozenset(operand.get("Values", ()))
    if set(operand.get("MatchOptions", ())) - {"EQUALS", "CASE_SENSITIVE"}:
        raise unsupported(f"match options {operand['MatchOptions']}")
    if not wanted:
        raise invalid("Dimensions must have Values")
    return lambda charge: value_of(charge) in wanted


def dimension(key: str) -> Callable[[Charge], str]:
    """How to read a dimension off a charge. Raises ServiceError for one that is not known here."""
    if key not in DIMENSIONS:
        raise unsupported(f"the dimension {key} (there are {', '.join(DIMENSIONS)})")
    return DIMENSIONS[key]


def grouper(definitions: list[dict[str, str]]) -> Callable[[Charge], tuple[str, ...]]:
    """The keys of the group that a charge belongs to. Raises ServiceError."""
    if len(definitions) > 2:
        raise invalid("GroupBy can have at most two groups")
    for definition in definitions:
        if definition.get("Type") != "DIMENSION":
            raise unsupported(f"grouping by {definition.get('Type')}")
    parts = [dimension(definition.get("Key", "")) for definition in definitions]
    return lambda charge: tuple(part(charge) for part in parts)


def metrics(names: list[str]) -> list[str]:
    """The metrics asked for. Raises ServiceError for one that Cost Explorer has not, or the sandbox."""
    if not names:
        raise invalid("Metrics must have at least one metric")
    for name in names:
        if name == "NormalizedUsageAmount":
            raise unsupported(f"the metric {name}")
        if name not in (*COST_METRICS, USAGE_METRIC):
            raise invalid(f"Invalid metric {name}")
    return names


def amounts(charges: Iterable[Charge], names: list[str]) -> dict[str, dict[str, str]]:
    """The metrics of some charges. Without discounts and reservations every cost metric is the same.

    Units of usage differ between services, so a sum of them has none: "N/A", as from AWS.
    """
    found = list(charges)
    cost = {"Amount": decimal(sum(charge.cost for charge in found)), "Unit": "USD"}
    usage = {"Amount": decimal(sum(charge.usage for charge in found)), "Unit": "N/A"}
    return {name: usage if name == USAGE_METRIC else cost for name in names}


def decimal(value: float) -> str:
    """A number as Cost Explorer writes it: up to ten decimals."""
    return f"{value:.10f}".rstrip("0").rstrip(".") if value else "0"
