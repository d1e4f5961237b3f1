"""The month: what it has cost so far, and what it will have cost at its end.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostForecast.html: from today on
only; DataUnavailableException when the account has too little history.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from ons_runbook.aws import costs
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import ReadError, UnexpectedAnswer
from ons_runbook.session import Session
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window, utc_now

NEXT = "cost/optimize_costs"
_DAY = timedelta(days=1)
# The fewest days before from which a weekday's pattern is taken.
_FEWEST_DAYS = 14


@dataclass(frozen=True)
class Month:
    """One calendar month (UTC), in USD of usage, before tax and credits. What is not known is None.

    `days_known` of `days` have costs; `projected_usd` is what they cost and, for each day without, the
    median of its weekday in the trailing weeks (`projected_from` says so); `forecast_usd` is what they cost
    and AWS's own forecast for the rest. Changes are a day: months differ in length.
    """

    month: str
    days: int
    days_known: int
    to_date_usd: float
    projected_usd: float | None
    projected_from: str
    forecast_usd: float | None
    forecast_from: str
    month_before_usd: float | None
    change_a_day_percent: float | None


def month(session: Session, window: Window) -> Month:
    """The month of the last whole day of the window: to date, projected, and the month before.

    Raises ReadError when costs cannot be read; a forecast that AWS does not give is only named.
    """
    _, after = costs.whole_days(window)
    first = (after - _DAY).replace(day=1)
    end = following(first)
    total = costs.grid(costs.history(session, window)).sum(axis=1)
    inside = total[total.index >= costs.moment(first)]
    to_date = float(inside.sum())
    projected, projected_from = _projection(total, inside, first, end)
    forecast, forecast_from = _forecast(session, after, end)
    before = _month_before(total, first)
    days = (end - first).days
    return Month(
        month=f"{first:%Y-%m}",
        days=days,
        days_known=len(inside),
        to_date_usd=to_date,
        projected_usd=projected,
        projected_from=projected_from,
        forecast_usd=None if forecast is None else to_date + forecast,
        forecast_from=forecast_from,
        month_before_usd=before,
        change_a_day_percent=None
        if before is None or projected is None
        else costs.percent(projected / days, before / (first - (first - _DAY).replace(day=1)).days),
    )


def following(first: date) -> date:
    """The first day of the month after that of `first`."""
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _projection(
    total: "pd.Series[float]", inside: "pd.Series[float]", first: date, end: date
) -> tuple[float | None, str]:
    """Costs of the whole month: those known, and for each other day what its weekday usually costs."""
    if total.empty:
        return None, "there are no costs to project from"
    trailing = total[total.index > total.index[-1] - costs.BASELINE]
    if len(trailing) < _FEWEST_DAYS:
        return None, f"only {len(trailing)} days have costs, too few to project from"
    usual = trailing.groupby(trailing.index.day_of_week).median()
    wanted = pd.date_range(costs.moment(first), costs.moment(end), freq="D", inclusive="left")
    missing = wanted.difference(inside.index)
    rest = sum(float(usual.get(day.day_of_week, trailing.median())) for day in missing)
    said = f"{len(inside)} days as they were, {len(missing)} as the median of their weekday"
    return float(inside.sum()) + rest, f"{said} over the {len(trailing)} days before"


def _forecast(session: Session, after: date, end: date) -> tuple[float | None, str]:
    today = utc_now().date()
    if after != today or after >= end:
        return None, "AWS forecasts from today to the end of the running month only"
    try:
        with costs.asking("Forecast of costs"):
            answer = session.client("ce").get_cost_forecast(
                TimePeriod={"Start": after.isoformat(), "End": end.isoformat()},
                Metric="UNBLENDED_COST",
                Granularity="MONTHLY",
                Filter=costs.USAGE_ONLY,
            )
        if answer["Total"]["Unit"] != "USD":
            raise UnexpectedAnswer(f"The forecast is in {answer['Total']['Unit']}, and not in USD.")
    except ReadError as error:
        return None, f"AWS gives no forecast: {error.message}"
    return float(answer["Total"]["Amount"]), f"costs to date, and AWS's forecast from {after} on"


def _month_before(total: "pd.Series[float]", first: date) -> float | None:
    start = (first - _DAY).replace(day=1)
    inside = total[(total.index >= costs.moment(start)) & (total.index < costs.moment(first))]
    # Part of a month is no month to compare with.
    return float(inside.sum()) if len(inside) == (first - start).days else None


@covers(["cost.month"])
def judge(month: Month, thresholds: Thresholds) -> Check:
    """Whether the month, projected, costs more a day than the month before, by `cost_month_…_percent`.

    Unknown without a projection. Without a month before there is nothing to exceed: it is unknown as well.
    """
    name = "cost.month"
    expected = f"at most {thresholds.cost_month_warn_percent:g} % a day above the month before"
    if month.projected_usd is None:
        return unknown(name, month.projected_from, expected, hint="Costs of a day come within 24 hours.")
    said = (
        f"{month.to_date_usd:.2f} USD in {month.days_known} of {month.days} days, "
        f"{month.projected_usd:.2f} USD projected"
    )
    if month.month_before_usd is None or month.change_a_day_percent is None:
        return unknown(name, f"{said}; the month before is not known", expected)
    change = month.change_a_day_percent
    said += f", {change:+.0f} % a day against {month.month_before_usd:.2f} USD the month before"
    if change < thresholds.cost_month_warn_percent:
        return Check(name, Verdict.PASS, said, expected, month.projected_from)
    verdict = Verdict.FAIL if change >= thresholds.cost_month_fail_percent else Verdict.WARN
    return Check(name, verdict, said, expected, month.projected_from, f"Next: {NEXT}.")
