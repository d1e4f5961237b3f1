"""Two times in the last two weeks when the database was overloaded, and what came of it.

Six days ago people's questions found no answer for ten minutes; eleven days ago only the database's own
processors were busy, at night. Logs, metrics and CPU tell of it alike, and so the alarms went off
(`alarms_history`). It was over by itself.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from ons_sandbox.mends import metric_store
from ons_sandbox.platform import heartbeat, names
from ons_sandbox.platform.history import calls, chance, logs
from ons_sandbox.platform.history.invocations import Environments, Fault, Invocation

# Before now, at which time of the day (UTC), and for how long the database was overloaded.
OVERLOADS = (
    (timedelta(days=6), (17, 10), timedelta(minutes=20)),
    (timedelta(days=11), (3, 35), timedelta(minutes=25)),
)
# How many questions found no answer in each five minutes of the first of them.
UNANSWERED = (6, 7)
CPU_PERCENT = (88.0, 97.0)
OVERHEAD_MS = 6.0
BIN = 300

PROBLEM = "ReadTimeoutError: HTTPConnectionPool(host='ons-influxdb-prod', port=8086): Read timed out."
FAULT = Fault(
    "InfluxUnavailable",
    f"no success after 2 attempts, last: {PROBLEM}",
    (
        ("rag_query_processor.py", "handler", "status, body = ROUTES[route](event)"),
        ("rag_query_processor.py", "query", "rows = " + calls.ROWS),
        ("shared_utils/influxdb.py", "query", calls.ASKED),
        ("shared_utils/influxdb.py", "_post", calls.RAISED),
    ),
)


def write(*, seed: int, now: datetime) -> None:
    """Add both to a history whose logs and metrics are written. now: when the history ends (aware).

    Works inside the server's process only.
    """
    for age, (hour, minute), lasted in OVERLOADS:
        start = (now.astimezone(UTC) - age).replace(hour=hour, minute=minute, second=0, microsecond=0)
        _overload(seed, start, lasted)
    age, (hour, minute), _ = OVERLOADS[0]
    start = (now.astimezone(UTC) - age).replace(hour=hour, minute=minute, second=0, microsecond=0)
    failed = unanswered(seed, start, now)
    logs.write(failed)
    _count(failed)


def unanswered(seed: int, start: datetime, now: datetime) -> list[Invocation]:
    """The invocations of the query function that waited for the database in vain, from `start` on."""
    draw = chance.of_day(seed, "overload", start)
    environments = Environments(names.RAG, seed, now, calls.COLD_START_MS)
    found = []
    for number, count in enumerate(UNANSWERED):
        opened = start + timedelta(seconds=BIN * number)
        # Early enough in the five minutes to end in them.
        offsets = np.sort(draw.integers(5_000, 260_000, count)).tolist()
        ids = chance.uuids(draw, count)
        for offset, request_id in zip(offsets, ids, strict=True):
            at = chance.ms(opened) + int(offset)
            duration = round(calls.GIVEN_UP_MS + float(draw.uniform(20.0, 90.0)), 2)
            invocation = Invocation(names.RAG, at, duration, request_id, 81)
            invocation.messages.append(("WARNING", f"InfluxDB retry 1/1 in 0.5 s: {PROBLEM}"))
            invocation.fault = FAULT
            # Each waits in an environment of its own.
            environments.place(invocation, f"overload {request_id}")
            found.append(invocation)
    return found


def _overload(seed: int, start: datetime, lasted: timedelta) -> None:
    """Let the database's processors have been busy for a while."""
    draw = chance.of_day(seed, "overload cpu", start)
    window = (start.timestamp(), (start + lasted).timestamp())
    for point in metric_store.window(heartbeat.INFLUX, "CPUUtilization", heartbeat.INSTANCE, *window):
        point["Value"] = round(float(draw.uniform(*CPU_PERCENT)), 2)


def _count(failed: Sequence[Invocation]) -> None:
    """What Lambda and API Gateway published for these calls."""
    name = {"FunctionName": names.RAG.name}
    for dimensions in (name, name | {"Resource": f"{names.RAG.name}:{names.ALIAS}"}):
        for metric, value in (("Invocations", 1.0), ("Errors", 1.0), ("Throttles", 0.0)):
            _put("AWS/Lambda", metric, dimensions, failed, [value] * len(failed), "Count")
    durations = [one.duration for one in failed]
    _put("AWS/Lambda", "Duration", name, failed, durations, "Milliseconds")
    api = {"ApiName": names.API}
    for metric, value in (("Count", 1.0), ("4XXError", 0.0), ("5XXError", 1.0)):
        _put("AWS/ApiGateway", metric, api, failed, [value] * len(failed), "Count")
    behind = [round(one.duration + (one.init or 0.0) + 2.0, 1) for one in failed]
    whole = [round(value + OVERHEAD_MS, 1) for value in behind]
    _put("AWS/ApiGateway", "IntegrationLatency", api, failed, behind, "Milliseconds")
    _put("AWS/ApiGateway", "Latency", api, failed, whole, "Milliseconds")


def _put(
    namespace: str,
    metric: str,
    dimensions: dict[str, str],
    failed: Sequence[Invocation],
    values: Sequence[float],
    unit: str,
) -> None:
    points = [(one.at / 1000, value) for one, value in zip(failed, values, strict=True)]
    metric_store.bulk_put_metric(namespace, metric, dimensions, points, unit)
