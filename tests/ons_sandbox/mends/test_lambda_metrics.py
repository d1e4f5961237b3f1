"""AWS/Lambda metrics and their dimensions.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import arn, deploy, invoke, log_events, metric, publish, run_task

from ons_sandbox.mends.lambda_metrics import dimensions_of

WORKS = "def handler(event, context):\n    if event == 'fail': raise ValueError('bad')\n    return 1"


def measured(emulator: Any, name: str, statistic: str = "Sum", **dimensions: str) -> Any:
    return metric(emulator, "AWS/Lambda", name, statistic, **dimensions)


def test_an_invocation_counts_once_and_an_exception_is_an_error(emulator: Any) -> None:
    name = deploy(emulator, WORKS)
    for event in ("work", "fail", "work"):
        invoke(emulator, name, event)

    assert measured(emulator, "Invocations", FunctionName=name) == 3
    assert measured(emulator, "Errors", FunctionName=name) == 1
    assert measured(emulator, "Errors", "SampleCount", FunctionName=name) == 3
    assert measured(emulator, "Throttles", FunctionName=name) == 0
    assert measured(emulator, "ConcurrentExecutions", "Maximum", FunctionName=name) == 1


def test_duration_is_what_the_report_says_in_milliseconds(emulator: Any) -> None:
    name = deploy(emulator, "import time\ndef handler(event, context): time.sleep(0.2)")
    invoke(emulator, name)

    duration = measured(emulator, "Duration", "Maximum", FunctionName=name)

    assert duration >= 200
    assert f"\tDuration: {duration:.2f} ms\t" in log_events(emulator, name)[-1]


def test_a_throttled_call_is_a_throttle_and_no_invocation(emulator: Any) -> None:
    name = deploy(emulator, WORKS)
    emulator.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError):
        invoke(emulator, name)

    assert measured(emulator, "Throttles", FunctionName=name) == 1
    assert measured(emulator, "Invocations", FunctionName=name) is None


def test_a_state_machine_s_task_counts(emulator: Any) -> None:
    name = deploy(emulator, WORKS)
    version = publish(emulator, name, WORKS)
    emulator.client("lambda").create_alias(FunctionName=name, Name="LIVE", FunctionVersion=version)

    run_task(emulator, arn(f"{name}:LIVE"))

    assert measured(emulator, "Invocations", FunctionName=name) == 1
    by_alias = {"FunctionName": name, "Resource": f"{name}:LIVE"}
    assert measured(emulator, "Invocations", **by_alias) == 1
    assert measured(emulator, "Invocations", **by_alias, ExecutedVersion=version) == 1


def test_a_rule_s_target_counts(emulator: Any) -> None:
    name = deploy(emulator, WORKS)
    events = emulator.client("events")
    events.put_rule(Name=f"to-{name}", EventPattern=json.dumps({"source": [name]}), State="ENABLED")
    events.put_targets(Rule=f"to-{name}", Targets=[{"Id": "1", "Arn": arn(name)}])
    events.put_events(Entries=[{"Source": name, "DetailType": "test", "Detail": "{}"}])

    assert emulator.eventually(lambda: measured(emulator, "Invocations", FunctionName=name) == 1)


def test_an_asynchronous_call_counts_when_it_runs(emulator: Any) -> None:
    name = deploy(emulator, WORKS)

    emulator.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")

    assert emulator.eventually(lambda: measured(emulator, "Invocations", FunctionName=name) == 1)


def test_the_whole_account_has_a_metric_without_dimensions(emulator: Any) -> None:
    def invocations() -> int:
        window = {"namespace": "AWS/Lambda", "name": "Invocations", "dimensions": {}, "start": 0, "end": 1e10}
        return len(emulator.call("ons_sandbox.mends.metric_store:window", **window))

    name = deploy(emulator, WORKS)
    before = invocations()
    invoke(emulator, name)

    assert invocations() == before + 1


@pytest.mark.parametrize(
    ("qualifier", "version", "expected"),
    [
        ("", "$LATEST", [{"FunctionName": "f", "Resource": "f"}]),
        (":6", "6", [{"FunctionName": "f", "Resource": "f:6"}]),
        (
            ":LIVE",
            "6",
            [
                {"FunctionName": "f", "Resource": "f:LIVE"},
                {"FunctionName": "f", "Resource": "f:LIVE", "ExecutedVersion": "6"},
            ],
        ),
    ],
)
def test_dimensions_follow_the_name_that_was_called(
    qualifier: str, version: str, expected: list[dict[str, str]]
) -> None:
    config = {"FunctionName": "f", "Version": version, "FunctionArn": arn(f"f{qualifier}")}

    assert dimensions_of(config) == [{}, {"FunctionName": "f"}, *expected]
