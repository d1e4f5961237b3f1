"""Changing: actions described, plans shown and approved, the one `apply`, undo and resume."""

from ons_runbook.plan.action import Action, Found, Kept, Reading, State, changes_between, readable
from ons_runbook.plan.applying import DONE, NOT_DONE, TAKEN_BACK, Outcome, Progress, Step, Who, apply
from ons_runbook.plan.plan import (
    Changes,
    LeftAlone,
    Plan,
    check_approval,
    planned,
    propose,
    shown,
    shown_until,
)
from ons_runbook.plan.shelf import Shelf
from ons_runbook.plan.undoing import resume, told, turn, undo

__all__ = [
    "DONE",
    "NOT_DONE",
    "TAKEN_BACK",
    "Action",
    "Changes",
    "Found",
    "Kept",
    "LeftAlone",
    "Outcome",
    "Plan",
    "Progress",
    "Reading",
    "Shelf",
    "State",
    "Step",
    "Who",
    "apply",
    "changes_between",
    "check_approval",
    "planned",
    "propose",
    "readable",
    "resume",
    "shown",
    "shown_until",
    "told",
    "turn",
    "undo",
]
