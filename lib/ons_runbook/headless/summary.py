"""A result in words: the line that fits on a lock screen, and its problems, worst first."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ons_runbook.checks import Verdict, severity
from ons_runbook.redaction import plain, shorten

if TYPE_CHECKING:
    # Not at run time: `runbook list` needs one line of this and no pydantic.
    from ons_runbook.result import CheckResult, Result

GLYPHS = {
    Verdict.PASS: "✓",
    Verdict.WARN: "!",
    Verdict.FAIL: "✕",
    Verdict.UNKNOWN: "?",
    Verdict.ERROR: "✕",
}


def headline(result: Result) -> str:
    """`13 of 14 pass`, `all 14 pass; 2 changes proposed`, `nothing was checked`, or where it broke."""
    if result.error is not None:
        where = f" in code cell {result.error.cell}" if result.error.cell else ""
        return f"stopped by {plain(result.error.type)}{where}"
    proposed = _proposed(result)
    # A proposal is no finding: nothing is wrong, and nothing was changed.
    checks = [check for check in result.checks if not (proposed and check.name == "change")]
    total = len(checks)
    passed = sum(check.verdict == Verdict.PASS for check in checks)
    said = f"all {total} pass" if passed == total else f"{passed} of {total} pass"
    return "; ".join(([said] if total else []) + ([proposed] if proposed else [])) or "nothing was checked"


def _proposed(result: Result) -> str:
    if result.plan is None or result.plan.status != "proposed":
        return ""
    number = len(result.plan.actions)
    return f"{number} change{'' if number == 1 else 's'} proposed"


def problems(result: Result) -> list[CheckResult]:
    """The checks that did not pass, the worst first."""
    bad = [check for check in result.checks if check.verdict != Verdict.PASS]
    return sorted(bad, key=lambda check: -severity(check.verdict))


@dataclass(frozen=True)
class Problem:
    """What did not pass, read once: one observation, the checks that made it, the next steps they name."""

    verdict: Verdict
    observed: str
    names: tuple[str, ...]
    expected: tuple[str, ...]
    evidence: tuple[str, ...]
    next_steps: tuple[str, ...]


def grouped(checks: list[CheckResult]) -> list[Problem]:
    """Checks of one verdict with one and the same observation together, in the order of their first.

    One dead endpoint makes many checks unknown for one reason.
    """
    groups: dict[tuple[Verdict, str], list[CheckResult]] = {}
    for check in checks:
        groups.setdefault((check.verdict, check.observed), []).append(check)
    return [
        Problem(
            verdict=verdict,
            observed=observed,
            names=tuple(check.name for check in group),
            expected=_distinct(check.expected for check in group),
            evidence=_distinct(check.evidence for check in group),
            next_steps=_distinct(check.hint.removeprefix("Next: ") for check in group),
        )
        for (verdict, observed), group in groups.items()
    ]


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def first_problem(result: Result) -> str:
    """What to read first when something is wrong, one line; empty when all is well."""
    if result.error is not None:
        return line(f"{result.error.type}: {result.error.message}")
    return next((line(f"{check.name}: {check.observed}") for check in problems(result)), "")


def approval(result: Result) -> str:
    """The command that carries out the plan of a run; empty when there is nothing to approve."""
    if result.plan is None or result.plan.status != "proposed":
        return ""
    own = {name: value for name, value in result.parameters.items() if name != "approve"}
    given = [f"-p {shlex.quote(f'{name}={_word(value)}')}" for name, value in own.items()]
    return " ".join(["runbook run", result.procedure, *given, "--approve", result.plan.id])


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def line(text: str, limit: int = 240) -> str:
    """The text on one line, safe to show anywhere, of a bounded length."""
    return shorten(" ".join(plain(text).split()), limit)


def seconds(result: Result) -> float:
    """How long the run took."""
    return max(0.0, (result.finished - result.started).total_seconds())
