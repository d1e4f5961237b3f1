"""How busy is the InfluxDB instance, and which class would suit it?

https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-creating-cw-alarms.html:
CPUUtilization, MemoryUtilization, DiskUtilization in percent; an alarm is advised for disks over 75 to 80 % ·
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html: only what had data in
the past two weeks is listed.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from ons_runbook.aws import influx_instance, metrics
from ons_runbook.aws.influx_instance import GIB_A_VCPU, VCPUS
from ons_runbook.checks import Check, Verdict, covers, unknown
from ons_runbook.failures import reading
from ons_runbook.prices import HOURS_A_MONTH, price
from ons_runbook.session import Session
from ons_runbook.tables import NUMBER, TEXT, WHOLE, given, table, text
from ons_runbook.window import Window

NEXT = "maintenance/scale_influxdb"

SUMMARY = {
    "metric": TEXT,
    "average_percent": NUMBER,
    "p95_percent": NUMBER,
    "highest_percent": NUMBER,
    "latest_percent": NUMBER,
    "samples": WHOLE,
    "problem": TEXT,
}
CHOICES = {
    "instance_class": TEXT,
    "suits": TEXT,
    "vcpus": WHOLE,
    "memory_gib": WHOLE,
    "cpu_percent": NUMBER,
    "memory_percent": NUMBER,
    "a_month_usd": NUMBER,
    "price": TEXT,
}


@dataclass(frozen=True)
class Limit:
    """Where a metric warns and fails, in percent, and which column of the summary is held against it."""

    check: str
    column: str
    warn: float
    fail: float


#: CPU: the platform's own alarm goes off at 80. Memory: InfluxDB is killed when it runs out. Disk: it only
#: grows, and a full one stops all writes. The load that lasts counts, not a moment's.
LIMITS = {
    "CPUUtilization": Limit("influxdb.cpu", "p95_percent", 80, 95),
    "MemoryUtilization": Limit("influxdb.memory", "p95_percent", 80, 92),
    "DiskUtilization": Limit("influxdb.disk", "latest_percent", 75, 90),
}
_NAMESPACE = "AWS/Timestream/InfluxDB"
# CloudWatch is some minutes late; what ended longer ago says nothing of now.
_STALE = timedelta(hours=1)


def load(session: Session, instance: str, window: Window) -> pd.DataFrame:
    """The utilisation of the instance of this name over the window, one row a metric and period.

    Columns: time (start of the period, UTC), name (of the metric), value (%, average of the period). What
    CloudWatch does not have is not there. Raises ReadError.
    """
    found = set()
    with reading("CloudWatch metrics", "cloudwatch"):
        only = [{"Name": "DbInstanceName", "Value": instance}]
        for page in session.pages("cloudwatch", "ListMetrics", Namespace=_NAMESPACE, Dimensions=only):
            found |= {metric["MetricName"] for metric in page["Metrics"]}
    # Other metrics of the namespace are no percentages: ReplicaLag has milliseconds.
    known = [*LIMITS, *sorted(found - LIMITS.keys())]
    wanted = {
        name: metrics.metric(_NAMESPACE, name, "Average", DbInstanceName=instance)
        for name in known
        if name in found and name.endswith("Utilization")
    }
    frame = metrics.table(session, wanted, window)
    if not wanted:
        frame.attrs["empty"] = f"CloudWatch knows no utilisation of an InfluxDB instance {instance}."
    return frame


def summary(load: pd.DataFrame) -> pd.DataFrame:
    """`load` in figures, one row a metric; the metrics that are always expected come first.

    Columns: metric, average_percent, p95_percent and highest_percent (of the periods' averages),
    latest_percent, samples (periods), problem (why there are none).
    """
    rows = []
    for name in dict.fromkeys([*LIMITS, *load["name"]]):
        values = load.loc[load["name"] == name, "value"]
        if values.empty:
            rows.append({"metric": name, "samples": 0, "problem": "CloudWatch has no data"})
            continue
        figures = {"average": values.mean(), "p95": values.quantile(0.95), "highest": values.max()}
        row = {f"{figure}_percent": value for figure, value in figures.items()}
        rows.append({"metric": name, **row, "latest_percent": values.iloc[-1], "samples": len(values)})
    return table(rows, SUMMARY)


@covers([limit.check for limit in LIMITS.values()])
def judge(load: pd.DataFrame, window: Window) -> list[Check]:
    """Whether CPU and memory (p95) and disk (latest) are within their limits.

    Without data, or when it ended long before the window did, it is unknown: nobody knows how busy the
    instance is.
    """
    rows = {text(row["metric"]): row for _, row in summary(load).iterrows()}
    newest = load.groupby("name")["time"].max()
    return [_judge_one(limit, rows[name], newest.get(name), window) for name, limit in LIMITS.items()]


def _judge_one(limit: Limit, row: "pd.Series[Any]", newest: Any, window: Window) -> Check:
    figure = limit.column.removesuffix("_percent")
    expected = f"{figure} under {limit.warn:g} %"
    if given(row["problem"]):
        return unknown(limit.check, f"{row['metric']}: {row['problem']} in {window}", expected)
    evidence = f"{row['samples']} samples in {window}"
    if window.end - newest > _STALE:
        said = f"{row['metric']} ends at {newest:%Y-%m-%d %H:%M} UTC"
        return unknown(limit.check, said, expected, evidence, "Is the instance there and running?")
    value = float(row[limit.column])
    verdict = Verdict.FAIL if value >= limit.fail else Verdict.WARN if value >= limit.warn else Verdict.PASS
    said = f"{figure} {value:.1f} %, highest {row['highest_percent']:.1f} %"
    hint = "" if verdict is Verdict.PASS else f"Next: {NEXT}."
    return Check(limit.check, verdict, said, expected, evidence, hint)


def choices(session: Session, instance: str, window: Window) -> pd.DataFrame:
    """What the load of the window would be in each class of the service, and what each costs.

    Columns: instance_class, suits (`now` is the class that it has; `yes` or `no` by the limits of CPU and
    memory, missing when the load is not known), vcpus, memory_gib, cpu_percent and memory_percent (p95, in
    proportion to the class's size: an estimate), a_month_usd (without storage), price (the assumption).
    Raises ReadError.
    """
    described = influx_instance.described(session, instance)
    if described.empty:
        return table([], CHOICES, empty=str(described.attrs["empty"]))
    has = described.iloc[0]
    figures = summary(load(session, instance, window)).set_index("metric")["p95_percent"]
    assumed = price(session.platform, "influxdb_vcpu_hour")
    standby = has["deployment"] == "WITH_MULTIAZ_STANDBY"
    rows = []
    for known in influx_instance.classes(session):
        row: dict[str, Any] = {"instance_class": known}
        if known in VCPUS:
            vcpus = VCPUS[known]
            share = has["vcpus"] / vcpus
            row |= {
                "vcpus": vcpus,
                "memory_gib": vcpus * GIB_A_VCPU,
                "cpu_percent": figures["CPUUtilization"] * share,
                "memory_percent": figures["MemoryUtilization"] * share,
                "a_month_usd": vcpus * HOURS_A_MONTH * assumed.usd * (1 + standby),
                "price": assumed.assumption + (", twice for the standby" if standby else ""),
            }
        row["suits"] = "now" if known == has["instance_class"] else _suits(row)
        rows.append(row)
    return table(rows, CHOICES)


def _suits(row: dict[str, Any]) -> str | None:
    expected = (
        (row.get("cpu_percent", pd.NA), LIMITS["CPUUtilization"].warn),
        (row.get("memory_percent", pd.NA), LIMITS["MemoryUtilization"].warn),
    )
    if not all(given(value) for value, _ in expected):
        return None
    return "yes" if all(value < warn for value, warn in expected) else "no"
