"""Undoing and resuming a run, from its journal alone.

Which actions were done is what the journal says; of one that was begun and not ended, the platform's state
decides. Each way is itself a plan, which is shown and approved like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ons_runbook.errors import ChangeRefused
from ons_runbook.journal import Record
from ons_runbook.plan.action import Action, Reading, State, filled, holds
from ons_runbook.plan.plan import Changes, LeftAlone, drift
from ons_runbook.session import Session


@dataclass(frozen=True)
class Told:
    """One action of a journal: what the journal says of it, and the state it was verified in."""

    action: Action
    status: str
    state: State | None


def told(record: Record) -> list[Told]:
    """The actions of a journal in their order, each `done`, `begun`, `taken back` or `not done`."""
    actions = [Action.from_dict(document) for document in record.begun["plan"]["actions"]]
    known: dict[str, Told] = {action.name: Told(action, "not done", None) for action in actions}
    for line in record.lines:
        name = line.get("action")
        if name not in known:
            continue
        was = known[name]
        match line["event"]:
            case "doing":
                known[name] = replace(was, status="begun")
            case "done":
                known[name] = replace(was, status="done", state=line["state"])
            case "failed" | "unknown" | "taken_back" | "not_done" as event:
                known[name] = replace(was, status=_status(event, was))
            case _:
                pass
    return list(known.values())


def _status(event: str, was: Told) -> str:
    # What failed before its call was begun was not done at all.
    if event == "failed" and was.status == "not done":
        return "not done"
    return {"failed": "begun", "unknown": "begun", "taken_back": "taken back", "not_done": "not done"}[event]


def turn(session: Session, record: Record | None, direction: str) -> Changes:
    """`undo` or `resume` a run, by the word; without a run there is nothing to do."""
    if record is None:
        return Changes(nothing="No run was named.")
    return {"undo": undo, "resume": resume}[direction](session, record)


def undo(session: Session, record: Record) -> Changes:
    """What takes back all that the run changed, last first; what was changed since is left alone, and said.

    Raises ChangeRefused when the journal is of another platform or account.
    """
    _check_platform(session, record)
    states = _states(record)
    everything = told(record)
    actions: list[Action] = []
    alone: list[LeftAlone] = []
    seen: list[Reading] = []
    for one in reversed(everything):
        if one.status in ("not done", "taken back"):
            continue
        # What a later action of this run changed again is compared there; here it is known to differ.
        found = _inverse(session, one, states, again=one.action.state in seen)
        if isinstance(found, LeftAlone):
            alone.append(found)
        else:
            seen.append(one.action.state)
            actions += found
    nothing = f"Nothing of run {record.run} is left to take back."
    return Changes(_in_turn(actions), alone, nothing, (record.run, "undo"))


def resume(session: Session, record: Record) -> Changes:
    """What the run did not come to, in its order. Raises ChangeRefused as `undo` does."""
    _check_platform(session, record)
    states = _states(record)
    actions: list[Action] = []
    alone: list[LeftAlone] = []
    for one in told(record):
        if one.status == "done":
            alone.append(LeftAlone(one.action.target, "it was done"))
        elif (state := _reached(session, one.action, states)) is not None:
            states[one.action.name] = state
            alone.append(
                LeftAlone(one.action.target, "it was done; the run was ended before it could say so")
            )
        else:
            actions.append(_with(one.action, states))
    nothing = f"Nothing of run {record.run} is left to do."
    return Changes(actions, alone, nothing, (record.run, "resume"))


def _check_platform(session: Session, record: Record) -> None:
    plan = record.begun["plan"]
    here = (session.platform.name, session.account, session.region)
    there = (plan["platform"], plan["account"], plan["region"])
    if here != there:
        raise ChangeRefused(
            f"Run {record.run} changed platform {there[0]!r} (account {there[1]}, {there[2]}), "
            f"(account {here[1]}, {here[2]}).",
            f"Choose that platform: -p platform={there[0]}.",
        )


def _states(record: Record) -> dict[str, State]:
    return {one.action.name: one.state for one in told(record) if one.state is not None}


def _reached(session: Session, action: Action, states: dict[str, State]) -> State | None:
    """The state when it is already what the action is for; None when the action is due."""
    state: State = action.state.read(session)
    try:
        wanted = filled(action.after, states, str)
    except KeyError:  # it waits for something that has not been done
        return None
    return state if holds(wanted, state) else None


def _inverse(
    session: Session, one: Told, states: dict[str, State], *, again: bool
) -> Sequence[Action] | LeftAlone:
    """What takes one action back, or why it is left alone."""
    action = one.action
    now: State = action.state.read(session)
    if one.status != "done":
        if (state := _reached(session, action, states)) is None:
            return _half_done(action, now, states)
        states[action.name] = state
    elif not again:
        left = {key: value for key, value in states[action.name].items() if key in action.after}
        if differs := drift(action.target, left, now):
            back = holds(action.before, now)
            why = "it is as it was before" if back else f"changed since: {'; '.join(differs)}"
            return LeftAlone(action.target, why)
    if not action.undo:
        return LeftAlone(action.target, action.undo_note or "there is no undo")
    return [_with(inverse, states) for inverse in action.inverted()]


def _half_done(action: Action, now: State, states: dict[str, State]) -> Sequence[Action] | LeftAlone:
    """Of an action that was begun and is not to be seen: whether it was not done, or is under way."""
    differs = drift(action.target, action.before, now)
    if not differs:
        return LeftAlone(action.target, "it was not done")
    if action.abort is None:
        return LeftAlone(action.target, f"neither as it was nor as planned: {'; '.join(differs)}")
    return [_with(action.abort, {**states, action.name: now})]


def _with(action: Action, states: dict[str, State]) -> Action:
    """The action with what earlier ones found filled in, as far as it is known."""

    def known(value: Any) -> Any:
        try:
            return filled(value, states, lambda kept: kept)
        except KeyError:
            return value

    return replace(
        action,
        parameters={name: known(value) for name, value in action.parameters.items()},
        before={name: known(value) for name, value in action.before.items()},
        after={name: known(value) for name, value in action.after.items()},
        undo=tuple(_with(inverse, states) for inverse in action.undo),
        abort=_with(action.abort, states) if action.abort else None,
    )


def _in_turn(actions: list[Action]) -> list[Action]:
    """The actions with names that are unique in their new plan."""
    seen: dict[str, int] = {}
    named = []
    for action in actions:
        seen[action.name] = seen.get(action.name, 0) + 1
        count = seen[action.name]
        named.append(action if count == 1 else replace(action, name=f"{action.name} ({count})"))
    return named
