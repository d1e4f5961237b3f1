"""How the end of an invocation is named.

https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
"""

import signal

import pytest

from ons_sandbox.mends.lambda_invocation import Invocation


@pytest.fixture
def invocation() -> Invocation:
    return Invocation("r-1", "6", memory_size=128, log_stream="s", began=1_000)


@pytest.mark.parametrize(
    ("code", "how"),
    [(3, "exit status 3"), (0, "exit status 0"), (-signal.SIGSEGV, "signal: segmentation fault")],
)
def test_an_exit_is_told_by_status_or_signal(invocation: Invocation, code: int, how: str) -> None:
    invocation.exited(code)

    assert invocation.ended == "error"
    assert invocation.fault == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: r-1 Error: Runtime exited with error: {how}",
    }


def test_a_result_of_a_function_that_held_too_much_does_not_count(invocation: Invocation) -> None:
    invocation.done(ms=5.0, peak_kb=128 * 1024 + 1, result='"fine"')

    assert (invocation.result, invocation.ended, invocation.peak_memory) == (None, "error", 128)
    assert invocation.fault is not None
    assert invocation.fault["errorType"] == "Runtime.OutOfMemory"


def test_what_is_held_is_remembered_at_its_highest(invocation: Invocation) -> None:
    for kilobytes in (50 * 1024, 128 * 1024, 60 * 1024):
        invocation.held(kilobytes)

    assert (invocation.peak_memory, invocation.ended) == (128, None)


def test_an_exception_leaves_the_environment_for_the_next_call(invocation: Invocation) -> None:
    invocation.done(ms=5.0, peak_kb=1024, fault={"errorType": "ValueError"})

    assert (invocation.fault, invocation.ended) == ({"errorType": "ValueError"}, None)
