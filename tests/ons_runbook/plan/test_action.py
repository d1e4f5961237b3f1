"""Actions are data: they survive a journal, and name only what may be named."""

import json
from dataclasses import replace

import pytest

from ons_runbook.errors import JournalError
from ons_runbook.plan import Found, Kept, Reading, changes_between
from ons_runbook.plan.action import Action, filled, fingerprint, holds, kept_in


@pytest.fixture
def action(world):
    kept = Kept("0" * 64, 12, world.value.at(of="b"))
    abort = world.action("c", 1, 2)
    return world.action(
        "a",
        1,
        2,
        parameters={"value": Found("x", "y"), "code": [kept]},
        abort=abort,
        watch=world.watch.at(of="a"),
    )


def test_an_action_comes_back_from_a_journal_as_it_went_in(action):
    assert Action.from_dict(json.loads(json.dumps(action.as_dict()))) == action


def test_the_fingerprint_knows_values_and_not_their_order(action):
    same = Action.from_dict(dict(reversed(action.as_dict().items())))
    assert fingerprint(action.as_dict()) == fingerprint(same.as_dict())
    assert fingerprint(action.as_dict()) != fingerprint(replace(action, risk="another").as_dict())


@pytest.mark.parametrize(
    "path",
    ["os:system", "ons_runbook.session:preload", "ons_runbook.nowhere:at_all", "ons_runbook.guinea:values"],
)
def test_a_journal_cannot_name_just_any_function(world, path):
    with pytest.raises(JournalError):
        Reading(path, {}).read(None)


@pytest.mark.parametrize(
    ("wanted", "state", "agree"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 2}, False),
        ({}, {"b": 2}, True),
        ({"a": {}}, {"a": {"x": 1}}, False),
        ({"a": {"x": 1}}, {"a": {"x": 1, "y": 2}}, False),
        ({"a": [1, 2]}, {"a": (1, 2)}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": Found("x", "y")}, {"a": 7}, True),
        ({"a": Found("x", "y")}, {"a": None}, False),
        ({"a": None}, {"a": None}, True),
    ],
)
def test_a_state_holds_the_wanted_keys_with_exactly_their_values(wanted, state, agree):
    assert holds(wanted, state) is agree


def test_only_what_differs_is_a_change():
    assert changes_between({"a": 1, "b": 1}, {"a": 1, "b": 2, "c": 3}) == {"b": (1, 2), "c": (None, 3)}


def test_what_is_yet_to_be_found_is_a_change():
    assert "version" in changes_between({"version": "7"}, {"version": Found("publish", "version")})


def test_what_was_found_and_kept_is_filled_in_at_any_depth(action):
    parameters = filled(action.parameters, {"x": {"y": 7}}, lambda kept: b"bytes")
    assert parameters == {"value": 7, "code": [b"bytes"]}
    assert [kept.size for kept in kept_in(action.parameters)] == [12]
    with pytest.raises(KeyError):
        filled(action.parameters, {}, lambda kept: b"")


def test_undoing_an_undo_is_the_action_again(world):
    action = world.action("a", 1, 2)
    (inverse,) = action.inverted()
    assert (inverse.before, inverse.after) == ({"value": 2}, {"value": 1})
    (again,) = inverse.inverted()
    assert (again.before, again.after) == (action.before, action.after)


def test_without_an_undo_nothing_takes_it_back(world):
    assert world.action("a", 1, 2, undo=()).inverted() == ()
