"""Logs Insights: what is answered is right, and everything else is refused, never answered otherwise.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

START = 1_732_330_800  # 2024-11-23T03:00:00Z
GROUP = "/insights/lines"
LINES = [
    ("a", 0, "[INFO]\tSUCCESS one"),
    ("b", 1, "[ERROR]\tboom in b"),
    ("a", 2, "[INFO]\tSUCCESS two"),
    ("a", 3, "[ERROR]\tboom in a"),
]


@pytest.fixture(scope="module", autouse=True)
def lines(emulator: Any) -> None:
    for stream, second, line in LINES:
        events = [(1000 * (START + second) + 250, line)]
        emulator.call("ons_sandbox.mends.log_store:bulk_put", group=GROUP, stream=stream, events=events)


def start(emulator: Any, query: str, **more: Any) -> str:
    asked = {"logGroupName": GROUP, "startTime": START, "endTime": START + 60, "queryString": query}
    return str(emulator.client("logs").start_query(**(asked | more))["queryId"])


def answered(emulator: Any, query: str, **more: Any) -> dict[str, Any]:
    query_id, logs = start(emulator, query, **more), emulator.client("logs")

    def complete() -> dict[str, Any] | None:
        answer = logs.get_query_results(queryId=query_id)
        return answer if answer["status"] == "Complete" else None

    return dict(emulator.eventually(complete))


def column(answer: dict[str, Any], name: str) -> list[str]:
    return [cell["value"] for row in answer["results"] for cell in row if cell["field"] == name]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields @timestamp, @message", [3, 2, 1, 0]),  # AWS: the newest first
        ("fields @message | sort @timestamp asc", [0, 1, 2, 3]),
        ("fields @message | sort @timestamp desc | limit 2", [3, 2]),
        ("filter @message like /ERR.R/", [3, 1]),
        ("filter @message like /(?i)error/ | display @message", [3, 1]),
        ("filter @message like 'SUCCESS'", [2, 0]),
        ('filter @message not like "SUCCESS" and @logStream = "a"', [3]),
        ('filter @logStream = "b" or (@message like "one" and not @message like "two")', [1, 0]),
        ('filter @logStream != "a"', [1]),
        ("filter @message =~ /^\\[INFO\\]/ | filter @message like /two/ # both", [2]),
    ],
)
def test_raw_events_are_chosen_and_in_order(emulator: Any, query: str, expected: list[int]) -> None:
    assert column(answered(emulator, query), "@message") == [LINES[place][2] for place in expected]


def test_a_row_has_the_fields_asked_for_and_its_pointer(emulator: Any) -> None:
    answer = answered(emulator, "fields @timestamp, @log, @logStream | filter @logStream = 'b'")
    row = {cell["field"]: cell["value"] for cell in answer["results"][0]}
    pointer = row.pop("@ptr")
    assert row == {
        "@timestamp": "2024-11-23 03:00:01.250",
        "@log": f"123456789012:{GROUP}",
        "@logStream": "b",
    }
    record = emulator.client("logs").get_log_record(logRecordPointer=pointer)["logRecord"]
    assert record["@message"] == LINES[1][2]
    assert answer["statistics"]["recordsScanned"] == 4.0
    assert answer["statistics"]["recordsMatched"] == 1.0


def test_a_query_is_running_before_it_is_complete(emulator: Any) -> None:
    query_id, logs = start(emulator, "fields @message"), emulator.client("logs")
    first, second = (logs.get_query_results(queryId=query_id) for _ in range(2))
    assert (first["status"], first["results"]) == ("Running", [])
    assert (second["status"], len(second["results"])) == ("Complete", 4)


def test_a_stopped_query_stays_without_results(emulator: Any) -> None:
    query_id, logs = start(emulator, "fields @message"), emulator.client("logs")
    logs.stop_query(queryId=query_id)
    logs.get_query_results(queryId=query_id)
    answer = logs.get_query_results(queryId=query_id)
    assert (answer["status"], answer["results"]) == ("Cancelled", [])


def test_both_ends_of_the_range_are_inclusive_to_the_second(emulator: Any) -> None:
    answer = answered(emulator, "fields @message", startTime=START + 1, endTime=START + 2)
    assert column(answer, "@message") == [LINES[1][2]]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("stats count(*) by bin(1h)", "stats"),
        ("fields @message | stats count(*)", "stats"),
        ("fields @message | parse @message '[*]' as level", "parse"),
        ("fields @message | dedup @message", "dedup"),
        ("pattern @message", "pattern"),
        ("fields @message | limit 5 | filter @message like 'a'", "|"),
        ("fields @duration", "@duration"),
        ("fields strlen(@message)", "strlen"),
        ("filter @timestamp > 5", ">"),
        ("filter level = 'ERROR'", "level"),
        ("sort @message desc", "@message"),
        ("filter @message like /(/", "not valid"),
        ("limit 0", "limit"),
        ("what is this", "what"),
    ],
)
def test_what_is_not_answered_is_malformed_and_named(emulator: Any, query: str, named: str) -> None:
    with pytest.raises(ClientError) as raised:
        start(emulator, query)
    response = raised.value.response
    assert response["Error"]["Code"] == "MalformedQueryException"
    assert named in response["Error"]["Message"]
    location = response["queryCompileError"]["location"]
    assert 0 <= location["startCharOffset"] <= location["endCharOffset"]
    assert response["queryCompileError"]["message"] == response["Error"]["Message"]


def test_other_languages_are_refused(emulator: Any) -> None:
    with pytest.raises(ClientError, match="MalformedQueryException"):
        start(emulator, "SELECT * FROM logs", queryLanguage="SQL")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"logGroupName": "/insights/none"}, "ResourceNotFoundException"),
        ({"logGroupNames": [GROUP]}, "InvalidParameterException"),
        ({"startTime": START + 61}, "InvalidParameterException"),
    ],
)
def test_wrong_parameters_are_refused(emulator: Any, more: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as raised:
        start(emulator, "fields @message", **more)
    assert raised.value.response["Error"]["Code"] == code


def test_more_than_ten_thousand_rows_come_in_pages(emulator: Any) -> None:
    events = [(1000 * START + place, f"n{place}") for place in range(12_000)]
    emulator.call("ons_sandbox.mends.log_store:bulk_put", group="/insights/many", stream="s", events=events)
    query = "fields @message | sort @timestamp asc | limit 12000"
    query_id, logs = start(emulator, query, logGroupName="/insights/many"), emulator.client("logs")
    assert emulator.eventually(lambda: logs.get_query_results(queryId=query_id)["status"] == "Complete")
    first = logs.get_query_results(queryId=query_id)
    second = logs.get_query_results(queryId=query_id, nextToken=first["nextToken"])
    assert (len(first["results"]), len(second["results"])) == (10_000, 2_000)
    assert column(second, "@message")[-1] == "n11999"
