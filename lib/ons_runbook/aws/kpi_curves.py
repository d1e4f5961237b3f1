"""Key figures over time, with the window before moved onto the same axis: for charts.

What each figure is stands in kpis.py.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ons_runbook.aws import kpis, logs, metrics
from ons_runbook.platform import Platform
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT, TRUTH, table
from ons_runbook.window import Window

FILES = {"time": MOMENT, "files_per_hour": NUMBER, "before": TRUTH}
LATENCY = {"time": MOMENT, "statistic": TEXT, "latency_ms": NUMBER, "before": TRUTH}
ERRORS = {"time": MOMENT, "function": TEXT, "error_rate_percent": NUMBER, "before": TRUTH}

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
# Points of a curve: few enough that a rate is over many calls, enough to see the rhythm of a day.
_PERIODS = ((timedelta(hours=6), 300), (_DAY, 3600), (timedelta(days=14), 21_600))


def files_over_time(session: Session, platform: Platform, window: Window) -> pd.DataFrame:
    """Files processed in each hour of the window and of the one before; hours count from the window's start.

    Columns: time (start of the hour, UTC; of the window before: moved onto this one), files_per_hour, before.
    A window before without one file has no rows. Raises NotFound, ReadError.
    """
    group = platform.log_groups[platform.router_function]
    rows = []
    for before, part in ((False, window), (True, metrics.window_before(window))):
        edges = max(1, int(part.duration / _HOUR))
        counts = [0] * edges
        for event in logs.events(session, group, part, kpis.PATTERN):
            since = event["timestamp"] / 1000 - part.start.timestamp()
            counts[min(edges - 1, int(since // 3600))] += 1
        if before and not any(counts):
            continue
        for number, files in enumerate(counts):
            # What is left of a window that is no whole number of hours belongs to its last one.
            hours = 1.0 if number < edges - 1 else (part.duration - number * _HOUR) / _HOUR
            rows.append(
                {"time": window.start + number * _HOUR, "files_per_hour": files / hours, "before": before}
            )
    return table(rows, FILES, empty=f"No file was processed in {window}.")


def latency_over_time(session: Session, platform: Platform, window: Window) -> pd.DataFrame:
    """Mean and p95 latency of the API over the window and the one before.

    Columns: time (UTC; of the window before: moved onto this one), statistic (average, p95), latency_ms,
    before. A period without requests has no row. Raises ReadError.
    """
    wanted = {
        "average": kpis.latency_metric(platform, "Average"),
        "p95": kpis.latency_metric(platform, "p95"),
    }
    rows = [
        {"time": at, "statistic": name, "latency_ms": value, "before": before}
        for before, found, moved in _both(session, wanted, window)
        for name, points in found.items()
        for at, value in ((at + moved, value) for at, value in points.items())
    ]
    return table(rows, LATENCY, empty=f"CloudWatch has no request to the API in {window}.")


def error_rates_over_time(session: Session, functions: Sequence[str], window: Window) -> pd.DataFrame:
    """The error rate of each function over the window and the one before.

    Columns: time (UTC; of the window before: moved onto this one), function, error_rate_percent, before. A
    period without invocations has no row. Raises ReadError.
    """
    rows = []
    for before, found, moved in _both(session, kpis.error_metrics(functions), window):
        for function in functions:
            errors = found[function, "Errors"]
            for at, calls in found[function, "Invocations"].items():
                if calls and at in errors:
                    rate = 100 * errors[at] / calls
                    rows.append({"time": at + moved, "function": function, "error_rate_percent": rate,
                                 "before": before})  # fmt: skip
    return table(rows, ERRORS, empty=f"CloudWatch has no invocation in {window}.")


def _both(
    session: Session, wanted: Mapping[Any, metrics.Metric], window: Window
) -> list[tuple[bool, dict[Any, dict[datetime, float]], timedelta]]:
    earlier = metrics.window_before(window)
    finest = max(metrics.period_for(window), metrics.period_for(earlier))
    period = max(finest, next((p for most, p in _PERIODS if window.duration <= most), 86_400))
    return [
        (before, metrics.series(session, wanted, part, period), moved)
        for before, part, moved in ((False, window, timedelta()), (True, earlier, window.duration))
    ]
