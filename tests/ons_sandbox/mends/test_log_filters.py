"""FilterLogEvents over the wire, as AWS documents it, and the bulk writer of log history.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import subprocess
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

START = 1_732_330_800_000  # 2024-11-23T03:00:00Z


def put(emulator: Any, group: str, stream: str, events: list[tuple[int, str]]) -> None:
    emulator.call("ons_sandbox.mends.log_store:bulk_put", group=group, stream=stream, events=events)


def pages(emulator: Any, **request: Any) -> list[dict[str, Any]]:
    return list(emulator.client("logs").get_paginator("filter_log_events").paginate(**request))


def messages(answers: list[dict[str, Any]]) -> list[str]:
    return [event["message"] for answer in answers for event in answer["events"]]


def error_of(emulator: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        emulator.client("logs").filter_log_events(**request)
    return str(raised.value.response["Error"]["Code"])


@pytest.fixture(scope="module")
def group(emulator: Any) -> str:
    """Three streams whose events interleave in time, one second apart."""
    name = "/filters/interleaved"
    for number, stream in enumerate(["a/1", "a/2", "b/1"]):
        events = [(START + 1000 * (3 * place + number), f"{stream} event {place}") for place in range(4)]
        put(emulator, name, stream, events)
    return name


def test_events_of_all_streams_come_in_order_of_time(emulator: Any, group: str) -> None:
    answer = emulator.client("logs").filter_log_events(logGroupName=group, interleaved=True)
    times = [event["timestamp"] for event in answer["events"]]
    assert times == [START + 1000 * second for second in range(12)]
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in answer
    assert len({event["eventId"] for event in answer["events"]}) == 12


def test_newest_first_when_not_from_the_head(emulator: Any, group: str) -> None:
    request = {"logGroupName": group, "startFromHead": False, "startTime": START, "limit": 5}
    times = [event["timestamp"] for page in pages(emulator, **request) for event in page["events"]]
    assert times == [START + 1000 * second for second in reversed(range(12))]


def test_both_ends_of_the_time_range_are_inclusive(emulator: Any, group: str) -> None:
    answers = pages(emulator, logGroupName=group, startTime=START + 1000, endTime=START + 2000)
    assert messages(answers) == ["a/2 event 0", "b/1 event 0"]


def test_streams_are_chosen_by_name_or_prefix(emulator: Any, group: str) -> None:
    by_name = pages(emulator, logGroupName=group, logStreamNames=["b/1"])
    by_prefix = pages(emulator, logGroupName=group, logStreamNamePrefix="a/")
    assert {event["logStreamName"] for event in by_name[0]["events"]} == {"b/1"}
    assert {event["logStreamName"] for event in by_prefix[0]["events"]} == {"a/1", "a/2"}


def test_limit_bounds_each_page_and_the_token_goes_on(emulator: Any, group: str) -> None:
    answers = pages(emulator, logGroupName=group, limit=5)
    assert [len(answer["events"]) for answer in answers] == [5, 5, 2]
    assert len(set(messages(answers))) == 12


def test_events_of_one_moment_are_neither_lost_nor_repeated_between_pages(emulator: Any) -> None:
    name = "/filters/one-moment"
    for stream in ("x", "y", "z"):
        put(emulator, name, stream, [(START, f"{stream}{place}") for place in range(3)])
    answers = pages(emulator, logGroupName=name, limit=2)
    assert messages(answers) == [f"{stream}{place}" for stream in "xyz" for place in range(3)]


def test_a_page_may_be_empty_and_have_a_token(emulator: Any) -> None:
    name = "/filters/sparse"
    events = [(START + place, "quiet") for place in range(25_000)] + [(START + 30_000, "LOUD at last")]
    put(emulator, name, "only", events)
    answers = pages(emulator, logGroupName=name, filterPattern="LOUD")
    assert [len(answer["events"]) for answer in answers] == [0, 0, 1]
    assert all(answer.get("nextToken") for answer in answers[:-1])


def test_more_than_ten_thousand_events_come_in_pages(emulator: Any) -> None:
    name = "/filters/many"
    put(emulator, name, "only", [(START + place, f"n{place}") for place in range(25_000)])
    assert messages(pages(emulator, logGroupName=name)) == [f"n{place}" for place in range(25_000)]


def test_streams_that_overlap_are_in_order_over_all_pages(emulator: Any) -> None:
    name = "/filters/overlapping"
    for number in range(5):
        put(emulator, name, f"s{number}", [(START + 5 * place + number, "x") for place in range(5_000)])
    for more in ({}, {"startFromHead": False, "startTime": START}):
        answers = pages(emulator, logGroupName=name, **more)
        times = [event["timestamp"] - START for answer in answers for event in answer["events"]]
        assert len(answers) == 3
        assert times == sorted(range(25_000), reverse=bool(more))


def test_a_page_holds_at_most_a_megabyte(emulator: Any) -> None:
    name = "/filters/large"
    put(emulator, name, "only", [(START + place, "x" * 200_000) for place in range(12)])
    answers = pages(emulator, logGroupName=name)
    assert [len(answer["events"]) for answer in answers] == [5, 5, 2]


def test_what_is_put_while_paging_is_found_and_shifts_nothing(emulator: Any) -> None:
    name, logs = "/filters/growing", emulator.client("logs")
    put(emulator, name, "s", [(START + place * 10, f"n{place}") for place in range(6)])
    first = logs.filter_log_events(logGroupName=name, limit=3)
    put(emulator, name, "s", [(START + 5, "late"), (START + 100, "new")])
    rest = logs.filter_log_events(logGroupName=name, nextToken=first["nextToken"])
    assert messages([first, rest]) == ["n0", "n1", "n2", "n3", "n4", "n5", "new"]


def test_patterns_work_over_the_wire(emulator: Any) -> None:
    name = "/filters/patterns"
    lines = ['{"latency": 700, "user": null}', '{"latency": 5}', "[ERROR]\tboom", "[INFO]\tSUCCESS boom"]
    put(emulator, name, "s", [(START + place, line) for place, line in enumerate(lines)])

    def found(pattern: str) -> list[str]:
        return messages(pages(emulator, logGroupName=name, filterPattern=pattern))

    assert found("{ $.latency > 500 && $.user IS NULL }") == lines[:1]
    assert found("boom -SUCCESS") == lines[2:3]
    assert found("[level = ERROR, ...]") == lines[2:3]


def test_events_put_with_the_api_are_found(emulator: Any) -> None:
    name, logs = "/filters/put", emulator.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    events = [{"timestamp": START, "message": "from PutLogEvents"}]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    assert messages(pages(emulator, logGroupName=name)) == ["from PutLogEvents"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"filterPattern": "{ $.a = }"},
        {"filterPattern": "key:value"},
        {"nextToken": "bm9uc2Vuc2U="},
        {"nextToken": "not base64 at all"},
        {"limit": 10_001},
        {"limit": 0},
        {"logStreamNames": ["a/1"], "logStreamNamePrefix": "a"},
        {"logStreamNames": [f"s{number}" for number in range(101)]},
        {"startFromHead": False},
        {"logGroupIdentifier": "/filters/interleaved"},
    ],
)
def test_a_wrong_parameter_is_an_invalid_parameter(emulator: Any, group: str, wrong: dict[str, Any]) -> None:
    client = emulator.session().client(
        "logs",
        endpoint_url=emulator.url,
        config=Config(parameter_validation=False),
    )
    with pytest.raises(ClientError) as raised:
        client.filter_log_events(logGroupName=group, **wrong)
    assert raised.value.response["Error"]["Code"] == "InvalidParameterException"


def test_a_token_of_another_group_is_invalid(emulator: Any, group: str) -> None:
    put(emulator, "/filters/other", "s", [(START, "a"), (START, "b")])
    token = emulator.client("logs").filter_log_events(logGroupName="/filters/other", limit=1)["nextToken"]
    assert error_of(emulator, logGroupName=group, nextToken=token) == "InvalidParameterException"


def test_an_unknown_group_or_stream_is_not_found(emulator: Any, group: str) -> None:
    assert error_of(emulator, logGroupName="/filters/no-such") == "ResourceNotFoundException"
    assert error_of(emulator, logGroupName=group, logStreamNames=["none"]) == "ResourceNotFoundException"


def test_a_subscription_filter_with_an_invalid_pattern_is_refused(emulator: Any, group: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        emulator.client("logs").put_subscription_filter(
            logGroupName=group,
            filterName="wrong",
            filterPattern="{ $.a = }",
            destinationArn="arn:aws:lambda:us-east-1:123456789012:function:nothing",
        )


def test_the_aws_cli_reads_every_page(emulator: Any, group: str) -> None:
    command = ["aws", "logs", "filter-log-events", "--log-group-name", group, "--page-size", "5"]
    query = ["--query", "length(events[].message)", "--output", "json"]
    ran = subprocess.run(
        command + query, env=emulator.environment(), capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout.strip(), ran.stderr) == ("12", "")


def test_history_written_in_bulk_reads_like_any_other_stream(emulator: Any) -> None:
    name, logs = "/filters/bulk", emulator.client("logs")
    put(emulator, name, "s", [(START + 2, "third"), (START, "first")])
    put(emulator, name, "s", [(START + 1, "second")])
    read = logs.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True)["events"]
    stream = logs.describe_log_streams(logGroupName=name)["logStreams"][0]
    assert [event["message"] for event in read] == ["first", "second", "third"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (START, START + 2)
    assert stream["creationTime"] == START
