"""Alarms.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html: "If you omit
[AlarmTypes], only metric alarms are returned"
"""

from datetime import UTC, datetime

import pytest

from ons_runbook.aws import alarms
from ons_runbook.checks import names_covered
from ons_runbook.tables import table

SINCE = datetime(2026, 11, 23, 2, 50, tzinfo=UTC)


def alarm(name, state, **more):
    return {
        "AlarmName": name,
        "StateValue": state,
        "StateUpdatedTimestamp": SINCE,
        "ActionsEnabled": True,
        **more,
    }


def test_every_page_and_every_type_is_there_with_those_in_alarm_first(stub, session):
    asked = {"AlarmNamePrefix": "ons-", "AlarmTypes": ["MetricAlarm", "CompositeAlarm", "LogAlarm"]}
    first = {"MetricAlarms": [alarm("ons-a", "OK"), alarm("ons-b", "INSUFFICIENT_DATA")], "NextToken": "1"}
    stub("cloudwatch").add_response("describe_alarms", first, asked)
    second = {"CompositeAlarms": [alarm("ons-c", "ALARM", StateReason="r", StateTransitionedTimestamp=SINCE)]}
    stub("cloudwatch").add_response("describe_alarms", second, {**asked, "NextToken": "1"})
    frame = alarms.states(session, "ons-")
    assert frame["alarm"].tolist() == ["ons-c", "ons-b", "ons-a"]
    assert frame["type"].tolist() == ["composite", "metric", "metric"]
    assert frame["since"][0] == SINCE
    assert frame["reason"][0] == "r"


def test_none_is_an_empty_table_that_says_so(stub, session):
    stub("cloudwatch").add_response("describe_alarms", {})
    frame = alarms.states(session, "ons-")
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == alarms.ALARMS
    assert "ons-" in frame.attrs["empty"]


def judged(**states):
    rows = [
        {"alarm": name.replace("_", "-"), "state": state, "since": SINCE} for name, state in states.items()
    ]
    return alarms.judge(table(rows, alarms.ALARMS))


def test_all_quiet_passes_and_says_of_how_many():
    check = judged(a="OK", b="OK")
    assert (check.verdict, check.observed) == ("pass", "2 of 2 alarms are OK")


def test_one_in_alarm_fails_with_its_name_and_since_when():
    check = judged(ons_lambda_errors="ALARM", b="OK")
    assert check.verdict == "fail"
    assert check.observed == "in ALARM: ons-lambda-errors since 2026-11-23 02:50 UTC"
    assert check.hint == "Next: troubleshooting/lambda_errors."


def test_alarms_without_data_are_mentioned():
    assert judged(a="OK", b="INSUFFICIENT_DATA").observed == "1 of 2 alarms are OK; without data: b"
    assert "without data: b" in judged(a="ALARM", b="INSUFFICIENT_DATA").observed


@pytest.mark.parametrize("states", [{}, {"a": "INSUFFICIENT_DATA"}])
def test_when_nothing_watches_it_is_unknown(states):
    assert judged(**states).verdict == "unknown"


def test_many_names_are_not_all_listed():
    check = judged(**{f"a{n}": "ALARM" for n in range(9)})
    assert check.observed.endswith("and 4 more")


@pytest.mark.parametrize(
    ("name", "procedure"),
    [
        ("ons-data-platform-lambda_router-errors", "troubleshooting/lambda_errors"),
        ("ons-data-platform-api-5xx", "troubleshooting/api_timeouts"),
        ("ons-data-platform-executions-failed", "troubleshooting/s3_processing_failures"),
        ("ons-data-platform-influxdb-cpu", "troubleshooting/influxdb_write_failures"),
        ("something-else", ""),
    ],
)
def test_an_alarms_name_leads_to_the_procedure_that_goes_on(name, procedure):
    assert alarms.procedure_for(name) == procedure


def test_the_rule_covers_what_it_gives():
    assert names_covered(alarms.judge, {}) == [judged(a="OK").name]
