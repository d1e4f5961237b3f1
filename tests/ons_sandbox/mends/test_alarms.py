"""Alarms: the tables of the AWS documentation for missing data, and their life over the wire.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
"""

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ons_sandbox.mends.alarm_state import state_of

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
KEEP = "the state before"
ORDER = ("missing", "ignore", "breaching", "notBreaching")


@pytest.mark.parametrize(
    ("points", "needed", "states"),
    [
        # Datapoints to Alarm and Evaluation Periods are both 3.
        ("0-X-X", 3, (OK, OK, OK, OK)),
        ("0----", 3, (OK, OK, OK, OK)),
        ("-----", 3, (INSUFFICIENT, KEEP, ALARM, OK)),
        ("0XX-X", 3, (ALARM, ALARM, ALARM, ALARM)),
        ("--X--", 3, (ALARM, KEEP, ALARM, OK)),
        # 2 out of 3.
        ("0-X-X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("00X0X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0-X--", 2, (OK, OK, ALARM, OK)),
        ("----0", 2, (OK, OK, ALARM, OK)),
        ("---X-", 2, (ALARM, KEEP, ALARM, OK)),
        # "Avoiding premature transitions": not yet an alarm, whatever the state before.
        ("----X", 3, (KEEP, KEEP, ALARM, OK)),
        ("---X-", 3, (KEEP, KEEP, ALARM, OK)),
    ],
)
def test_missing_data_is_treated_as_in_the_tables(points: str, needed: int, states: tuple[str, ...]) -> None:
    seen = [{"0": False, "X": True, "-": None}[point] for point in points]
    for treatment, expected in zip(ORDER, states, strict=True):
        for before in (OK, ALARM, INSUFFICIENT):
            found = state_of(seen, needed, 3, treatment, before)
            assert found == (before if expected == KEEP else expected), (treatment, before)


class Alarms:
    """What a test asks of the alarms of one namespace."""

    def __init__(self, emulator: Any, namespace: str) -> None:
        self.emulator = emulator
        self.namespace = namespace
        self.cloudwatch = emulator.client("cloudwatch")

    def measure(self, metric: str, value: float, function: str = "a", minutes: float = 3.0) -> None:
        """One value, so many minutes ago: in the last whole hour, and not in the minute that is not over."""
        self.emulator.call(
            "ons_sandbox.mends.metric_store:bulk_put_metric",
            namespace=self.namespace,
            name=metric,
            dimensions={"FunctionName": function},
            points=[[time.time() - 60 * minutes, value]],
            unit="Count",
        )

    def put(self, name: str, metric: str = "Errors", **more: Any) -> None:
        asked: dict[str, Any] = {
            "AlarmName": name,
            "Namespace": self.namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": "FunctionName", "Value": "a"}],
            "Period": 3600,
            "EvaluationPeriods": 1,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        if "ExtendedStatistic" not in more:
            asked["Statistic"] = "Sum"
        self.cloudwatch.put_metric_alarm(**(asked | more))

    def evaluate(self) -> None:
        self.emulator.call("ons_sandbox.mends.alarms:evaluate_all", again=True)

    def get(self, name: str) -> dict[str, Any]:
        return dict(self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0])

    def history(self, name: str, **more: Any) -> list[dict[str, Any]]:
        return list(self.cloudwatch.describe_alarm_history(AlarmName=name, **more)["AlarmHistoryItems"])


@pytest.fixture
def alarms(emulator: Any, request: pytest.FixtureRequest) -> Alarms:
    return Alarms(emulator, f"Test/{request.node.name[:200]}")


def test_an_alarm_watches_its_own_dimensions_only(alarms: Alarms) -> None:
    alarms.measure("Errors", 100, function="b")
    alarms.measure("Errors", 1, function="a")
    alarms.put("own-dimensions")
    assert alarms.get("own-dimensions")["StateValue"] == OK


def test_an_alarm_rises_and_recovers_and_says_why(alarms: Alarms) -> None:
    alarms.put("rise-and-fall", TreatMissingData="notBreaching")
    assert alarms.get("rise-and-fall")["StateValue"] == OK
    alarms.measure("Errors", 9)
    alarms.evaluate()
    raised = alarms.get("rise-and-fall")
    assert raised["StateValue"] == ALARM
    assert "1 out of the last 1 datapoint [9.0 (" in raised["StateReason"]
    assert (
        "was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM" in raised["StateReason"]
    )
    assert json.loads(raised["StateReasonData"])["recentDatapoints"] == [9.0]
    alarms.measure("Errors", -9)
    alarms.evaluate()
    assert alarms.get("rise-and-fall")["StateValue"] == OK
    changes = [
        item["HistorySummary"] for item in alarms.history("rise-and-fall", HistoryItemType="StateUpdate")
    ]
    assert changes == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
    ]


def test_the_time_of_a_change_is_kept_until_the_next_one(alarms: Alarms) -> None:
    alarms.measure("Errors", 9)
    begin = datetime.now(UTC)
    alarms.put("times")
    first = alarms.get("times")
    assert begin - timedelta(seconds=1) <= first["StateTransitionedTimestamp"] <= datetime.now(UTC)
    alarms.evaluate()
    alarms.put("times", AlarmDescription="changed")
    again = alarms.get("times")
    assert again["AlarmDescription"] == "changed"
    for name in ("StateTransitionedTimestamp", "StateUpdatedTimestamp", "StateReason", "StateReasonData"):
        assert again[name] == first[name]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"Statistic": "Maximum", "Threshold": 3.5}, ALARM),
        ({"Statistic": "Average", "Threshold": 3.5}, OK),
        ({"Statistic": "SampleCount", "Threshold": 3.5}, ALARM),
        ({"ExtendedStatistic": "p50", "Threshold": 2.4}, ALARM),
        ({"ExtendedStatistic": "p50", "Threshold": 2.6}, OK),
        ({"Threshold": 10.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}, ALARM),
        ({"Threshold": 10.0, "ComparisonOperator": "GreaterThanThreshold"}, OK),
        ({"Threshold": 10.0, "ComparisonOperator": "LessThanThreshold"}, OK),
        ({"Threshold": 10.0, "ComparisonOperator": "LessThanOrEqualToThreshold"}, ALARM),
        ({"Unit": "Seconds"}, INSUFFICIENT),
    ],
)
def test_an_alarm_compares_the_statistic_that_it_names(
    alarms: Alarms, more: dict[str, Any], expected: str
) -> None:
    for value in (1, 2, 3, 4):
        alarms.measure("Values", value)
    name = f"statistic {sorted(more.items())}"
    alarms.put(name, metric="Values", **more)
    shown = alarms.get(name)
    assert shown["StateValue"] == expected
    assert ("Statistic" in shown) is ("ExtendedStatistic" not in more)


def test_some_of_the_periods_are_enough_when_the_alarm_says_so(alarms: Alarms) -> None:
    for minutes, value in ((10, 9), (70, 1), (130, 9)):
        alarms.measure("Errors", value, minutes=minutes)
    alarms.put("two-of-three", EvaluationPeriods=3, DatapointsToAlarm=2)
    alarms.put("three-of-three", EvaluationPeriods=3)
    assert alarms.get("two-of-three")["StateValue"] == ALARM
    assert alarms.get("three-of-three")["StateValue"] == OK


def test_the_minute_that_is_not_over_does_not_count_yet(alarms: Alarms) -> None:
    alarms.measure("Errors", 9, minutes=-1.0)
    alarms.put("not-yet")
    assert alarms.get("not-yet")["StateValue"] == INSUFFICIENT


def test_a_state_set_by_hand_stands_until_the_next_evaluation(alarms: Alarms) -> None:
    alarms.measure("Errors", 1)
    alarms.put("by-hand")
    alarms.emulator.call("ons_sandbox.mends.alarms:evaluate_all", now=time.time() - 7200)  # not this minute
    # The next evaluation is in the next minute: begin early enough in this one.
    assert alarms.emulator.eventually(lambda: time.time() % 60 < 50, seconds=30)
    alarms.cloudwatch.set_alarm_state(
        AlarmName="by-hand", StateValue="ALARM", StateReason="a drill", StateReasonData='{"drill": true}'
    )
    alarms.emulator.call("ons_sandbox.mends.alarms:evaluate_all", now=time.time())
    shown = alarms.get("by-hand")
    assert (shown["StateValue"], shown["StateReason"]) == (ALARM, "a drill")
    alarms.evaluate()
    assert alarms.get("by-hand")["StateValue"] == OK


def topic_and_queue(emulator: Any, name: str) -> tuple[str, str]:
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, queue


def notified(emulator: Any, queue: str) -> list[tuple[str, str]]:
    """The changes of state (from, to) that came to a queue since it was last asked."""
    answer = emulator.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    messages = [json.loads(json.loads(each["Body"])["Message"]) for each in answer.get("Messages", ())]
    return [(message["OldStateValue"], message["NewStateValue"]) for message in messages]


def test_the_clock_evaluates_without_being_asked(alarms: Alarms) -> None:
    topic, queue = topic_and_queue(alarms.emulator, "alarm-clock")
    alarms.measure("Errors", 9)
    alarms.put("clock", AlarmActions=[topic], TreatMissingData="notBreaching")
    assert notified(alarms.emulator, queue) == [(INSUFFICIENT, ALARM)]
    two_hours_ago = time.time() - 7200  # there was nothing then: the alarm is OK, and that minute is done
    alarms.emulator.call("ons_sandbox.mends.alarms:evaluate_all", now=two_hours_ago)
    assert alarms.emulator.eventually(lambda: notified(alarms.emulator, queue), seconds=30) == [(OK, ALARM)]


def test_configuration_and_changes_are_in_the_history(alarms: Alarms) -> None:
    alarms.measure("Errors", 9)
    alarms.put("history")
    alarms.put("history", Threshold=20.0)
    alarms.cloudwatch.delete_alarms(AlarmNames=["history"])
    items = alarms.history("history", ScanBy="TimestampAscending")
    assert [(item["HistoryItemType"], item["HistorySummary"]) for item in items] == [
        ("ConfigurationUpdate", 'Alarm "history" created'),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("ConfigurationUpdate", 'Alarm "history" updated'),
        ("StateUpdate", "Alarm updated from ALARM to OK"),
        ("ConfigurationUpdate", 'Alarm "history" deleted'),
    ]
    change = json.loads(items[1]["HistoryData"])
    assert change["oldState"]["stateValue"] == INSUFFICIENT
    assert change["newState"]["stateValue"] == ALARM
    assert json.loads(items[0]["HistoryData"])["createdAlarm"]["threshold"] == 5.0


def test_history_is_newest_first_between_its_dates_and_in_pages(alarms: Alarms) -> None:
    alarms.put("paged", TreatMissingData="notBreaching")
    begin = int(time.time()) - 10 * 24 * 3600
    for hour in range(120):
        states = (OK, ALARM) if hour % 2 == 0 else (ALARM, OK)
        alarms.emulator.call(
            "ons_sandbox.mends.alarm_history:put_history",
            alarm_name="paged",
            when=begin + 3600 * hour,
            old_state=states[0],
            new_state=states[1],
            reason="written",
        )
    asked = {"AlarmName": "paged", "StartDate": begin + 3600 * 5, "EndDate": begin + 3600 * 109}
    pages = list(alarms.cloudwatch.get_paginator("describe_alarm_history").paginate(**asked))
    times = [item["Timestamp"] for page in pages for item in page["AlarmHistoryItems"]]
    assert [len(page["AlarmHistoryItems"]) for page in pages] == [50, 50, 5]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 105
    ascending = alarms.history("paged", ScanBy="TimestampAscending", MaxRecords=1)[0]
    assert abs(ascending["Timestamp"].timestamp() - begin) < 0.01


def test_written_history_dates_the_present_state(alarms: Alarms) -> None:
    alarms.measure("Errors", 9)
    alarms.put("since")
    since = time.time() + 5
    alarms.emulator.call(
        "ons_sandbox.mends.alarm_history:put_history",
        alarm_name="since",
        when=since,
        old_state=OK,
        new_state=ALARM,
        reason="since then",
    )
    shown = alarms.get("since")
    assert shown["StateReason"] == "since then"
    assert abs(shown["StateUpdatedTimestamp"].timestamp() - since) < 0.01


def test_a_notification_goes_to_the_topic_and_into_the_history(alarms: Alarms) -> None:
    topic, queue = topic_and_queue(alarms.emulator, "alarm-actions")
    alarms.measure("Errors", 9)
    alarms.put("notified", AlarmActions=[topic])
    alarms.put("silent", AlarmActions=[topic], ActionsEnabled=False)
    assert notified(alarms.emulator, queue) == [(INSUFFICIENT, ALARM)]
    actions = alarms.history("notified", HistoryItemType="Action")
    assert [item["HistorySummary"] for item in actions] == [f"Successfully executed action {topic}"]
    assert alarms.history("silent", HistoryItemType="Action") == []


def test_alarms_are_listed_by_state_prefix_and_in_pages(alarms: Alarms) -> None:
    for number in range(60):
        alarms.put(
            f"listed-{number:02d}", TreatMissingData="breaching" if number % 3 == 0 else "notBreaching"
        )
    paginator = alarms.cloudwatch.get_paginator("describe_alarms")

    def listed(**more: Any) -> tuple[list[str], list[int]]:
        pages = [page["MetricAlarms"] for page in paginator.paginate(AlarmNamePrefix="listed-", **more)]
        return [alarm["AlarmName"] for page in pages for alarm in page], [len(page) for page in pages]

    assert listed() == ([f"listed-{number:02d}" for number in range(60)], [50, 10])
    assert listed(StateValue="ALARM")[0] == [f"listed-{number:02d}" for number in range(0, 60, 3)]
    assert listed(PaginationConfig={"PageSize": 25})[1] == [25, 25, 10]
    assert listed(ActionPrefix="arn:aws:sns") == ([], [0])


def test_alarms_of_one_metric_are_those_of_its_dimensions(alarms: Alarms) -> None:
    alarms.put("for-metric-a")
    alarms.put("for-metric-b", Dimensions=[{"Name": "FunctionName", "Value": "b"}])
    found = alarms.cloudwatch.describe_alarms_for_metric(
        Namespace=alarms.namespace, MetricName="Errors", Dimensions=[{"Name": "FunctionName", "Value": "b"}]
    )
    assert [alarm["AlarmName"] for alarm in found["MetricAlarms"]] == ["for-metric-b"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"DatapointsToAlarm": 2},
        {"TreatMissingData": "whatever"},
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
        {"Period": 90},
        {"Statistic": "Median"},
        {"ExtendedStatistic": "tm99"},
        {"EvaluationPeriods": 1000},
        {"EvaluateLowSampleCountPercentile": "ignore"},
    ],
)
def test_an_alarm_that_cannot_be_evaluated_is_refused(alarms: Alarms, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as raised:
        alarms.put("refused", **wrong)
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert alarms.cloudwatch.describe_alarms(AlarmNames=["refused"])["MetricAlarms"] == []


def test_an_alarm_on_metric_math_is_refused_by_name(alarms: Alarms) -> None:
    with pytest.raises(ClientError, match="metric math"):
        alarms.cloudwatch.put_metric_alarm(
            AlarmName="math",
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            Threshold=1.0,
            Metrics=[{"Id": "e1", "Expression": "m1 / m2"}],
        )


@pytest.mark.parametrize(
    ("operation", "asked", "code"),
    [
        ("describe_alarms", {"MaxRecords": 101}, "ValidationError"),
        ("describe_alarms", {"AlarmNames": ["a"], "AlarmNamePrefix": "a"}, "ValidationError"),
        ("describe_alarms", {"ChildrenOfAlarmName": "a"}, "ValidationError"),
        ("describe_alarm_history", {"MaxRecords": 101}, "ValidationError"),
        ("describe_alarm_history", {"NextToken": "made up"}, "InvalidNextToken"),
        (
            "set_alarm_state",
            {"AlarmName": "none", "StateValue": "OK", "StateReason": "x"},
            "ResourceNotFound",
        ),
        (
            "set_alarm_state",
            {"AlarmName": "none", "StateValue": "GOOD", "StateReason": "x"},
            "ValidationError",
        ),
    ],
)
def test_wrong_questions_are_refused(
    alarms: Alarms, operation: str, asked: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(alarms.cloudwatch, operation)(**asked)
    assert raised.value.response["Error"]["Code"].startswith(code)


def test_the_aws_cli_reads_alarms_and_their_history(alarms: Alarms) -> None:
    alarms.measure("Errors", 9)
    alarms.put("cli")

    def cli(*arguments: str) -> str:
        command = ["aws", "cloudwatch", *arguments, "--output", "json"]
        environment = alarms.emulator.environment()
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert ran.stderr == ""
        return str(json.loads(ran.stdout))

    state = cli("describe-alarms", "--alarm-names", "cli", "--query", "MetricAlarms[].StateValue")
    history = cli(
        "describe-alarm-history", "--alarm-name", "cli", "--query", "AlarmHistoryItems[].HistoryItemType"
    )
    assert (state, history) == ("['ALARM']", "['StateUpdate', 'ConfigurationUpdate']")
