"""Days on which a service cost much more than on such days before.

Robust on purpose: medians of the same weekday, so that neither a job that runs on Mondays only nor the bad
day itself moves what is expected (Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, 1993).
AWS's own detection needs a monitor that somebody made:
https://docs.aws.amazon.com/cost-management/latest/userguide/manage-ad.html
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd

from ons_runbook.aws import costs
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, table
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NEXT = "cost/optimize_costs"

ANOMALIES = {
    "date": MOMENT,
    "service": TEXT,
    "cost_usd": NUMBER,
    "expected_usd": NUMBER,
    "excess_usd": NUMBER,
    "reason": TEXT,
}
# The median absolute deviation of normally distributed values is their standard deviation over this.
_MAD_TO_SIGMA = 1.4826
_SIGMAS = 3
# With fewer days of the same weekday than this, all days before are compared with.
_FEWEST_WEEKDAYS = 3
_FEWEST_DAYS = 7
_SHOWN = 5


def anomalies(session: Session, window: Window, thresholds: Thresholds) -> pd.DataFrame:
    """The days of the window on which a service cost too much, newest first, the dearest of a day first.

    Too much: at least `cost_anomaly_least_usd` and `cost_anomaly_warn_percent` above the median of the same
    weekday in the four weeks before, and beyond three of its robust deviations. Columns: date, service,
    cost_usd, expected_usd, excess_usd, reason. `frame.attrs`: `days` (how many days could be judged), `last`
    (the newest of them, or None) and `asked` (the newest day of the window).
    """
    first, after = costs.whole_days(window)
    days = costs.grid(costs.history(session, window))
    asked = days[(days.index >= costs.moment(first)) & (days.index < costs.moment(after))]
    rows, judged = [], []
    for day in asked.index:
        before = days[(days.index < day) & (days.index >= day - costs.BASELINE)]
        if len(before) >= _FEWEST_DAYS:
            judged.append(day)
            rows += list(_of_day(day, asked.loc[day], before, thresholds))
    rows.sort(key=lambda row: (-row["date"].timestamp(), -row["excess_usd"]))
    sentence = f"No service stands out from {first} to {after - timedelta(days=1)}."
    frame = table(
        rows, ANOMALIES, empty=sentence if judged else "There are too few days of costs to compare."
    )
    frame.attrs |= {
        "days": len(judged),
        "last": judged[-1] if judged else None,
        "asked": costs.moment(after - timedelta(days=1)),
    }
    return frame


def _of_day(
    day: pd.Timestamp, cost: "pd.Series[float]", before: pd.DataFrame, thresholds: Thresholds
) -> Iterator[dict[str, Any]]:
    alike = before[before.index.day_of_week == day.day_of_week]
    like = f"the median of {len(alike)} {day.day_name()}s"
    if len(alike) < _FEWEST_WEEKDAYS:
        alike, like = before, f"the median of {len(before)} days"
    expected = alike.median()
    spread = _MAD_TO_SIGMA * (alike - expected).abs().median()
    excess = cost - expected
    least = expected * thresholds.cost_anomaly_warn_percent / 100
    high = (excess >= thresholds.cost_anomaly_least_usd) & (excess >= least) & (excess > _SIGMAS * spread)
    for service in cost.index[high]:
        usual = float(expected[service])
        times = f"{cost[service] / usual:.1f} times {like}" if usual > 0 else f"nothing before: {like} is 0"
        yield {
            "date": day,
            "service": service,
            "cost_usd": float(cost[service]),
            "expected_usd": usual,
            "excess_usd": float(excess[service]),
            "reason": times,
        }


@covers(["cost.anomalies"])
def judge(anomalies: pd.DataFrame, thresholds: Thresholds) -> Check:
    """Whether a service stands out on one of the last `cost_anomaly_recent_days` days, which warns.

    Older anomalies are mentioned: they were reported when they were new. When the newest day could not be
    judged, it is unknown.
    """
    name, last = "cost.anomalies", anomalies.attrs.get("last")
    recent_days = thresholds.cost_anomaly_recent_days
    expected = f"no service stands out on the last {recent_days} days"
    if last is None or last < anomalies.attrs["asked"]:
        reason = "there are too few days of costs to compare"
        if last is not None:
            reason = f"costs are known up to {last:%Y-%m-%d} only"
        return unknown(name, reason, expected, hint="Costs of a day come within 24 hours: ask again later.")
    recent = anomalies["date"] > last - timedelta(days=recent_days)
    said = [_said(row) for _, row in anomalies[recent].iterrows()]
    older = [_said(row) for _, row in anomalies[~recent].iterrows()]
    mention = f"; earlier: {_list(older)}" if older else ""
    evidence = f"{anomalies.attrs['days']} days up to {last:%Y-%m-%d}, each service"
    if said:
        hint = f"Look at what that service did on that day; then {NEXT}."
        return Check(name, Verdict.WARN, _list(said) + mention, expected, evidence, hint)
    return Check(name, Verdict.PASS, f"none on the last {recent_days} days{mention}", expected, evidence)


def _said(row: "pd.Series[Any]") -> str:
    return (
        f"{row['service']} on {row['date']:%Y-%m-%d}: {row['cost_usd']:.2f} USD instead of "
        f"{row['expected_usd']:.2f} ({row['excess_usd']:+.2f})"
    )


def _list(said: list[str]) -> str:
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return "; ".join(said[:_SHOWN]) + more
