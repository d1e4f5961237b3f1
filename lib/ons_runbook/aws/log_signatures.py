"""What goes wrong, how often and since when: log lines counted by function, day and signature.

Lines are streamed; what is kept are counters of a bounded number of signatures, so memory does not grow with
the number of lines.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import logs
from ons_runbook.aws.signatures import Tally
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import RunbookError
from ons_runbook.redaction import plain, shorten
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, TRUTH, WHOLE, table, text
from ons_runbook.window import Window

COUNTS = {
    "function": TEXT,
    "day": MOMENT,
    "signature": TEXT,
    "lines": WHOLE,
    "first_seen": MOMENT,
    "last_seen": MOMENT,
    "sample": TEXT,
    "problem": TEXT,
}
DAYS = {"time": MOMENT, "function": TEXT, "lines": WHOLE, "before": TRUTH, "problem": TEXT}
TOP = {
    "function": TEXT,
    "signature": TEXT,
    "lines": WHOLE,
    "days": WHOLE,
    "first_seen": MOMENT,
    "last_seen": MOMENT,
    "sample": TEXT,
}

# What a table cell of a sample holds without pushing the others aside.
_SAMPLE = 160
# A slice a day: FilterLogEvents allows few requests a second, and most days of a function are a few pages.
_MOST_SLICES = 28
# Each holds one page of up to a megabyte: enough to keep the service busy while lines are counted.
_WORKERS = 4


def count(session: Session, log_groups: Mapping[str, str], window: Window, pattern: str) -> pd.DataFrame:
    """How many lines match `pattern`, by function, UTC day and signature; `log_groups` is function to log
    group.

    Columns: function, day (its midnight, UTC), signature, lines, first_seen, last_seen (UTC, within that
    day), sample (one message, shortened), problem. A function whose group could not be read has one row with
    the problem and nothing else; one without matching lines has none. Beyond MOST signatures a function the
    rarest are counted together as OTHER. Memory does not grow with the number of lines.
    """
    tallies = {function: Tally() for function in log_groups}
    tasks = {
        (function, number): partial(_read, session, group, part, pattern, tallies[function])
        for number, part in enumerate(_slices(window))
        for function, group in log_groups.items()
    }
    problems: dict[str, str] = {}
    for (function, _), outcome in side_by_side(tasks, workers=_WORKERS).items():
        if isinstance(outcome.error, RunbookError):
            problems.setdefault(function, str(outcome.error))
        else:
            outcome.unwrap()
    rows: list[dict[str, Any]] = []
    for function, tally in tallies.items():
        if function in problems:
            rows.append({"function": function, "problem": problems[function]})
        else:
            rows += [{"function": function, **row} for row in tally.rows()]
    order = list(log_groups)
    rows.sort(key=lambda row: (row.get("day") or window.start, order.index(row["function"])))
    frame = table(rows, COUNTS, empty=f"No line matches {pattern} in {window}.")
    frame.attrs |= {"pattern": pattern, "functions": order, "window": window}
    return frame


def _slices(window: Window) -> list[Window]:
    return window.split(max(1, min(_MOST_SLICES, round(window.duration / timedelta(days=1)))))


def _read(session: Session, log_group: str, window: Window, pattern: str, tally: Tally) -> None:
    for page in logs.event_pages(session, log_group, window, pattern):
        tally.add(page)


def daily(counts: pd.DataFrame, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """The lines of each function on each UTC day of the window that was counted, newest last.

    `before` are the counts of the window before, of the same length: their days are moved onto this window.
    Columns: time (the day's midnight, UTC), function, lines, before, problem. A day without a line has a
    zero; a function that could not be read has one row, at the first day, with its lines missing.
    """
    rows = _daily(counts, timedelta(), before=False)
    if before is not None:
        rows += _daily(before, counts.attrs["window"].duration, before=True)
    return table(rows, DAYS, empty="No function was asked for.")


def _daily(counts: pd.DataFrame, moved: timedelta, *, before: bool) -> list[dict[str, Any]]:
    sums = counts.groupby(["function", "day"])["lines"].sum()
    problems = dict(counts.dropna(subset=["problem"])[["function", "problem"]].itertuples(index=False))
    rows: list[dict[str, Any]] = []
    for number, day in enumerate(_days(counts.attrs["window"])):
        for function in counts.attrs["functions"]:
            row = {"time": day + moved, "function": function, "before": before}
            if function not in problems:
                rows.append(row | {"lines": sums.get((function, day), 0)})
            elif not number:
                rows.append(row | {"problem": problems[function]})
    return rows


def _days(window: Window) -> list[datetime]:
    # UTC days all have the same length: no clock is put forward or back.
    first = window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    return [first + timedelta(days=n) for n in range(-((first - window.end) // timedelta(days=1)))]


def top(counts: pd.DataFrame, most: int = 20) -> pd.DataFrame:
    """The most frequent signatures over the whole window, most lines first, at most `most` of them.

    Columns: function, signature, lines, days (on how many it was seen), first_seen, last_seen (UTC), sample.
    """
    rows = []
    seen = counts.dropna(subset=["signature"])
    for (function, kind), part in seen.groupby(["function", "signature"]):
        samples = part["sample"].dropna()
        rows.append(
            {
                "function": function,
                "signature": kind,
                "lines": part["lines"].sum(),
                "days": len(part),
                "first_seen": part["first_seen"].min(),
                "last_seen": part["last_seen"].max(),
                "sample": None if samples.empty else shorten(samples.iloc[0], _SAMPLE),
            }
        )
    rows.sort(key=lambda row: -row["lines"])
    return table(rows[:most], TOP, empty=counts.attrs.get("empty", ""))


def _names(
    name: str, functions: Sequence[str], warn_a_day: float, hint: str, fail_a_day: float = math.inf
) -> list[str]:
    return [f"{name}.{function}" for function in functions]


@covers(_names)
def judge(
    counts: pd.DataFrame,
    name: str,
    functions: Sequence[str],
    warn_a_day: float,
    hint: str,
    fail_a_day: float = math.inf,
) -> list[Check]:
    """Whether any of `functions` logged too many of these lines on one day: one check a function.

    `name` is what the checks' names begin with; `hint` names the procedure that goes on from here.
    """
    days = daily(counts)
    leading = top(counts, most=len(counts))
    return [
        _judge_one(days[days["function"] == function], leading[leading["function"] == function], name,
                   function, (warn_a_day, fail_a_day), hint)
        for function in functions
    ]  # fmt: skip


def _judge_one(
    days: pd.DataFrame,
    leading: pd.DataFrame,
    name: str,
    function: str,
    limits: tuple[float, float],
    hint: str,
) -> Check:
    warn, fail = limits
    expected = f"under {warn:g} lines on any day"
    problems = days["problem"].dropna()
    if len(problems) or not len(days):
        reason = text(problems.iloc[0]) if len(problems) else f"{function} was not counted"
        return unknown(f"{name}.{function}", reason, expected)
    worst = days.loc[days["lines"].idxmax()]
    lines = int(worst["lines"])
    verdict = Verdict.FAIL if lines >= fail else Verdict.WARN if lines >= warn else Verdict.PASS
    observed = "no line"
    if lines:
        most = leading.iloc[0]
        observed = (
            f"lines: {int(days['lines'].sum())} in all, {lines} on the worst day ({worst['time']:%Y-%m-%d}); "
            f"mostly {shorten(plain(most['signature']), 80)} ({most['lines']})"
        )
    return Check(
        f"{name}.{function}", verdict, observed, expected, "", "" if verdict is Verdict.PASS else hint
    )
