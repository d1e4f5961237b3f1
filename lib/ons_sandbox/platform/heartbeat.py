"""The metrics that services publish by themselves: the database's utilisation, and the executions that ended.

https://docs.aws.amazon.com/timestream/latest/developerguide/timestream-for-influx-monitoring.html
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np

from ons_sandbox.mends import mended
from ons_sandbox.mends.metric_store import bulk_put_metric
from ons_sandbox.platform import energy, names

INFLUX = "AWS/Timestream/InfluxDB"
STATES = "AWS/States"
INSTANCE = {"DbInstanceName": names.INFLUX_INSTANCE}
MACHINE = {"StateMachineArn": names.STATE_MACHINE_ARN}
BEAT_SECONDS = 60


class Heartbeat:
    """Publishes what became known since the last beat. Works inside the server's process only."""

    def __init__(self, seed: int, now: datetime) -> None:
        """now: when the history ends; only what happens later is published."""
        self._seed, self._last = seed, now

    def beat(self, now: datetime) -> None:
        """Publish the metrics of the time since the last beat."""
        first = energy.seconds(self._last) // BEAT_SECONDS + 1
        beats = np.arange(first, energy.seconds(now) // BEAT_SECONDS + 1, dtype=np.int64) * BEAT_SECONDS
        for name, values in utilisation(self._seed, beats).items():
            points = zip(beats.tolist(), values.tolist(), strict=True)
            bulk_put_metric(INFLUX, name, INSTANCE, points, "Percent")
        for name, at in executions(self._last, now):
            bulk_put_metric(STATES, name, MACHINE, [(at.timestamp(), 1.0)], "Count")
        self._last = now


def executions(after: datetime, until: datetime) -> Iterator[tuple[str, datetime]]:
    """Name of the metric and time of each start and end with after < time <= until."""
    # Not ListExecutions: a call a minute would be all that CloudTrail remembers.
    known = mended("ministack.services.stepfunctions", "_executions")._executions
    for execution in list(known.values()):
        started, stopped = (execution[name] for name in ("startDate", "stopDate"))
        if after < datetime.fromisoformat(started) <= until:
            yield "ExecutionsStarted", datetime.fromisoformat(started)
        if stopped and after < datetime.fromisoformat(stopped) <= until:
            yield METRIC_OF_STATUS[execution["status"]], datetime.fromisoformat(stopped)


METRIC_OF_STATUS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def utilisation(seed: int, instants: energy.Instants) -> dict[str, energy.Values]:
    """CPU, memory and disk of the database in percent at these instants (seconds since the epoch)."""
    draw = energy.Draw(seed, instants)
    # Writes arrive in the fifth minute of each half hour; people ask in working hours.
    writing = ((instants // 60) % 30 == 4) * 9.0
    asking = 6.0 * np.exp(-(((draw.hour - 14.0) / 4.5) ** 2)) * np.where(draw.weekday < 5, 1.0, 0.4)
    cpu = 14.0 + writing + asking + 2.5 * draw.noise("cpu")
    memory = 52.0 + 3.5 * draw.drift("memory", 6 * 3600) + 0.4 * draw.noise("memory")
    grown = (instants - DISK_FROM) / 86_400 * 0.06
    disk = 24.0 + grown % 40.0 + 0.12 * draw.drift("compaction", 8 * 3600)
    return {
        "CPUUtilization": np.round(cpu, 2),
        "MemoryUtilization": np.round(memory, 2),
        "DiskUtilization": np.round(disk, 2),
    }


DISK_FROM = 1_767_225_600
"""1 January 2026, when the disk was last enlarged."""
