"""A plan: what would be changed, what would be left alone, and the id by which it is approved.

The id is a hash over the platform, the actions and the states that they were planned against: the same plan
has the same id, and a platform that changed since has another. What is only said (risk, cost) is not part of
it: counts of what a living platform holds change by the minute.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from ons_runbook.errors import ChangeRefused, Drifted, NotThisPlan, Protected, TooManyActions
from ons_runbook.plan.action import Action, State, changes_between, fingerprint, holds
from ons_runbook.plan.shelf import Shelf
from ons_runbook.platform import Platform
from ons_runbook.session import Session
from ons_runbook.window import iso, utc_now

_ID_CHARACTERS = 8
_SAID = ("risk", "cost", "undo_note")


@dataclass(frozen=True)
class LeftAlone:
    """Something that a plan could have touched and does not, and why."""

    target: str
    why: str


@dataclass(frozen=True)
class Changes:
    """What a builder gives: the actions in the order in which they are done, and what is left alone.

    `nothing` is the sentence for when there is no action: why nothing has to be done.
    """

    actions: Sequence[Action] = ()
    left_alone: Sequence[LeftAlone] = ()
    nothing: str = "It is already as it should be."
    #: The run that these changes take back or complete, and which of the two: (run, "undo" or "resume").
    follows: tuple[str, str] | None = None


@dataclass(frozen=True)
class Plan:
    """Actions on one platform, by one procedure, with an id. Made by `planned`."""

    procedure: str
    platform: str
    account: str
    region: str
    actions: tuple[Action, ...]
    left_alone: tuple[LeftAlone, ...] = ()
    nothing: str = ""
    follows: tuple[str, str] | None = None

    @property
    def id(self) -> str:
        """`p-` and eight hexadecimal digits."""
        where = [self.procedure, self.platform, self.account, self.region, self.follows]
        return "p-" + fingerprint([where, list(map(deeds, self.actions))])[:_ID_CHARACTERS]

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a journal."""
        return {
            "id": self.id,
            "procedure": self.procedure,
            "platform": self.platform,
            "account": self.account,
            "region": self.region,
            "actions": [action.as_dict() for action in self.actions],
            "follows": list(self.follows) if self.follows else None,
        }


def planned(session: Session, procedure: str, changes: Changes) -> Plan:
    """The plan that carries out `changes`.

    Raises TooManyActions, Protected, or ChangeRefused when an action would change nothing, is named twice, or
    holds a secret (which a journal would then hold as well).
    """
    plan = Plan(
        procedure,
        session.platform.name,
        session.account,
        session.region,
        tuple(changes.actions),
        tuple(changes.left_alone),
        changes.nothing,
        changes.follows,
    )
    if plan.follows is None:
        # What takes a run back, or finishes it, was bounded when that run was planned.
        _check_count(plan.actions, session.platform)
    _check_protected(plan.actions, session.platform)
    names = [action.name for action in plan.actions]
    for action in plan.actions:
        if names.count(action.name) > 1:
            raise ChangeRefused(
                f"Two actions are called {action.name!r}.", "This is a mistake in the builder."
            )
        if not changes_between(action.before, action.after):
            raise ChangeRefused(
                f"{action.target} is as it should be: {action.operation} would change nothing.",
                "This is a mistake in the builder.",
            )
        document = action.as_dict()
        if session.redactor().redact_json(document) != document:
            raise ChangeRefused(
                f"{action.name}: its parameters hold what looks like a secret, and a journal must not.",
                "Refer to the secret by its name instead.",
            )
    return plan


def _check_count(actions: Sequence[Action], platform: Platform) -> None:
    if len(actions) > platform.max_actions:
        raise TooManyActions(
            f"This would be {len(actions)} changes, and platform {platform.name!r} allows "
            f"{platform.max_actions} at once.",
            "Narrow it by the procedure's parameters, or raise max_actions in the platform's settings.",
        )


def _check_protected(actions: Sequence[Action], platform: Platform) -> None:
    for action in actions:
        for name in action.resources:
            pattern = next((p for p in platform.protected if fnmatchcase(name, p)), None)
            if pattern is not None:
                raise Protected(
                    f"{name} is protected by {pattern!r} in the settings of platform {platform.name!r}.",
                    "Nothing was changed. Leave it out, or have the protection taken away.",
                )


def deeds(action: Action) -> dict[str, Any]:
    """All of an action that decides what is done, without what is only said of it."""

    def silent(value: Any) -> Any:
        if isinstance(value, dict):
            said = _SAID if "operation" in value and "target" in value else ()
            return {key: silent(member) for key, member in value.items() if key not in said}
        return [silent(member) for member in value] if isinstance(value, list) else value

    bare: dict[str, Any] = silent(action.as_dict())
    return bare


def propose(plan: Plan, shelf: Shelf, run: str) -> None:
    """Remember that the plan was shown in this run: from now on it can be approved, for `plan_minutes`."""
    shelf.note_plan(plan.id, {**plan.as_dict(), "shown": iso(utc_now()), "run": run})


def shown_until(shelf: Shelf, identifier: str, platform: Platform) -> datetime | None:
    """Until when (UTC) a plan that was shown may be approved; None when none of that id was shown here."""
    shown = shelf.plan(identifier)
    if shown is None:
        return None
    return datetime.fromisoformat(shown["shown"]).astimezone(UTC) + timedelta(minutes=platform.plan_minutes)


def check_approval(plan: Plan, approve: str, shelf: Shelf, platform: Platform) -> None:
    """Raise unless `approve` is the id of this very plan, and it was shown here and not too long ago.

    Drifted when the approved plan was this procedure's and the platform is another by now: what differs is in
    the message; NotThisPlan otherwise.
    """
    shown = shelf.plan(approve)
    if shown is None:
        raise NotThisPlan(
            f"No plan {approve} was shown here.", f"This plan is {plan.id}: read it, and approve that id."
        )
    if approve != plan.id:
        if shown["procedure"] != plan.procedure:
            raise NotThisPlan(
                f"{approve} is a plan of {shown['procedure']}, not of {plan.procedure}.",
                f"Nothing was changed. This plan is {plan.id}.",
            )
        raise Drifted(
            f"{approve} is no longer the plan: {_what_differs(shown['actions'], plan.actions)}",
            f"Nothing was changed. The plan is {plan.id} now: read it, and approve that id.",
        )
    until = shown_until(shelf, approve, platform)
    if until is None or utc_now() > until:
        raise NotThisPlan(
            f"Plan {approve} was shown at {shown['shown']}, more than {platform.plan_minutes:g} min ago.",
            "Nothing was changed. Run the procedure again without an approval, and read the plan.",
        )


def _what_differs(shown: Iterable[dict[str, Any]], actions: Sequence[Action]) -> str:
    old = {document["name"]: Action.from_dict(document) for document in shown}
    new = {action.name: action for action in actions}
    said = [f"{name} is not planned any more" for name in old.keys() - new.keys()]
    said += [f"{name} is new" for name in new.keys() - old.keys()]
    for name in old.keys() & new.keys():
        moved = drift(new[name].target, old[name].before, new[name].before)
        said += moved or ([f"{name} would do something else"] if deeds(old[name]) != deeds(new[name]) else [])
    return "; ".join(dict.fromkeys(said)) or "it was made with other parameters"


def drift(target: str, expected: State, state: State) -> list[str]:
    """What is not as expected, one sentence a value; empty when the state holds what is expected."""
    if holds(expected, state):
        return []
    return [
        f"{target}: {key} is {shown(found)}, and was {shown(was)}"
        for key, (found, was) in changes_between(state, expected).items()
    ]


def shown(value: Any, limit: int = 120) -> str:
    """A value of a state as people read it."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        text = ", ".join(f"{key}: {shown(member)}" for key, member in value.items()) or "none"
    elif isinstance(value, list | tuple):
        text = ", ".join(shown(member) for member in value) or "none"
    else:
        text = str(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
