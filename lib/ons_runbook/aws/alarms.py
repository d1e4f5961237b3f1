"""CloudWatch alarms: which are in ALARM now, since when, and why?

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html: composite alarms
come only when they are asked for by type.
"""

from typing import Any

import pandas as pd

from ons_runbook.checks import Check, Verdict, covers
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, TRUTH, table

ALARMS = {
    "alarm": TEXT,
    "type": TEXT,
    "state": TEXT,
    "since": MOMENT,
    "reason": TEXT,
    "notifies": TRUTH,
}
_TYPES = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms", "LogAlarm": "LogAlarms"}
_SHOWN = 5

# What an alarm is about stands in its name; the first word found names the procedure.
_PROCEDURES = {
    "influxdb": "troubleshooting/influxdb_write_failures",
    "execution": "troubleshooting/s3_processing_failures",
    "api-": "troubleshooting/api_timeouts",
    "error": "troubleshooting/lambda_errors",
}


def states(session: Session, prefix: str) -> pd.DataFrame:
    """Every alarm whose name begins with `prefix` (metric, composite, log), those in ALARM first.

    Columns: alarm, type, state (ALARM, INSUFFICIENT_DATA, OK), since (UTC, when it went into that state),
    reason, notifies (whether its actions are enabled). The state is that of this moment, whatever the
    window is.
    """
    client = session.client("cloudwatch")
    known = client.meta.service_model.operation_model("DescribeAlarms").input_shape.members["AlarmTypes"]
    types = [name for name in _TYPES if name in known.member.enum]
    rows: list[dict[str, Any]] = []
    with reading(f"Alarms {prefix}*", "cloudwatch"):
        for page in session.pages("cloudwatch", "DescribeAlarms", AlarmNamePrefix=prefix, AlarmTypes=types):
            rows += [_row(name, alarm) for name in types for alarm in page.get(_TYPES[name], [])]
    rows.sort(
        key=lambda row: ["ALARM", "INSUFFICIENT_DATA"].index(row["state"]) if row["state"] != "OK" else 2
    )
    return table(rows, ALARMS, empty=f"There is no alarm whose name begins with {prefix}.")


def _row(kind: str, alarm: dict[str, Any]) -> dict[str, Any]:
    return {
        "alarm": alarm["AlarmName"],
        "type": kind.removesuffix("Alarm").lower(),
        "state": alarm["StateValue"],
        "since": alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp"),
        "reason": alarm.get("StateReason"),
        "notifies": alarm.get("ActionsEnabled"),
    }


@covers(["alarms"])
def judge(states: pd.DataFrame) -> Check:
    """Whether an alarm is in ALARM now.

    Alarms without data are mentioned; when none has any, or there is none at all, nothing watches the
    platform and the answer is unknown.
    """
    expected = "no alarm in ALARM"
    alarming = states[states["state"] == "ALARM"]
    blind = states[states["state"] == "INSUFFICIENT_DATA"]["alarm"].tolist()
    evidence = f"{len(states)} alarms, as they are now"
    mention = f"; without data: {_list(blind)}" if blind else ""
    if len(alarming):
        said = [f"{row['alarm']} since {row['since']:%Y-%m-%d %H:%M} UTC" for _, row in alarming.iterrows()]
        procedures = {
            procedure for name in alarming["alarm"] for procedure in [procedure_for(name)] if procedure
        }
        hint = (
            f"Next: {', '.join(sorted(procedures))}."
            if procedures
            else "Look at the alarm's own description."
        )
        return Check("alarms", Verdict.FAIL, f"in ALARM: {_list(said)}{mention}", expected, evidence, hint)
    if len(blind) == len(states):
        reason = "there is no alarm" if not len(states) else "no alarm has any data"
        hint = "Check alarm_prefix in the platform's settings; if it is right, nothing watches the platform."
        return Check("alarms", Verdict.UNKNOWN, reason, expected, evidence, hint)
    observed = f"{len(states) - len(blind)} of {len(states)} alarms are OK{mention}"
    return Check("alarms", Verdict.PASS, observed, expected, evidence)


def procedure_for(alarm: str) -> str:
    """The procedure that goes on from an alarm of this name; empty when its name does not tell."""
    return next((procedure for word, procedure in _PROCEDURES.items() if word in alarm), "")


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
