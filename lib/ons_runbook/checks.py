"""Verdicts and checks: what a rule says about what was read.

A rule is a plain function from a reading's value (a table, a small dataclass) and its limits to a `Check`,
or a list of them. Unknown is not healthy: no data, access denied and a failed call are `unknown`, never
`pass`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar


class Verdict(StrEnum):
    """What a check, or a whole run, comes to. `ERROR` is for a whole run only: the procedure itself broke."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    ERROR = "error"


# A known failure outranks what could not be seen, which outranks a warning: the order in which people act.
_SEVERITY = {Verdict.PASS: 0, Verdict.WARN: 1, Verdict.UNKNOWN: 2, Verdict.FAIL: 3, Verdict.ERROR: 4}


def worst(verdicts: Iterable[Verdict | str]) -> Verdict:
    """The verdict of the whole: error > fail > unknown > warn > pass; nothing checked at all is `unknown`."""
    return max((Verdict(verdict) for verdict in verdicts), key=_SEVERITY.__getitem__, default=Verdict.UNKNOWN)


def severity(verdict: Verdict | str) -> int:
    """How bad a verdict is, 0 (pass) to 4 (error): for sorting what needs a look to the top."""
    return _SEVERITY[Verdict(verdict)]


@dataclass(frozen=True)
class Check:
    """One answered question.

    `name` is stable and dotted (`function.lambda_router`); `observed` and `expected` are sentences with
    units; `evidence` says from which call, window and number of samples; `hint` what to do next, with the
    path of the procedure that goes on from here (`troubleshooting/lambda_errors`), empty when it passes.
    """

    name: str
    verdict: Verdict
    observed: str
    expected: str
    evidence: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        verdict = Verdict(self.verdict)
        if verdict is Verdict.ERROR:
            raise ValueError(f"check {self.name}: 'error' is the verdict of a whole run, not of a check")
        object.__setattr__(self, "verdict", verdict)

    def with_evidence(self, evidence: str) -> "Check":
        """The same check with `evidence` put before what the rule said itself."""
        return replace(self, evidence="; ".join(part for part in (evidence, self.evidence) if part))


Rule = TypeVar("Rule", bound=Callable[..., Check | list[Check]])


def covers(names: Sequence[str] | Callable[..., Sequence[str]]) -> Callable[[Rule], Rule]:
    """Declare which checks a rule gives, so that they can be `unknown` by name when there is nothing to
    judge.

    `names` is the list, or a function from the rule's own keyword arguments to the list.
    """

    def declare(rule: Rule) -> Rule:
        rule.covers = names  # type: ignore[attr-defined]
        return rule

    return declare


def names_covered(rule: Callable[..., Any], limits: dict[str, Any]) -> list[str]:
    """The names of the checks that `rule` would have given with these limits, else the rule's own name."""
    names = getattr(rule, "covers", None)
    if callable(names):
        try:
            names = names(**limits)
        except TypeError:  # called with other limits than the rule has: that is what the reason will say
            names = None
    if names:
        return list(names)
    return [f"{rule.__module__.rpartition('.')[2]}.{rule.__name__}"]


def unknown(name: str, reason: str, expected: str = "an answer", evidence: str = "", hint: str = "") -> Check:
    """A check that could not be answered, and why."""
    return Check(name, Verdict.UNKNOWN, reason, expected, evidence, hint)
