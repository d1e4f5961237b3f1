"""How runs and lists look in a terminal. What was observed is printed as text, never obeyed.

https://rich.readthedocs.io/en/stable/tables.html
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ons_runbook.headless import summary
from ons_runbook.redaction import plain

if TYPE_CHECKING:
    from ons_runbook.headless.runner import Run
    from ons_runbook.result import Result

EXIT_CODES = {"pass": 0, "warn": 0, "fail": 1, "unknown": 2, "error": 2}


def show_run(run: "Run") -> None:
    """Verdicts, what to do about those that are bad, and where the report is."""
    result = run.result
    if result.checks:
        rows = [(f"{summary.GLYPHS[c.verdict]} {c.verdict}", c.name, c.observed) for c in result.checks]
        table(("verdict", "check", "observed"), rows, coloured=True)
        print()
    _show_plan(result)
    where = summary.line(f"{result.procedure} on {result.platform}")
    print(f"{result.verdict.upper()}: {summary.headline(result)}   ({where})")
    _show_problems(result)
    print(f"\nreport  {_near(run.files.html)}\nindex   {_near(run.index)}")


def _show_plan(result: "Result") -> None:
    if result.plan is None or not result.plan.actions:
        return
    print(f"plan {result.plan.id}: {result.plan.status}")
    rows = [
        (str(n), a.status, a.target, a.details or a.change, "; ".join(filter(None, (a.risk, a.cost))))
        for n, a in enumerate(result.plan.actions, 1)
    ]
    table(("", "", "what", "change", "risk and cost"), rows)
    if result.plan.run:
        print(f"to take it back: runbook undo {summary.line(result.plan.run)}\n")
    if approval := summary.approval(result):
        print(f"to carry it out: {plain(approval)}\n")


def _show_problems(result: "Result") -> None:
    if result.error is not None:
        print(f"  {summary.first_problem(result)}")
    for problem in summary.grouped(summary.problems(result)):
        print(f"  {problem.verdict:8}{summary.line(', '.join(problem.names))}")
        for step in problem.next_steps:
            print(f"    next  {summary.line(step)}")
    for contact in result.whom_to_tell if EXIT_CODES[result.verdict] else ():
        ways = " · ".join(way for way in (contact.slack, contact.phone, contact.email) if way)
        print(f"  tell  {summary.line(contact.role)}: {summary.line(ways)}")


def _near(path: Path) -> Path:
    """The path as it is shortest to type from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, coloured: bool = False) -> None:
    """A table as wide as the terminal; with `coloured`, the first column says by its word how it looks."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD if any(heads) else None, show_header=any(heads), pad_edge=False)
    for head in heads:
        made.add_column(head, overflow="fold")
    styles = {"ok": "green", "pass": "green", "warn": "yellow", "fail": "bold red", "unknown": "magenta"}
    for row in rows:
        # Text, not markup: what was observed may hold brackets that rich would obey.
        cells = [Text(summary.line(cell)) for cell in row]
        if coloured:
            cells[0].stylize(styles.get(row[0].split()[-1], ""))
        made.add_row(*cells)
    # What goes into a file or a log is not bound to the width of a terminal.
    Console(width=None if sys.stdout.isatty() else 120).print(made)
