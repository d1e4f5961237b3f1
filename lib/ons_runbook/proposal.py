"""A plan inside of a notebook: built from answers, shown, perhaps applied, and what it came to.

Nothing is raised here that a person at three in the morning would have to read as a traceback: what a builder
or the engine refuses becomes the proposal's state, and a check.
"""

from collections.abc import Callable
from typing import Any

from ons_runbook import kernel, plan_view, show
from ons_runbook import plan as plans
from ons_runbook.checks import Check, Verdict
from ons_runbook.errors import NotThisPlan, ReadError, RunbookError
from ons_runbook.journal import folder
from ons_runbook.plan import Action, Changes, Outcome, Plan, Shelf, Step, Who
from ons_runbook.result import ActionResult, PlanResult
from ons_runbook.session import Session

#: The name of the check that says what became of a plan.
CHECK = "change"
_EXPECTED = "nothing changes without an approved plan; what is approved is done and verified"


class Proposal:
    """What would be changed, or why nothing can be; `apply` carries it out when it is approved."""

    def __init__(self, session: Session, procedure: str, build: Callable[[], Changes]) -> None:
        self._session = session
        self._shelf = Shelf(folder())
        self.plan: Plan | None = None
        self.error: RunbookError | None = None
        self.outcome: Outcome | None = None
        try:
            self.plan = plans.planned(session, procedure, build())
        except RunbookError as error:
            self.error = error

    def propose(self, run: str, approve: str) -> None:
        """From now on the plan can be approved; one that is just being approved does not become younger."""
        if self.plan is not None and self.plan.actions and approve != self.plan.id:
            plans.propose(self.plan, self._shelf, run)

    def apply(self, approve: str, who: Who, take_lock: str = "") -> None:
        """Carry out the plan when `approve` is its id; what refuses or stops it is kept, not raised."""
        if self.plan is None or not self.plan.actions or not approve:
            return
        show_latest = kernel.live()

        def moved(steps: list[Step]) -> None:
            show_latest(plan_view.steps(steps))

        try:
            self.outcome = plans.apply(
                self._session, self.plan, approve, who, self._shelf, take_lock=take_lock, progress=moved
            )
        except RunbookError as error:
            self.error = error
            if isinstance(error, NotThisPlan):
                self.propose(who.run, "")

    @property
    def status(self) -> str:
        """proposed, applied, refused, failed, undone; `nothing` when there is nothing to change."""
        if self.outcome is not None:
            taken_back = {step.status for step in self.outcome.steps} <= {plans.TAKEN_BACK, plans.NOT_DONE}
            return "undone" if self.outcome.status == "failed" and taken_back else self.outcome.status
        if self.error is not None:
            return "refused"
        return "proposed" if self.plan is not None and self.plan.actions else "nothing"

    def check(self) -> Check:
        """What became of it, as a check."""
        match self.status:
            case "nothing":
                return Check(CHECK, Verdict.PASS, "nothing to change", _EXPECTED)
            case "proposed":
                return Check(CHECK, Verdict.WARN, f"{self._count()} proposed as {self._id()}", _EXPECTED,
                             hint=f"Read the plan; to carry it out, approve {self._id()}.")  # fmt: skip
            case "refused":
                verdict = Verdict.UNKNOWN if isinstance(self.error, ReadError) else Verdict.FAIL
                return Check(CHECK, verdict, str(self.error), _EXPECTED)
            case _:
                return (
                    self._ended(self.outcome)
                    if self.outcome
                    else Check(CHECK, Verdict.UNKNOWN, "", _EXPECTED)
                )

    def _ended(self, outcome: Outcome) -> Check:
        back = f"To take it back: runbook undo {outcome.run}."
        if outcome.status != "applied":
            done = sum(step.status == plans.DONE for step in outcome.steps)
            said = f"{done} of {self._count()} done, then stopped: {outcome.error}"
            return Check(
                CHECK, Verdict.FAIL, said, _EXPECTED, hint=f"{back} To go on: runbook resume {outcome.run}."
            )
        evidence = f"journal of run {outcome.run}"
        if doubts := outcome.doubts:
            said = f"{self._count()} done; {'; '.join(doubts)}"
            return Check(CHECK, Verdict.UNKNOWN, said, _EXPECTED, evidence, back)
        return Check(CHECK, Verdict.PASS, f"{self._count()} done and verified", _EXPECTED, evidence, back)

    def shown(self) -> show.Shown:
        """The plan with its id, or why there is none."""
        if self.plan is None:
            return show.note(f"There is no plan: {self.error}")
        until = plans.shown_until(self._shelf, self.plan.id, self._session.platform)
        return plan_view.plan(self.plan, until)

    def ended(self) -> show.Shown:
        """What became of it, for the cell that applies."""
        if self.outcome is not None:
            return plan_view.outcome(self.outcome)
        if self.error is not None:
            return show.note(f"Not applied. {self.error}")
        if self.status == "nothing":
            return show.note("There is nothing to apply.")
        return show.note(
            f"Nothing was changed. To carry out the plan above: approve = {self._id()!r} in the "
            f"notebook's parameters, or --approve {self._id()} on the command line."
        )

    def result(self) -> PlanResult | None:
        """For the result document; None when there is nothing to change."""
        status = self.status
        if status == "nothing":
            return None
        steps = (
            self.outcome.steps
            if self.outcome
            else [Step(a, "") for a in self.plan.actions]
            if self.plan
            else []
        )
        error = self.outcome.error if self.outcome else self.error
        return PlanResult(
            id=self.plan.id if self.plan else "",
            status=status,  # type: ignore[arg-type]
            actions=[_action(step) for step in steps],
            run=self.outcome.run if self.outcome else "",
            reason=str(error or ""),
            left_alone=[{"target": one.target, "why": one.why} for one in self.plan.left_alone]
            if self.plan
            else [],
        )

    def _id(self) -> str:
        return self.plan.id if self.plan else ""

    def _count(self) -> str:
        number = len(self.plan.actions) if self.plan else 0
        return f"{number} change{'' if number == 1 else 's'}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.shown()._repr_mimebundle_()

    def __str__(self) -> str:
        return str(self.shown())


def _action(step: Step) -> ActionResult:
    document = Action.as_dict(step.action)
    return ActionResult(
        service=step.action.service,
        operation=step.action.operation,
        target=step.action.target,
        before=document["before"],
        after=document["after"],
        undo=[f"{inverse.service}:{inverse.operation}" for inverse in step.action.undo],
        change=plan_view.difference(step.action),
        risk=step.action.risk,
        undo_note=step.action.undo_note,
        cost=step.action.cost,
        status=step.status,
        details=step.said,
    )
