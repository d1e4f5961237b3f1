"""Costs against days like them: yesterday against the days before, one week against the week before.

https://docs.aws.amazon.com/cost-management/latest/userguide/ce-exploring-data.html: costs of a day are
refreshed at least once in 24 hours, and estimated until the bill is final.
"""

from datetime import timedelta

import pandas as pd

from ons_runbook.aws.costs import SAME_WEEKDAYS, grid, history, moment, percent, whole_days
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, TRUTH, given, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NEXT = "cost/optimize_costs"
ALL = "all services"

DAILY = {
    "service": TEXT,
    "cost_usd": NUMBER,
    "trailing_mean_usd": NUMBER,
    "change_percent": NUMBER,
    "same_weekday_mean_usd": NUMBER,
    "same_weekday_change_percent": NUMBER,
    "estimated": TRUTH,
}
WEEK = {
    "service": TEXT,
    "cost_usd": NUMBER,
    "before_usd": NUMBER,
    "change_usd": NUMBER,
    "change_percent": NUMBER,
}

TRAILING_DAYS = 14
_DAY = timedelta(days=1)
_LATER = "Costs of a day come within 24 hours: ask again later."


def daily(session: Session, window: Window) -> pd.DataFrame:
    """What each service cost on the last whole day of the window, against days before; all together first.

    Columns: service, cost_usd, trailing_mean_usd (of the 14 days before) and change_percent against it,
    same_weekday_mean_usd (of the 4 weeks before) and same_weekday_change_percent, estimated. Empty when
    there are no costs on that day. A mean of days of which none has costs is missing.
    """
    _, after = whole_days(window)
    costs, last = history(session, window), moment(after - _DAY)
    empty = f"Cost Explorer has no costs for {after - _DAY} (yet)."
    days = grid(costs)
    if last not in days.index:
        return table([], DAILY, empty=empty)
    days.insert(0, ALL, days.sum(axis=1))
    before = days[(days.index < last) & (days.index >= last - TRAILING_DAYS * _DAY)]
    alike = days[days.index.isin([last - week * timedelta(weeks=1) for week in range(1, SAME_WEEKDAYS + 1)])]
    estimated = bool(costs.loc[costs["date"] == last, "estimated"].any())
    rows = [
        {
            "service": name,
            "cost_usd": days.at[last, name],
            "trailing_mean_usd": before[name].mean(),
            "change_percent": percent(days.at[last, name], before[name].mean()),
            "same_weekday_mean_usd": alike[name].mean(),
            "same_weekday_change_percent": percent(days.at[last, name], alike[name].mean()),
            "estimated": estimated,
        }
        for name in days.columns
        if days.at[last, name] or before[name].sum() or alike[name].sum()
    ]
    rows.sort(key=lambda row: (row["service"] != ALL, -row["cost_usd"]))
    frame = table(rows, DAILY, empty=empty)
    frame.attrs["day"] = f"{after - _DAY}"
    return frame


def week_against_week(session: Session, window: Window) -> pd.DataFrame:
    """What each service cost on the whole days of the window, and on as many days before; all together first.

    Columns: service, cost_usd, before_usd, change_usd, change_percent. The numbers of a period that is not
    known from end to end are missing.
    """
    first, after = whole_days(window)
    days = grid(history(session, window))
    length = after - first
    now = days[(days.index >= moment(first)) & (days.index < moment(after))]
    before = days[(days.index >= moment(first - length)) & (days.index < moment(first))]
    empty = f"There are no costs from {first - length} to {after - _DAY}."
    if now.empty and before.empty:
        return table([], WEEK, empty=empty)
    sums = pd.DataFrame(
        {
            name: part.sum() if len(part) == length.days else None
            for name, part in (("n", now), ("b", before))
        },
        index=days.columns,
        dtype="float64",
    )
    sums.loc[ALL] = sums.sum(min_count=1)
    rows = [
        {
            "service": name,
            "cost_usd": row["n"],
            "before_usd": row["b"],
            "change_usd": row["n"] - row["b"],
            "change_percent": percent(row["n"], row["b"]),
        }
        for name, row in sums.iterrows()
        if row.fillna(0).any()
    ]
    rows.sort(key=lambda row: (row["service"] != ALL, -row["cost_usd"] if given(row["cost_usd"]) else 0.0))
    return table(rows, WEEK, empty=empty)


@covers(["cost.yesterday"])
def judge_daily(daily: pd.DataFrame, thresholds: Thresholds) -> Check:
    """Whether all services together cost what such a day costs: the same weekday's mean, else the trailing.

    Warns and fails by `cost_change_…_percent` when the excess is also at least `cost_anomaly_least_usd`.
    Unknown without costs, without days to compare with, and while AWS has counted less than half of them.
    """
    name = "cost.yesterday"
    expected = f"at most {thresholds.cost_change_warn_percent:g} % above the mean of the same weekday"
    if daily.empty:
        return unknown(name, text(daily.attrs.get("empty"), "there are no costs"), expected, hint=_LATER)
    row = daily.iloc[0]
    usual, against = row["same_weekday_mean_usd"], "the same weekday's mean"
    if not given(usual):
        usual, against = row["trailing_mean_usd"], "the trailing mean (no such weekday is known)"
    if not given(usual):
        return unknown(name, f"{row['cost_usd']:.2f} USD, and no day before to compare with", expected)
    if given(row["estimated"]) and row["estimated"] and row["cost_usd"] < usual / 2:
        reason = f"{row['cost_usd']:.2f} USD so far, {against} is {usual:.2f} USD: not all is counted yet"
        return unknown(name, reason, expected, hint=_LATER)
    check = judge_change(name, float(row["cost_usd"]), float(usual), against, expected, thresholds)
    return check.with_evidence(text(daily.attrs.get("day", "")))


@covers(["cost.week"])
def judge_week(week: pd.DataFrame, thresholds: Thresholds) -> Check:
    """Whether the window's days cost what as many days before them cost, by `cost_change_…_percent`."""
    name = "cost.week"
    expected = f"at most {thresholds.cost_change_warn_percent:g} % above the days before"
    if week.empty or not (given(week.iloc[0]["cost_usd"]) and given(week.iloc[0]["before_usd"])):
        reason = "the costs of the window, or of the days before it, are not known from end to end"
        return unknown(name, reason, expected, hint=_LATER)
    row = week.iloc[0]
    return judge_change(
        name, float(row["cost_usd"]), float(row["before_usd"]), "as many days before", expected, thresholds
    )


def judge_change(
    name: str, cost: float, usual: float, against: str, expected: str, thresholds: Thresholds
) -> Check:
    """A check of `cost` (USD) against what is `usual` (USD), by `cost_change_…_percent`."""
    change = percent(cost, usual)
    said = f"{cost:.2f} USD, {against} is {usual:.2f} USD" + (
        f" ({change:+.0f} %)" if change is not None else ""
    )
    if cost - usual < thresholds.cost_anomaly_least_usd or (
        change is not None and change < thresholds.cost_change_warn_percent
    ):
        return Check(name, Verdict.PASS, said, expected)
    grave = change is None or change >= thresholds.cost_change_fail_percent
    verdict = Verdict.FAIL if grave else Verdict.WARN
    return Check(name, verdict, said, expected, "", f"The services are listed by cost. Next: {NEXT}.")
