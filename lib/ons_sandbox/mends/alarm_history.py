"""What happened to alarms: the items that DescribeAlarmHistory gives, and how they are written.

MiniStack keeps whole seconds and state changes only. Items here have milliseconds (in `_at`, beside the
whole seconds that MiniStack's own readers expect) and a number, so that pages neither lose nor repeat one.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_AlarmHistoryItem.html
"""

import base64
import json
import time
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.mends.alarm_state import Alarm, stamp
from ons_sandbox.mends.metric_wire import Data, Refusal, at, moment, number

Item = dict[str, Any]

MAX_RECORDS = 100
DEFAULT_RECORDS = 50


def put_history(
    alarm_name: str, when: float, old_state: str, new_state: str, reason: str, reason_data: str = ""
) -> None:
    """Write a past change of state of an alarm of the current account and region.

    Call it inside the server's process, in any order of time. when: seconds since the epoch UTC. When it is
    the newest change of the alarm, and the alarm is in `new_state`, the alarm is in it since then.
    """
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_alarms", "_history_entries")
    record(
        alarm_name,
        "StateUpdate",
        f"Alarm updated from {old_state} to {new_state}",
        _change(old_state, new_state, reason, reason_data),
        when,
    )
    alarm = cloudwatch._alarms.get(alarm_name)
    newest = max(
        item["_at"]
        for item in cloudwatch._history_entries()
        if item["AlarmName"] == alarm_name and item["HistoryItemType"] == "StateUpdate"
    )
    if alarm is not None and alarm["StateValue"] == new_state and newest == when:
        alarm.update(
            StateUpdatedTimestamp=when,
            StateTransitionedTimestamp=when,
            StateReason=reason,
            StateReasonData=reason_data,
        )


def record(
    alarm_name: str, kind: str, summary: str, data: Data, when: float, alarm_type: str = "MetricAlarm"
) -> None:
    """Add one item. kind: the HistoryItemType, e.g. Action. when: seconds since the epoch UTC."""
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_history_entries", "_ts_iso")
    entries = cloudwatch._history_entries()
    entries.append(
        {
            "AlarmName": alarm_name,
            "AlarmType": alarm_type,
            "Timestamp": cloudwatch._ts_iso(when),
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": json.dumps({"version": "1.0", **data}),
            "_at": when,
            "_number": len(entries),
        }
    )


def record_state(
    alarm_name: str,
    old_state: str,
    new_state: str,
    reason: str,
    alarm_type: str = "MetricAlarm",
    reason_data: Any = None,
) -> None:
    """Add a change of state that happens now; it stands where MiniStack's `_record_history` stood."""
    if (
        old_state == new_state
    ):  # AWS has a ConfigurationUpdate for an alarm that is created, and no StateUpdate
        return
    change = _change(old_state, new_state, reason, reason_data or "")
    record(
        alarm_name,
        "StateUpdate",
        f"Alarm updated from {old_state} to {new_state}",
        change,
        time.time(),
        alarm_type,
    )


def record_configuration(kind: str, alarm: Alarm) -> None:
    """Add a ConfigurationUpdate that happens now. kind: Create, Update or Delete."""
    did = {"Create": "created", "Update": "updated", "Delete": "deleted"}[kind]
    shown = {
        name[0].lower() + name[1:]: value
        for name, value in alarm.items()
        if value not in (None, "") and not name.startswith("State")
    }
    shown["alarmConfigurationUpdatedTimestamp"] = stamp(time.time())
    data = {"type": kind, f"{did}Alarm": shown}
    record(
        alarm["AlarmName"], "ConfigurationUpdate", f'Alarm "{alarm["AlarmName"]}" {did}', data, time.time()
    )


def _change(old_state: str, new_state: str, reason: str, reason_data: Any) -> Data:
    new: Data = {"stateValue": new_state, "stateReason": reason}
    if reason_data:
        new["stateReasonData"] = json.loads(reason_data) if isinstance(reason_data, str) else reason_data
    return {"oldState": {"stateValue": old_state}, "newState": new}


def describe(data: Data) -> Data:
    """The answer of DescribeAlarmHistory. Raises Refusal."""
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_history_entries")
    start, end = moment(data.get("StartDate"), "StartDate"), moment(data.get("EndDate"), "EndDate")
    types = data.get("AlarmTypes") or ["MetricAlarm"]
    most = max_records(data)
    sign = 1 if data.get("ScanBy") == "TimestampAscending" else -1
    items = sorted(
        (
            (sign * item["_at"], sign * item["_number"], item)
            for item in cloudwatch._history_entries()
            if item["AlarmType"] in types
            and data.get("AlarmName") in (None, "", item["AlarmName"])
            and data.get("HistoryItemType") in (None, "", item["HistoryItemType"])
            and (start is None or item["_at"] >= start)
            and (end is None or item["_at"] <= end)
        ),
        key=lambda entry: entry[:2],
    )
    if data.get("NextToken"):
        first = _position(data["NextToken"])
        items = [entry for entry in items if entry[:2] >= first]
    answer: Data = {"AlarmHistoryItems": [_shown(item) for _, _, item in items[:most]]}
    if len(items) > most:
        answer["NextToken"] = base64.urlsafe_b64encode(json.dumps(items[most][:2]).encode()).decode()
    return answer


def max_records(data: Data) -> int:
    """MaxRecords of a request, 50 unless given, 1 to 100. Raises Refusal."""
    most = int(number(data.get("MaxRecords"), "MaxRecords", DEFAULT_RECORDS))
    if 1 <= most <= MAX_RECORDS:
        return most
    bound = "less than or equal to 100" if most > MAX_RECORDS else "greater than or equal to 1"
    raise Refusal(
        "ValidationError",
        f"1 validation error detected: Value '{most}' at 'maxRecords' failed to satisfy constraint: "
        f"Member must have value {bound}",
    )


def _position(token: str) -> tuple[float, int]:
    try:
        when, place = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
        return float(when), int(place)
    except (ValueError, TypeError):
        raise Refusal("InvalidNextToken", f"Invalid NextToken : {token}") from None


def _shown(item: Item) -> Data:
    public = {name: value for name, value in item.items() if not name.startswith("_")}
    return {**public, "Timestamp": at(item["_at"])}
