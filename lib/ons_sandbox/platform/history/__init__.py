"""The platform's past, up to `now`: written straight into the emulators' state, because no API takes it.

One account of what happened (`calls` of the API, `pipeline` runs of the files) is the source of the log
lines, the metrics, the executions and the objects, so that they agree with each other to the millisecond;
`energy` is the source of the files and of the points in InfluxDB.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ons_sandbox.platform import energy, files
from ons_sandbox.platform.history import (
    alarms_history,
    calls,
    costs,
    database,
    dates,
    deployments,
    executions,
    logs,
    metrics,
    objects,
    pipeline,
    points,
    storage,
    trail,
    trouble,
)

if TYPE_CHECKING:
    from ons_sandbox.influx.store import Store

# How far back each goes.
POINTS_DAYS = 60
LOGS = timedelta(days=14)
OBJECTS = timedelta(days=3)


def write(*, influx_store: "Store", now: datetime, seed: int, progress: Callable[[str], None]) -> None:
    """Write the past of a platform that has just been built. Works inside the server's process only."""
    with _uncollected():
        progress("writing sixty days of points")
        grid = energy.grid(seed, points.span(POINTS_DAYS, files.newest(now)))
        points.write(influx_store, grid)
        progress("writing fourteen days of logs and metrics")
        recent = _happened(seed, now)
        progress("writing the files and executions of three days")
        executions.write(recent, objects.write(recent, grid))
        dates.write(now)
        progress("writing deployments, costs, alarms and the audit trail")
        _write_services(seed, now)


def _write_services(seed: int, now: datetime) -> None:
    """Write what stands on the rest: everything that is counted or dated must be there already."""
    storage.write(seed=seed, now=now)
    costs.write(seed=seed, now=now)
    database.write(now=now)
    deployments.write(now=now)
    trouble.write(seed=seed, now=now)
    alarms_history.write(now=now)
    trail.write(seed=seed, now=now)


def _happened(seed: int, now: datetime) -> list[pipeline.Run]:
    """Write logs and metrics, a day at a time; gives the runs of which the files are still there."""
    start, recent = now - LOGS, []
    history = metrics.Metrics(now)
    days = zip(calls.days(seed, start, now), pipeline.days(seed, start, now), strict=True)
    for asked, runs in days:
        invocations = [*asked.invocations, *(one for run in runs for one in run.invocations)]
        logs.write(invocations)
        history.add(asked.api, invocations, runs)
        recent += [run for run in runs if run.instant and run.instant > now - OBJECTS]
    history.write()
    metrics.write_database(seed, start, now)
    return recent


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: hundreds of thousands of records are made here, none of them garbage."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
