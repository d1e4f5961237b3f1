"""The past of the alarms: when each went off and was over, as the metrics of the last two weeks say.

Every alarm is evaluated over the history as it is while the sandbox runs, a minute at a time wherever its
metric comes near the threshold; so the history of an alarm is never at odds with the metric that it watches.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ons_sandbox.mends import alarm_history, alarm_state, mended, metric_store
from ons_sandbox.mends.alarm_state import ALARM, OK, Alarm
from ons_sandbox.mends.metric_wire import dimensions

DAYS = timedelta(days=14)
MINUTE = 60.0
# The state changes some seconds after the minute that brought it about.
LATE = 8.0


def write(*, now: datetime) -> int:
    """Write the changes of state of every alarm, and its actions; gives the number of changes.

    What the build left in the history is dropped: the alarms were made months ago. Metrics, and the dates of
    the alarms, must be written. now: when the history ends (aware). Works inside the server's process only.
    """
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_alarms", "_history_entries")
    cloudwatch._history_entries().clear()
    changes = []
    for alarm in list(cloudwatch._alarms.values()):
        changes += list(_changes(alarm, (now - DAYS).timestamp(), now.timestamp()))
    for when, alarm, old, found in sorted(changes, key=lambda change: change[0]):
        name = alarm["AlarmName"]
        alarm_history.put_history(name, when, old, found.state, found.reason, found.data)
        for action in alarm["AlarmActions" if found.state == ALARM else "OKActions"]:
            summary = f"Successfully executed action {action}"
            data = {"actionState": "Succeeded", "notificationResource": action}
            alarm_history.record(name, "Action", summary, data, when + 1.0)
    return len(changes)


Change = tuple[float, Alarm, str, alarm_state.Evaluation]


def _changes(alarm: Alarm, start: float, end: float) -> Iterator[Change]:
    """When the alarm changed its state between start and end (s), to what, and why; it was OK before."""
    seen = {**alarm, "StateValue": OK}
    for minute in _minutes(alarm, start, end):
        found = alarm_state.evaluate(seen, minute)
        if found.state in (OK, ALARM) and found.state != seen["StateValue"]:
            yield minute + LATE, alarm, seen["StateValue"], found
            seen["StateValue"] = found.state


def _minutes(alarm: Alarm, start: float, end: float) -> Iterator[float]:
    """The minutes in which the alarm may change: while points that come near the threshold are looked at."""
    reach = alarm["Period"] * (alarm["EvaluationPeriods"] + alarm_state.EXTRA_PERIODS + 1)
    last = start
    for at in _near(alarm, start, end):
        first = max(last, at // MINUTE * MINUTE)
        until = min(at + reach, end - LATE)
        yield from _range(first, until)
        last = max(last, _after(first, until))


def _range(first: float, until: float) -> Iterator[float]:
    while first <= until:
        yield first
        first += MINUTE


def _after(first: float, until: float) -> float:
    """The minute after the last of a range."""
    return first + MINUTE * (int((until - first) // MINUTE) + 1) if until >= first else first


def _near(alarm: Alarm, start: float, end: float) -> list[float]:
    """The times of the points without which the alarm could not go off.

    Of a sum, those that reach the threshold together within a period; of anything else, those that reach it
    alone. Every alarm of the platform goes off upwards.
    """
    points = metric_store.window(
        alarm["Namespace"], alarm["MetricName"], dimensions(alarm.get("Dimensions")), start, end
    )
    threshold = float(alarm["Threshold"])
    sums = alarm_state.statistic(alarm) == "Sum"
    found = [(point["Timestamp"], _height(point, sums)) for point in points]
    if not sums:
        return [at for at, value in found if value >= threshold]
    found = [(at, value) for at, value in found if value > 0]
    near: set[float] = set()
    for number, (at, _) in enumerate(found):
        together, total = [], 0.0
        for other, value in found[number:]:
            if other - at >= alarm["Period"]:
                break
            together.append(other)
            total += value
        if total >= threshold:
            near.update(together)
    return sorted(near)


def _height(point: metric_store.Point, sums: bool) -> float:
    """A point's sum or its highest value."""
    whole = point.get("_stat")
    if whole is not None:
        return float(whole["Sum" if sums else "Maximum"])
    return float(point["Value"]) * (float(point.get("Count", 1.0)) if sums else 1.0)
