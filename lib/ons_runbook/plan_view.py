"""How plans look: what would be done, what is left alone, and how far it came."""

from collections.abc import Sequence
from datetime import datetime

from ons_runbook import show
from ons_runbook.plan import Action, LeftAlone, Outcome, Plan, Step, changes_between
from ons_runbook.plan.plan import shown as said
from ons_runbook.tables import TEXT, WHOLE, table
from ons_runbook.window import iso

_STEPS = {
    "step": WHOLE,
    "what": TEXT,
    "before → after": TEXT,
    "risk": TEXT,
    "undo": TEXT,
    "cost a month": TEXT,
}
_PROGRESS = {"step": WHOLE, "what": TEXT, "state": TEXT, "details": TEXT}
_ALONE = {"left alone": TEXT, "why": TEXT}


def plan(plan: Plan, until: datetime | None) -> show.Shown:
    """What would be done, in order, and the id that approves it."""
    if not plan.actions:
        return show.together(show.note(f"Nothing to change. {plan.nothing}"), alone(plan.left_alone))
    rows = [
        {
            "step": number,
            "what": f"{action.target} ({action.service}:{action.operation})",
            "before → after": difference(action),
            "risk": action.risk,
            "undo": undo(action),
            "cost a month": action.cost,
        }
        for number, action in enumerate(plan.actions, 1)
    ]
    count = f"{len(rows)} change{'s' if len(rows) > 1 else ''}"
    valid = f", until {iso(until)}" if until else ""
    head = show.facts([("plan", plan.id), ("changes", count), ("approve", f"{plan.id}{valid}")])
    return show.together(head, show.table(table(rows, _STEPS)), alone(plan.left_alone))


def difference(action: Action) -> str:
    """`version: 13 → 14`, one for each value that would change."""
    return "; ".join(
        f"{key}: {said(was)} → {said(becomes)}"
        for key, (was, becomes) in changes_between(action.before, action.after).items()
    )


def undo(action: Action) -> str:
    """How the action would be taken back, in a few words."""
    how = ", then ".join(f"{inverse.operation}" for inverse in action.undo)
    return "; ".join(part for part in (how or "none", action.undo_note) if part)


def alone(left: Sequence[LeftAlone]) -> show.Shown:
    """What a plan does not touch, and why; nothing when there is nothing to tell."""
    if not left:
        return show.Shown("", "")
    return show.table(table([{"left alone": one.target, "why": one.why} for one in left], _ALONE))


def steps(steps: Sequence[Step]) -> show.Shown:
    """How far it came."""
    rows = [
        {"step": number, "what": step.action.target, "state": step.status, "details": step.said}
        for number, step in enumerate(steps, 1)
    ]
    return show.table(table(rows, _PROGRESS))


def outcome(outcome: Outcome) -> show.Shown:
    """What became of a plan, with the way back."""
    done = sum(step.status == "done" for step in outcome.steps)
    lines = [("applied", f"{done} of {len(outcome.steps)} changes done and verified")]
    if outcome.error is not None:
        lines.append(("stopped by", str(outcome.error)))
    if done:
        lines.append(("undo", f"runbook undo {outcome.run}"))
    if outcome.status != "applied":
        lines.append(("go on", f"runbook resume {outcome.run}"))
    return show.together(steps(outcome.steps), show.facts(lines))
