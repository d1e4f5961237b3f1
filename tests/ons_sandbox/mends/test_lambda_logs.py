"""What Lambda writes to CloudWatch Logs about a Python function.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html (formats, print, START, END and REPORT)
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html (the lines in GetLogEvents)
"""

import base64
import json
import re
from typing import Any

import pytest
from lambda_functions import arn, deploy, invoke, log_events, run_task

from ons_sandbox.mends.lambda_invocation import Invocation
from ons_sandbox.mends.lambda_logs import MAX_EVENT_BYTES, lines

ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
STAMP = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z"
LOGS = """
import logging, os, subprocess, sys
logger = logging.getLogger()
logger.setLevel("INFO")

def handler(event, context):
    print("printed", 1)
    print("two\\nlines")
    logger.info("SUCCESS %s", "done")
    logger.debug("not at this level")
    logging.getLogger("library").warning("careful\\nvery")
    sys.stderr.write("to stderr\\n")
    os.write(1, b"native\\n")
    subprocess.run(["echo", "child"])
    if event.get("fail"):
        raise ValueError("bad\\nthing")
"""


def test_an_invocation_reads_as_the_python_runtime_writes_it(emulator: Any) -> None:
    name = deploy(emulator, LOGS)
    invoke(emulator, name)

    messages = log_events(emulator, name)

    expected = [
        rf"START RequestId: {ID} Version: \$LATEST\n",
        r"printed 1\n",
        r"two\n",
        r"lines\n",
        rf"\[INFO\]\t{STAMP}\t{ID}\tSUCCESS done\n",
        rf"\[WARNING\]\t{STAMP}\t{ID}\tcareful\nvery\n",
        r"to stderr\n",
        r"native\n",
        r"child\n",
        rf"END RequestId: {ID}\n",
        rf"REPORT RequestId: {ID}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n",
    ]
    assert len(messages) == len(expected), messages
    for message, pattern in zip(messages, expected, strict=True):
        assert re.fullmatch(pattern, message), (message, pattern)


def test_an_uncaught_exception_is_one_event_with_its_stack(emulator: Any) -> None:
    name = deploy(emulator, LOGS)
    invoke(emulator, name, {"fail": True})

    errors = [message for message in log_events(emulator, name) if message.startswith("[ERROR]")]

    space = "\u00a0"
    assert errors == [
        "[ERROR] ValueError: bad\nthing\nTraceback (most recent call last):\n"
        f'{space * 2}File "/var/task/app.py", line 16, in handler\n'
        f'{space * 4}raise ValueError("bad\\nthing")'
    ]


def test_a_function_that_sets_no_level_logs_warnings_only(emulator: Any) -> None:
    source = "import logging\ndef handler(event, context):\n    logging.info('a')\n    logging.warning('b')"
    name = deploy(emulator, source)
    invoke(emulator, name)

    logged = [message for message in log_events(emulator, name) if message.startswith("[")]

    assert [message.split("\t")[-1] for message in logged] == ["b\n"]


def test_a_logged_exception_names_the_deployed_file(emulator: Any) -> None:
    source = """
import logging
def handler(event, context):
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("ERROR dividing")
"""
    name = deploy(emulator, source)
    invoke(emulator, name)

    logged = next(message for message in log_events(emulator, name) if message.startswith("[ERROR]\t"))

    assert "\tERROR dividing\nTraceback (most recent call last):\n" in logged
    assert 'File "/var/task/app.py", line 5' in logged


def test_only_a_cold_start_reports_its_init_duration_and_one_environment_is_one_stream(emulator: Any) -> None:
    name = deploy(emulator, "def handler(event, context): return 1")
    for _ in range(3):
        invoke(emulator, name)

    streams = emulator.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    reports = [message for message in log_events(emulator, name) if message.startswith("REPORT ")]

    assert ["Init Duration" in report for report in reports] == [True, False, False]
    assert len(streams) == 1
    assert re.fullmatch(r"\d{4}/\d{2}/\d{2}/\[\$LATEST\][0-9a-f]{32}", streams[0]["logStreamName"])
    used = [int(re.search(r"Max Memory Used: (\d+) MB", report)[1]) for report in reports]  # type: ignore[index]
    assert all(5 < megabytes < 128 for megabytes in used), used


def test_a_start_that_fails_is_reported_before_the_invocation(emulator: Any) -> None:
    name = deploy(emulator, "import missing_library")
    invoke(emulator, name)

    first, init, start, end, report = log_events(emulator, name)

    assert first.startswith("[ERROR] Runtime.ImportModuleError: Unable to import module 'app'")
    assert re.fullmatch(
        r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\t"
        r"Error Type: Runtime.ImportModuleError\t\n",
        init,
    )
    assert (start[:6], end[:4], report[:7]) == ("START ", "END ", "REPORT ")


def test_the_tail_of_the_log_comes_with_the_answer_when_asked_for(emulator: Any) -> None:
    answer = invoke(emulator, deploy(emulator, LOGS), LogType="Tail")

    tail = base64.b64decode(answer["LogResult"]).decode()

    assert tail.startswith("START RequestId: ")
    assert "\tSUCCESS done\n" in tail
    assert "REPORT RequestId: " in tail


def test_a_message_of_a_megabyte_comes_in_pieces_that_cloudwatch_takes(emulator: Any) -> None:
    name = deploy(emulator, "def handler(event, context): print('é' * 500_000)")
    invoke(emulator, name)

    pieces = [message for message in log_events(emulator, name) if "é" in message]

    assert len(pieces) == 4
    assert all(len(piece.encode()) <= MAX_EVENT_BYTES for piece in pieces)
    assert "".join(pieces) == "é" * 500_000 + "\n"


def test_a_task_of_a_state_machine_logs_as_well(emulator: Any) -> None:
    name = deploy(emulator, LOGS)
    run_task(emulator, arn(name))

    assert any(message.endswith("\tSUCCESS done\n") for message in log_events(emulator, name))


def test_a_target_of_a_rule_logs_as_well(emulator: Any) -> None:
    name = deploy(emulator, LOGS)
    events = emulator.client("events")
    events.put_rule(Name=f"to-{name}", EventPattern=json.dumps({"source": [name]}), State="ENABLED")
    events.put_targets(Rule=f"to-{name}", Targets=[{"Id": "1", "Arn": arn(name)}])
    events.put_events(Entries=[{"Source": name, "DetailType": "test", "Detail": "{}"}])

    def logged() -> bool:
        groups = emulator.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")[
            "logGroups"
        ]
        return bool(groups) and any(
            message.endswith("\tSUCCESS done\n") for message in log_events(emulator, name)
        )

    assert emulator.eventually(logged)


@pytest.mark.parametrize(
    ("duration", "init", "billed"), [(12.34, None, 13), (0.2, None, 1), (12.34, 100.0, 113)]
)
def test_billed_duration_is_rounded_up_and_has_the_start_in_it(
    duration: float, init: float | None, billed: int
) -> None:
    invocation = Invocation(
        "id", "6", 256, "stream", 1_000, duration=duration, init_duration=init, peak_memory=88
    )

    at, report = lines(invocation)[-1]

    assert at == 1_000 + int(-(-duration // 1))
    assert report.split("\t")[:5] == [
        "REPORT RequestId: id",
        f"Duration: {duration:.2f} ms",
        f"Billed Duration: {billed} ms",
        "Memory Size: 256 MB",
        "Max Memory Used: 88 MB",
    ]


def test_the_lines_of_an_invocation_are_in_the_order_of_time() -> None:
    events = [(995, "early\n"), (1_200, "late\n")]
    moments = [at for at, _ in lines(Invocation("id", "6", 256, "s", 1_000, [(999, "init\n")], events, 5.0))]

    assert moments == sorted(moments)
