"""Calls to the outside: each is recorded, and independent ones go out side by side.

What was recorded is the evidence of a check. Recording follows the context
(https://docs.python.org/3.11/library/contextvars.html), so it works across the threads started here.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ons_runbook.errors import NoAnswerInTime

Name = TypeVar("Name")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Call:
    """One call: the seconds it took, its attempts (1 = no retry), and its error code ('' when it worked)."""

    service: str
    operation: str
    seconds: float
    attempts: int = 1
    error: str = ""


class Calls:
    """The calls made while something was asked; safe to add to from several threads."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()

    def add(self, call: Call) -> None:
        """Remember one more call."""
        self._calls.append(call)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def __str__(self) -> str:
        """`logs:FilterLogEvents ×3 (1 retry), lambda:GetAlias (1 failed: AccessDenied)`, by name."""
        counts = Counter(f"{call.service}:{call.operation}" for call in self)
        return ", ".join(f"{name}{self._detail(name, count)}" for name, count in sorted(counts.items()))

    def _detail(self, name: str, count: int) -> str:
        calls = [call for call in self if f"{call.service}:{call.operation}" == name]
        retries = sum(call.attempts - 1 for call in calls)
        failed = Counter(call.error for call in calls if call.error)
        notes = [f"{retries} {'retry' if retries == 1 else 'retries'}"] if retries else []
        notes += [f"{number} failed: {code}" for code, number in failed.items()]
        return (f" ×{count}" if count > 1 else "") + (f" ({'; '.join(notes)})" if notes else "")


_recorder: ContextVar[Calls | None] = ContextVar("recorder", default=None)


@contextmanager
def recording() -> Iterator[Calls]:
    """Record every call made inside the block (and in what it starts with `side_by_side`)."""
    calls = Calls()
    token = _recorder.set(calls)
    try:
        yield calls
    finally:
        _recorder.reset(token)


def record(call: Call) -> None:
    """Add a call to the recording under way, if there is one."""
    if (calls := _recorder.get()) is not None:
        calls.add(call)


@dataclass
class Outcome(Generic[Value]):
    """What became of a task: a value or an error, the calls it made, and the seconds it took."""

    value: Value | None = None
    error: Exception | None = None
    calls: Calls = field(default_factory=Calls)
    seconds: float = 0.0

    def unwrap(self) -> Value:
        """The value; raises the error when there is one."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]


def side_by_side(
    tasks: Mapping[Name, Callable[[], Value]], *, workers: int = 8, deadline: float | None = None
) -> dict[Name, Outcome[Value]]:
    """Run independent tasks at the same time, at most `workers` at once; their outcomes in the order given.

    An exception becomes part of its outcome. What has not finished `deadline` seconds from now gets
    NoAnswerInTime. Threads are daemons: a hung call must not keep the interpreter from ending.
    """
    started = time.monotonic()
    waiting = deque((name, task, copy_context()) for name, task in tasks.items())
    outcomes: dict[Name, Outcome[Value]] = {}
    changed = threading.Condition()

    def work() -> None:
        while True:
            try:
                name, task, context = waiting.popleft()
            except IndexError:
                return
            outcome = context.run(_attempt, task)
            with changed:
                outcomes[name] = outcome
                changed.notify()

    for _ in range(min(workers, len(tasks))):
        threading.Thread(target=work, daemon=True, name="ons-runbook-ask").start()
    with changed:
        changed.wait_for(
            lambda: len(outcomes) == len(tasks),
            timeout=None if deadline is None else max(0.0, started + deadline - time.monotonic()),
        )
        waiting.clear()
        return {name: outcomes.get(name) or _late(deadline) for name in tasks}


def _attempt(task: Callable[[], Value]) -> Outcome[Value]:
    started = time.monotonic()
    outer = _recorder.get()
    with recording() as calls:
        outcome: Outcome[Value] = Outcome(calls=calls)
        try:
            outcome.value = task()
        except Exception as error:  # noqa: BLE001 - not swallowed: it is the outcome
            outcome.error = error
    outcome.seconds = time.monotonic() - started
    if outer is not None:
        for call in calls:
            outer.add(call)
    return outcome


def _late(deadline: float | None) -> Outcome[Value]:
    error = NoAnswerInTime(
        f"No answer within {deadline:g} s.", "Ask again; if it stays so, look at the service."
    )
    return Outcome(error=error, seconds=deadline or 0.0)
