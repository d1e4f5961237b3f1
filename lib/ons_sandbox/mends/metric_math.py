"""GetMetricData as AWS documents it; metric math, SEARCH and Metrics Insights are refused, never guessed.

MiniStack answers an expression with nothing, the oldest points first, everything in one page, and a query
without dimensions with the points of every metric of that name.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

import base64
import json
import math
import re
from typing import Any

from ons_sandbox.mends import mended, metric_series, metric_statistics, metric_store
from ons_sandbox.mends.metric_series import Series, check_period, check_statistic, check_window
from ons_sandbox.mends.metric_wire import Data, Refusal, at, dimensions, flag, handler, number

MAX_QUERIES = 500
MAX_DATAPOINTS = 100_800

_ID = re.compile(r"[a-z][A-Za-z0-9_]*")


def install() -> None:
    """Put the metric operations in place, and keep each metric's points in order of time."""
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_get_metric_data")
    metric_store.keep_chronological()
    metric_statistics.install()
    cloudwatch._get_metric_data = handler("GetMetricData", _get_metric_data)


def _get_metric_data(data: Data) -> Data:
    queries = data.get("MetricDataQueries") or []
    _check_queries(queries)
    start, end = check_window(data)
    limit = int(number(data.get("MaxDatapoints"), "MaxDatapoints", MAX_DATAPOINTS))
    if not 1 <= limit <= MAX_DATAPOINTS:
        raise Refusal(
            "ValidationError", f"The parameter MaxDatapoints must be between 1 and {MAX_DATAPOINTS}."
        )
    # Points are scanned in the order of sign * time: newest first unless asked otherwise.
    sign = 1 if data.get("ScanBy") == "TimestampAscending" else -1
    wanted = [query for query in queries if flag(query.get("ReturnData"), True)]
    found = [_scanned(query["MetricStat"], start, end, sign) for query in wanted]
    first = _position(data["NextToken"]) if data.get("NextToken") else -math.inf
    following = _end_of_page(found, first, limit)
    results = [
        _result(query, each, first, following, sign) for query, each in zip(wanted, found, strict=True)
    ]
    answer: Data = {"MetricDataResults": results, "Messages": []}
    if following < math.inf:
        answer["NextToken"] = base64.urlsafe_b64encode(json.dumps(following).encode()).decode()
    return answer


def _check_queries(queries: list[Data]) -> None:
    if not queries:
        raise Refusal("ValidationError", "The parameter MetricDataQueries is required.")
    if len(queries) > MAX_QUERIES:
        message = f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}."
        raise Refusal("ValidationError", message)
    ids = [query.get("Id") or "" for query in queries]
    for place, query in enumerate(queries, 1):
        name = f"MetricDataQueries.member.{place}"
        if not _ID.fullmatch(ids[place - 1]):
            message = f"The value '{ids[place - 1]}' for parameter {name}.Id does not match {_ID.pattern}."
            raise Refusal("ValidationError", message)
        _check_query(query, name)
    if len(set(ids)) < len(ids):
        raise Refusal("ValidationError", "The values for parameter Id in MetricDataQueries are not unique.")


def _check_query(query: Data, name: str) -> None:
    if query.get("Expression"):
        raise Refusal("ValidationError", _not_done(name, query["Expression"]))
    stat = query.get("MetricStat")
    if not stat:
        raise Refusal("ValidationError", f"One of {name}.MetricStat and {name}.Expression is required.")
    check_period(number(stat.get("Period"), f"{name}.MetricStat.Period"), f"{name}.MetricStat.Period")
    check_statistic(stat.get("Stat") or "", f"{name}.MetricStat.Stat")


def _not_done(name: str, expression: str) -> str:
    kind = "a metric math expression"
    if re.search(r"\bSEARCH\s*\(", expression):
        kind = "a search expression"
    elif re.match(r"\s*SELECT\b", expression, re.IGNORECASE):
        kind = "a Metrics Insights query"
    return f"{name}.Expression is {kind}, which the sandbox does not evaluate (use MetricStat): {expression}"


def _scanned(stat: Data, start: float, end: float, sign: int) -> Series:
    """The points of one query as (sign * time, value) in the order of the scan."""
    metric = stat.get("Metric") or {}
    points = metric_series.read(
        metric.get("Namespace", ""),
        metric.get("MetricName", ""),
        dimensions(metric.get("Dimensions")),
        stat["Stat"],
        float(stat["Period"]),
        start,
        end,
        stat.get("Unit"),
    )
    return [(sign * when, value) for when, value in points[::sign]]


def _position(token: str) -> float:
    try:
        return float(json.loads(base64.urlsafe_b64decode(token.encode("ascii"))))
    except (ValueError, TypeError):
        raise Refusal("InvalidNextToken", f"Invalid NextToken : {token}") from None


def _end_of_page(found: list[Series], first: float, limit: int) -> float:
    """The position before which the page that begins at `first` ends; infinity for the last page.

    The points of one moment are never divided between pages.
    """
    positions = sorted(position for each in found for position, _ in each if position >= first)
    if len(positions) <= limit:
        return math.inf
    if positions[limit] > positions[0]:
        return positions[limit]
    return next((position for position in positions if position > positions[0]), math.inf)


def _result(query: Data, found: Series, first: float, following: float, sign: int) -> Data:
    page = [(sign * position, value) for position, value in found if first <= position < following]
    more = bool(found) and found[-1][0] >= following
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or query["MetricStat"]["Metric"].get("MetricName") or query["Id"],
        "Timestamps": [at(when) for when, _ in page],
        "Values": [value for _, value in page],
        "StatusCode": "PartialData" if more else "Complete",
    }
