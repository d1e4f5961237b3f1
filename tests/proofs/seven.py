"""Seven proofs for every procedure that changes something, each against a sandbox that really works.

A test module beside this one says what is particular to its procedure (a `Case`), and gets the proofs by
subclassing `SevenProofs`. Calls go through a proxy that counts them, delays them, loses them.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from operators import Operators, Running

from ons_runbook import journal
from ons_runbook.plan import told
from ons_runbook.window import utc_now
from ons_sandbox import Sandbox
from platform_state import State, changing_calls, differences, read_state, without
from sandboxes import Clients, clients_of
from weather import Call, Rule, Weather

UNDO = "maintenance/undo"
# The lock's last parameter stays, marked as released: that is how the next one knows its number.
LOCK = tuple(f"ssm/{kind}//ons-data-platform/runbook/lock" for kind in ("parameter", "version"))


def NOTHING(clients: Clients) -> None:
    """Nothing needs to be prepared."""


@dataclass(frozen=True)
class BadInput:
    """Parameters that must be refused, and what must be said (a regular expression)."""

    parameters: Mapping[str, Any]
    says: str
    prepare: Callable[[Clients], object] = NOTHING
    #: What the plan's status is then: refused, or nothing (None in the result) when it is merely explained.
    status: str | None = "refused"


@dataclass(frozen=True)
class Case:
    """What is particular to one procedure.

    Attributes:
        procedure: the notebook, without suffix.
        parameters: that make a plan of at least one action, two where the procedure can.
        drift: somebody else changes what the plan is about.
        prepare: makes the platform such that there is something to change.
        leaves: beginnings of names in `read_state` that an undo cannot bring back, each said in its
            undo_note: `{"lambda/version/": "numbers are never used again"}`.
        history: beginnings of names that only tell what happened (deployments made): not compared.
        bad_input: what must be refused.
        clock: how fast the sandbox's deployments go.
        environment: further variables of the operator's.
    """

    procedure: str
    parameters: Mapping[str, Any]
    drift: Callable[[Clients], object]
    prepare: Callable[[Clients], object] = NOTHING
    leaves: Mapping[str, str] = field(default_factory=dict)
    history: tuple[str, ...] = ()
    bad_input: tuple[BadInput, ...] = ()
    clock: float = 600
    environment: Mapping[str, str] = field(default_factory=dict)


class World:
    """A sandbox with a proxy in front of it, and operators who work through that."""

    def __init__(self, case: Case, sandbox: Sandbox, operators: Operators, reports: Path) -> None:
        self.case = case
        self.sandbox = sandbox
        self.reports = reports
        #: Whether something may have been changed, so that the next proof needs the seeded platform again.
        self.touched = True
        self._operators = operators
        self.aws = Weather(sandbox.env()["AWS_ENDPOINT_URL"])
        self.influx = Weather(sandbox.env()["INFLUXDB_V2_URL"])

    def env(self) -> dict[str, str]:
        return {
            **self.aws.env(self.sandbox.env()),
            "INFLUXDB_V2_URL": self.influx.url,
            "RUNBOOK_REPORTS": str(self.reports),
            **self.case.environment,
        }

    def state(self) -> State:
        return without(read_state(self.sandbox.env()), *LOCK, *self.case.history)

    def start(self, approve: str = "", take_lock: str = "", **parameters: Any) -> Running:
        given = {**self.case.parameters, **parameters, "approve": approve}
        env = {**self.env(), "RUNBOOK_TAKE_LOCK": take_lock}
        return self._operators.start(self.case.procedure, given, env)

    def run(self, approve: str = "", take_lock: str = "", **parameters: Any) -> dict[str, Any]:
        return self.start(approve, take_lock, **parameters).wait()

    def back(self, direction: str, run: str, approve: str = "", take_lock: str = "") -> dict[str, Any]:
        """Undo or resume a run."""
        given = {"run": run, "direction": direction, "approve": approve}
        env = {**self.env(), "RUNBOOK_TAKE_LOCK": take_lock}
        return self._operators.run(UNDO, given, env)

    def planned(self) -> str:
        """The id of the plan, shown to an operator."""
        plan = self.run()["plan"]
        assert plan["status"] == "proposed", plan
        return str(plan["id"])

    def applied(self) -> dict[str, Any]:
        """The plan, approved and carried out."""
        done = self.run(self.planned())
        assert done["plan"]["status"] == "applied", done["plan"]
        return done

    def turned(self, direction: str, run: str, take_lock: str = "") -> dict[str, Any]:
        """Undo or resume, planned and approved."""
        shown = self.back(direction, run)["plan"]
        if shown is None:
            return {}
        assert shown["status"] == "proposed", shown
        done = self.back(direction, run, shown["id"], take_lock)
        assert done["plan"]["status"] == "applied", done["plan"]
        return done

    def at_rest(self, direction: str, run: str) -> dict[str, Any] | None:
        """The plan to undo or resume, once it stays the same.

        What was under way when a run was killed goes on, and until it is over the plan is another one.
        """
        plans = [self.back(direction, run)["plan"]]
        for _ in range(10):
            plans.append(self.back(direction, run)["plan"])
            if (plans[-1] and plans[-1]["id"]) == (plans[-2] and plans[-2]["id"]):
                return plans[-1]
        raise AssertionError(f"the plan does not come to rest: {plans}")

    def weather_of(self, action: Mapping[str, Any]) -> Weather:
        return self.influx if action["service"] == "influxdb" else self.aws

    def counted(self) -> Counter[str]:
        """Changing calls that the platform got, the lock's own left out."""
        return Counter(
            [f"{seen.service}:{seen.operation}" for seen in self.aws.log if seen.forwarded]
            + [f"influxdb:{seen.operation}" for seen in self.influx.log if seen.forwarded]
        )

    def newest_run(self) -> str:
        return journal.runs(self.reports / "journal")[0].run

    def clear(self) -> None:
        for weather in (self.aws, self.influx):
            weather.clear()
            weather.log.clear()


def _called(action: Mapping[str, Any]) -> str:
    return f"{action['service']}:{action['operation']}"


def _wanted(actions: list[dict[str, Any]]) -> Counter[str]:
    return Counter(map(_called, actions))


class SevenProofs:
    """Subclass with `case`; every test starts from the seeded and prepared platform."""

    case: Case
    touched = True

    def unlike(self, before: State, after: State) -> list[str]:
        """What an undo should have brought back and did not."""
        return differences(without(before, *self.case.leaves), without(after, *self.case.leaves))

    def same_again(self, world: World, before: State) -> None:
        """The platform is as it was; without anything left behind, the next proof can start from it."""
        assert self.unlike(before, world.state()) == []
        world.touched = bool(self.case.leaves or self.case.history)

    def test_1_without_approval_nothing_changes(self, world):
        before = world.state()
        since = utc_now()
        plan = world.run()["plan"]
        assert plan["status"] == "proposed", plan
        assert plan["actions"]
        refused = world.run("p-00000000")["plan"]
        assert refused["status"] == "refused"
        assert "No plan p-00000000 was shown" in refused["reason"]
        assert differences(before, world.state()) == []
        assert changing_calls(world.sandbox.env(), since) == []
        assert not any(world.counted()[call] for call in _wanted(plan["actions"]))
        world.touched = False

    def test_2_with_approval_exactly_the_plan_is_done_and_then_nothing_is_left_to_do(self, world):
        before = world.state()
        identifier = world.planned()
        world.clear()
        done = world.run(identifier)
        plan = done["plan"]
        assert plan["status"] == "applied", plan
        assert plan["id"] == identifier
        assert {action["status"] for action in plan["actions"]} == {"done"}
        wanted = _wanted(plan["actions"])
        assert {call: world.counted()[call] for call in wanted} == dict(wanted)
        assert differences(before, world.state()) != []
        again = world.run()
        assert again["plan"] is None, again["plan"]
        assert journal.verify(world.reports / "journal") == {plan["run"]: []}

    def test_3_drift_between_plan_and_apply_refuses_and_changes_nothing(self, world):
        identifier = world.planned()
        self.case.drift(clients_of(world.sandbox))
        before = world.state()
        plan = world.run(identifier)["plan"]
        assert plan is not None
        assert plan["status"] == "refused", plan
        assert differences(before, world.state()) == []

    def test_4_undo_brings_back_the_same_state(self, world):
        before = world.state()
        run = world.applied()["plan"]["run"]
        assert self.unlike(before, world.state()) != []
        world.turned("undo", run)
        assert world.back("undo", run)["plan"] is None
        self.same_again(world, before)

    # In each run of the tests the two that differ most; the others by `make proofs`.
    @pytest.mark.parametrize(
        ("moment", "which"),
        [
            ("before", "last"),
            ("after", "first"),
            pytest.param("before", "first", marks=pytest.mark.thorough),
            pytest.param("after", "last", marks=pytest.mark.thorough),
        ],
    )
    def test_5_killed_the_journal_tells_the_truth_and_the_job_is_finished(self, world, moment, which):
        """Killed as a call was about to reach the platform, or after it did and before the answer came."""
        before = world.state()
        shown = world.run()["plan"]
        number = 0 if which == "first" else len(shown["actions"]) - 1
        action = shown["actions"][number]
        nth = sum(_called(earlier) == _called(action) for earlier in shown["actions"][:number])
        world.clear()
        hold = _nth(world.weather_of(action), moment, action, nth)
        operator = world.start(shown["id"])
        assert hold.reached.wait(60), operator.printed()
        operator.kill()
        world.clear()

        run = world.newest_run()
        record = journal.read(run, world.reports / "journal")
        assert record.status == "broken off"
        expected = ["done"] * number + ["begun"] + ["not done"] * (len(shown["actions"]) - number - 1)
        assert [one.status for one in told(record)] == expected
        assert journal.verify(world.reports / "journal")[run] == []

        direction = "resume" if moment == "before" else "undo"
        owner = record.begun["owner"]
        proposed = world.at_rest(direction, run)
        if proposed is not None:
            held = world.back(direction, run, proposed["id"])["plan"]
            assert held["status"] == "refused"
            assert owner in held["reason"]
            assert run in held["reason"]
            done = world.back(direction, run, proposed["id"], f"{owner}: it was killed by a test")["plan"]
            assert done["status"] == "applied", done
        if direction == "undo":
            self.same_again(world, before)
        else:
            assert world.run()["plan"] is None
            left = _wanted(shown["actions"][number:])
            assert {call: world.counted()[call] for call in left} == dict(left)

    def test_6_of_two_operators_one_is_told_who_holds_the_lock_and_since_when(self, world):
        shown = world.run()["plan"]
        hold = world.aws.hold_after("ssm:PutParameter")
        one = world.start(shown["id"])
        assert hold.reached.wait(60), one.printed()
        other = world.run(shown["id"])["plan"]
        hold.release()
        assert one.wait()["plan"]["status"] in ("applied", "failed")
        assert other["status"] == "refused"
        record = journal.read(world.newest_run(), world.reports / "journal")
        assert record.begun["owner"] in other["reason"]
        assert re.search(r"since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", other["reason"])

    def test_7_a_failing_action_stops_and_what_was_done_can_be_taken_back(self, world):
        before = world.state()
        shown = world.run()["plan"]
        last = shown["actions"][-1]
        nth = sum(_called(earlier) == _called(last) for earlier in shown["actions"][:-1])
        rule = world.weather_of(last).fail(_after(last, nth), "AccessDeniedException", status=403)
        plan = world.run(shown["id"])["plan"]
        assert rule.hits == 1
        assert plan["status"] == "failed", plan
        statuses = [action["status"] for action in plan["actions"]]
        assert statuses == ["done"] * (len(statuses) - 1) + ["failed"]
        assert journal.read(plan["run"], world.reports / "journal").status == "failed"
        world.clear()
        world.turned("undo", plan["run"])
        self.same_again(world, before)

    def test_7_throttled_calls_wait_and_are_each_made_once(self, world):
        shown = world.run()["plan"]
        world.clear()
        changing = {*_wanted(shown["actions"]), "ssm:PutParameter"}
        rule = world.aws.throttle(
            share=0.3, seed=5, only=lambda call: f"{call.service}:{call.operation}" in changing
        )
        first = shown["actions"][0]
        refused = world.weather_of(first).throttle(share=1.0, only=_after(first, 0), times=2)
        plan = world.run(shown["id"])["plan"]
        assert rule.hits + refused.hits >= 2
        assert plan["status"] == "applied", plan
        world.aws.clear()
        assert {call: world.counted()[call] for call in _wanted(plan["actions"])} == dict(
            _wanted(plan["actions"])
        )
        assert world.run()["plan"] is None

    def test_7_a_lost_answer_is_not_taken_for_a_failure_nor_done_twice(self, world):
        shown = world.run()["plan"]
        world.clear()
        lost = [world.weather_of(a).lose_answer(_after(a, 0)) for a in shown["actions"][:1]]
        plan = world.run(shown["id"])["plan"]
        assert [rule.hits for rule in lost] == [1]
        assert plan["status"] == "applied", plan
        wanted = _wanted(plan["actions"])
        assert {call: world.counted()[call] for call in wanted} == dict(wanted)
        events = [line["event"] for line in journal.read(plan["run"], world.reports / "journal").lines]
        assert "answer_lost" in events
        assert world.run()["plan"] is None

    def test_bad_input_is_refused_with_what_is_wrong_and_changes_nothing(self, world):
        for bad in self.case.bad_input:
            bad.prepare(clients_of(world.sandbox))
            before = world.state()
            result = world.run(**bad.parameters)
            plan = result["plan"]
            assert (plan and plan["status"]) == bad.status, (bad, plan)
            said = plan["reason"] if plan else str(result["checks"])
            assert re.search(bad.says, said), (bad, said)
            assert differences(before, world.state()) == []
        world.touched = any(bad.prepare is not NOTHING for bad in self.case.bad_input)


def _after(action: Mapping[str, Any], nth: int) -> Callable[[Call], bool]:
    """A predicate for the call of an action, from its nth on."""
    name = action["operation"] if action["service"] == "influxdb" else _called(action)
    seen = Counter[str]()

    def applies(call: Call) -> bool:
        if not call.named(name):
            return False
        seen[name] += 1
        return seen[name] > nth

    return applies


def _nth(weather: Weather, moment: str, action: Mapping[str, Any], nth: int) -> Rule:
    """Hold back the nth call of an action's operation, before or after it was made."""
    return (weather.hang if moment == "before" else weather.hold_after)(_after(action, nth))
