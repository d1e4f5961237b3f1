"""What the platform costs, by service and day.

Cost Explorer's only endpoint is in us-east-1, whatever the region; its days are UTC, and each page of an
answer costs 0.01 USD, which is why a session reads them once. Yesterday's costs may still grow.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html ·
https://docs.aws.amazon.com/cost-management/latest/userguide/ce-enable.html (13 months and the current one)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd

from ons_runbook.calls import Call, record, recording
from ons_runbook.errors import AccessDenied, ReadError, UnexpectedAnswer, WindowError
from ons_runbook.failures import error_code, reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, TRUTH, given, table
from ons_runbook.window import Window, utc_now

OTHERS = "other services"

COSTS = {"date": MOMENT, "service": TEXT, "cost_usd": NUMBER, "estimated": TRUTH}
#: Tax, credits and refunds are booked on single days and say nothing about what was used.
USAGE_ONLY: dict[str, Any] = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}}
SAME_WEEKDAYS = 4
BASELINE = timedelta(weeks=SAME_WEEKDAYS)
_DAY = timedelta(days=1)
_MONTHS_KEPT = 13

_WAIT = "It was switched on lately, or the account is new: the first data come within 24 hours."
_ENABLE = "Let the account's owner open Cost Explorer once, and allow IAM users access to billing."
_RANGE = "Choose days of the last 13 months and the current one."
_HINTS = {"DataUnavailableException": _WAIT, "BillExpirationException": _RANGE, "ValidationException": _RANGE}


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn what Cost Explorer refuses inside the block into ReadError that says what to do next."""
    try:
        with reading(what, "ce"):
            yield
    except AccessDenied as error:
        if "not enabled" in error.message:
            raise AccessDenied(error.message, _ENABLE) from error
        raise
    except ReadError as error:
        code = error_code(error.__cause__) if error.__cause__ else ""
        if code in _HINTS:
            raise ReadError(error.message, _HINTS[code]) from error
        raise


def by_service(session: Session, start: date, end: date) -> pd.DataFrame:
    """What each service cost on each day from `start` (included) to `end` (excluded), UTC days.

    Columns: date (midnight UTC), service, cost_usd (unblended cost of usage: no tax, credits or refunds),
    estimated (whether AWS still counts). A service without cost on a day has no row. Raises WindowError for
    days that cannot be asked for, AccessDenied, ReadError (not enabled, no data yet).
    """
    _check_days(start, end)
    rows: list[dict[str, Any]] = []
    with asking("Costs by service"):
        for page in session.pages(
            "ce",
            "GetCostAndUsage",
            TimePeriod={"Start": start.isoformat(), "End": end.isoformat()},
            Granularity="DAILY",
            Metrics=["UnblendedCost"],
            Filter=USAGE_ONLY,
            GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
        ):
            rows += [row for period in page.get("ResultsByTime", []) for row in _rows(period)]
    rows.sort(key=lambda row: (row["date"], row["service"]))
    return table(rows, COSTS, empty=f"Cost Explorer has no costs from {start} to {end - _DAY}.")


def _check_days(start: date, end: date) -> None:
    today = utc_now().date()
    if start >= end:
        raise WindowError(f"The days are reversed or none: {start} to {end}.", "Put the first day first.")
    if start > today:
        raise WindowError(f"Costs from {start} on lie in the future.", f"It is {today} (UTC) now.")
    if start < oldest(today):
        raise WindowError(f"Cost Explorer does not go back to {start}.", _RANGE)


def oldest(today: date) -> date:
    """The first day that Cost Explorer keeps: that of the month 13 months ago."""
    months = today.year * 12 + today.month - 1 - _MONTHS_KEPT
    return date(months // 12, months % 12 + 1, 1)


def _rows(period: dict[str, Any]) -> Iterator[dict[str, Any]]:
    day = moment(date.fromisoformat(period["TimePeriod"]["Start"][:10]))
    for group in period.get("Groups", []):
        cost = group["Metrics"]["UnblendedCost"]
        if cost.get("Unit", "USD") != "USD":
            raise UnexpectedAnswer(
                f"Cost Explorer answers in {cost['Unit']}, and this page compares USD.",
                "The thresholds are in USD: this account needs a page of its own.",
            )
        yield {
            "date": day,
            "service": group["Keys"][0],
            "cost_usd": float(cost["Amount"]),
            "estimated": period.get("Estimated"),
        }


def moment(day: date) -> datetime:
    """Midnight (UTC) at which a day begins."""
    return datetime.combine(day, time(), UTC)


def whole_days(window: Window) -> tuple[date, date]:
    """The whole UTC days that stand for a window, end excluded: as many as it is long, up to its end.

    The day on which it ends is not over, and its costs are not comparable yet.
    """
    after = window.end.date()
    return after - max(1, round(window.duration / _DAY)) * _DAY, after


def history(session: Session, window: Window) -> pd.DataFrame:
    """`by_service` for the window, the month before its last, and the weeks that its days compare with.

    Read once a session, since each request is paid for; the calls are evidence of every answer made of it.
    """
    first, after = whole_days(window)
    month = (after - _DAY).replace(day=1)
    start = min(first - BASELINE, (month - _DAY).replace(day=1), after - 2 * (after - first))
    # What is compared with may be missing; what was asked for may not.
    start = max(start, min(first, oldest(utc_now().date())))

    def read() -> tuple[pd.DataFrame, list[Call]]:
        with recording() as calls:
            try:
                return by_service(session, start, after), list(calls)
            finally:
                made.extend(calls)

    made: list[Call] = []
    try:
        frame, made = session.cached(f"costs:{start}:{after}", read)
    finally:
        for call in made:
            record(call)
    return frame


def grid(history: pd.DataFrame) -> pd.DataFrame:
    """USD with a row a day and a column a service: 0 for a service without cost on a day that has any."""
    return history.pivot_table(
        index="date", columns="service", values="cost_usd", aggfunc="sum", fill_value=0.0
    ).astype("float64")


def by_day(session: Session, window: Window, most: int = 6) -> pd.DataFrame:
    """What each of the `most` dearest services cost on each whole day of the window, and all others together.

    Columns as those of `by_service`; oldest day first, dearest service first.
    """
    first, after = whole_days(window)
    costs = history(session, window)
    inside = costs[costs["date"] >= moment(first)]
    dearest = inside.groupby("service")["cost_usd"].sum().sort_values(ascending=False).index[:most].tolist()
    named = inside.assign(service=inside["service"].where(inside["service"].isin(dearest), OTHERS))
    summed = named.groupby(["service", "date"], as_index=False).agg({"cost_usd": "sum", "estimated": "max"})
    order = {service: number for number, service in enumerate([*dearest, OTHERS])}
    summed = summed.sort_values(["service", "date"], key=lambda c: c.map(order) if c.name == "service" else c)
    return table(
        summed.to_dict("records"), COSTS, empty=f"There are no costs from {first} to {after - _DAY}."
    )


def percent(now: float, before: float) -> float | None:
    """The change in %, or None when there is nothing to compare with."""
    return 100 * (now - before) / before if given(before) and before > 0 else None
