"""Lambda functions: do they exist, which version is live, do they fail, are they throttled, how slow are
they?

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html (State, LastUpdateStatus) ·
https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html ·
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html: Invocations does not count
throttled requests, and there is no data point, rather than a zero, for a minute without an invocation.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook.aws import metrics
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, severity
from ons_runbook.errors import NotFound, RunbookError
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, WHOLE, given, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NEXT = "troubleshooting/lambda_errors"

#: The state of a function that does not exist; AWS has no word for it.
ABSENT = "absent"

HEALTH = {
    "function": TEXT,
    "state": TEXT,
    "last_update": TEXT,
    "live_version": TEXT,
    "also_live": TEXT,
    "invocations": WHOLE,
    "errors": WHOLE,
    "error_rate_percent": NUMBER,
    "throttles": WHOLE,
    "p95_duration_ms": NUMBER,
    "timeout_s": WHOLE,
    "problem": TEXT,
}
_SUMS = {"invocations": "Invocations", "errors": "Errors", "throttles": "Throttles"}
# The statistics of a longer window come day by day: percentiles cannot be added up.
_LONGEST_PERIOD = timedelta(days=1)


def health(session: Session, names: Sequence[str], window: Window, alias: str) -> pd.DataFrame:
    """How each function is, one row a function, in the order of `names`.

    Columns: function, state (of the version behind `alias`; `absent` when there is no such function),
    last_update (Successful, Failed or InProgress), live_version, also_live (`7 (10%)` while traffic is
    shifted), invocations, errors, throttles (sums over the window; missing when there is no data point),
    error_rate_percent, p95_duration_ms (in windows of over a day: the worst day's), timeout_s, problem (why
    something could not be read; what was read stands).
    """
    tasks: dict[str, Any] = {f"function {name}": partial(_describe, session, name, alias) for name in names}
    tasks["metrics"] = partial(_measure, session, names, window)
    done = side_by_side(tasks)
    measured = done.pop("metrics")
    rows = []
    for name, outcome in zip(names, done.values(), strict=True):
        row: dict[str, Any] = {"function": name, **_value_or_problem(outcome)}
        if row.get("state") != ABSENT:
            numbers = measured.value[name] if measured.value is not None else _value_or_problem(measured)
            row = {**numbers, **row, "problem": row.get("problem") or numbers.get("problem")}
        rows.append(row)
    return table(rows, HEALTH, empty="The platform's settings name no function.")


def _value_or_problem(outcome: Any) -> dict[str, Any]:
    if isinstance(outcome.error, RunbookError):
        return {"problem": str(outcome.error)}
    return dict(outcome.unwrap())


def _describe(session: Session, name: str, alias: str) -> dict[str, Any]:
    client = session.client("lambda")
    with reading(f"Lambda function {name}", "lambda"):
        try:
            latest = client.get_function_configuration(FunctionName=name)
        except client.exceptions.ResourceNotFoundException:
            return {"state": ABSENT}
    row = {
        "state": latest.get("State"),
        "last_update": latest.get("LastUpdateStatus"),
        "timeout_s": latest.get("Timeout"),
    }
    try:
        with reading(f"Alias {alias} of {name}", "lambda"):
            pointer = client.get_alias(FunctionName=name, Name=alias)
            live = client.get_function_configuration(FunctionName=name, Qualifier=alias)
    except NotFound:
        return row
    weights = pointer.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    also = ", ".join(f"{version} ({weight:.0%})" for version, weight in weights.items())
    return row | {
        "state": live.get("State"),
        "timeout_s": live.get("Timeout"),
        "live_version": pointer["FunctionVersion"],
        "also_live": also or None,
    }


def _measure(session: Session, names: Sequence[str], window: Window) -> dict[str, dict[str, Any]]:
    wanted = {
        (name, column): metrics.metric("AWS/Lambda", metric, "Sum", FunctionName=name)
        for name in names
        for column, metric in _SUMS.items()
    }
    durations = {name: metrics.metric("AWS/Lambda", "Duration", "p95", FunctionName=name) for name in names}
    # One period for the whole window, so that the percentile is over all of it; whole minutes, as
    # CloudWatch has.
    whole = -(-min(window.duration, _LONGEST_PERIOD) // timedelta(minutes=1)) * 60
    sums = metrics.series(session, wanted, window)
    slow = metrics.series(session, durations, window, period=whole)
    rows: dict[str, dict[str, Any]] = {}
    for name in names:
        row: dict[str, Any] = {column: metrics.total(sums[name, column]) for column in _SUMS}
        if row["invocations"] and row["errors"] is not None:
            row["error_rate_percent"] = 100 * row["errors"] / row["invocations"]
        rows[name] = row | {"p95_duration_ms": metrics.highest(slow[name])}
    return rows


def _names(window: Window, thresholds: Thresholds, functions: Sequence[str], alias: str) -> list[str]:
    return [f"function.{name}" for name in functions]


@covers(_names)
def judge(
    health: pd.DataFrame, window: Window, thresholds: Thresholds, functions: Sequence[str], alias: str
) -> list[Check]:
    """What `health` says of each of `functions`.

    Fails: the function or its alias does not exist, it is in state Failed, too many errors or throttles.
    Warns: some errors or throttles, a slow tail, an update that failed or goes on, a state other than
    Active. Without one invocation in a window longer than `idle_allowed_minutes` it is unknown: nothing was
    seen to work.
    """
    rows = {text(row["function"]): row for _, row in health.iterrows()}
    return [_judge_one(rows[name], window, thresholds, alias) for name in functions]


def _judge_one(row: "pd.Series[Any]", window: Window, thresholds: Thresholds, alias: str) -> Check:
    name = f"function.{row['function']}"
    expected = (
        f"Active, errors under {thresholds.error_rate_warn_percent:g} %, no throttles, "
        f"p95 under {thresholds.duration_warn_percent:g} % of the timeout"
    )
    if text(row["state"]) == ABSENT:
        hint = "Check `functions` and `region` in the platform's settings; if they are right, it was deleted."
        return Check(name, Verdict.FAIL, "the function does not exist", expected, "", hint)
    evidence = f"{window}" + (f", {row['invocations']} invocations" if given(row["invocations"]) else "")
    found = _configuration(row, alias)
    if given(row["problem"]):
        found.append((Verdict.UNKNOWN, text(row["problem"])))
    if given(row["invocations"]) or given(row["throttles"]) or not given(row["problem"]):
        found += _traffic(row, window, thresholds)
    verdict = max((verdict for verdict, _ in found), key=severity, default=Verdict.PASS)
    bad = "; ".join(said for said_verdict, said in found if said_verdict is not Verdict.PASS and said)
    fine = "; ".join([_summary(row), *(said for said_verdict, said in found if said_verdict is Verdict.PASS)])
    hint = "" if verdict is Verdict.PASS else f"Next: {NEXT}."
    return Check(name, verdict, bad or fine, expected, evidence, hint)


def _summary(row: "pd.Series[Any]") -> str:
    parts = [f"version {text(row['live_version'], '?')} live", text(row["state"])]
    if given(row["errors"]) and given(row["invocations"]):
        parts.append(f"{row['errors']} errors in {row['invocations']} invocations")
    if given(row["p95_duration_ms"]):
        parts.append(f"p95 {row['p95_duration_ms']:.0f} ms")
    return ", ".join(part for part in parts if part)


def _configuration(row: "pd.Series[Any]", alias: str) -> list[tuple[Verdict, str]]:
    found = []
    if given(row["state"]) and not given(row["live_version"]) and not given(row["problem"]):
        found.append((Verdict.FAIL, f"there is no alias {alias}: callers cannot reach it"))
    state = text(row["state"])
    if state in ("Failed", "Deactivated", "Deleting"):
        found.append((Verdict.FAIL, f"its state is {state}"))
    elif state and state != "Active":
        found.append((Verdict.WARN, f"its state is {state}"))
    if (update := text(row["last_update"])) in ("Failed", "InProgress"):
        # What callers use goes on with the code it had: a warning, not a failure.
        found.append((Verdict.WARN, f"the last update is {update}"))
    return found


def _traffic(row: "pd.Series[Any]", window: Window, thresholds: Thresholds) -> list[tuple[Verdict, str]]:
    invocations = int(row["invocations"]) if given(row["invocations"]) else 0
    throttles = int(row["throttles"]) if given(row["throttles"]) else 0
    found = []
    if throttles:
        share = 100 * throttles / (throttles + invocations)
        verdict = Verdict.FAIL if share >= thresholds.throttle_rate_fail_percent else Verdict.WARN
        found.append((verdict, f"{throttles} throttled ({share:.1f} % of attempts)"))
    if not invocations:
        idle = f"no invocations in {window.minutes:.0f} min"
        normal = window.minutes <= thresholds.idle_allowed_minutes
        return [*found, (Verdict.PASS if normal else Verdict.UNKNOWN, idle)]
    if not given(row["errors"]):
        return [*found, (Verdict.UNKNOWN, "there is no data on errors")]
    errors, rate = int(row["errors"]), float(row["error_rate_percent"])
    if errors > thresholds.errors_tolerated and rate >= thresholds.error_rate_warn_percent:
        verdict = Verdict.FAIL if rate >= thresholds.error_rate_fail_percent else Verdict.WARN
        found.append((verdict, f"{errors} of {invocations} invocations failed ({rate:.1f} %)"))
    if given(row["p95_duration_ms"]) and given(row["timeout_s"]):
        share = float(row["p95_duration_ms"]) / (10 * float(row["timeout_s"]))
        if share >= thresholds.duration_warn_percent:
            found.append(
                (Verdict.WARN, f"p95 {row['p95_duration_ms']:.0f} ms is {share:.0f} % of the timeout")
            )
    return found
