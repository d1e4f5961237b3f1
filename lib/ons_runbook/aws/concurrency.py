"""How many calls of a function run at once, how many begin with a cold start, and what should be kept warm.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html (the maximum is what counts; there is
no data point without a call) · https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
(concurrency is requests a second times duration) · a REPORT line has an Init Duration when its call began
with a cold start: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import logs, metrics
from ons_runbook.aws.provisioning import configured, monthly_usd
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import RunbookError
from ons_runbook.platform import Platform
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, WHOLE, given, table, text
from ons_runbook.window import Window

NEXT = "performance/optimize"

#: Fewer calls say nothing about a share of one in a hundred.
LEAST_CALLS = 100
#: From this share of calls on, the slowest in a hundred is slow because of cold starts.
COLD_PERCENT = 1.0
#: A wait that people notice.
COLD_MS = 200.0
#: With so many calls beyond what is kept warm, what is kept warm is too little.
SPILL_PERCENT = 1.0
#: When never more than this is used, half of what is paid for is idle even at the peak.
USED_PERCENT = 50.0

MEASURED = {
    "function": TEXT,
    "calls": WHOLE,
    "cold_starts": WHOLE,
    "cold_percent": NUMBER,
    "cold_p95_ms": NUMBER,
    "most_at_once": WHOLE,
    "p95_at_once": WHOLE,
    "measured_by": TEXT,
    "kept_warm": WHOLE,
    "status": TEXT,
    "used_percent": NUMBER,
    "spilled": WHOLE,
    "reserved": WHOLE,
    "memory_mb": WHOLE,
    "architecture": TEXT,
    "problem": TEXT,
}
RECOMMENDED = {
    "function": TEXT,
    "kept_warm": WHOLE,
    "recommended": WHOLE,
    "reason": TEXT,
    "monthly_usd": NUMBER,
}

# In the text format, and in the JSON format of logs.
_COLD = '?"Init Duration" ?initDurationMs'
_INIT = re.compile(r'(?:Init Duration: |"initDurationMs": ?)([0-9.]+)')
_LONGEST_PERIOD = timedelta(days=1)

Points = Mapping[datetime, float]


def measured(session: Session, log_groups: Mapping[str, str], window: Window, alias: str) -> pd.DataFrame:
    """What runs at once and what begins cold, one row a function; `log_groups` is function to log group.

    Columns: function, calls (in the window, of the function), cold_starts, cold_percent (of calls),
    cold_p95_ms, most_at_once and p95_at_once (of the peaks of all periods that had calls), measured_by
    (what CloudWatch counted, or, without that, what follows from calls and their duration), kept_warm and
    status (of the alias; missing without), used_percent (the most of what is kept warm), spilled (calls that
    found nothing warm), reserved (concurrency, missing without), memory_mb, architecture, problem (why
    something could not be read). A window longer than the logs are kept counts too few cold starts.
    """
    tasks: dict[Any, Any] = {("metrics", ""): partial(_metrics, session, list(log_groups), window, alias)}
    for function, group in log_groups.items():
        tasks["config", function] = partial(configured, session, function, alias)
        tasks["cold", function] = partial(_cold_starts, session, group, window)
    done = side_by_side(tasks)
    rows = []
    for function in log_groups:
        row: dict[str, Any] = {"function": function}
        problems = []
        for key in (("metrics", ""), ("config", function), ("cold", function)):
            outcome = done[key]
            if isinstance(outcome.error, RunbookError):
                problems.append(str(outcome.error))
                continue
            found = outcome.unwrap()
            row |= found[function] if key[0] == "metrics" else found
        if row.get("calls") and "cold_starts" in row:
            row["cold_percent"] = 100 * row["cold_starts"] / row["calls"]
        rows.append(row | {"problem": "; ".join(problems) or None})
    return table(rows, MEASURED, empty="The platform's settings name no function.")


def _cold_starts(session: Session, log_group: str, window: Window) -> dict[str, Any]:
    found = [
        float(match[1])
        for event in logs.events(session, log_group, window, _COLD)
        if (match := _INIT.search(event["message"]))
    ]
    return {"cold_starts": len(found), "cold_p95_ms": _p95(found)}


def _p95(values: Collection[float]) -> float | None:
    return float(pd.Series(list(values)).quantile(0.95)) if values else None


def _metrics(
    session: Session, functions: Sequence[str], window: Window, alias: str
) -> dict[str, dict[str, Any]]:
    wanted: dict[tuple[str, str], metrics.Metric] = {}
    for function in functions:
        of = {"FunctionName": function}
        by_alias = {**of, "Resource": f"{function}:{alias}"}
        for column, metric, statistic, dimensions in (
            ("calls", "Invocations", "Sum", of),
            ("duration", "Duration", "Average", of),
            ("of the alias", "ConcurrentExecutions", "Maximum", by_alias),
            ("of the function", "ConcurrentExecutions", "Maximum", of),
            ("used", "ProvisionedConcurrencyUtilization", "Maximum", by_alias),
            ("spilled", "ProvisionedConcurrencySpilloverInvocations", "Sum", by_alias),
        ):
            wanted[function, column] = metrics.metric("AWS/Lambda", metric, statistic, **dimensions)
    found = metrics.series(session, wanted, window)
    period = metrics.period_for(window)
    return {
        f: _row({column: found[f, column] for of, column in wanted if of == f}, period) for f in functions
    }


def _row(points: Mapping[str, Points], period: int) -> dict[str, Any]:
    calls, used, spilled = (metrics.total(points["calls"]), points["used"], metrics.total(points["spilled"]))
    by, at_once = _at_once(points, period)
    share = metrics.highest(used)
    return {
        "calls": calls,
        "most_at_once": _whole(metrics.highest(at_once)),
        "p95_at_once": _whole(_p95(at_once.values())),
        "measured_by": by,
        "used_percent": None if share is None else 100 * share,
        "spilled": spilled,
    }


def _whole(at_once: float | None) -> int | None:
    # A mean of less than one is one call now and then. Rounded first: percentiles are not exact.
    return None if at_once is None else max(1, math.ceil(round(at_once, 6)))


def _at_once(points: Mapping[str, Points], period: int) -> tuple[str | None, Points]:
    """What ran at once in each period, and where that comes from."""
    for of in ("of the alias", "of the function"):
        if points[of]:
            return f"ConcurrentExecutions {of}", points[of]
    calls, duration = points["calls"], points["duration"]
    both = {at: n * duration[at] / 1000 / period for at, n in calls.items() if at in duration}
    return ("calls × duration: a mean, peaks are higher" if both else None), both


def recommended(measured: pd.DataFrame, platform: Platform, waited_for: Sequence[str]) -> pd.DataFrame:
    """How many environments of each function should be kept warm, and why; one row a function.

    Columns: function, kept_warm (now), recommended (missing when nobody can tell), reason, monthly_usd (what
    `recommended` costs). `waited_for` are the functions that somebody waits for: a cold start of another only
    delays a file by a moment. Enough for 95 % of the peaks; calls beyond that start cold as they do now.
    """
    rows = []
    for _, row in measured.iterrows():
        count, reason = _advice(row, text(row["function"]) in waited_for)
        cost = None
        if count is not None and given(row["memory_mb"]):
            cost = monthly_usd(platform, count, int(row["memory_mb"]), text(row["architecture"]))
        now = row["kept_warm"] if given(row["kept_warm"]) else 0
        rows.append(
            {
                "function": row["function"],
                "kept_warm": now,
                "recommended": count,
                "reason": reason,
                "monthly_usd": cost,
            }
        )
    return table(rows, RECOMMENDED, empty="No function was measured.")


def _advice(row: "pd.Series[Any]", waited_for: bool) -> tuple[int | None, str]:
    now = int(row["kept_warm"]) if given(row["kept_warm"]) else 0
    if given(row["problem"]):
        return None, text(row["problem"])
    if not waited_for:
        return 0, "nobody waits for it" + (": what is kept warm is paid for nothing" if now else "")
    calls = int(row["calls"]) if given(row["calls"]) else 0
    if calls < LEAST_CALLS:
        return None, f"{calls} calls are too few to tell (at least {LEAST_CALLS})"
    if not given(row["p95_at_once"]):
        return None, "there is no data on how many calls run at once"
    enough = int(row["p95_at_once"])
    return _kept(row, now, enough, calls) if now else _none_kept(row, enough, calls)


def _none_kept(row: "pd.Series[Any]", enough: int, calls: int) -> tuple[int, str]:
    share, wait = float(row["cold_percent"]), float(row["cold_p95_ms"]) if given(row["cold_p95_ms"]) else 0.0
    said = f"{int(row['cold_starts']):,} of {calls:,} calls began cold ({share:.2g} %)"
    if share < COLD_PERCENT:
        return 0, f"{said}: under {COLD_PERCENT:g} %, not worth paying for"
    if wait < COLD_MS:
        return 0, f"{said}, for {wait:.0f} ms at most: under {COLD_MS:.0f} ms, nobody notices"
    return enough, f"{said} and waited {wait:.0f} ms (p95); at most {row['most_at_once']} ran at once"


def _kept(row: "pd.Series[Any]", now: int, enough: int, calls: int) -> tuple[int, str]:
    spilled = int(row["spilled"]) if given(row["spilled"]) else 0
    if 100 * spilled / calls >= SPILL_PERCENT and enough > now:
        return enough, f"{spilled:,} of {calls:,} calls found nothing warm"
    if not given(row["used_percent"]):
        return now, "there is no data on how much of it is used: it stays"
    used = float(row["used_percent"])
    if used < USED_PERCENT and enough < now:
        return enough, f"at most {used:.0f} % of it was ever used"
    return now, f"up to {used:.0f} % of it is used, {spilled:,} calls found nothing warm: it fits"


def _names(functions: Sequence[str]) -> list[str]:
    return [f"cold_starts.{function}" for function in functions]


@covers(_names)
def judge(recommended: pd.DataFrame, functions: Sequence[str]) -> list[Check]:
    """Whether what is kept warm of each function is what the measurements ask for; warns when not."""
    rows = {text(row["function"]): row for _, row in recommended.iterrows()}
    return [_judge_one(rows[function], f"cold_starts.{function}") for function in functions]


def _judge_one(row: "pd.Series[Any]", name: str) -> Check:
    expected = "as much kept warm as the measurements ask for"
    if not given(row["recommended"]):
        return unknown(name, text(row["reason"]), expected)
    now, wanted = int(row["kept_warm"]), int(row["recommended"])
    said = f"{now} kept warm; {text(row['reason'])}"
    if now == wanted:
        return Check(name, Verdict.PASS, said, expected)
    return Check(name, Verdict.WARN, f"{said}: should be {wanted}", expected, "", "Read the plan below.")
