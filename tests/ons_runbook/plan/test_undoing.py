"""Back and on from a journal alone: what was done is taken back, what was not is not touched."""

import pytest

from ons_runbook import journal
from ons_runbook.errors import ChangeFailed, ChangeRefused
from ons_runbook.plan import Changes, Found, Progress, Who, apply, planned, propose, resume, told, undo


@pytest.fixture
def turn(session, shelf):
    """Plan, show and approve an undo or a resume of a run."""

    def turning(how, run, named):
        changes = how(session, journal.read(run, shelf.where))
        plan = planned(session, "maintenance/undo", changes)
        if not plan.actions:
            return changes
        propose(plan, shelf, named)
        assert apply(session, plan, plan.id, Who(named, "maintenance/undo", ""), shelf).status == "applied"
        return changes

    return turning


def record(shelf, run="run-1"):
    return journal.read(run, shelf.where)


def test_the_last_change_is_taken_back_first(carry_out, world, turn):
    carry_out(world.action("a", 1, 2), world.action("b", 1, 2))
    world.done.clear()
    changes = turn(undo, "run-1", "run-2")
    assert world.done == [("b", 1), ("a", 1)]
    assert changes.follows == ("run-1", "undo")


def test_an_undo_can_be_undone_and_nothing_is_left_for_a_second_undo(carry_out, world, turn):
    carry_out(world.action("a", 1, 2))
    turn(undo, "run-1", "run-2")
    again = turn(undo, "run-1", "run-3")
    assert again.actions == []
    assert "as it was before" in again.left_alone[0].why
    turn(undo, "run-2", "run-4")
    assert world.values["a"] == 2


def test_what_somebody_changed_since_is_left_alone_and_said(carry_out, world, turn):
    carry_out(world.action("a", 1, 2), world.action("b", 1, 2))
    world.values["a"] = 7
    changes = turn(undo, "run-1", "run-2")
    assert world.values == {"a": 7, "b": 1, "c": 1}
    assert "changed since: value a: value is 7, and was 2" in changes.left_alone[0].why


def test_two_changes_of_the_same_thing_are_both_taken_back(carry_out, world, turn):
    carry_out(world.action("a", 1, 2), world.action("a", 2, 3))
    turn(undo, "run-1", "run-2")
    assert world.values["a"] == 1


def test_of_two_changes_of_one_thing_what_came_back_already_is_not_proposed_for_ever(carry_out, world, turn):
    carry_out(world.action("a", 1, 2), world.action("a", 2, 3, undo=()))
    turn(undo, "run-1", "run-2")
    world.values["a"] = 1
    assert turn(undo, "run-1", "run-3").actions == []


def test_without_an_undo_it_says_why(carry_out, world, turn):
    carry_out(world.action("a", 1, 2, undo=(), undo_note="what was deleted does not come back"))
    changes = turn(undo, "run-1", "run-2")
    assert changes.actions == []
    assert changes.left_alone[0].why == "what was deleted does not come back"


def test_an_undo_finds_what_the_run_found(carry_out, world, turn, session, shelf):
    action = world.action("a", 1, 2)
    (inverse,) = action.undo
    from dataclasses import replace

    back = replace(inverse, parameters={"value": Found("set b to 5", "value")}, after={"value": 5})
    carry_out(world.action("b", 1, 5), replace(action, undo=(back,)))
    (first, _) = undo(session, record(shelf)).actions
    assert first.parameters == {"value": 5}


def broken_off(world, shelf, session, *, reached: bool):
    """A run that was killed in its second action, before or after the platform got it."""
    plan = planned(session, "p", Changes([world.action(of, 1, 2) for of in "abc"]))
    book = journal.Journal("run-1", shelf.where)
    book.begin(plan=plan.as_dict(), owner="me", procedure="p")
    book.write("doing", action="set a to 2")
    book.write("done", action="set a to 2", state={"value": 2})
    book.write("doing", action="set b to 2")
    world.values["a"] = 2
    if reached:
        world.values["b"] = 2


@pytest.mark.parametrize("reached", [True, False])
def test_a_killed_run_is_finished_and_nothing_is_done_twice(world, shelf, session, turn, reached):
    broken_off(world, shelf, session, reached=reached)
    assert [one.status for one in told(record(shelf))] == ["done", "begun", "not done"]
    turn(resume, "run-1", "run-2")
    assert world.done == [("c", 2)] if reached else [("b", 2), ("c", 2)]
    assert world.values == {"a": 2, "b": 2, "c": 2}


@pytest.mark.parametrize("reached", [True, False])
def test_a_killed_run_is_taken_back(world, shelf, session, turn, reached):
    broken_off(world, shelf, session, reached=reached)
    changes = turn(undo, "run-1", "run-2")
    assert world.values == {"a": 1, "b": 1, "c": 1}
    assert world.done == ([("b", 1), ("a", 1)] if reached else [("a", 1)])
    assert [one.why for one in changes.left_alone] == ([] if reached else ["it was not done"])


def test_what_is_half_done_is_said_and_left_alone(world, shelf, session, turn):
    broken_off(world, shelf, session, reached=False)
    world.values["b"] = 1.5
    changes = turn(undo, "run-1", "run-2")
    assert "neither as it was nor as planned" in changes.left_alone[0].why
    assert world.values == {"a": 1, "b": 1.5, "c": 1}


def test_what_is_half_done_and_can_be_stopped_is_stopped(world, shelf, session):
    (abort,) = world.action("b", 1, 2).undo
    plan = planned(session, "p", Changes([world.action("b", 1, 2, abort=abort)]))
    book = journal.Journal("run-1", shelf.where)
    book.begin(plan=plan.as_dict(), owner="me", procedure="p")
    book.write("doing", action="set b to 2")
    world.values["b"] = 1.5
    assert undo(session, record(shelf)).actions == [abort]


def test_what_was_taken_back_by_itself_is_not_taken_back_again(carry_out, world, session, shelf):
    world.progress = [Progress("", failing="worse")]
    (back,) = world.action("a", 1, 2).undo
    carry_out(world.action("a", 1, 2, watch=world.watch.at(of="a"), abort=back))
    assert undo(session, record(shelf)).actions == []


def test_what_failed_before_its_call_is_not_taken_back(carry_out, world, session, shelf):
    world.wrong["b"] = ChangeFailed("It broke.")
    carry_out(world.action("a", 1, 2), world.action("b", 1, 2))
    changes = undo(session, record(shelf))
    assert [action.name for action in changes.actions] == ["set a to 1"]
    assert [action.name for action in resume(session, record(shelf)).actions] == ["set b to 2"]


def test_a_journal_of_another_platform_is_refused(carry_out, world, session, shelf):
    carry_out(world.action("a", 1, 2))
    session.platform = session.platform.model_copy(update={"name": "prod"})
    with pytest.raises(ChangeRefused, match="changed platform 'sandbox'"):
        undo(session, record(shelf))
