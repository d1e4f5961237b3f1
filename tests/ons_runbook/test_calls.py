"""Recording of calls, and running side by side."""

import threading
from contextvars import ContextVar

import pytest

from ons_runbook.calls import Call, Calls, record, recording, side_by_side
from ons_runbook.errors import NoAnswerInTime


def test_what_is_recorded_reads_as_evidence():
    calls = Calls()
    for call in (
        Call("logs", "FilterLogEvents", 0.1),
        Call("logs", "FilterLogEvents", 0.1, attempts=3),
        Call("lambda", "GetAlias", 0.1, error="AccessDenied"),
        Call("sts", "GetCallerIdentity", 0.1, attempts=2),
    ):
        calls.add(call)
    assert str(calls) == (
        "lambda:GetAlias (1 failed: AccessDenied), logs:FilterLogEvents ×2 (2 retries), "
        "sts:GetCallerIdentity (1 retry)"
    )
    assert len(calls) == 4


def test_a_recording_takes_only_what_happens_inside():
    record(Call("s3", "HeadBucket", 0.1))
    with recording() as outer:
        record(Call("s3", "HeadBucket", 0.1))
        with recording() as inner:
            record(Call("s3", "GetObject", 0.1))
    assert [call.operation for call in outer] == ["HeadBucket"]
    assert [call.operation for call in inner] == ["GetObject"]


def test_tasks_run_at_the_same_time_and_come_back_in_their_order():
    together = threading.Barrier(3, timeout=30)
    outcomes = side_by_side(dict.fromkeys("abc", together.wait))
    assert list(outcomes) == ["a", "b", "c"]
    assert sorted(outcome.unwrap() for outcome in outcomes.values()) == [0, 1, 2]


def test_no_more_than_the_workers_run_at_once():
    running, most, lock = [0], [0], threading.Lock()

    def task():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        with lock:
            running[0] -= 1

    side_by_side(dict.fromkeys(range(12), task), workers=3)
    assert most[0] <= 3


def test_an_exception_is_the_outcome_of_its_own_task_only():
    def broken():
        raise KeyError("missing")

    outcomes = side_by_side({"broken": broken, "fine": lambda: 1})
    assert isinstance(outcomes["broken"].error, KeyError)
    assert outcomes["fine"].unwrap() == 1
    with pytest.raises(KeyError):
        outcomes["broken"].unwrap()


def test_what_hangs_gets_no_answer_in_time_and_holds_nobody_up():
    forever = threading.Event()
    tasks = {"hung": forever.wait, "waiting": lambda: 2, "fine": lambda: 1}
    outcomes = side_by_side(tasks, workers=2, deadline=0.5)
    assert isinstance(outcomes["hung"].error, NoAnswerInTime)
    assert "within 0.5 s" in str(outcomes["hung"].error)
    assert (outcomes["fine"].unwrap(), outcomes["waiting"].unwrap()) == (1, 2)
    forever.set()


def test_what_was_never_started_gets_no_answer_in_time_either():
    forever = threading.Event()
    outcomes = side_by_side({"hung": forever.wait, "queued": lambda: 1}, workers=1, deadline=0.2)
    assert isinstance(outcomes["queued"].error, NoAnswerInTime)
    forever.set()


def test_threads_see_the_context_and_record_into_their_own_outcome_and_the_one_outside():
    colour: ContextVar[str] = ContextVar("colour")
    colour.set("green")

    def task(name):
        record(Call("s3", name, 0.1))
        return colour.get()

    with recording() as outer:
        outcomes = side_by_side({"a": lambda: task("One"), "b": lambda: task("Two")})
    assert outcomes["a"].unwrap() == "green"
    assert [call.operation for call in outcomes["a"].calls] == ["One"]
    assert sorted(call.operation for call in outer) == ["One", "Two"]


def test_recording_reaches_through_nested_threads():
    outcomes = side_by_side(
        {"outer": lambda: side_by_side({"inner": lambda: record(Call("s3", "GetObject", 0.1))})}
    )
    assert [call.operation for call in outcomes["outer"].calls] == ["GetObject"]


def test_nothing_to_do_is_done_at_once():
    assert side_by_side({}) == {}
