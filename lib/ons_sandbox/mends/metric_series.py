"""One statistic of one metric over consecutive periods, as CloudWatch computes it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

from ons_sandbox.mends import mended, metric_store
from ons_sandbox.mends.metric_store import Point
from ons_sandbox.mends.metric_wire import Data, Refusal, moment

BASIC_STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")

_PERCENTILE = re.compile(r"p(100(\.0{1,2})?|\d{1,2}(\.\d{1,2})?)")
_TRIMMED = re.compile(r"(tm|wm|tc|ts|pr)\d.*|(TM|WM|TC|TS|PR)\(.*\)|IQM")

# The begin of a period (seconds since the epoch), and the value.
Series = list[tuple[float, float]]


def check_statistic(statistic: str, name: str) -> str:
    """Give the statistic back, or refuse it: `name` is the parameter. Raises Refusal."""
    if statistic in BASIC_STATISTICS or _PERCENTILE.fullmatch(statistic):
        return statistic
    reason = "is not one that the sandbox computes" if _TRIMMED.fullmatch(statistic) else "is not supported"
    raise Refusal("ValidationError", f"The value {statistic} for parameter {name} {reason}.")


def check_period(period: float, name: str) -> float:
    """Give the period (s) back, or refuse what CloudWatch does not aggregate by. Raises Refusal."""
    if period in (1, 5, 10, 20, 30) or (period >= 60 and period % 60 == 0):
        return period
    raise Refusal("ValidationError", f"The parameter {name} must be 1, 5, 10, 20, 30 or a multiple of 60.")


def check_window(data: Data) -> tuple[float, float]:
    """StartTime and EndTime of a request, in seconds since the epoch. Raises Refusal."""
    start, end = moment(data.get("StartTime"), "StartTime"), moment(data.get("EndTime"), "EndTime")
    if start is None or end is None:
        raise Refusal("MissingParameter", "The parameters StartTime and EndTime are required.")
    if start >= end:
        raise Refusal("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def read(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    period: float,
    start: float,
    end: float,
    unit: str | None = None,
) -> Series:
    """One statistic of exactly this metric for each period that has points, oldest first.

    period, start, end: seconds. As on AWS the start is rounded down to a whole minute (or to a period
    shorter than that) and periods follow on each other from there; a minute that began before the end is
    in. statistic: one that `check_statistic` lets pass. unit: only points of this unit. A percentile that
    CloudWatch does not have for the points of a period (negative values, statistic sets) leaves that period
    out.
    """
    grain = min(period, 60.0)
    begin = start // grain * grain
    points = metric_store.window(namespace, name, dimensions, begin, math.ceil(end / grain) * grain)
    if unit:
        points = [point for point in points if point["Unit"] == unit]
    return _aggregated(points, statistic, period, begin)


def _aggregated(points: list[Point], statistic: str, period: float, begin: float) -> Series:
    cloudwatch: Any = mended(
        "ministack.services.cloudwatch", "_percentile_samples", "_percentile", "_point_stats"
    )
    answer: Series = []
    for number, group in itertools.groupby(points, lambda point: (point["Timestamp"] - begin) // period):
        value: float | None
        if statistic in BASIC_STATISTICS:
            value = _basic(statistic, [cloudwatch._point_stats(point) for point in group])
        else:
            samples = cloudwatch._percentile_samples(list(group))
            value = cloudwatch._percentile(samples, float(statistic[1:])) if samples else None
        if value is not None:
            answer.append((begin + number * period, value))
    return answer


def _basic(statistic: str, stats: list[tuple[float, float, float, float]]) -> float | None:
    """The statistic of (sample count, sum, minimum, maximum) records; None without samples."""
    stats = [each for each in stats if each[0] > 0]
    if not stats:
        return None
    if statistic == "Minimum":
        return min(each[2] for each in stats)
    if statistic == "Maximum":
        return max(each[3] for each in stats)
    count, total = sum(each[0] for each in stats), sum(each[1] for each in stats)
    return {"SampleCount": count, "Sum": total, "Average": total / count}[statistic]
