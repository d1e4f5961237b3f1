"""CloudWatch metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html: pages, 500 queries
a request ·
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import ANY

from ons_runbook.aws.metrics import (
    POINTS,
    highest,
    metric,
    period_for,
    series,
    table,
    total,
    window_before,
)
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WINDOW = Window.parse("1h", now=NOW)


def at(minute):
    return NOW - timedelta(minutes=60 - minute)


def result(identifier, **values):
    return {
        "Id": identifier,
        "Timestamps": [at(int(minute[1:])) for minute in values],
        "Values": list(values.values()),
        "StatusCode": "Complete",
    }


def test_all_pages_are_put_together_oldest_first(stub, session):
    errors = metric("AWS/Lambda", "Errors", "Sum", FunctionName="f")
    calls = metric("AWS/Lambda", "Invocations", "Sum", FunctionName="f")
    common = {"StartTime": WINDOW.start, "EndTime": WINDOW.end, "ScanBy": "TimestampAscending"}
    first = {"MetricDataResults": [result("m0", m5=2.0), result("m1")], "NextToken": "more"}
    stub("cloudwatch").add_response("get_metric_data", first, {**common, "MetricDataQueries": ANY})
    second = {"MetricDataResults": [result("m0", m1=1.0)]}
    stub("cloudwatch").add_response(
        "get_metric_data", second, {**common, "MetricDataQueries": ANY, "NextToken": "more"}
    )
    found = series(session, {"errors": errors, "calls": calls}, WINDOW)
    assert found == {"errors": {at(1): 1.0, at(5): 2.0}, "calls": {}}
    assert list(found["errors"]) == [at(1), at(5)]


def test_more_than_five_hundred_are_asked_for_in_several_requests(stub, session):
    wanted = {n: metric("AWS/Lambda", "Errors", "Sum", FunctionName=f"f{n}") for n in range(501)}
    stub("cloudwatch").add_response("get_metric_data", {"MetricDataResults": [result("m0", m1=1.0)]})
    stub("cloudwatch").add_response("get_metric_data", {"MetricDataResults": [result("m0", m1=2.0)]})
    found = series(session, wanted, WINDOW)
    assert (found[0], found[500]) == ({at(1): 1.0}, {at(1): 2.0})


def test_a_metric_is_asked_for_with_its_dimensions_statistic_and_period():
    query = metric("AWS/Lambda", "Duration", "p95", Resource="f:LIVE", FunctionName="f").query("m0", 300)
    assert query == {
        "Id": "m0",
        "ReturnData": True,
        "MetricStat": {
            "Period": 300,
            "Stat": "p95",
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": "Duration",
                "Dimensions": [
                    {"Name": "FunctionName", "Value": "f"},
                    {"Name": "Resource", "Value": "f:LIVE"},
                ],
            },
        },
    }


@pytest.mark.parametrize(
    ("window", "until", "period"),
    [
        ("1h", "now", 60),
        ("1d", "now", 60),
        ("7d", "now", 900),
        ("1h", "2026-11-01T00:00Z", 300),
        ("1h", "2026-09-01T00:00Z", 3600),
        ("50w", "now", 21600),
        ("400w", "now", 86400),
    ],
)
def test_the_period_is_the_finest_that_exists_and_stays_small(window, until, period):
    assert period_for(Window.parse(window, until, now=NOW), NOW) == period


def test_nothing_is_not_zero():
    assert (total({}), highest({})) == (None, None)
    assert (total({NOW: 0.0}), highest({NOW: 0.0})) == (0.0, 0.0)
    assert total({NOW: 1.0, at(1): 2.0}) == 3.0


def test_a_table_is_long_newest_last_and_leaves_out_what_is_missing(stub, session):
    wanted = {name: metric("AWS/Lambda", "Errors", "Sum", FunctionName=name) for name in "abc"}
    found = [result("m0", m5=2.0), result("m1", m1=1.0, m9=3.0), result("m2")]
    stub("cloudwatch").add_response("get_metric_data", {"MetricDataResults": found})
    frame = table(session, wanted, WINDOW)
    assert frame["name"].tolist() == ["b", "a", "b"]
    assert frame["time"].tolist() == [at(1), at(5), at(9)]
    assert frame.attrs["without_data"] == ["c"]


def test_a_metric_that_was_never_published_is_an_empty_typed_table_that_says_so(stub, session):
    stub("cloudwatch").add_response("get_metric_data", {"MetricDataResults": [result("m0")]})
    frame = table(session, {"a": metric("No/Such", "Metric", "Sum")}, WINDOW)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == POINTS
    assert frame.attrs["empty"].startswith("CloudWatch has no data point of these metrics in 2026-11-23")


def test_the_window_before_adjoins_and_is_as_long():
    before = window_before(WINDOW)
    assert (before.end, before.duration) == (WINDOW.start, WINDOW.duration)
