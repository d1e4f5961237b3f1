"""CloudWatch alarms evaluated over time, as AWS documents it.

MiniStack evaluates when a metric is put, over every metric of the name whatever its dimensions, and knows
neither missing data nor M out of N. Here each alarm is evaluated once a minute, by a light clock and when
somebody asks, and keeps a history; SNS actions follow a change of state. Alarms on metric math are refused.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ons_sandbox.mends import alarm_history, alarm_reading, mended
from ons_sandbox.mends.alarm_state import (
    ALARM,
    COMPARISONS,
    INSUFFICIENT_DATA,
    OK,
    TREATMENTS,
    Alarm,
    evaluate,
    statistic,
)
from ons_sandbox.mends.metric_series import check_period, check_statistic
from ons_sandbox.mends.metric_wire import Data, Handler, Refusal, handler, number, request

logger = logging.getLogger(__name__)

CLOCK_SECONDS = 5.0
SLOT_SECONDS = 60.0
# AWS: Period times EvaluationPeriods.
LONGEST_SECONDS = 7 * 24 * 3600

_ACTIONS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT_DATA: "InsufficientDataActions"}

# Account, region and name of an alarm -> the minute in which it was evaluated, or set by hand.
_evaluated: dict[tuple[str, str, str], float] = {}
_claiming = threading.Lock()


def install() -> None:
    """Put the evaluation and the alarm operations in place, and start the clock."""
    cloudwatch: Any = mended(
        "ministack.services.cloudwatch",
        "_alarms",
        "_evaluate_alarm",
        "_evaluate_all_alarms",
        "_evaluate_parent_alarms",
        "_record_history",
        "_dispatch_alarm_actions",
        "_is_sns_action_arn",
        "_put_metric_alarm",
        "_set_alarm_state",
        "_delete_alarms",
        "_describe_alarms",
        "_describe_alarms_for_metric",
        "_describe_alarm_history",
    )
    cloudwatch._record_history = alarm_history.record_state
    cloudwatch._evaluate_alarm = _nothing
    cloudwatch._evaluate_all_alarms = _nothing
    cloudwatch._dispatch_alarm_actions = _with_history(cloudwatch, cloudwatch._dispatch_alarm_actions)
    cloudwatch._put_metric_alarm = _checked(
        cloudwatch, cloudwatch._put_metric_alarm, _check_alarm, _after_put
    )
    cloudwatch._set_alarm_state = _checked(cloudwatch, cloudwatch._set_alarm_state, _check_state, _after_set)
    cloudwatch._delete_alarms = _checked(cloudwatch, cloudwatch._delete_alarms, _check_nothing, _after_delete)
    cloudwatch._describe_alarms = handler("DescribeAlarms", _fresh(alarm_reading.describe_alarms))
    cloudwatch._describe_alarms_for_metric = handler(
        "DescribeAlarmsForMetric", _fresh(alarm_reading.describe_alarms_for_metric)
    )
    cloudwatch._describe_alarm_history = handler("DescribeAlarmHistory", _fresh(alarm_history.describe))
    threading.Thread(target=_clock, name="alarm-clock", daemon=True).start()


def evaluate_all(now: float | None = None, again: bool = False) -> None:
    """Evaluate every alarm of every account and region that was not evaluated in this minute yet.

    Call it inside the server's process. now: seconds since the epoch UTC, the present unless given. again:
    also the alarms that were evaluated, or set by SetAlarmState, in this minute.
    """
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_alarms")
    responses: Any = mended("ministack.core.responses", "request_scope")
    when = time.time() if now is None else now
    for (account, region, _name), alarm in cloudwatch._alarms.all_items():
        with responses.request_scope(account, region):
            if _claimed(alarm, when) or again:
                _apply(cloudwatch, alarm, when)


def _clock() -> None:
    while True:
        time.sleep(CLOCK_SECONDS)
        try:
            evaluate_all()
        except Exception:
            # One alarm that cannot be evaluated must not stop the clock for all, for ever.
            logger.exception("alarms could not be evaluated")


def _fresh(describe: Callable[[Data], Data]) -> Callable[[Data], Data]:
    def described(data: Data) -> Data:
        evaluate_all()
        return describe(data)

    return described


def _nothing(*_alarm: Alarm) -> None:
    """Stand in for MiniStack's evaluations: what is put changes no alarm before its minute is over."""


def _claimed(alarm: Alarm, now: float) -> bool:
    """Take the evaluation of this minute; False when somebody else has."""
    responses: Any = mended("ministack.core.responses", "get_account_id", "get_region")
    key = (responses.get_account_id(), responses.get_region(), alarm["AlarmName"])
    slot = now // SLOT_SECONDS
    with _claiming:
        if _evaluated.get(key) == slot:
            return False
        _evaluated[key] = slot
        return True


def _apply(cloudwatch: Any, alarm: Alarm, now: float) -> None:
    """Evaluate one alarm, and carry out the change of state if there is one."""
    if not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in COMPARISONS:
        return  # made by a template, of a kind that PutMetricAlarm refuses here
    found = evaluate(alarm, now)
    old = alarm["StateValue"]
    if found.state == old:
        return
    changed = time.time()
    alarm.update(
        StateValue=found.state,
        StateReason=found.reason,
        StateReasonData=found.data,
        StateUpdatedTimestamp=changed,
        StateTransitionedTimestamp=changed,
    )
    alarm_history.record_state(alarm["AlarmName"], old, found.state, found.reason, reason_data=found.data)
    cloudwatch._dispatch_alarm_actions(alarm, old, found.state, found.reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _with_history(cloudwatch: Any, dispatch: Callable[..., None]) -> Callable[..., None]:
    def dispatched(alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
        dispatch(alarm, old_state, new_state, reason)
        if not alarm.get("ActionsEnabled", True):
            return
        kind = "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm"
        for action in filter(cloudwatch._is_sns_action_arn, alarm.get(_ACTIONS[new_state]) or ()):
            summary = f"Successfully executed action {action}"
            data = {"actionState": "Succeeded", "notificationResource": action}
            alarm_history.record(alarm["AlarmName"], "Action", summary, data, time.time(), kind)

    return dispatched


def _checked(
    cloudwatch: Any,
    stored: Handler,
    check: Callable[[Data], None],
    after: Callable[[Any, Data, dict[str, Alarm]], None],
) -> Handler:
    """MiniStack's own handler between a check of the request and what follows when it succeeded."""

    def handle(params: Data, decoded: Data, is_cbor: bool, is_json: bool = False) -> Any:
        asked = request(params, decoded, is_cbor or is_json)
        try:
            check(asked)
        except Refusal as refusal:
            return cloudwatch._error(
                refusal.code, refusal.message, refusal.status, use_json=is_json, use_cbor=is_cbor
            )
        names = [asked.get("AlarmName"), *(asked.get("AlarmNames") or ())]
        before = {name: dict(cloudwatch._alarms[name]) for name in names if name in cloudwatch._alarms}
        answer = stored(params, decoded, is_cbor, is_json)
        if answer[0] == 200:
            after(cloudwatch, asked, before)
        return answer

    return handle


def _check_alarm(asked: Data) -> None:
    """Refuse what AWS refuses, and what the sandbox does not evaluate. Raises Refusal."""
    if asked.get("Metrics") or asked.get("ThresholdMetricId") or asked.get("EvaluationCriteria"):
        raise Refusal(
            "ValidationError", "The sandbox evaluates alarms on one metric, not on Metrics (metric math)."
        )
    if asked.get("EvaluateLowSampleCountPercentile") == "ignore":
        message = "The sandbox does not evaluate alarms with EvaluateLowSampleCountPercentile=ignore."
        raise Refusal("ValidationError", message)
    for name in ("AlarmName", "Namespace", "MetricName"):
        if not asked.get(name):
            raise Refusal("ValidationError", f"The parameter {name} is required.")
    if asked.get("ComparisonOperator") not in COMPARISONS:
        message = (
            f"The value {asked.get('ComparisonOperator')} for parameter ComparisonOperator is not one of "
        )
        raise Refusal("ValidationError", message + ", ".join(COMPARISONS))
    if asked.get("TreatMissingData") not in (None, "", *TREATMENTS):
        message = f"The value {asked['TreatMissingData']} for parameter TreatMissingData is not one of "
        raise Refusal("ValidationError", message + ", ".join(TREATMENTS))
    if bool(asked.get("Statistic")) == bool(asked.get("ExtendedStatistic")):
        raise Refusal("ValidationError", "Exactly one of Statistic and ExtendedStatistic must be specified.")
    check_statistic(statistic(asked), "Statistic")
    _check_periods(asked)


def _check_periods(asked: Data) -> None:
    number(asked.get("Threshold"), "Threshold")
    period = check_period(number(asked.get("Period"), "Period"), "Period")
    periods = number(asked.get("EvaluationPeriods"), "EvaluationPeriods")
    needed = number(asked.get("DatapointsToAlarm"), "DatapointsToAlarm", periods)
    if periods < 1 or not 1 <= needed <= periods:
        message = (
            "EvaluationPeriods must be at least 1, and DatapointsToAlarm between 1 and EvaluationPeriods."
        )
        raise Refusal("ValidationError", message)
    if period * periods > LONGEST_SECONDS:
        raise Refusal("ValidationError", "Metrics cannot be checked across more than seven days.")


def _after_put(cloudwatch: Any, asked: Data, before: dict[str, Alarm]) -> None:
    alarm = cloudwatch._alarms[asked["AlarmName"]]
    old = before.get(asked["AlarmName"])
    kept = old or {"StateTransitionedTimestamp": alarm["StateUpdatedTimestamp"]}
    for name in ("StateReasonData", "StateTransitionedTimestamp"):
        if kept.get(name):
            alarm[name] = kept[name]
    for name in _ACTIONS.values():  # not all of them are read from the Query protocol
        alarm[name] = asked.get(name) or []
    alarm_history.record_configuration("Update" if old else "Create", alarm)
    now = time.time()
    _claimed(alarm, now)
    _apply(cloudwatch, alarm, now)


def _check_state(asked: Data) -> None:
    if asked.get("StateValue") not in _ACTIONS:
        message = f"The value {asked.get('StateValue')} for parameter StateValue is not one of "
        raise Refusal("ValidationError", message + ", ".join(_ACTIONS))


def _after_set(cloudwatch: Any, asked: Data, before: dict[str, Alarm]) -> None:
    """The state that was set stands until the next evaluation: in the next minute."""
    for name, old in before.items():
        alarm, now = cloudwatch._alarms[name], time.time()
        _claimed(alarm, now)
        alarm["StateUpdatedTimestamp"] = now
        alarm["StateReasonData"] = asked.get("StateReasonData") or ""
        if old["StateValue"] != alarm["StateValue"]:
            alarm["StateTransitionedTimestamp"] = now


def _check_nothing(_asked: Data) -> None:
    """DeleteAlarms is checked by MiniStack."""


def _after_delete(cloudwatch: Any, _asked: Data, before: dict[str, Alarm]) -> None:
    for name, alarm in before.items():
        if name not in cloudwatch._alarms:
            alarm_history.record_configuration("Delete", alarm)
