"""The past of the alarms, and of the two overloads that set them off."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ons_sandbox.platform import names
from sandboxes import Clients

#: The sandbox is shared: other tests may have made alarms of their own.
OURS = "ons-data-platform-"


def changes(clients: Clients) -> dict[str, list[dict[str, Any]]]:
    """The changes of state of a fortnight by alarm of the platform, oldest first."""
    now = datetime.now(UTC)
    pages = (
        clients("cloudwatch")
        .get_paginator("describe_alarm_history")
        .paginate(
            HistoryItemType="StateUpdate",
            StartDate=now - timedelta(days=14),
            EndDate=now,
            ScanBy="TimestampAscending",
        )
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for page in pages:
        for item in page["AlarmHistoryItems"]:
            if item["AlarmName"].startswith(OURS):
                found.setdefault(item["AlarmName"], []).append(item)
    return found


def test_alarms_went_off_and_were_over_in_turn(clients: Clients) -> None:
    found = changes(clients)
    assert {names.INFLUX_CPU_ALARM, names.RAG.errors_alarm, names.API_5XX_ALARM} <= set(found)
    for items in found.values():
        told = [item["HistorySummary"] for item in items]
        assert told == ["Alarm updated from OK to ALARM", "Alarm updated from ALARM to OK"] * (len(told) // 2)
        for went_off, was_over in pairwise(items):
            assert was_over["Timestamp"] > went_off["Timestamp"]


def test_no_alarm_is_on_now_and_none_was_made_today(clients: Clients) -> None:
    cloudwatch = clients("cloudwatch")
    found = changes(clients)
    for alarm in cloudwatch.describe_alarms(AlarmNamePrefix=OURS)["MetricAlarms"]:
        assert alarm["StateValue"] == "OK"
        last = found.get(alarm["AlarmName"])
        if last:
            assert alarm["StateUpdatedTimestamp"] == last[-1]["Timestamp"]
    history = cloudwatch.describe_alarm_history(HistoryItemType="ConfigurationUpdate")
    assert [i for i in history["AlarmHistoryItems"] if i["AlarmName"].startswith(OURS)] == []


def test_each_change_told_the_topic(clients: Clients) -> None:
    cloudwatch = clients("cloudwatch")
    for name, items in changes(clients).items():
        told = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")
        assert len(told["AlarmHistoryItems"]) == len(items)
        assert {names.TOPIC_ARN in item["HistoryData"] for item in told["AlarmHistoryItems"]} == {True}


@pytest.mark.parametrize(
    ("alarm", "namespace", "metric", "dimension"),
    [
        (
            names.RAG.errors_alarm,
            "AWS/Lambda",
            "Errors",
            {"Name": "FunctionName", "Value": names.RAG.name},
        ),
        (names.API_5XX_ALARM, "AWS/ApiGateway", "5XXError", {"Name": "ApiName", "Value": names.API}),
    ],
)
def test_when_an_alarm_went_off_its_metric_was_at_the_threshold(
    clients: Clients, alarm: str, namespace: str, metric: str, dimension: dict[str, str]
) -> None:
    cloudwatch = clients("cloudwatch")
    (definition,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    went_off = [item["Timestamp"] for item in changes(clients)[alarm] if "to ALARM" in item["HistorySummary"]]
    assert went_off
    for at in went_off:
        end = at.replace(second=0, microsecond=0)
        (point,) = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[dimension],
            StartTime=end - timedelta(seconds=definition["Period"]),
            EndTime=end,
            Period=definition["Period"],
            Statistics=["Sum"],
        )["Datapoints"]
        assert point["Sum"] >= definition["Threshold"]


def test_the_database_was_busy_when_its_alarm_was_on(clients: Clients) -> None:
    items = changes(clients)[names.INFLUX_CPU_ALARM]
    assert len(items) == 4
    for went_off in items[::2]:
        points = clients("cloudwatch").get_metric_statistics(
            Namespace="AWS/Timestream/InfluxDB",
            MetricName="CPUUtilization",
            Dimensions=[{"Name": "DbInstanceName", "Value": names.INFLUX_INSTANCE}],
            StartTime=went_off["Timestamp"] - timedelta(minutes=15),
            EndTime=went_off["Timestamp"],
            Period=300,
            Statistics=["Average"],
        )["Datapoints"]
        assert min(point["Average"] for point in points) >= 80


def test_logs_and_metrics_tell_of_the_same_failures(clients: Clients) -> None:
    (went_off, was_over) = changes(clients)[names.RAG.errors_alarm]
    start = went_off["Timestamp"] - timedelta(minutes=15)
    end = was_over["Timestamp"] + timedelta(minutes=15)
    start, end = (moment.replace(second=0, microsecond=0) for moment in (start, end))
    pages = (
        clients("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=names.RAG.log_group,
            startTime=int(start.timestamp() * 1000),
            endTime=int(end.timestamp() * 1000),
            filterPattern='"[ERROR] InfluxUnavailable"',
        )
    )
    lines = [event for page in pages for event in page["events"]]
    points = clients("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": names.RAG.name}],
        StartTime=start,
        EndTime=end,
        Period=300,
        Statistics=["Sum"],
    )["Datapoints"]
    assert len(lines) == sum(point["Sum"] for point in points) >= 13
