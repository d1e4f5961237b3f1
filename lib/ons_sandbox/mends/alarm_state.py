"""Which state an alarm is in, from its data points, and the words that AWS has for it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ons_sandbox.mends import metric_series
from ons_sandbox.mends.metric_series import Series
from ons_sandbox.mends.metric_wire import at, dimensions

Alarm = dict[str, Any]

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
# How many periods more than EvaluationPeriods are read: AWS's tables read 5 for 3.
EXTRA_PERIODS = 2

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True)
class Evaluation:
    """What an alarm's data points say: its state, and the reason in words and as data (JSON)."""

    state: str
    reason: str
    data: str


def state_of(points: Sequence[bool | None], needed: int, periods: int, treatment: str, current: str) -> str:
    """The state that follows from the data points of the evaluation range.

    points: oldest first; True is breaching, False is not, None is missing. needed, periods:
    DatapointsToAlarm and EvaluationPeriods. treatment: TreatMissingData. current: the state before, which
    is kept where AWS keeps it.
    """
    real = [point for point in points if point is not None]
    if len(real) >= periods:
        return ALARM if sum(real[-periods:]) >= needed else OK
    missing = periods - len(real)
    if treatment == "breaching":
        return ALARM if sum(real) + missing >= needed else OK
    if treatment == "notBreaching" or sum(real) >= needed:
        return ALARM if sum(real) >= needed else OK
    if not real:
        return current if treatment == "ignore" else INSUFFICIENT_DATA
    if not all(real):
        return OK
    # Nothing but breaching points, fewer than needed. AWS waits for the next ones, unless the oldest is so
    # old that all those needed could have come since.
    age = len(points) - list(points).index(True)
    return ALARM if treatment == "missing" and age >= needed else current


def evaluate(alarm: Alarm, now: float) -> Evaluation:
    """Evaluate a metric alarm at `now` (s) over whole periods; the newest ends at the last minute."""
    period, periods = float(alarm["Period"]), int(alarm["EvaluationPeriods"])
    grain = min(period, 60.0)
    end = now // grain * grain
    start = end - period * (periods + EXTRA_PERIODS)
    found = metric_series.read(
        alarm["Namespace"],
        alarm["MetricName"],
        dimensions(alarm.get("Dimensions")),
        statistic(alarm),
        period,
        start,
        end,
        alarm.get("Unit"),
    )
    compare, _words = COMPARISONS[alarm["ComparisonOperator"]]
    points: list[bool | None] = [None] * (periods + EXTRA_PERIODS)
    for begin, value in found:
        points[int((begin - start) // period)] = compare(value, float(alarm["Threshold"]))
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    treatment = alarm.get("TreatMissingData") or "missing"
    state = state_of(points, needed, periods, treatment, alarm["StateValue"])
    used = found[-periods:]
    return Evaluation(state, _reason(alarm, state, used, needed), _reason_data(alarm, used, now))


def statistic(alarm: Alarm) -> str:
    """The statistic that an alarm watches; a percentile goes before the default that MiniStack fills in."""
    return str(alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average")


def _reason(alarm: Alarm, state: str, used: Series, needed: int) -> str:
    periods = int(alarm["EvaluationPeriods"])
    if state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(periods, 'datapoint')} {_were(periods)} unknown."
    filled, treatment = periods - len(used), alarm.get("TreatMissingData")
    treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(treatment or "")
    missing = f"{_counted(filled, 'missing datapoint')} {_were(filled)} treated as [{treated}]"
    if not used:
        received = f"no datapoints were received for {_counted(periods, 'period')}"
        return f"Threshold Crossed: {received} and {missing}."
    compare, words = COMPARISONS[alarm["ComparisonOperator"]]
    threshold = float(alarm["Threshold"])
    shown = [(when, value) for when, value in reversed(used) if compare(value, threshold) is (state == ALARM)]
    values = ", ".join(f"{value} ({at(when):%d/%m/%y %H:%M:%S})" for when, value in shown)
    before, enough = ("OK", needed) if state == ALARM else ("ALARM", periods - needed + 1)
    return (
        f"Threshold Crossed: {len(shown)} out of the last {_counted(periods, 'datapoint')} [{values}] "
        f"{_were(len(shown))} {'' if state == ALARM else 'not '}{words} the threshold ({threshold})"
        f"{f' and {missing}' if filled and treated else ''} "
        f"(minimum {_counted(enough, 'datapoint')} for {before} -> {state} transition)."
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _reason_data(alarm: Alarm, used: Series, now: float) -> str:
    recent = [value for _, value in reversed(used)]
    watched = statistic(alarm)
    data: dict[str, Any] = {
        "version": "1.0",
        "queryDate": stamp(now),
        "statistic" if not re.match(r"p\d", watched) else "extendedStatistic": watched,
        "period": int(alarm["Period"]),
        "recentDatapoints": recent,
        "threshold": float(alarm["Threshold"]),
        "evaluatedDatapoints": [{"timestamp": stamp(when), "value": value} for when, value in reversed(used)],
    }
    if used:
        data["startDate"] = stamp(used[0][0])
    return json.dumps(data)


def stamp(seconds: float) -> str:
    """A time (s) as CloudWatch writes it within its JSON: 2026-11-23T03:45:00.000+0000."""
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
