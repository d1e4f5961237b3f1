"""DescribeAlarms and DescribeAlarmsForMetric as AWS documents them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmsForMetric.html
"""

from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.mends.alarm_history import max_records
from ons_sandbox.mends.alarm_state import Alarm, statistic
from ons_sandbox.mends.metric_wire import Data, Refusal, at, dimensions, number

_TIMES = ("StateUpdatedTimestamp", "StateTransitionedTimestamp", "AlarmConfigurationUpdatedTimestamp")
_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def describe_alarms(data: Data) -> Data:
    """The answer of DescribeAlarms, in the order of the alarms' names. Raises Refusal."""
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_alarms", "_composite_alarms")
    for name in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
        if data.get(name):
            raise Refusal("ValidationError", f"The sandbox does not answer DescribeAlarms by {name}.")
    if data.get("AlarmNames") and data.get("AlarmNamePrefix"):
        raise Refusal("ValidationError", "AlarmNames and AlarmNamePrefix cannot be specified together.")
    most = max_records(data)
    types = data.get("AlarmTypes") or ["MetricAlarm"]
    kept = [("MetricAlarms", cloudwatch._alarms)] if "MetricAlarm" in types else []
    kept += [("CompositeAlarms", cloudwatch._composite_alarms)] if "CompositeAlarm" in types else []
    # The token is the name with which the next page begins: alarms that come and go shift nothing.
    first = data.get("NextToken") or ""
    listed = sorted(
        (name, kind)
        for kind, alarms in kept
        for name, alarm in alarms.items()
        if name >= first and _wanted(data, alarm)
    )
    answer: Data = {"MetricAlarms": [], "CompositeAlarms": []}
    for name, kind in listed[:most]:
        alarm = dict(kept)[kind].get(name)
        if alarm is not None:
            answer[kind].append(shown(alarm))
    if len(listed) > most:
        answer["NextToken"] = listed[most][0]
    return answer


def _wanted(data: Data, alarm: Alarm) -> bool:
    names, action = data.get("AlarmNames"), data.get("ActionPrefix")
    return (
        (not names or alarm["AlarmName"] in names)
        and alarm["AlarmName"].startswith(data.get("AlarmNamePrefix") or "")
        and data.get("StateValue") in (None, "", alarm["StateValue"])
        and (
            not action or any(each.startswith(action) for name in _ACTIONS for each in alarm.get(name) or ())
        )
    )


def describe_alarms_for_metric(data: Data) -> Data:
    """The answer of DescribeAlarmsForMetric: the alarms on exactly this metric."""
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_alarms")
    watched = dimensions(data.get("Dimensions"))
    wanted_statistic = data.get("ExtendedStatistic") or data.get("Statistic")
    period = number(data.get("Period"), "Period", 0)
    found = [
        shown(alarm)
        for _, alarm in sorted(cloudwatch._alarms.items())
        if alarm.get("Namespace") == data.get("Namespace")
        and alarm.get("MetricName") == data.get("MetricName")
        and dimensions(alarm.get("Dimensions")) == watched
        and (not wanted_statistic or statistic(alarm) == wanted_statistic)
        and (not period or alarm["Period"] == period)
        and (not data.get("Unit") or alarm.get("Unit") == data["Unit"])
    ]
    return {"MetricAlarms": found}


def shown(alarm: Alarm) -> Data:
    """An alarm as the answers have it: nothing that was not given, and times as datetimes."""
    public = {name: value for name, value in alarm.items() if value not in (None, "")}
    if public.get("ExtendedStatistic"):
        public.pop("Statistic", None)
    for name in _TIMES:
        if name in public:
            public[name] = at(float(public[name]))
    return public
