"""When were alarms in ALARM, how often and for how long?

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html: history is
kept for 30 days, also that of alarms that were deleted; composite alarms come only when asked for by type.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ons_runbook.aws import alarms
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, TRUTH, WHOLE, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window, utc_now

EPISODES = {"alarm": TEXT, "began": MOMENT, "ended": MOMENT, "minutes": NUMBER, "reason": TEXT}
BY_ALARM = {
    "alarm": TEXT,
    "state": TEXT,
    "times_in_alarm": WHOLE,
    "minutes_in_alarm": NUMBER,
    "last_began": MOMENT,
    "last_ended": MOMENT,
    "goes_on": TRUTH,
}

#: How long CloudWatch keeps the history of an alarm.
KEPT = timedelta(days=30)
_ALARM = "ALARM"
_TYPES = ["MetricAlarm", "CompositeAlarm"]
_SHOWN = 3


def by_alarm(session: Session, prefix: str, window: Window) -> pd.DataFrame:
    """Every alarm whose name begins with `prefix`, and its times in ALARM within the window; longest first.

    Columns: alarm, state (now; missing when the alarm is gone), times_in_alarm (episodes that touch the
    window), minutes_in_alarm (the part within the window: an episode that began before it counts from the
    window's start, one that goes on up to its end), last_began (UTC), last_ended (missing while it goes
    on), goes_on (at the window's end). `frame.attrs["note"]` says when the window reaches back
    further than history is kept; `episodes` shows them one by one. Raises ReadError.
    """
    states = alarms.states(session, prefix)
    known = dict(zip(states["alarm"], states["state"], strict=True))
    since = {row["alarm"]: row["since"] for _, row in states.iterrows() if row["state"] == _ALARM}
    changes = _changes(session, prefix, window)
    names = [*known, *(name for name in changes if name not in known)]
    found = [
        episode
        for name in names
        for episode in _episodes(name, changes.get(name, []), since.get(name), window)
    ]
    rows = [_row(name, known.get(name), [e for e in found if e["alarm"] == name], window) for name in names]
    rows.sort(key=lambda row: -row["minutes_in_alarm"])
    frame = table(rows, BY_ALARM, empty=f"There is no alarm whose name begins with {prefix}.")
    frame.attrs["episodes"] = sorted(found, key=lambda episode: episode["began"])
    frame.attrs["window"] = window
    frame.attrs["note"] = _note(window)
    return frame


def episodes(by_alarm: pd.DataFrame) -> pd.DataFrame:
    """The times in ALARM one by one, oldest first.

    Columns: alarm, began, ended (UTC; missing while it goes on), minutes (within the window), reason.
    """
    return table(
        by_alarm.attrs["episodes"], EPISODES, empty=f"No alarm was in ALARM in {by_alarm.attrs['window']}."
    )


def _note(window: Window) -> str:
    if window.start >= utc_now() - KEPT:
        return ""
    return f"CloudWatch keeps the history of alarms for {KEPT.days} days: what was before that is not in here"


def _changes(session: Session, prefix: str, window: Window) -> dict[str, list[dict[str, Any]]]:
    """The changes of state of each alarm from the oldest that is kept up to the window's end, oldest first.

    What was before the window tells in which state it began.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    oldest = max(utc_now() - KEPT, window.start - KEPT)
    if oldest >= window.end:
        return found
    with reading(f"History of alarms {prefix}*", "cloudwatch"):
        for page in session.pages(
            "cloudwatch",
            "DescribeAlarmHistory",
            AlarmTypes=_TYPES,
            HistoryItemType="StateUpdate",
            StartDate=oldest,
            EndDate=window.end,
            ScanBy="TimestampAscending",
        ):
            for item in page.get("AlarmHistoryItems", []):
                if item["AlarmName"].startswith(prefix):
                    found.setdefault(item["AlarmName"], []).append(_change(item))
    for changes in found.values():
        changes.sort(key=lambda change: change["at"])
    return found


def _change(item: Mapping[str, Any]) -> dict[str, Any]:
    """When, from which state, to which, and why; the data is a text of JSON."""
    try:
        data = json.loads(item.get("HistoryData") or "{}")
    except ValueError:
        data = {}
    data = data if isinstance(data, dict) else {}
    # "Alarm updated from OK to ALARM" stands for it when the data is missing or cut.
    words = item.get("HistorySummary", "").split()
    new = data.get("newState", {})
    return {
        "at": item["Timestamp"],
        "old": data.get("oldState", {}).get("stateValue") or (words[-3] if len(words) >= 3 else ""),
        "new": new.get("stateValue") or (words[-1] if words else ""),
        "reason": new.get("stateReason"),
    }


def _episodes(
    name: str, changes: Sequence[Mapping[str, Any]], since: datetime | None, window: Window
) -> list[dict[str, Any]]:
    """From when to when the alarm was in ALARM, as far as it touches the window; `since` is when it went
    into ALARM, if it still is."""
    found: list[dict[str, Any]] = []
    if changes and changes[0]["old"] == _ALARM and changes[0]["new"] != _ALARM:
        # It began before the oldest change that is kept.
        found.append({"began": window.start, "ended": changes[0]["at"]})
    for change in changes:
        going_on = found and "ended" not in found[-1]
        if change["new"] == _ALARM and not going_on:
            found.append({"began": change["at"], "reason": change["reason"]})
        elif change["new"] != _ALARM and going_on:
            found[-1]["ended"] = change["at"]
    if not changes and since is not None and since < window.end:
        found.append({"began": since})
    return [
        {"alarm": name, **episode, "minutes": _within(episode, window)}
        for episode in found
        if episode["began"] < window.end and episode.get("ended", window.end) > window.start
    ]


def _within(episode: Mapping[str, Any], window: Window) -> float:
    began, ended = max(episode["began"], window.start), min(episode.get("ended", window.end), window.end)
    return float((ended - began).total_seconds() / 60)


def _row(
    name: str, state: str | None, episodes: Sequence[Mapping[str, Any]], window: Window
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "alarm": name,
        "state": state,
        "times_in_alarm": len(episodes),
        "minutes_in_alarm": sum(episode["minutes"] for episode in episodes),
        "goes_on": False,
    }
    if episodes:
        last = episodes[-1]
        row |= {
            "last_began": last["began"],
            "last_ended": last.get("ended"),
            "goes_on": "ended" not in last,
        }
    return row


@covers(["alarms.history"])
def judge(by_alarm: pd.DataFrame, window: Window, thresholds: Thresholds) -> Check:
    """Whether alarms were in ALARM for longer than a passing trouble; one that goes on fails.

    Without any alarm, or when the window is longer than the history that is kept, it is unknown unless it
    fails.
    """
    warn = thresholds.alarm_minutes_warn * max(1.0, window.minutes / 10080)
    expected = f"no alarm in ALARM for {warn:.0f} min in the window, none at its end"
    fired = by_alarm[by_alarm["times_in_alarm"] > 0]
    said = [
        f"{row['alarm']} {row['times_in_alarm']}× ({row['minutes_in_alarm']:.0f} min)"
        for _, row in fired.head(_SHOWN).iterrows()
    ]
    more = f" and {len(fired) - _SHOWN} more" if len(fired) > _SHOWN else ""
    observed = f"in ALARM: {', '.join(said)}{more}" if said else "no alarm was in ALARM"
    evidence = f"{len(by_alarm)} alarms, {window}"
    procedures = sorted({alarms.procedure_for(text(name)) for name in fired["alarm"]} - {""})
    hint = f"Next: {', '.join(procedures)}." if procedures else ""
    if fired["goes_on"].any():
        return Check("alarms.history", Verdict.FAIL, observed, expected, evidence, hint)
    if not len(by_alarm):
        reason = "there is no alarm: nothing watches the platform"
        return unknown(
            "alarms.history", reason, expected, evidence, "Check alarm_prefix in the platform's settings."
        )
    if note := by_alarm.attrs.get("note"):
        return unknown(
            "alarms.history", f"{note}; {observed}", expected, evidence, "Choose a shorter window."
        )
    if (fired["minutes_in_alarm"] >= warn).any():
        return Check("alarms.history", Verdict.WARN, observed, expected, evidence, hint)
    return Check("alarms.history", Verdict.PASS, observed, expected, evidence)
