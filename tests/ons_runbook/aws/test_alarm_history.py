"""When alarms were in ALARM.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

import json
from datetime import timedelta

import pytest

from ons_runbook.aws import alarm_history
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window, utc_now

NOW = utc_now()
WEEK = Window(NOW - timedelta(days=7), NOW)


def hours(count):
    return NOW - timedelta(hours=count)


def change(ago, old, new, name="ons-cpu", **more):
    data = {"oldState": {"stateValue": old}, "newState": {"stateValue": new, "stateReason": f"because {new}"}}
    return {
        "AlarmName": name,
        "Timestamp": hours(ago),
        "HistoryItemType": "StateUpdate",
        "HistorySummary": f"Alarm updated from {old} to {new}",
        "HistoryData": json.dumps(data),
        **more,
    }


@pytest.fixture
def history(stub, session):
    """`history(page, page, …)` is the table over the week; the alarm is `state` now."""

    def read(*pages, window=WEEK, state="OK", since=NOW, names=("ons-cpu",)):
        alarms = [
            {"AlarmName": name, "StateValue": state, "StateTransitionedTimestamp": since} for name in names
        ]
        stub("cloudwatch").add_response("describe_alarms", {"MetricAlarms": alarms})
        for number, page in enumerate(pages):
            token = {"NextToken": str(number)} if number < len(pages) - 1 else {}
            stub("cloudwatch").add_response(
                "describe_alarm_history", {"AlarmHistoryItems": list(page), **token}
            )
        return alarm_history.by_alarm(session, "ons-", window)

    return read


def judged(frame, window=WEEK):
    return alarm_history.judge(frame, window, Thresholds())


def test_every_page_counts_and_those_of_others_do_not(history):
    frame = history(
        [change(9, "OK", "ALARM"), change(8.5, "ALARM", "OK"), change(8, "OK", "ALARM", "of-others")],
        [change(5, "OK", "ALARM"), change(4.5, "ALARM", "INSUFFICIENT_DATA")],
    )
    row = frame.iloc[0]
    assert len(frame) == 1
    assert (row["times_in_alarm"], row["minutes_in_alarm"], row["goes_on"]) == (2, 60.0, False)
    assert (row["last_began"], row["last_ended"]) == (hours(5), hours(4.5))
    episodes = alarm_history.episodes(frame)
    assert episodes["minutes"].tolist() == [30.0, 30.0]
    assert episodes["reason"].tolist() == ["because ALARM"] * 2


def test_an_episode_that_began_before_the_window_counts_from_its_start(history):
    week = 7 * 24
    row = history([change(week + 5, "OK", "ALARM"), change(week - 1, "ALARM", "OK")]).iloc[0]
    assert (row["times_in_alarm"], row["minutes_in_alarm"]) == (1, 60.0)


def test_one_that_began_before_the_history_counts_too(history):
    row = history([change(7 * 24 - 2, "ALARM", "OK")]).iloc[0]
    assert (row["times_in_alarm"], row["minutes_in_alarm"]) == (1, 120.0)


def test_one_that_was_over_before_the_window_does_not_count(history):
    frame = history([change(200, "OK", "ALARM"), change(190, "ALARM", "OK")])
    assert (frame.iloc[0]["times_in_alarm"], judged(frame).verdict) == (0, "pass")


@pytest.mark.parametrize("known", [True, False])
def test_one_that_goes_on_counts_to_the_end_and_fails(history, known):
    frame = history([change(1, "OK", "ALARM")] if known else [], state="ALARM", since=hours(1))
    row = frame.iloc[0]
    assert (row["minutes_in_alarm"], row["goes_on"]) == (60.0, True)
    assert judged(frame).verdict == "fail"


def test_without_data_the_summary_tells(history):
    items = [change(3, "OK", "ALARM", HistoryData="{cut"), change(2, "ALARM", "OK", HistoryData="[]")]
    assert history(items).iloc[0]["minutes_in_alarm"] == 60.0


def test_a_long_time_in_alarm_warns_with_the_procedure(history):
    check = judged(
        history([change(5, "OK", "ALARM", "ons-influxdb"), change(3, "ALARM", "OK", "ons-influxdb")])
    )
    assert (check.verdict, check.observed) == ("warn", "in ALARM: ons-influxdb 1× (120 min)")
    assert "troubleshooting/influxdb_write_failures" in check.hint
    assert names_covered(alarm_history.judge, {}) == [check.name]


def test_no_alarm_at_all_is_unknown(history):
    frame = history([], names=())
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == alarm_history.BY_ALARM
    assert judged(frame).verdict == "unknown"
    assert alarm_history.episodes(frame).empty


def test_a_window_longer_than_the_history_is_unknown_and_says_why(history):
    window = Window(NOW - timedelta(days=60), NOW)
    check = judged(history([], window=window), window)
    assert check.verdict == "unknown"
    assert "keeps the history of alarms for 30 days" in check.observed


def test_a_window_before_all_history_asks_for_none(history):
    window = Window(NOW - timedelta(days=60), NOW - timedelta(days=40))
    assert judged(history(window=window), window).verdict == "unknown"


def test_denied_is_an_error(stub, session):
    stub("cloudwatch").add_response("describe_alarms", {"MetricAlarms": []})
    stub("cloudwatch").add_client_error("describe_alarm_history", "AccessDenied", "no", 403)
    with pytest.raises(AccessDenied):
        alarm_history.by_alarm(session, "ons-", WEEK)
