"""CloudWatch metrics over the wire, as AWS documents them, and the bulk writer of metric history.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR = NOW.replace(minute=0) - timedelta(hours=2)


def bulk_put(emulator: Any, name: str, points: list[Any], dimensions: dict[str, str] | None = None) -> None:
    emulator.call(
        "ons_sandbox.mends.metric_store:bulk_put_metric",
        namespace="Test/Metrics",
        name=name,
        dimensions=dimensions or {},
        points=points,
        unit="Count",
    )


def query(name: str, stat: str = "Sum", period: int = 60, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    metric = {"Namespace": "Test/Metrics", "MetricName": name, "Dimensions": named}
    return {"Id": "m1", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}


def ask(emulator: Any, *queries: dict[str, Any], **more: Any) -> dict[str, Any]:
    window = {"StartTime": HOUR, "EndTime": HOUR + timedelta(hours=2)}
    answer = emulator.client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries), **{**window, **more}
    )
    return dict(answer)


def refusal(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture(scope="module")
def minutes(emulator: Any) -> str:
    """A metric with the values 0 to 59, one a minute from HOUR."""
    begin = HOUR.timestamp()
    bulk_put(emulator, "Minutes", [[begin + 60 * place, place] for place in range(60)], {"Function": "a"})
    return "Minutes"


def test_the_newest_value_comes_first_unless_asked_otherwise(emulator: Any, minutes: str) -> None:
    question = query(minutes, Function="a")
    newest = ask(emulator, question)["MetricDataResults"][0]
    oldest = ask(emulator, question, ScanBy="TimestampAscending")["MetricDataResults"][0]
    assert newest["Values"] == list(reversed(range(60)))
    assert newest["Timestamps"][0] == HOUR + timedelta(minutes=59)
    assert oldest["Values"] == list(range(60))
    assert newest["StatusCode"] == "Complete"


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("Sum", 45.0),
        ("Average", 4.5),
        ("Minimum", 0.0),
        ("Maximum", 9.0),
        ("SampleCount", 10.0),
        ("p50", 4.5),
        ("p90", 8.1),
        ("p99", 8.91),
    ],
)
def test_each_statistic_is_that_of_its_period(
    emulator: Any, minutes: str, stat: str, expected: float
) -> None:
    question = query(minutes, stat=stat, period=600, Function="a")
    result = ask(emulator, question, EndTime=HOUR + timedelta(minutes=10))["MetricDataResults"][0]
    assert result["Values"] == [pytest.approx(expected)]
    assert result["Timestamps"] == [HOUR]


def test_periods_follow_on_from_the_start_rounded_down_to_a_minute(emulator: Any, minutes: str) -> None:
    window = {"StartTime": HOUR + timedelta(minutes=2, seconds=40), "EndTime": HOUR + timedelta(minutes=12)}
    result = ask(emulator, query(minutes, period=300, Function="a"), **window)["MetricDataResults"][0]
    assert result["Timestamps"] == [HOUR + timedelta(minutes=7), HOUR + timedelta(minutes=2)]
    assert result["Values"] == [7 + 8 + 9 + 10 + 11, 2 + 3 + 4 + 5 + 6]


def test_an_unknown_metric_is_empty_and_complete(emulator: Any, minutes: str) -> None:
    for question in (query("NoSuch"), query(minutes), query(minutes, Function="b")):
        result = ask(emulator, question)["MetricDataResults"][0]
        assert (result["Values"], result["Timestamps"], result["StatusCode"]) == ([], [], "Complete")


def test_pages_hold_at_most_the_datapoints_asked_for_and_together_everything(
    emulator: Any, minutes: str
) -> None:
    question = query(minutes, Function="a")
    values, sizes, statuses, token = [], [], [], {}
    while True:
        answer = ask(emulator, question, MaxDatapoints=25, **token)
        values += answer["MetricDataResults"][0]["Values"]
        sizes.append(len(answer["MetricDataResults"][0]["Values"]))
        statuses.append(answer["MetricDataResults"][0]["StatusCode"])
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert values == list(reversed(range(60)))
    assert sizes == [25, 25, 10]
    assert statuses == ["PartialData", "PartialData", "Complete"]


def test_a_page_token_that_was_never_given_is_invalid(emulator: Any, minutes: str) -> None:
    with pytest.raises(ClientError) as raised:
        ask(emulator, query(minutes, Function="a"), NextToken="made up")
    assert refusal(raised)[0] == "InvalidNextToken"


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("m1 / 2", "metric math"),
        ("SEARCH('{AWS/Lambda,FunctionName} Errors', 'Sum', 300)", "search"),
        ('SELECT SUM(Errors) FROM "AWS/Lambda"', "Metrics Insights"),
    ],
)
def test_expressions_are_refused_by_name(emulator: Any, minutes: str, expression: str, named: str) -> None:
    with pytest.raises(ClientError) as raised:
        ask(emulator, query(minutes, Function="a"), {"Id": "e1", "Expression": expression})
    code, message = refusal(raised)
    assert code == "ValidationError"
    assert named in message
    assert expression in message


@pytest.mark.parametrize(
    "queries",
    [
        [query("M") | {"Id": f"m{place}"} for place in range(501)],
        [query("M"), query("M")],
        [query("M") | {"Id": "Upper"}],
        [query("M", period=90)],
        [query("M", stat="median")],
        [query("M", stat="tm90")],
    ],
)
def test_queries_that_aws_or_the_sandbox_cannot_answer_are_refused(emulator: Any, queries: list[Any]) -> None:
    with pytest.raises(ClientError) as raised:
        ask(emulator, *queries)
    assert refusal(raised)[0] == "ValidationError"


def test_five_hundred_queries_are_answered(emulator: Any, minutes: str) -> None:
    queries = [query(minutes, Function="a") | {"Id": f"m{place}"} for place in range(500)]
    window = {"EndTime": HOUR + timedelta(minutes=1)}
    results = ask(emulator, *queries, **window)["MetricDataResults"]
    assert [result["Id"] for result in results] == [f"m{place}" for place in range(500)]


def test_statistic_sets_and_weighted_values_are_aggregated(emulator: Any) -> None:
    cloudwatch = emulator.client("cloudwatch")
    sets = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}
    cloudwatch.put_metric_data(
        Namespace="Test/Metrics",
        MetricData=[
            {"MetricName": "Sets", "Timestamp": HOUR, "StatisticValues": sets},
            {"MetricName": "Weighted", "Timestamp": HOUR, "Values": [10, 20], "Counts": [9, 1]},
        ],
    )
    bulk_put(emulator, "Sets", [[HOUR.timestamp(), {"SampleCount": 1, "Sum": 9, "Minimum": 9, "Maximum": 9}]])

    def value(name: str, stat: str) -> list[float]:
        return list(ask(emulator, query(name, stat=stat))["MetricDataResults"][0]["Values"])

    assert (value("Sets", "Sum"), value("Sets", "Maximum"), value("Sets", "Average")) == ([19], [9], [3.8])
    assert value("Sets", "p90") == []  # CloudWatch has no percentiles of statistic sets
    assert (value("Weighted", "SampleCount"), value("Weighted", "p50")) == ([10], [10])


def test_only_points_of_the_unit_asked_for_are_counted(emulator: Any, minutes: str) -> None:
    question = query(minutes, Function="a")
    question["MetricStat"]["Unit"] = "Seconds"
    assert ask(emulator, question)["MetricDataResults"][0]["Values"] == []
    question["MetricStat"]["Unit"] = "Count"
    assert len(ask(emulator, question)["MetricDataResults"][0]["Values"]) == 60


def statistics(emulator: Any, name: str, **more: Any) -> list[dict[str, Any]]:
    asked = {
        "Namespace": "Test/Metrics",
        "MetricName": name,
        "Dimensions": [{"Name": "Function", "Value": "a"}],
        "StartTime": HOUR,
        "EndTime": HOUR + timedelta(hours=1),
        "Period": 600,
    }
    return list(emulator.client("cloudwatch").get_metric_statistics(**(asked | more))["Datapoints"])


def test_metric_statistics_are_complete_and_not_in_order(emulator: Any, minutes: str) -> None:
    points = statistics(emulator, minutes, Statistics=["Sum", "SampleCount"])
    times = [point["Timestamp"] for point in points]
    assert times != sorted(times)
    assert sorted(times) == [HOUR + timedelta(minutes=10 * place) for place in range(6)]
    assert sum(point["Sum"] for point in points) == sum(range(60))
    assert {point["Unit"] for point in points} == {"Count"}


def test_metric_statistics_have_percentiles(emulator: Any, minutes: str) -> None:
    points = statistics(emulator, minutes, ExtendedStatistics=["p95"], Period=3600)
    assert points[0]["ExtendedStatistics"] == {"p95": pytest.approx(56.05)}


def test_metric_statistics_give_at_most_1440_datapoints(emulator: Any, minutes: str) -> None:
    with pytest.raises(ClientError) as raised:
        statistics(emulator, minutes, Statistics=["Sum"], Period=60, StartTime=HOUR - timedelta(days=2))
    code, message = refusal(raised)
    assert code == "InvalidParameterCombination"
    assert "2,940" in message


def test_metrics_are_listed_in_pages_of_500(emulator: Any) -> None:
    cloudwatch = emulator.client("cloudwatch")
    for batch in range(2):
        names = [f"metric-{number:04d}" for number in range(batch * 300, batch * 300 + 300)]
        data = [{"MetricName": name, "Value": 1.0} for name in names]
        cloudwatch.put_metric_data(Namespace="Test/Listing", MetricData=data)
    pages = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace="Test/Listing"))
    assert [len(page["Metrics"]) for page in pages] == [500, 100]
    assert len({metric["MetricName"] for page in pages for metric in page["Metrics"]}) == 600


def test_metrics_are_listed_by_dimension_and_by_recent_activity(emulator: Any) -> None:
    cloudwatch = emulator.client("cloudwatch")
    old, new = time.time() - 5 * 3600, time.time() - 600
    bulk_put(emulator, "Listed", [[old, 1]], {"Function": "quiet", "Stage": "prod"})
    bulk_put(emulator, "Listed", [[old, 1], [new, 1]], {"Function": "busy", "Stage": "prod"})

    def functions(**more: Any) -> set[str]:
        found = cloudwatch.list_metrics(Namespace="Test/Metrics", MetricName="Listed", **more)["Metrics"]
        return {
            each["Value"] for metric in found for each in metric["Dimensions"] if each["Name"] == "Function"
        }

    assert functions() == {"quiet", "busy"}
    assert functions(Dimensions=[{"Name": "Function", "Value": "quiet"}]) == {"quiet"}
    assert functions(Dimensions=[{"Name": "Stage"}], RecentlyActive="PT3H") == {"busy"}


@pytest.mark.parametrize(
    "datum",
    [
        {"Value": 1.0, "Timestamp": NOW - timedelta(days=15)},
        {"Value": 1.0, "Timestamp": NOW + timedelta(hours=3)},
        {"Value": float("nan")},
        {"Values": [1.0] * 151},
        {"Values": [1.0, 2.0], "Counts": [1.0]},
    ],
)
def test_one_datum_that_aws_does_not_take_fails_the_request(emulator: Any, datum: dict[str, Any]) -> None:
    cloudwatch = emulator.client("cloudwatch")
    data = [{"MetricName": "Good", "Value": 1.0}, {"MetricName": "Wrong", **datum}]
    with pytest.raises(ClientError) as raised:
        cloudwatch.put_metric_data(Namespace="Test/Refused", MetricData=data)
    assert refusal(raised)[0] == "InvalidParameterValue"
    assert cloudwatch.list_metrics(Namespace="Test/Refused")["Metrics"] == []


def test_a_thousand_datums_are_taken_and_one_more_is_not(emulator: Any) -> None:
    cloudwatch = emulator.client("cloudwatch")
    data = [{"MetricName": "Batch", "Value": 1.0, "Timestamp": HOUR}] * 1001
    cloudwatch.put_metric_data(Namespace="Test/Metrics", MetricData=data[:1000])
    with pytest.raises(ClientError, match="must not have a size greater than 1000"):
        cloudwatch.put_metric_data(Namespace="Test/Metrics", MetricData=data)
    assert ask(emulator, query("Batch"))["MetricDataResults"][0]["Values"] == [1000]


def test_points_that_arrive_late_are_found_in_their_period(emulator: Any) -> None:
    begin = HOUR.timestamp()
    bulk_put(emulator, "Late", [[begin + 600, 1], [begin, 2]])
    cloudwatch = emulator.client("cloudwatch")
    late = {"MetricName": "Late", "Value": 4.0, "Timestamp": HOUR + timedelta(minutes=5)}
    cloudwatch.put_metric_data(Namespace="Test/Metrics", MetricData=[late])
    assert ask(emulator, query("Late"))["MetricDataResults"][0]["Values"] == [1, 4, 2]


def test_two_weeks_of_history_stay(emulator: Any) -> None:
    begin = NOW - timedelta(days=14, hours=3)
    bulk_put(emulator, "Old", [[begin.timestamp(), 5], [NOW.timestamp(), 1]])
    emulator.client("cloudwatch").list_metrics()
    window = {"StartTime": begin, "EndTime": begin + timedelta(hours=1)}
    assert ask(emulator, query("Old", period=3600), **window)["MetricDataResults"][0]["Values"] == [5]


def test_the_aws_cli_asks_and_is_answered(emulator: Any, minutes: str) -> None:
    window = ["--start-time", HOUR.isoformat(), "--end-time", (HOUR + timedelta(minutes=3)).isoformat()]
    queries = json.dumps([query(minutes, Function="a")])
    command = ["aws", "cloudwatch", "get-metric-data", "--metric-data-queries", queries, *window]
    ran = subprocess.run(command, env=emulator.environment(), capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    assert json.loads(ran.stdout)["MetricDataResults"][0]["Values"] == [2, 1, 0]


def query_protocol(emulator: Any, **parameters: Any) -> tuple[int, str]:
    credential = "AKID/20260101/us-east-1/monitoring/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = urllib.parse.urlencode(parameters).encode()
    asked = urllib.request.Request(emulator.url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_query_protocol_is_answered_in_xml(emulator: Any, minutes: str) -> None:
    first = "MetricDataQueries.member.1"
    asked = {
        "Action": "GetMetricData",
        "Version": "2010-08-01",
        "StartTime": HOUR.isoformat(),
        "EndTime": (HOUR + timedelta(minutes=2)).isoformat(),
        f"{first}.Id": "m1",
        f"{first}.MetricStat.Metric.Namespace": "Test/Metrics",
        f"{first}.MetricStat.Metric.MetricName": minutes,
        f"{first}.MetricStat.Metric.Dimensions.member.1.Name": "Function",
        f"{first}.MetricStat.Metric.Dimensions.member.1.Value": "a",
        f"{first}.MetricStat.Period": "60",
        f"{first}.MetricStat.Stat": "Sum",
    }
    status, answer = query_protocol(emulator, **asked)
    newest = (HOUR + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert status == 200
    assert f"<Timestamps><member>{newest}</member>" in answer
    assert "<Values><member>1.0</member><member>0.0</member></Values>" in answer
    status, answer = query_protocol(emulator, **asked, **{f"{first}.Expression": "m1*2"})
    assert (status, "<Code>ValidationError</Code>" in answer) == (400, True)


def test_cbor_is_refused_rather_than_misread(emulator: Any) -> None:
    headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    url = f"{emulator.url}/service/GraniteServiceVersion20100801/operation/GetMetricData"
    asked = urllib.request.Request(url, data=b"\xa0", headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(asked, timeout=30)
    assert raised.value.code == 400
    assert b"CBOR" in raised.value.read()
