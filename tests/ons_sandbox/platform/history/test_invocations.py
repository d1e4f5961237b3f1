"""The log lines of an invocation.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html and
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

import re
from datetime import UTC, datetime, timedelta

import pytest

from ons_sandbox.platform import names, releases
from ons_sandbox.platform.history.invocations import Environments, Fault, Invocation

NOW = datetime(2026, 11, 23, 4, 10, tzinfo=UTC)
AT = 1_795_406_400_000
RID = "79b4f56e-95b1-4643-9700-2807f4e68189"


def invocation(**more: object) -> Invocation:
    return Invocation(names.ROUTER, AT, 12.34, RID, 47, version="6", stream="s", **more)  # type: ignore[arg-type]


def test_an_invocation_logs_between_start_and_report() -> None:
    one = invocation(messages=[("INFO", "SUCCESS done"), ("WARNING", "odd")])
    times, lines = zip(*one.lines(), strict=True)
    stamp = "2026-11-23T04:00:00.013Z"
    assert datetime.fromtimestamp(AT / 1000, UTC).isoformat() == "2026-11-23T04:00:00+00:00"
    assert lines == (
        f"START RequestId: {RID} Version: 6\n",
        f"[INFO]\t{stamp}\t{RID}\tSUCCESS done\n",
        f"[WARNING]\t{stamp}\t{RID}\todd\n",
        f"END RequestId: {RID}\n",
        f"REPORT RequestId: {RID}\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB\t"
        "Max Memory Used: 47 MB\t\n",
    )
    assert times == (AT, AT + 13, AT + 13, AT + 13, AT + 13)


def test_a_cold_start_is_reported_and_billed() -> None:
    *_, (_, report) = invocation(init=150.5).lines()
    assert report.endswith("Max Memory Used: 47 MB\tInit Duration: 150.50 ms\t\n")
    assert "\tBilled Duration: 163 ms\t" in report


def test_an_exception_is_one_event_with_its_stack() -> None:
    fault = Fault("InvalidKey", "no", (("lambda_router.py", "handler", 'detail = event["detail"]'),))
    lines = [line for _, line in invocation(fault=fault).lines()]
    nbsp = "\u00a0"
    assert re.fullmatch(
        r"\[ERROR\] InvalidKey: no\nTraceback \(most recent call last\):\n"
        rf'{nbsp}{nbsp}File "/var/task/lambda_router.py", line \d+, in handler\n'
        rf'{nbsp * 4}detail = event\["detail"\]',
        lines[1],
    )


def test_a_stack_names_the_line_as_it_stands_in_the_source() -> None:
    fault = Fault("X", "y", (("lambda_router.py", "handler", "no such line"),))
    with pytest.raises(ValueError, match="no such line"):
        fault.logged()


def test_an_environment_is_a_stream_of_its_day_and_version_and_its_first_call_is_cold() -> None:
    environments = Environments(names.ROUTER, 7, NOW, (100.0, 200.0))
    first, second, other = invocation(), invocation(), invocation()
    environments.place(first, "a")
    environments.place(second, "a")
    environments.place(other, "b")
    assert re.fullmatch(r"2026/11/23/\[6\][0-9a-f]{32}", first.stream)
    assert second.stream == first.stream != other.stream
    assert first.init is not None
    assert 100 <= first.init <= 200
    assert second.init is None


def test_an_invocation_runs_the_version_that_was_live() -> None:
    environments = Environments(names.RAG, 7, NOW, (1.0, 2.0))
    last = releases.published(names.RAG.name, NOW)[-1]
    for moment, version in ((last, "7"), (last - timedelta(minutes=1), "6")):
        one = Invocation(names.RAG, round(moment.timestamp() * 1000), 1.0, RID, 80)
        environments.place(one, "x")
        assert one.version == version
