"""GetMetricStatistics, ListMetrics and what PutMetricData refuses, as AWS documents them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

import base64
import math
import time
import zlib
from typing import Any

from ons_sandbox.mends import mended, metric_series
from ons_sandbox.mends.metric_series import BASIC_STATISTICS, check_period, check_statistic, check_window
from ons_sandbox.mends.metric_wire import Data, Refusal, at, dimensions, handler, moment, number, request

MAX_STATISTICS_DATAPOINTS = 1_440
LIST_PAGE = 500
MAX_DATUMS = 1_000
MAX_VALUES = 150
MAX_DIMENSIONS = 30
OLDEST_SECONDS = 14 * 24 * 3600
NEWEST_SECONDS = 2 * 3600
RECENTLY_SECONDS = 3 * 3600
LARGEST_VALUE = 2.0**360


def install() -> None:
    """Put the three operations in place."""
    cloudwatch: Any = mended(
        "ministack.services.cloudwatch", "_get_metric_statistics", "_list_metrics", "_put_metric_data"
    )
    stored = cloudwatch._put_metric_data

    def put_metric_data(params: Data, decoded: Data, is_cbor: bool, is_json: bool = False) -> Any:
        try:
            _check_datums(request(params, decoded, is_cbor or is_json).get("MetricData") or [])
        except Refusal as refusal:
            return cloudwatch._error(
                refusal.code, refusal.message, refusal.status, use_json=is_json, use_cbor=is_cbor
            )
        return stored(params, decoded, is_cbor, is_json)

    cloudwatch._put_metric_data = put_metric_data
    cloudwatch._get_metric_statistics = handler("GetMetricStatistics", _get_metric_statistics)
    cloudwatch._list_metrics = handler("ListMetrics", _list_metrics)


def _get_metric_statistics(data: Data) -> Data:
    start, end = check_window(data)
    period = check_period(number(data.get("Period"), "Period"), "Period")
    basic, extended = data.get("Statistics") or [], data.get("ExtendedStatistics") or []
    if bool(basic) == bool(extended):
        message = "Exactly one of the parameters Statistics and ExtendedStatistics must be specified."
        raise Refusal("InvalidParameterCombination", message)
    most = math.ceil((end - start) / period)
    if most > MAX_STATISTICS_DATAPOINTS:
        message = (
            f"You have requested up to {most:,} datapoints, which exceeds the limit of "
            f"{MAX_STATISTICS_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, "
            "or decreasing the time range."
        )
        raise Refusal("InvalidParameterCombination", message)
    datapoints: dict[float, Data] = {}
    for statistic in (*basic, *extended):
        if statistic in basic and statistic not in BASIC_STATISTICS:
            raise Refusal(
                "InvalidParameterValue", f"The value {statistic} for parameter Statistics is not valid."
            )
        check_statistic(statistic, "ExtendedStatistics")
        for when, value in _series(data, statistic, period, start, end):
            point = datapoints.setdefault(
                when, {"Timestamp": at(when), "Unit": data.get("Unit") or _unit(data)}
            )
            (point if statistic in basic else point.setdefault("ExtendedStatistics", {}))[statistic] = value
    # AWS: "Data points are not returned in chronological order"; nor are they here, and the same way each
    # time.
    shuffled = sorted(datapoints, key=lambda when: zlib.crc32(str(when).encode()))
    return {"Label": data.get("MetricName"), "Datapoints": [datapoints[when] for when in shuffled]}


def _series(data: Data, statistic: str, period: float, start: float, end: float) -> metric_series.Series:
    return metric_series.read(
        data.get("Namespace") or "",
        data.get("MetricName") or "",
        dimensions(data.get("Dimensions")),
        statistic,
        period,
        start,
        end,
        data.get("Unit"),
    )


def _unit(data: Data) -> str:
    """The unit that the metric was put with last."""
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_metrics", "_dims_key")
    key = cloudwatch._dims_key(dimensions(data.get("Dimensions")))
    points = cloudwatch._metrics.get((data.get("Namespace"), data.get("MetricName"), key))
    return str(points[-1]["Unit"]) if points else "None"


def _list_metrics(data: Data) -> Data:
    recently = data.get("RecentlyActive")
    if recently not in (None, "", "PT3H"):
        raise Refusal(
            "InvalidParameterValue", f"The value {recently} for parameter RecentlyActive is not PT3H."
        )
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_metrics")
    oldest = time.time() - RECENTLY_SECONDS if recently else -math.inf
    listed = [
        (key, points[-1])
        for key, points in sorted(cloudwatch._metrics.items())
        if points and points[-1]["Timestamp"] >= oldest and _is_wanted(data, key, points[-1]["Dimensions"])
    ]
    first = _listed_before(data["NextToken"]) if data.get("NextToken") else 0
    answer: Data = {
        "Metrics": [
            {
                "Namespace": namespace,
                "MetricName": name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in point["Dimensions"].items()],
            }
            for (namespace, name, _dimensions), point in listed[first : first + LIST_PAGE]
        ]
    }
    if first + LIST_PAGE < len(listed):
        answer["NextToken"] = base64.urlsafe_b64encode(str(first + LIST_PAGE).encode()).decode()
    return answer


def _is_wanted(data: Data, key: tuple[str, str, str], found: dict[str, str]) -> bool:
    return (
        data.get("Namespace") in (None, "", key[0])
        and data.get("MetricName") in (None, "", key[1])
        and all(
            wanted["Name"] in found and wanted.get("Value") in (None, "", found[wanted["Name"]])
            for wanted in data.get("Dimensions") or ()
        )
    )


def _listed_before(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token.encode("ascii")))
    except ValueError:
        raise Refusal("InvalidParameterValue", "The parameter NextToken is not valid.") from None


def _check_datums(datums: list[Data]) -> None:
    """Refuse the whole request, as AWS does, for one datum that it would not take. Raises Refusal."""
    if len(datums) > MAX_DATUMS:
        message = f"The collection MetricData must not have a size greater than {MAX_DATUMS}."
        raise Refusal("InvalidParameterValue", message)
    now = time.time()
    for place, datum in enumerate(datums, 1):
        name = f"MetricData.member.{place}"
        when = moment(datum.get("Timestamp"), f"{name}.Timestamp")
        if when is not None and not now - OLDEST_SECONDS <= when <= now + NEWEST_SECONDS:
            message = f"The parameter {name}.Timestamp must be in the past two weeks or the next two hours."
            raise Refusal("InvalidParameterValue", message)
        if len(datum.get("Dimensions") or ()) > MAX_DIMENSIONS:
            message = f"The collection {name}.Dimensions must not have a size greater than {MAX_DIMENSIONS}."
            raise Refusal("InvalidParameterValue", message)
        _check_values(datum, name)


def _check_values(datum: Data, name: str) -> None:
    values, counts = datum.get("Values") or [], datum.get("Counts") or []
    if len(values) > MAX_VALUES or (counts and len(counts) != len(values)):
        message = f"{name} must have at most {MAX_VALUES} Values, and as many Counts or none."
        raise Refusal("InvalidParameterValue", message)
    if datum.get("StatisticValues") and (values or datum.get("Value") not in (None, "")):
        message = f"{name} must have only one of Value, Values and StatisticValues."
        raise Refusal("InvalidParameterCombination", message)
    for value in (datum.get("Value"), *values, *counts, *(datum.get("StatisticValues") or {}).values()):
        if value not in (None, "") and not abs(number(value, name)) <= LARGEST_VALUE:
            raise Refusal("InvalidParameterValue", f"The value {value} for parameter {name} is out of range.")
