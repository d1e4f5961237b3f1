"""Plans: the id, what is refused before anybody is asked, and which approvals count."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ons_runbook.errors import ChangeRefused, Drifted, NotThisPlan, Protected, TooManyActions
from ons_runbook.plan import Changes, LeftAlone, check_approval, planned, propose, shown, shown_until
from ons_runbook.plan import plan as module
from ons_runbook.window import utc_now


@pytest.fixture
def make(session):
    def making(*actions, procedure="test/procedure"):
        return planned(session, procedure, Changes(actions, (LeftAlone("d", "it is another's"),)))

    return making


def test_the_same_plan_has_the_same_id_and_another_state_or_platform_another(make, world):
    one = make(world.action("a", 1, 2))
    assert one.id == make(world.action("a", 1, 2)).id
    others = [
        make(world.action("a", 0, 2)),
        make(world.action("a", 1, 3)),
        make(world.action("a", 1, 2, parameters={"value": 4})),
        make(world.action("a", 1, 2), procedure="test/other"),
        replace(one, platform="prod"),
        replace(one, account="000000000000"),
        replace(one, follows=("run-1", "undo")),
    ]
    assert len({one.id, *(other.id for other in others)}) == 8


def test_what_is_only_said_is_not_part_of_the_id(make, world):
    (inverse,) = world.action("a", 1, 2).undo
    said = {"risk": "312 objects", "cost": "+1 USD", "undo_note": "for 312 of them"}
    talkative = world.action("a", 1, 2, undo=(replace(inverse, **said),), **said)
    assert make(talkative).id == make(world.action("a", 1, 2)).id


def test_too_many_changes_are_refused_with_the_numbers(session, make, world):
    session.platform = session.platform.model_copy(update={"max_actions": 2})
    with pytest.raises(TooManyActions, match=r"3 changes.*allows 2"):
        make(*(world.action(of, 1, 2) for of in "abc"))


def test_what_takes_a_run_back_may_have_as_many_changes_as_it_needs(session, world):
    session.platform = session.platform.model_copy(update={"max_actions": 2})
    actions = [world.action(of, 1, 2) for of in "abc"]
    assert len(planned(session, "maintenance/undo", Changes(actions, follows=("run-1", "undo"))).actions) == 3


def test_a_protected_name_is_refused_by_pattern(session, make, world):
    session.platform = session.platform.model_copy(update={"protected": ("state-*",)})
    with pytest.raises(Protected, match="state-of-all is protected by 'state-\\*'"):
        make(world.action("a", 1, 2, resources=("other", "state-of-all")))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"after": {"value": 1}}, "would change nothing"),
        ({"parameters": {"password": "hunter2hunter2"}}, "looks like a secret"),
    ],
)
def test_a_builder_cannot_plan_what_makes_no_sense(make, world, change, says):
    with pytest.raises(ChangeRefused, match=says):
        make(world.action("a", 1, 2, **change))


def test_two_actions_of_one_name_are_refused(make, world):
    with pytest.raises(ChangeRefused, match="Two actions"):
        make(world.action("a", 1, 2), world.action("a", 1, 2))


def test_a_plan_that_was_shown_can_be_approved(make, world, shelf, session):
    plan = make(world.action("a", 1, 2))
    propose(plan, shelf, "run-1")
    check_approval(plan, plan.id, shelf, session.platform)


def test_a_plan_that_nobody_was_shown_cannot_be_approved(make, world, shelf, session):
    plan = make(world.action("a", 1, 2))
    with pytest.raises(NotThisPlan, match=f"No plan {plan.id} was shown here"):
        check_approval(plan, plan.id, shelf, session.platform)


def test_the_id_of_another_procedures_plan_is_no_approval(make, world, shelf, session):
    other = make(world.action("a", 1, 2), procedure="test/other")
    propose(other, shelf, "run-1")
    with pytest.raises(NotThisPlan, match="a plan of test/other"):
        check_approval(make(world.action("a", 1, 2)), other.id, shelf, session.platform)


def test_a_platform_that_moved_on_refuses_and_says_what_is_different(make, world, shelf, session):
    shown_plan = make(world.action("a", 1, 2))
    propose(shown_plan, shelf, "run-1")
    with pytest.raises(Drifted, match="value a: value is 5, and was 1"):
        check_approval(make(world.action("a", 5, 2)), shown_plan.id, shelf, session.platform)


def test_a_plan_of_other_actions_says_which(make, world, shelf, session):
    shown_plan = make(world.action("a", 1, 2))
    propose(shown_plan, shelf, "run-1")
    with pytest.raises(Drifted, match=r"set a to 2 is not planned any more; set b to 2 is new"):
        check_approval(make(world.action("b", 1, 2)), shown_plan.id, shelf, session.platform)


def test_an_old_plan_can_no_longer_be_approved(make, world, shelf, session, monkeypatch):
    plan = make(world.action("a", 1, 2))
    propose(plan, shelf, "run-1")
    until = shown_until(shelf, plan.id, session.platform)
    assert timedelta(minutes=58) < until - utc_now() < timedelta(minutes=61)
    monkeypatch.setattr(module, "utc_now", lambda: until + timedelta(seconds=2))
    with pytest.raises(NotThisPlan, match="more than 60 min ago"):
        check_approval(plan, plan.id, shelf, session.platform)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "none"),
        ({}, "none"),
        ([], "none"),
        (True, "yes"),
        ({"a": 1}, "a: 1"),
        ("x" * 200, "x" * 119 + "…"),
    ],
)
def test_values_of_a_state_are_said_in_words(value, said):
    assert shown(value) == said
