"""Applying a plan: the only place of this project where a gate is opened.

Lock, drift, then action by action: journal, call, verification, journal. It stops at the first failure, and
what was done and what was not is in the journal and in what comes back.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ons_runbook import guard
from ons_runbook.errors import ChangeFailed, ChangeRefused, Drifted, RunbookError
from ons_runbook.failures import explain
from ons_runbook.journal import Journal
from ons_runbook.plan import lock as locks
from ons_runbook.plan.action import Action, Kept, State, filled, holds, kept_in
from ons_runbook.plan.plan import Plan, check_approval, drift
from ons_runbook.plan.sending import AnswerLost, send
from ons_runbook.plan.shelf import Shelf
from ons_runbook.session import Session
from ons_runbook.window import utc_now

_FIRST_LOOK_S = 0.1
_LONGEST_PAUSE_S = 5.0
# How long a state may go on looking unchanged after a call whose answer was lost.
_SETTLE_S = 10.0

DONE, FAILED, NOT_DONE, UNKNOWN, TAKEN_BACK = "done", "failed", "not done", "unknown", "taken back"


@dataclass(frozen=True)
class Progress:
    """How a change that takes its time is coming along: what a Reading named by `Action.watch` gives.

    `said` is a sentence for people. `failing` says why the change should be aborted, empty while it should
    not. `settled` is whether enough was seen to call it good; `doubt` what was too little, when it is not.
    """

    said: str
    failing: str = ""
    settled: bool = True
    doubt: str = ""


@dataclass
class Step:
    """What became of one action: `done`, `failed`, `not done`, `unknown` or `taken back`."""

    action: Action
    status: str = NOT_DONE
    said: str = ""
    doubt: str = ""


@dataclass
class Outcome:
    """What became of a plan: `applied` or `failed`, step by step; `error` is what stopped it."""

    status: str
    steps: list[Step] = field(default_factory=list)
    error: RunbookError | None = None
    run: str = ""

    @property
    def doubts(self) -> list[str]:
        """What was done and could not be judged."""
        return [step.doubt for step in self.steps if step.doubt]


@dataclass(frozen=True)
class Who:
    """On whose behalf a plan is applied, for the journal."""

    run: str
    procedure: str
    identity: str
    commit: str | None = None


def apply(
    session: Session,
    plan: Plan,
    approve: str,
    who: Who,
    shelf: Shelf,
    *,
    take_lock: str = "",
    progress: Callable[[list[Step]], None] = lambda steps: None,
) -> Outcome:
    """Carry out exactly this plan, approved by its id.

    Args:
        session: of the platform that the plan was made for.
        plan: as it was just made, against the platform as it is.
        approve: the id that the operator read and gave.
        who: for the journal, `who.run` is its name.
        shelf: where journals and the plans that were shown are kept.
        take_lock: "owner: reason", to take the lock from somebody whose run is known to be dead.
        progress: called with all steps whenever one of them has moved.

    Raises ChangeRefused (NotThisPlan, Drifted, LockHeld) before anything was changed. What fails later is in
    the Outcome. KeyboardInterrupt goes on after it was journaled and the lock released.
    """
    check_approval(plan, approve, shelf, session.platform)
    opened = {*locks.OPERATIONS, *(p for action in plan.actions for p in _permissions(action))}
    with session.gate.open(guard.PLAN_KEY, opened):
        lock = locks.Lock(session, who.run, who.procedure)
        followed = lock.take(take_lock)
        try:
            _refuse_drift(session, plan)
            _keep_bytes(session, plan, shelf)
            journal = Journal(who.run, shelf.where)
            journal.begin(
                run=who.run,
                procedure=who.procedure,
                owner=locks.owner(),
                identity=who.identity,
                commit=who.commit,
                approved=approve,
                lock_taken_over=take_lock if followed and not followed.released else "",
                plan=plan.as_dict(),
            )
            return _Run(session, plan, journal, shelf, lock, progress).carry_out()
        finally:
            _let_go(lock)


def _permissions(action: Action) -> tuple[str, ...]:
    return action.permissions + (action.abort.permissions if action.abort else ())


def _refuse_drift(session: Session, plan: Plan) -> None:
    """Raise Drifted when a target is not as planned; what earlier actions change is looked at in its turn."""
    seen = []
    differs = []
    for action in plan.actions:
        if action.state not in seen:
            seen.append(action.state)
            differs += drift(action.target, action.before, action.state.read(session))
    if differs:
        raise Drifted(
            "The platform is not as it was when the plan was made: " + "; ".join(differs) + ".",
            "Nothing was changed. Run the procedure again, read the new plan, and approve that.",
        )


def _keep_bytes(session: Session, plan: Plan, shelf: Shelf) -> None:
    """Have everything at hand that doing and undoing will send, before anything is changed."""
    for kept in (k for action in plan.actions for k in _all_kept(action)):
        if shelf.bring(kept.sha256) is None:
            shelf.keep(kept.sha256, kept.source.read(session))


def _all_kept(action: Action) -> list[Kept]:
    found = list(kept_in(action.parameters))
    for other in (*action.undo, *([action.abort] if action.abort else [])):
        found += _all_kept(other)
    return found


def _let_go(lock: locks.Lock) -> None:
    # What was done is done; a lock that cannot be released expires.
    with suppress(RunbookError):
        lock.release()


class _Run:
    """One plan being carried out."""

    def __init__(
        self,
        session: Session,
        plan: Plan,
        journal: Journal,
        shelf: Shelf,
        lock: locks.Lock,
        progress: Callable[[list[Step]], None],
    ) -> None:
        self._session, self._journal, self._shelf, self._lock = session, journal, shelf, lock
        self._steps = [Step(action) for action in plan.actions]
        self._progress = progress
        self._states: dict[str, State] = {}

    def carry_out(self) -> Outcome:
        """Every step in its order, until one fails."""
        run = self._journal.run
        for step in self._steps:
            try:
                with self._told(step):
                    self._lock.keep()
                    self._due(step)
                    self._do(step)
            except RunbookError as error:
                self._journal.write("ended", status="failed", error=step.said)
                return Outcome("failed", self._steps, error, run)
        self._journal.write("ended", status="applied")
        return Outcome("applied", self._steps, None, run)

    @contextmanager
    def _told(self, step: Step) -> Iterator[None]:
        """Journal and show how a step ended, whatever ended it."""
        self._progress(self._steps)
        try:
            yield
        except KeyboardInterrupt:
            step.status, step.said = UNKNOWN, "interrupted"
            self._journal.write("interrupted", action=step.action.name)
            self._journal.write("ended", status="interrupted", error="interrupted by the operator")
            raise
        except RunbookError as error:
            if step.status in (NOT_DONE, DONE):
                step.status = FAILED
            # What a service says may hold what nobody should keep, such as a key's id.
            step.said = self._session.redactor().redact(str(error))
            self._journal.write(step.status.replace(" ", "_"), action=step.action.name, error=step.said)
            raise
        finally:
            self._progress(self._steps)

    def _due(self, step: Step) -> None:
        """Raise Drifted unless the state is the one that this action starts from."""
        action = step.action
        differs = drift(action.target, filled(action.before, self._states, _no_bytes), self._read(action))
        if differs:
            raise Drifted(
                "; ".join(differs) + ".", "Somebody else changed it while the plan was being applied."
            )

    def _do(self, step: Step) -> None:
        action = step.action
        started = utc_now()
        self._journal.write(
            "doing", action=action.name, parameters=filled(action.parameters, self._states, str)
        )
        self._call(step)
        # Assumed from here on: what fails now was done and then not verified.
        step.status = UNKNOWN
        state, doubt = self._verified(step, started)
        self._states[action.name] = state
        step.status, step.doubt = DONE, doubt
        step.said = doubt or step.said or "verified"
        self._journal.write("done", action=action.name, state=state, **({"doubt": doubt} if doubt else {}))

    def _call(self, step: Step) -> None:
        action = step.action
        parameters = filled(action.parameters, self._states, self._bytes)
        with (
            self._session.gate.open(guard.PLAN_KEY, (*locks.OPERATIONS, *action.permissions)),
            _failing(action),
        ):
            try:
                self._perform(action, parameters)
            except AnswerLost as lost:
                said = self._session.redactor().redact(str(lost))
                self._journal.write("answer_lost", action=action.name, error=said)
                self._after_lost_answer(step, parameters, lost)

    def _after_lost_answer(self, step: Step, parameters: Mapping[str, Any], lost: AnswerLost) -> None:
        """Find out from the state whether the call was done; do it again only when that does no harm."""
        action = step.action
        before = filled(action.before, self._states, _no_bytes)
        deadline = time.monotonic() + _SETTLE_S
        pause = _FIRST_LOOK_S
        # Reading may lag behind, whether or not the call may be made twice.
        while holds(before, self._read(action)):
            if time.monotonic() > deadline:
                break
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        else:
            return
        if not action.repeatable:
            step.status = UNKNOWN
            raise ChangeFailed(
                f"{action.target}: the answer to {action.operation} was lost ({lost}), and nothing of it is "
                "to be seen.",
                "It may still come: look at the state before you do it again.",
            ) from lost
        self._perform(action, parameters)

    def _perform(self, action: Action, parameters: Mapping[str, Any]) -> None:
        if action.performer is not None:
            action.performer.read(self._session, parameters=parameters)
        else:
            send(self._session, action.service, action.operation, parameters)

    def _verified(self, step: Step, started: datetime) -> tuple[State, str]:
        """Wait until the state is as planned; the state, and what could not be judged."""
        action = step.action
        wanted = filled(action.after, self._states, _no_bytes)
        deadline = time.monotonic() + action.wait_s
        pause = _FIRST_LOOK_S
        while True:
            state = self._read(action)
            going = self._watched(action, started)
            if going.failing:
                self._abort(step, state, going.failing)
            arrived = holds(wanted, state)
            if arrived and going.settled:
                step.said = going.said
                return state, going.doubt
            if time.monotonic() > deadline:
                if arrived:
                    return state, going.doubt or going.said
                said = "; ".join(drift(action.target, wanted, state))
                self._abort(step, state, f"not as planned within {action.wait_s:g} s: {said}")
            step.said = going.said or f"waiting: {'; '.join(drift(action.target, wanted, state))}"
            self._progress(self._steps)
            self._lock.keep()
            time.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE_S)

    def _watched(self, action: Action, started: datetime) -> Progress:
        if action.watch is None:
            return Progress("")
        progress: Progress = action.watch.read(self._session, since=started)
        return progress

    def _abort(self, step: Step, state: State, why: str) -> None:
        """Do what was planned for when it goes wrong, then raise ChangeFailed with the reason."""
        abort = step.action.abort
        if abort is None:
            raise ChangeFailed(f"{step.action.target}: {why}.", "The journal has the undo.")
        step.said = f"taking it back: {why}"
        self._progress(self._steps)
        self._journal.write("taking_back", action=step.action.name, reason=why)
        self._states[step.action.name] = state
        with _failing(abort):
            try:
                self._perform(abort, filled(abort.parameters, self._states, self._bytes))
            except AnswerLost:
                # Whether it was done shows in what is waited for.
                self._journal.write("answer_lost", action=abort.name)
        self._wait_for(abort)
        step.status = TAKEN_BACK
        raise ChangeFailed(
            f"{step.action.target}: {why}.", "It was taken back by itself; nothing of it is left."
        )

    def _wait_for(self, action: Action) -> None:
        wanted = filled(action.after, self._states, _no_bytes)
        deadline = time.monotonic() + action.wait_s
        while not holds(wanted, state := self._read(action)):
            if time.monotonic() > deadline:
                said = "; ".join(drift(action.target, wanted, state))
                raise ChangeFailed(
                    f"It could not be taken back within {action.wait_s:g} s: {said}.", "Undo it."
                )
            self._lock.keep()
            time.sleep(_FIRST_LOOK_S * 5)

    def _read(self, action: Action) -> State:
        state: State = action.state.read(self._session)
        return state

    def _bytes(self, kept: Kept) -> bytes:
        data = self._shelf.bring(kept.sha256)
        if data is None:
            raise ChangeRefused(f"The bytes of {kept} are not at hand.", "Were the journals' files moved?")
        return data


def _no_bytes(kept: Kept) -> Any:
    raise TypeError(f"{kept} cannot be part of a state")


@contextmanager
def _failing(action: Action) -> Iterator[None]:
    """Turn what a call raises into ChangeFailed that names the target."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        known = explain(error, action.target, action.service)
        raise ChangeFailed(known.message, known.hint) from error
    except AnswerLost as lost:
        raise ChangeFailed(
            f"{action.target}: the answer to {action.operation} was lost more than once ({lost}).",
            "Nobody knows whether it was done: look at the state, then undo or resume.",
        ) from lost
