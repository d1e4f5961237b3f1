"""Key figures against their targets: throughput, latency, error rates, freshness, and the window before.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html (Latency
by ApiName) · https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html · files are
counted by the router's PROCESSED lines, one a file.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pandas as pd

from ons_runbook import influx
from ons_runbook.aws import logs, metrics
from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.errors import RunbookError
from ons_runbook.platform import Platform
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, WHOLE, given, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

MEASURED = {
    "kpi": TEXT,
    "value": NUMBER,
    "unit": TEXT,
    "target": TEXT,
    "before": NUMBER,
    "change_percent": NUMBER,
    "errors": WHOLE,
    "note": TEXT,
    "problem": TEXT,
}
PATTERN = "PROCESSED"
_DAY = timedelta(days=1)
_PROCEDURES = {
    "files_per_hour": "troubleshooting/s3_processing_failures",
    "api_latency": "troubleshooting/api_timeouts",
    "error_rate": "troubleshooting/lambda_errors",
    "freshness": "troubleshooting/influxdb_write_failures",
}


def names(functions: Sequence[str]) -> list[str]:
    """The key figures of a platform with these functions, in the order in which they are shown."""
    rates = [f"error_rate.{function}" for function in functions]
    return ["files_per_hour", "api_latency_average", "api_latency_p95", *rates, "freshness"]


def measured(session: Session, platform: Platform, window: Window) -> pd.DataFrame:
    """Every key figure over the window, and over the window before it, of the same length.

    Columns: kpi (see `names`), value, unit, target, before, change_percent (missing when either is missing,
    when there was nothing before, and for freshness), errors (the number behind an error rate), note (when
    the window before has no data), problem (why there is no value). Freshness is the age of the newest point
    of the measurement furthest behind, seen from each window's end.
    """
    both = {"value": window, "before": metrics.window_before(window)}
    tasks: dict[Any, Any] = {}
    for column, part in both.items():
        tasks["files_per_hour", column] = partial(_files_per_hour, session, platform, part)
        tasks["api_latency", column] = partial(_latency, session, platform, part)
        tasks["error_rate", column] = partial(_error_rates, session, platform.functions, part)
        tasks["freshness", column] = partial(_freshness, session, platform, part)
    done = side_by_side(tasks)
    rows = []
    for name in names(platform.functions):
        row: dict[str, Any] = {"kpi": name, "unit": _unit(name), "target": _target(name, platform.thresholds)}
        for column in both:
            outcome = next(
                found for (what, of), found in done.items() if of == column and name.startswith(what)
            )
            if isinstance(outcome.error, RunbookError):
                row["problem" if column == "value" else "note"] = str(outcome.error)
            else:
                row[column] = outcome.unwrap().get(name)
        if name.startswith("error_rate") and (rates := done["error_rate", "value"].value):
            row["errors"] = rates.get(name.replace("error_rate", "errors"))
        rows.append(_compared(row, both["before"]))
    return table(rows, MEASURED, empty="There is no key figure.")


def _compared(row: dict[str, Any], before: Window) -> dict[str, Any]:
    if row.get("before") is None:
        row.setdefault("note", f"the window before ({before}) has no data")
    elif row["before"] and row.get("value") is not None and row["kpi"] != "freshness":
        # An age of this moment goes up and down with every file: two of them are no trend.
        row["change_percent"] = 100 * (row["value"] - row["before"]) / row["before"]
    return row


def _unit(name: str) -> str:
    kind = name.partition(".")[0].rpartition("_")[0] if name.startswith("api") else name.partition(".")[0]
    return {"files_per_hour": "files/h", "api_latency": "ms", "error_rate": "%", "freshness": "min"}[kind]


def _limits(name: str, thresholds: Thresholds) -> tuple[float, float]:
    """Where a figure begins to warn and to fail."""
    prefix, unit = {
        "files_per_hour": ("files_per_hour", ""),
        "api_latency_average": ("latency_average", "_ms"),
        "api_latency_p95": ("latency_p95", "_ms"),
        "error_rate": ("error_rate", "_percent"),
        "freshness": ("freshness", "_minutes"),
    }[name.partition(".")[0]]
    return getattr(thresholds, f"{prefix}_warn{unit}"), getattr(thresholds, f"{prefix}_fail{unit}")


def _target(name: str, thresholds: Thresholds) -> str:
    word = "at least" if name == "files_per_hour" else "under"
    return f"{word} {_limits(name, thresholds)[0]:g} {_unit(name)}"


def _files_per_hour(session: Session, platform: Platform, window: Window) -> dict[str, float | None]:
    group = platform.log_groups[platform.router_function]
    counted = logs.count_by_function(session, {platform.router_function: group}, window, PATTERN).iloc[0]
    if given(counted["problem"]):
        raise RunbookError(text(counted["problem"]))
    lines = int(counted["lines"])
    return {"files_per_hour": lines / (window.minutes / 60) if lines else None}


def _latency(session: Session, platform: Platform, window: Window) -> dict[str, float | None]:
    wanted = {statistic: latency_metric(platform, statistic) for statistic in ("Sum", "SampleCount")}
    found = metrics.series(session, wanted, window)
    total, calls = metrics.total(found["Sum"]), metrics.total(found["SampleCount"])
    # Percentiles cannot be added up: one period for the whole window, or day by day and the worst of them.
    whole = -(-min(window.duration, _DAY) // timedelta(minutes=1)) * 60
    slow = metrics.series(session, {"p95": latency_metric(platform, "p95")}, window, whole)
    return {
        "api_latency_average": total / calls if total is not None and calls else None,
        "api_latency_p95": metrics.highest(slow["p95"]),
    }


def latency_metric(platform: Platform, statistic: str) -> metrics.Metric:
    """The API's latency (ms), all resources and stages together."""
    return metrics.metric("AWS/ApiGateway", "Latency", statistic, ApiName=platform.api_name)


def error_metrics(functions: Sequence[str]) -> dict[tuple[str, str], metrics.Metric]:
    """Errors and invocations of each function."""
    return {
        (function, name): metrics.metric("AWS/Lambda", name, "Sum", FunctionName=function)
        for function in functions
        for name in ("Errors", "Invocations")
    }


def _error_rates(session: Session, functions: Sequence[str], window: Window) -> dict[str, float | None]:
    found = metrics.series(session, error_metrics(functions), window)
    rates: dict[str, float | None] = {}
    for function in functions:
        errors = metrics.total(found[function, "Errors"])
        calls = metrics.total(found[function, "Invocations"])
        if errors is not None and calls:
            rates |= {f"error_rate.{function}": 100 * errors / calls, f"errors.{function}": errors}
    return rates


def _freshness(session: Session, platform: Platform, window: Window) -> dict[str, float | None]:
    newest = influx.newest_points(session, platform.influx_bucket, platform.measurements, window.end)
    problems = newest["problem"].dropna()
    if len(problems):
        raise RunbookError(text(problems.iloc[0]))
    ages = newest["age_minutes"]
    # A measurement without any point is not as fresh as the others: there is no age.
    return {"freshness": None if ages.isna().any() or ages.empty else float(ages.max())}


def _covered(functions: Sequence[str], thresholds: Thresholds) -> list[str]:
    return [f"kpi.{name}" for name in names(functions)]


@covers(_covered)
def judge(measured: pd.DataFrame, functions: Sequence[str], thresholds: Thresholds) -> list[Check]:
    """Each key figure against its target; one without a value is unknown."""
    rows = {text(row["kpi"]): row for _, row in measured.iterrows()}
    return [_judge_one(name, rows[name], thresholds) for name in names(functions)]


def _judge_one(name: str, row: "pd.Series[Any]", thresholds: Thresholds) -> Check:
    warn, fail = _limits(name, thresholds)
    procedure = next(path for kind, path in _PROCEDURES.items() if name.startswith(kind))
    if not given(row["value"]):
        reason = text(row["problem"], "there is no data in the window")
        return unknown(f"kpi.{name}", reason, text(row["target"]), "", f"Next: {procedure}.")
    value, unit = float(row["value"]), text(row["unit"])
    if name == "files_per_hour":
        verdict = Verdict.FAIL if value < fail else Verdict.WARN if value < warn else Verdict.PASS
    else:
        verdict = Verdict.FAIL if value >= fail else Verdict.WARN if value >= warn else Verdict.PASS
    if given(row["errors"]) and row["errors"] <= thresholds.errors_tolerated:
        verdict = Verdict.PASS
    observed = f"{_figure(value)} {unit}"
    if given(row["before"]):
        change = f" ({row['change_percent']:+.1f} %)" if given(row["change_percent"]) else ""
        observed += f"; {_figure(float(row['before']))} {unit} in the window before{change}"
    elif given(row["note"]):
        observed += "; nothing to compare with"
    hint = "" if verdict is Verdict.PASS else f"Next: {procedure}."
    return Check(f"kpi.{name}", verdict, observed, text(row["target"]), "", hint)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
