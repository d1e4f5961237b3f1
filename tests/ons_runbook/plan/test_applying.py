"""Applying: journal before and after, verification, what stops it, and a gate that is closed afterwards."""

import hashlib
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ons_runbook import guard, journal
from ons_runbook.errors import ChangeFailed, ChangeNotApproved, Drifted, LockHeld, NotThisPlan
from ons_runbook.plan import Changes, Found, Kept, Progress, Who, apply, planned, propose, readable
from ons_runbook.plan.applying import DONE, FAILED, NOT_DONE, TAKEN_BACK, UNKNOWN
from ons_runbook.plan.sending import AnswerLost


def events(shelf, run="run-1"):
    return [line["event"] for line in journal.read(run, shelf.where).lines]


def test_each_change_is_journaled_before_and_after_it_is_done(carry_out, world, shelf):
    outcome = carry_out(world.action("a", 1, 2), world.action("b", 1, 3))
    assert outcome.status == "applied"
    assert [step.status for step in outcome.steps] == [DONE, DONE]
    assert world.done == [("a", 2), ("b", 3)]
    assert events(shelf) == ["begun", "doing", "done", "doing", "done", "ended"]
    record = journal.read("run-1", shelf.where)
    assert record.problems == ()
    assert record.status == "applied"
    assert record.begun["approved"] == record.begun["plan"]["id"]


def test_the_line_before_a_change_is_on_disk_when_it_is_done(carry_out, world, shelf):
    seen = []
    world.done = type("Looks", (list,), {"append": lambda self, one: seen.append(events(shelf)[-1])})()
    carry_out(world.action("a", 1, 2))
    assert seen == ["doing"]


def test_it_stops_at_the_first_failure_and_says_what_was_not_done(carry_out, world, shelf):
    world.wrong["b"] = ChangeFailed("It broke.")
    outcome = carry_out(*(world.action(of, 1, 2) for of in "abc"))
    assert outcome.status == "failed"
    assert [step.status for step in outcome.steps] == [DONE, FAILED, NOT_DONE]
    assert str(outcome.error) == "It broke."
    assert world.values == {"a": 2, "b": 1, "c": 1}
    assert events(shelf)[-2:] == ["failed", "ended"]
    assert journal.read("run-1", shelf.where).status == "failed"


def test_a_change_that_is_not_to_be_seen_in_time_is_unknown_and_stops(carry_out, world):
    world.deaf.add("a")
    outcome = carry_out(world.action("a", 1, 2), world.action("b", 1, 2))
    assert outcome.status == "failed"
    assert [step.status for step in outcome.steps] == [UNKNOWN, NOT_DONE]
    assert "value is 1, and was 2" in str(outcome.error)


def test_nothing_is_done_when_the_platform_moved_between_planning_and_applying(
    session, shelf, world, carry_out
):
    plan = planned(session, "test/procedure", Changes([world.action("a", 1, 2), world.action("b", 1, 2)]))
    propose(plan, shelf, "run-1")
    world.values["b"] = 9
    with pytest.raises(Drifted, match="value b: value is 9, and was 1"):
        apply(session, plan, plan.id, Who("run-1", "p", ""), shelf)
    assert world.done == []
    assert not list(shelf.where.glob("*.jsonl"))


def test_a_target_that_moves_while_it_is_being_applied_stops_it(carry_out, world):
    def meddling(steps):
        if steps[0].status == DONE:
            world.values["b"] = 9

    outcome = carry_out(world.action("a", 1, 2), world.action("b", 1, 2), progress=meddling)
    assert [step.status for step in outcome.steps] == [DONE, FAILED]
    assert "Somebody else changed it" in str(outcome.error)
    assert world.values["b"] == 9


def test_two_changes_of_the_same_thing_follow_each_other(carry_out, world):
    outcome = carry_out(world.action("a", 1, 2), world.action("a", 2, 3))
    assert outcome.status == "applied"
    assert world.values["a"] == 3


def test_a_change_that_is_already_there_is_not_approved_by_another_id(session, shelf, world):
    plan = planned(session, "test/procedure", Changes([world.action("a", 1, 2)]))
    propose(plan, shelf, "run-1")
    with pytest.raises(NotThisPlan):
        apply(session, plan, "p-00000000", Who("run-1", "p", ""), shelf)
    assert world.done == []


def test_what_an_earlier_change_found_is_given_to_a_later_one(carry_out, world, shelf):
    first = world.action("a", 1, 2)
    second = world.action("b", 1, 2, parameters={"value": Found(first.name, "value")})
    assert carry_out(first, second).status == "applied"
    doing = list(journal.read("run-1", shelf.where).of("doing"))
    assert doing[1]["parameters"] == {"value": 2}


def test_bytes_are_kept_before_anything_changes_and_never_enter_the_journal(carry_out, world, shelf):
    @readable
    def package(session):
        return b"a package"

    package.function.__module__, package.function.__name__ = "ons_runbook.guinea", "package"
    world.package = package
    sha256 = hashlib.sha256(b"a package").hexdigest()
    kept = Kept(sha256, 9, package.at())
    outcome = carry_out(world.action("a", 1, "a package", parameters={"value": kept}))
    assert outcome.status == "applied"
    assert shelf.bring(sha256) == b"a package"
    (doing,) = journal.read("run-1", shelf.where).of("doing")
    assert doing["parameters"] == {"value": f"‹9 bytes, sha256 {sha256[:12]}›"}


def test_bytes_that_are_not_what_was_planned_with_are_refused(session, carry_out, world):
    @readable
    def other(session):
        return b"another package"

    other.function.__module__, other.function.__name__ = "ons_runbook.guinea", "other"
    world.other = other
    with pytest.raises(Exception, match="not what the plan was made with"):
        carry_out(world.action("a", 1, 2, parameters={"value": Kept("0" * 64, 9, other.at())}))
    assert world.done == []


def test_a_change_that_goes_wrong_while_it_is_watched_is_taken_back_by_itself(
    carry_out, world, shelf, session
):
    world.progress = [Progress("half way", settled=False), Progress("worse", failing="3 of 4 calls fail")]
    guarded = world.action("a", 1, 2, watch=world.watch.at(of="a"), abort=_back(world))
    outcome = carry_out(guarded, world.action("b", 1, 2))
    assert [step.status for step in outcome.steps] == [TAKEN_BACK, NOT_DONE]
    assert "3 of 4 calls fail" in str(outcome.error)
    assert world.values["a"] == 1
    assert events(shelf) == ["begun", "doing", "taking_back", "taken_back", "ended"]


def _back(world):
    (inverse,) = world.action("a", 1, 2).undo
    return inverse


def test_what_could_not_be_judged_is_done_with_a_doubt(carry_out, world, shelf):
    world.progress = [Progress("too few", settled=False, doubt="3 calls are too few")] * 1000
    outcome = carry_out(world.action("a", 1, 2, watch=world.watch.at(of="a")))
    assert outcome.status == "applied"
    assert outcome.doubts == ["3 calls are too few"]


def test_what_is_settled_with_a_doubt_keeps_it(carry_out, world):
    world.progress = [Progress("nobody called", doubt="too few")]
    outcome = carry_out(world.action("a", 1, 2, watch=world.watch.at(of="a")))
    assert outcome.doubts == ["too few"]


def test_what_a_service_says_of_a_key_is_not_kept(carry_out, world, shelf):
    key = "AKIA" + "J7QZ3N5WPLX2T4VB"
    world.wrong["a"] = ChangeFailed(f"The Access Key with id {key} cannot be found.")
    outcome = carry_out(world.action("a", 1, 2))
    assert key not in outcome.steps[0].said
    assert key not in (shelf.where / "run-1.jsonl").read_text()


def test_after_a_lost_answer_what_was_done_is_not_done_again(carry_out, world, shelf):
    world.silent.add("a")
    assert carry_out(world.action("a", 1, 2)).status == "applied"
    assert world.done == [("a", 2)]
    assert "answer_lost" in events(shelf)


def test_after_a_lost_answer_what_was_not_done_is_done_when_that_does_no_harm(carry_out, world, shelf):
    world.wrong["a"] = AnswerLost("nobody answered")
    assert carry_out(world.action("a", 1, 2)).status == "applied"
    assert world.done == [("a", 2)]


def test_an_answer_that_is_lost_again_stops_and_nobody_claims_to_know(carry_out, world, shelf):
    class Always(dict):
        def pop(self, key):
            return self[key]

    world.wrong = Always(a=AnswerLost("nobody answered"))
    outcome = carry_out(world.action("a", 1, 2))
    assert outcome.status == "failed"
    assert "lost more than once" in str(outcome.error)
    assert journal.read("run-1", shelf.where).status == "failed"


def test_what_must_not_be_done_twice_is_not_done_again_after_a_lost_answer(carry_out, world):
    world.wrong["a"] = AnswerLost("nobody answered")
    outcome = carry_out(world.action("a", 1, 2, repeatable=False))
    assert outcome.status == "failed"
    assert outcome.steps[0].status == UNKNOWN
    assert world.done == []


def test_interrupted_by_the_operator_it_says_so_and_gives_the_lock_back(carry_out, world, shelf):
    world.wrong["b"] = KeyboardInterrupt()
    with suppress(KeyboardInterrupt):
        carry_out(world.action("a", 1, 2), world.action("b", 1, 2))
    assert journal.read("run-1", shelf.where).status == "interrupted"
    assert carry_out(world.action("c", 1, 2), run="run-2").status == "applied"


def test_the_gate_is_open_for_the_plans_own_calls_and_only_while_it_is_applied(carry_out, session, world):
    inside = {}

    def look(steps):
        for operation in ("UpdateAlias", "DeleteFunction"):
            with suppress(ChangeNotApproved):
                session.gate.check("lambda", operation)
                inside[operation] = True

    action = world.action("a", 1, 2, opens=("lambda:UpdateAlias",))
    carry_out(action, progress=look)
    assert inside == {"UpdateAlias": True}
    with pytest.raises(ChangeNotApproved):
        session.gate.check("lambda", "UpdateAlias")
    with pytest.raises(ChangeNotApproved):
        session.gate.check("ssm", "PutParameter")


def test_only_one_place_has_the_key(project_files):
    users = [name for name, text in project_files.items() if "PLAN_KEY" in text]
    assert sorted(users) == ["lib/ons_runbook/guard.py", "lib/ons_runbook/plan/applying.py"]
    assert guard.PLAN_KEY is not None


@pytest.fixture
def project_files():
    root = Path(__file__).parents[3]
    found = [*root.glob("lib/**/*.py"), *root.glob("notebooks/**/*.ipynb")]
    return {str(path.relative_to(root)): path.read_text() for path in found}


def test_while_somebody_applies_another_is_refused_with_who_and_since_when(carry_out, world, shelf):
    begun, go_on = threading.Event(), threading.Event()

    def wait(steps):
        begun.set()
        assert go_on.wait(20)

    thread = threading.Thread(target=lambda: carry_out(world.action("a", 1, 2), progress=wait))
    thread.start()
    try:
        assert begun.wait(20)
        with pytest.raises(LockHeld, match=r"since 20\d\d-.*run-1"):
            carry_out(world.action("b", 1, 2), run="run-2")
    finally:
        go_on.set()
        thread.join(20)
    assert world.done == [("a", 2)]
