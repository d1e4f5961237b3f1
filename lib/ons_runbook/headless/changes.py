"""What changed between two runs of a procedure: new, flapping, persisting, resolved, no longer seen.

Pure functions. Two things are easy to get wrong and are kept apart here: a check that is not in the newer
run was not resolved by being absent, and a run that broke off says nothing of what it did not come to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from ons_runbook.checks import Verdict, severity
from ons_runbook.headless import summary
from ons_runbook.result import Result
from ons_runbook.window import iso

#: How many runs are looked at, the newest included, to tell what comes and goes.
RECENT = 10
LONGEST_NAME = 200
LONGEST_SAYING = 160

Key = tuple[str, str]


class What(StrEnum):
    """What became of a problem, in the order in which people should read it."""

    NEW = "new"
    FLAPPING = "flapping"
    PERSISTING = "persisting"
    UNSEEN = "not seen"
    RESOLVED = "resolved"


class _State(StrEnum):
    BAD = "bad"
    GOOD = "good"
    ABSENT = "absent"
    NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Problem:
    """A check that did not pass, a cause that was named, or a run that broke (`kind` check, cause, run)."""

    kind: str
    name: str
    verdict: str = ""
    said: str = ""

    @property
    def key(self) -> Key:
        """What makes it the same problem in another run."""
        return self.kind, self.name


@dataclass(frozen=True)
class Seen:
    """What one run saw, as far as it is compared. `complete` is False when the procedure broke."""

    run_id: str
    started: datetime
    verdict: str
    complete: bool
    checked: frozenset[str]
    problems: Mapping[Key, Problem]

    def state(self, key: Key) -> _State:
        """How the thing of that key stood in this run."""
        kind, name = key
        if key in self.problems:
            return _State.BAD
        if kind == "run" or (kind == "check" and name in self.checked):
            return _State.GOOD
        return _State.ABSENT if self.complete else _State.NOT_KNOWN


@dataclass(frozen=True)
class Change:
    """One line of a difference.

    `verdict` is how it stands now, empty when it is not bad (or a cause); `trend` says `worse` or `better` of
    a persisting check; `first_seen` is the start of the run in which this spell began, of a flapping one the
    first bad run among the recent ones.
    """

    what: What
    kind: str
    name: str
    verdict: str
    before: str
    trend: str
    said: str
    first_seen: datetime

    def as_dict(self) -> dict[str, str]:
        """The change as plain values."""
        return {
            "what": str(self.what),
            "kind": self.kind,
            "name": self.name,
            "verdict": self.verdict,
            "before": self.before,
            "trend": self.trend,
            "said": self.said,
            "first_seen": iso(self.first_seen),
        }


@dataclass(frozen=True)
class Difference:
    """What is different in `after` from `before`, None when there was no run before."""

    before: Seen | None
    after: Seen
    changes: list[Change] = field(default_factory=list)

    @property
    def trend(self) -> str:
        """`worse`, `better`, or empty when the verdict as a whole is as bad as it was."""
        return _trend(self.before.verdict if self.before else "", self.after.verdict)

    def of(self, what: What) -> list[Change]:
        """The changes of one sort."""
        return [change for change in self.changes if change.what is what]

    def as_dict(self) -> dict[str, Any]:
        """The difference as plain values."""
        return {
            "before": _named(self.before) if self.before else None,
            "after": _named(self.after),
            "trend": self.trend,
            "changes": [change.as_dict() for change in self.changes],
        }


def difference(before: Result, after: Result, earlier: Sequence[Result] = ()) -> Difference:
    """What is different in `after`; `earlier` runs, newest first, tell since when and what flaps."""
    return since_last([seen(run) for run in (after, before, *earlier)])


def seen(result: Result) -> Seen:
    """What is compared of a result. Of checks with one name the worst counts."""
    problems: dict[Key, Problem] = {}
    for check in reversed(summary.problems(result)):
        said = summary.line(check.observed, LONGEST_SAYING)
        problem = Problem("check", summary.line(check.name, LONGEST_NAME), str(check.verdict), said)
        problems[problem.key] = problem
    for cause in result.causes:
        problem = Problem(
            "cause", summary.line(cause.id, LONGEST_NAME), "", summary.line(cause.title, LONGEST_SAYING)
        )
        problems[problem.key] = problem
    broke = result.error is not None or result.verdict is Verdict.ERROR
    if broke:
        said = summary.first_problem(result) if result.error else "it broke"
        problems["run", "procedure"] = Problem(
            "run", "procedure", "error", summary.line(said, LONGEST_SAYING)
        )
    names = frozenset(summary.line(check.name, LONGEST_NAME) for check in result.checks)
    return Seen(result.run_id, result.started, str(result.verdict), not broke, names, problems)


def since_last(runs: Sequence[Seen], before: Seen | None = None) -> Difference:
    """The difference of the first of these runs to the one behind it, or to `before` when it is given.

    Args:
        runs: of one procedure on one platform, newest first, at least one. They tell since when something is
            bad, and what flaps.
        before: any run of the procedure to compare with.
    """
    recent = runs[:RECENT]
    priors = recent[1:] if before is None else [before]
    keys = dict.fromkeys(key for run in (*recent, *priors) for key in run.problems)
    changes = [change for key in keys if (change := _change(key, runs, priors))]
    order = list(What)
    changes.sort(key=lambda c: (order.index(c.what), -_severity(c.verdict or c.before), c.kind, c.name))
    return Difference(priors[0] if priors else None, runs[0], changes)


def _change(key: Key, runs: Sequence[Seen], priors: Sequence[Seen]) -> Change | None:
    recent = runs[:RECENT]
    spells = [state for state, _ in groupby(state for state, _ in _known(key, recent))]
    now = runs[0].state(key)
    # Of the run before; where that broke off before it came to this, of the one before that.
    was = next((run.problems.get(key) for _, run in _known(key, priors)), None)
    if spells.count(_State.BAD) > 1:
        what = What.FLAPPING
    elif now is _State.BAD:
        what = What.PERSISTING if was else What.NEW
    elif was is None:
        return None  # it was well before, too
    elif now is _State.GOOD or (now is _State.ABSENT and key[0] == "cause"):
        what = What.RESOLVED
    else:
        what = What.UNSEEN
    newest = next(run.problems[key] for run in (*recent, *priors) if key in run.problems)
    verdict = newest.verdict if now is _State.BAD else ""
    before = was.verdict if was else ""
    return Change(
        what=what,
        kind=newest.kind,
        name=newest.name,
        verdict=verdict,
        before=before,
        trend=_trend(before, verdict) if what is What.PERSISTING else "",
        said=newest.said,
        first_seen=_oldest(key, recent) if what is What.FLAPPING else _began(key, (*runs, *priors)),
    )


def _known(key: Key, runs: Sequence[Seen]) -> Iterator[tuple[_State, Seen]]:
    for run in runs:
        state = run.state(key)
        if state is not _State.NOT_KNOWN:
            # Whether it was well or not even asked about makes no difference to a spell of being bad.
            yield (_State.GOOD if state is _State.ABSENT else state), run


def _oldest(key: Key, recent: Sequence[Seen]) -> datetime:
    return next(run.started for run in reversed(recent) if key in run.problems)


def _began(key: Key, runs: Sequence[Seen]) -> datetime:
    began = None
    for state, run in _known(key, runs):
        if state is _State.BAD:
            began = run.started
        elif began is not None:
            break
    assert began is not None, key  # noqa: S101 - the key comes from the problems of these runs
    return began


def _severity(verdict: str) -> int:
    return severity(verdict) if verdict else 0


def _trend(before: str, after: str) -> str:
    if not before or not after:
        return ""
    step = severity(after) - severity(before)
    return "worse" if step > 0 else "better" if step < 0 else ""


def _named(run: Seen) -> dict[str, str]:
    return {"run_id": run.run_id, "started": iso(run.started), "verdict": run.verdict}
