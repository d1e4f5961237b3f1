"""A small world to change: values in a module that journals may name, and a session with a real lock."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from ons_runbook.plan import (
    Action,
    Changes,
    Progress,
    Shelf,
    Who,
    apply,
    applying,
    planned,
    propose,
    readable,
)
from ons_runbook.plan.applying import Outcome
from ons_runbook.plan.sending import AnswerLost
from ons_runbook.platform import load_platform
from ons_runbook.session import Session

NAME = "ons_runbook.guinea"


class World(types.ModuleType):
    """Values by name, what was done to them, and what should go wrong."""

    def __init__(self) -> None:
        super().__init__(NAME)
        self.values: dict[str, Any] = {"a": 1, "b": 1, "c": 1}
        self.done: list[tuple[str, Any]] = []
        self.wrong: dict[str, BaseException] = {}
        self.deaf: set[str] = set()
        self.silent: set[str] = set()
        self.progress: list[Progress] = []

        @readable
        def value(session: Session, *, of: str) -> dict[str, Any]:
            return {"value": self.values[of]}

        @readable
        def put(session: Session, *, of: str, parameters: dict[str, Any]) -> None:
            if of in self.wrong:
                raise self.wrong.pop(of)
            given = parameters["value"]
            given = given.decode() if isinstance(given, bytes) else given
            self.done.append((of, given))
            if of not in self.deaf:
                self.values[of] = given
            if of in self.silent:
                self.silent.remove(of)
                raise AnswerLost("nobody answered")

        @readable
        def watch(session: Session, *, of: str, since: Any) -> Progress:
            return self.progress.pop(0) if self.progress else Progress("")

        for function in (value, put, watch):
            function.function.__module__ = NAME
            setattr(self, function.__name__, function)

    def action(self, of: str, old: Any, new: Any, **more: Any) -> Action:
        """Put `new` where `old` is, and back."""
        return self._one(of, old, new, **{"undo": (self._one(of, new, old),), **more})

    def _one(self, of: str, old: Any, new: Any, **more: Any) -> Action:
        facts: dict[str, Any] = {
            "name": f"set {of} to {new}",
            "target": f"value {of}",
            "service": "guinea",
            "operation": "Put",
            "parameters": {"value": new},
            "state": self.value.at(of=of),
            "before": {"value": old},
            "after": {"value": new},
            "risk": "None that anybody knows.",
            "performer": self.put.at(of=of),
            "resources": (of,),
            "wait_s": 0.3,
        }
        return Action(**{**facts, **more})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that does not change after a lost answer is not looked at for long."""
    monkeypatch.setattr(applying, "_SETTLE_S", 0.2)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setitem(sys.modules, NAME, made)
    return made


@pytest.fixture
def session(empty_sandbox: Any, clean_environment: Any, request: pytest.FixtureRequest) -> Session:
    """A session on an empty account, with a lock of its own for each test."""
    env = empty_sandbox.env()
    for name, value in env.items():
        clean_environment.setenv(name, value)
    lock = f"/tests/{abs(hash(request.node.nodeid))}/lock"
    return Session(load_platform("sandbox", {"lock_parameter": lock}))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "journal")


@pytest.fixture
def carry_out(session: Session, shelf: Shelf) -> Any:
    """Plan, show, approve and apply these actions; the outcome."""

    def doing(*actions: Action, run: str = "run-1", **more: Any) -> Outcome:
        plan = planned(session, "test/procedure", Changes(actions))
        propose(plan, shelf, run)
        return apply(session, plan, plan.id, Who(run, "test/procedure", "arn:of:somebody"), shelf, **more)

    return doing
