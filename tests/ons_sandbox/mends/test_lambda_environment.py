"""How long an environment lives, and what ends it.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (reuse, init, shutdown)
https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html (timeouts, memory, exits)
"""

import os
from typing import Any

from lambda_functions import deploy, invoke, log_events, publish

COUNTS = """
import os
calls = 0

def handler(event, context):
    global calls
    calls += 1
    if event.get("fail"):
        raise ValueError("bad thing")
    if event.get("exit"):
        os._exit(event["exit"])
    return {"calls": calls, "pid": os.getpid()}
"""


def test_an_environment_is_used_again_also_after_an_exception(emulator: Any) -> None:
    name = deploy(emulator, COUNTS)

    answers = [invoke(emulator, name, event)["Payload"] for event in ({}, {"fail": 1}, {})]

    assert (answers[0]["calls"], answers[1]["errorType"], answers[2]["calls"]) == (1, "ValueError", 3)


def test_a_function_that_ends_its_process_reports_the_status_and_the_next_call_starts_anew(
    emulator: Any,
) -> None:
    name = deploy(emulator, COUNTS)
    invoke(emulator, name)

    answer = invoke(emulator, name, {"exit": 3})

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert answer["Payload"]["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert invoke(emulator, name)["Payload"]["calls"] == 1


def test_a_timeout_ends_the_process_and_says_after_how_long(emulator: Any) -> None:
    source = "import os, time\ndef handler(event, context):\n    print(os.getpid())\n    time.sleep(event)"
    name = deploy(emulator, source, Timeout=1)

    answer = invoke(emulator, name, 60)

    assert answer["FunctionError"] == "Unhandled"
    error = answer["Payload"]
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    messages = log_events(emulator, name)
    pid = next(int(message) for message in messages if message.strip().isdigit())
    assert not os.path.exists(f"/proc/{pid}")  # noqa: PTH110
    assert any(message.endswith(" Task timed out after 1.00 seconds\n\n") for message in messages)


def test_the_start_is_not_counted_against_the_timeout(emulator: Any) -> None:
    name = deploy(emulator, "import time\ntime.sleep(1.5)\ndef handler(event, context): return 1", Timeout=1)

    assert invoke(emulator, name)["Payload"] == 1


def test_a_function_that_needs_more_memory_than_it_has_is_killed(emulator: Any) -> None:
    source = """
def handler(event, context):
    kept = [bytes([1]) * 1_000_000 for _ in range(event)]
    return len(kept)
"""
    name = deploy(emulator, source, MemorySize=128)
    assert invoke(emulator, name, 20)["Payload"] == 20

    answer = invoke(emulator, name, 400)

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.OutOfMemory"
    assert answer["Payload"]["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    report = log_events(emulator, name)[-1]
    assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t" in report
    assert "\tStatus: error\tError Type: Runtime.OutOfMemory\t" in report
    assert invoke(emulator, name, 1)["Payload"] == 1


def test_a_short_peak_between_two_looks_is_too_much_as_well(emulator: Any) -> None:
    name = deploy(emulator, "def handler(event, context): return len(b'1' * 200_000_000)", MemorySize=128)

    assert invoke(emulator, name)["Payload"]["errorType"] == "Runtime.OutOfMemory"


def test_each_version_has_environments_of_its_own(emulator: Any) -> None:
    name = deploy(emulator, "def handler(event, context): return context.function_version")
    first = publish(emulator, name, "def handler(event, context): return 'one ' + context.function_version")
    second = publish(emulator, name, "def handler(event, context): return 'two ' + context.function_version")

    assert invoke(emulator, name, Qualifier=first)["Payload"] == f"one {first}"
    assert invoke(emulator, name, Qualifier=second)["Payload"] == f"two {second}"


def test_the_context_says_who_was_called_and_where_it_logs(emulator: Any) -> None:
    source = """
def handler(event, context):
    return {
        "name": context.function_name, "memory": context.memory_limit_in_mb,
        "arn": context.invoked_function_arn, "id": context.aws_request_id,
        "group": context.log_group_name, "stream": context.log_stream_name,
        "left": context.get_remaining_time_in_millis(),
    }
"""
    name = deploy(emulator, source)

    context = invoke(emulator, name)["Payload"]

    assert context["name"] == name
    assert context["memory"] == "256"
    assert context["arn"].endswith(f":function:{name}")
    assert context["group"] == f"/aws/lambda/{name}"
    assert 0 < context["left"] <= 10_000
    streams = emulator.client("logs").describe_log_streams(logGroupName=context["group"])["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == [context["stream"]]
    assert any(context["id"] in message for message in log_events(emulator, name))


def test_a_function_that_prints_without_end_is_still_ended_in_time(emulator: Any) -> None:
    name = deploy(emulator, "def handler(event, context):\n    while True: print('again')", Timeout=1)

    assert invoke(emulator, name)["Payload"]["errorType"] == "Sandbox.Timedout"
