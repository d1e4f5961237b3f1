"""CloudWatch metrics: many at once, every page, missing data left out.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html: up to 500 metrics a
request, answers in pages, newest value first unless asked otherwise. Which periods exist depends on the age
of the data:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pandas as pd

from ons_runbook import tables
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, NUMBER, TEXT
from ons_runbook.window import Window, utc_now

Name = TypeVar("Name", bound=Hashable)

POINTS = {"time": MOMENT, "name": TEXT, "value": NUMBER}

_METRICS_A_REQUEST = 500
# Data points a metric: fine enough to see the window's edges, few enough to stay in one page.
_POINTS = 1440
_LADDER = (60, 300, 900, 3600, 21600, 86400)
# One-minute data is kept for 15 days, five-minute data for 63 days, then only hours are left.
_KEPT = ((timedelta(days=15), 60), (timedelta(days=63), 300))


@dataclass(frozen=True)
class Metric:
    """One metric and statistic: `Metric("AWS/Lambda", "Duration", "p95", FunctionName="x")`."""

    namespace: str
    name: str
    statistic: str
    dimensions: tuple[tuple[str, str], ...]

    def query(self, identifier: str, period: int) -> dict[str, Any]:
        """The metric as GetMetricData wants it."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": period, "Stat": self.statistic}
        return {"Id": identifier, "MetricStat": stat, "ReturnData": True}


def metric(namespace: str, name: str, statistic: str, **dimensions: str) -> Metric:
    """A `Metric` with its dimensions as keywords."""
    return Metric(namespace, name, statistic, tuple(sorted(dimensions.items())))


def period_for(window: Window, now: datetime | None = None) -> int:
    """The finest period, in seconds, that exists for the window and gives a bounded number of points."""
    age = (now or utc_now()) - window.start
    finest = next((period for kept, period in _KEPT if age < kept), 3600)
    seconds = window.duration.total_seconds()
    return next((p for p in _LADDER if p >= finest and seconds / p <= _POINTS), _LADDER[-1])


def series(
    session: Session, wanted: Mapping[Name, Metric], window: Window, period: int | None = None
) -> dict[Name, dict[datetime, float]]:
    """The data points of each metric in the window, oldest first, by the start of their period (UTC).

    A metric without data points in the window has an empty dict: absence is not zero. `period` is in seconds
    (default: `period_for` the window). Raises ReadError.
    """
    period = period or period_for(window)
    names = list(wanted)
    found: dict[Name, dict[datetime, float]] = {name: {} for name in names}
    for first in range(0, len(names), _METRICS_A_REQUEST):
        batch = {f"m{n}": name for n, name in enumerate(names[first : first + _METRICS_A_REQUEST])}
        queries = [wanted[name].query(identifier, period) for identifier, name in batch.items()]
        with reading("CloudWatch metrics", "cloudwatch"):
            for page in session.pages(
                "cloudwatch",
                "GetMetricData",
                MetricDataQueries=queries,
                StartTime=window.start,
                EndTime=window.end,
                ScanBy="TimestampAscending",
            ):
                for result in page["MetricDataResults"]:
                    points = zip(result["Timestamps"], result["Values"], strict=True)
                    found[batch[result["Id"]]].update(points)
    return {name: dict(sorted(points.items())) for name, points in found.items()}


def table(
    session: Session, wanted: Mapping[str, Metric], window: Window, period: int | None = None
) -> pd.DataFrame:
    """The data points of many metrics in one long table, newest last.

    Columns: time (start of the period, UTC), name, value. A period without data has no row: missing stays
    missing. `frame.attrs["without_data"]` lists the names that have no data point at all. Raises ReadError.
    """
    found = series(session, wanted, window, period)
    rows: list[dict[str, Any]] = [
        {"time": at, "name": name, "value": value}
        for name, points in found.items()
        for at, value in points.items()
    ]
    rows.sort(key=lambda row: row["time"])
    frame = tables.table(rows, POINTS, empty=f"CloudWatch has no data point of these metrics in {window}.")
    frame.attrs["without_data"] = [name for name, points in found.items() if not points]
    return frame


def window_before(window: Window) -> Window:
    """The window of the same length that ends where this one begins."""
    return Window(window.start - window.duration, window.start)


def total(points: Mapping[datetime, float]) -> float | None:
    """The sum of the data points; None when there are none."""
    return sum(points.values()) if points else None


def highest(points: Mapping[datetime, float]) -> float | None:
    """The highest of the data points; None when there are none."""
    return max(points.values(), default=None)
