"""The past in CloudWatch metrics: what the services would have published for the same calls and runs.

Counts are one statistic set a minute for the last day and one every five minutes before, which is what
anybody asks for; durations and latencies are kept one by one, so that percentiles are exact.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from ons_sandbox.mends.metric_store import bulk_put_metric
from ons_sandbox.platform import energy, heartbeat, names
from ons_sandbox.platform.history import chance
from ons_sandbox.platform.history.calls import Call
from ons_sandbox.platform.history.invocations import Invocation
from ons_sandbox.platform.history.pipeline import Run

FINE_FOR = timedelta(days=1)
FINE, COARSE = 60, 300
DATABASE_EVERY = 300

Sets = list[tuple[float, float | Mapping[str, float]]]


class Metrics:
    """Collects what happened, a day at a time, and writes the metrics of all of it at the end."""

    def __init__(self, now: datetime) -> None:
        """now: when the history ends."""
        self._fine_from = chance.ms(now - FINE_FOR)
        self._lambda: dict[names.Function, list[tuple[int, float, float]]] = {}
        self._api: list[Call] = []
        self._states: list[tuple[int, int, float]] = []

    def add(self, calls: Iterable[Call], invocations: Iterable[Invocation], runs: Iterable[Run]) -> None:
        """Take note of a day."""
        self._api += calls
        self._states += [(run.started, run.ended, float(run.failed is not None)) for run in runs]
        for one in invocations:
            noted = self._lambda.setdefault(one.function, [])
            noted.append((one.at, one.duration, float(one.fault is not None)))

    def write(self) -> None:
        """Write everything."""
        for function, noted in self._lambda.items():
            self._write_lambda(function, noted)
        self._write_api()
        self._write_states()

    def _write_lambda(self, function: names.Function, noted: list[tuple[int, float, float]]) -> None:
        """By function, and by the alias that was called."""
        at, duration, failed = zip(*noted, strict=True)
        bins = _Bins(at, self._fine_from)
        counts = {
            "Invocations": bins.sets([1.0] * len(at)),
            "Errors": bins.sets(failed),
            "Throttles": bins.sets([0.0] * len(at)),
        }
        name = {"FunctionName": function.name}
        for metric, sets in counts.items():
            for dimensions in (name, name | {"Resource": f"{function.name}:{names.ALIAS}"}):
                bulk_put_metric("AWS/Lambda", metric, dimensions, sets, "Count")
        bulk_put_metric("AWS/Lambda", "Duration", name, _each(at, duration), "Milliseconds")

    def _write_api(self) -> None:
        at, status, latency, integration = zip(*self._api, strict=True)
        bins = _Bins(at, self._fine_from)
        counts = {
            "Count": bins.sets([1.0] * len(at)),
            "4XXError": bins.sets([float(400 <= code < 500) for code in status]),
            "5XXError": bins.sets([float(code >= 500) for code in status]),
        }
        dimensions = {"ApiName": names.API}
        for metric, sets in counts.items():
            bulk_put_metric("AWS/ApiGateway", metric, dimensions, sets, "Count")
        behind = [(moment / 1000, ms) for moment, ms in zip(at, integration, strict=True) if ms is not None]
        bulk_put_metric("AWS/ApiGateway", "Latency", dimensions, _each(at, latency), "Milliseconds")
        bulk_put_metric("AWS/ApiGateway", "IntegrationLatency", dimensions, behind, "Milliseconds")

    def _write_states(self) -> None:
        started, ended, failed = zip(*self._states, strict=True)
        took = [float(end - start) for start, end in zip(started, ended, strict=True)]
        for metric, at, values, unit in (
            ("ExecutionsStarted", started, [1.0] * len(started), "Count"),
            ("ExecutionsSucceeded", ended, [1.0 - failure for failure in failed], "Count"),
            ("ExecutionsFailed", ended, failed, "Count"),
            ("ExecutionTime", ended, took, "Milliseconds"),
        ):
            bulk_put_metric(heartbeat.STATES, metric, heartbeat.MACHINE, _each(at, values), unit)


def write_database(seed: int, start: datetime, now: datetime) -> None:
    """Write the utilisation of the InfluxDB instance."""
    first, last = energy.seconds(start) // DATABASE_EVERY + 1, energy.seconds(now) // DATABASE_EVERY
    beats = np.arange(first, last + 1, dtype=np.int64) * DATABASE_EVERY
    for metric, values in heartbeat.utilisation(seed, beats).items():
        points = zip(beats.tolist(), values.tolist(), strict=True)
        bulk_put_metric(heartbeat.INFLUX, metric, heartbeat.INSTANCE, points, "Percent")


class _Bins:
    """The minutes, or five minutes, in which something happened; one statistic set for each of them."""

    def __init__(self, at: Sequence[int], fine_from: int) -> None:
        times = np.asarray(at)
        width = np.where(times >= fine_from, FINE, COARSE)
        seconds, self._place, counts = np.unique(
            times // 1000 // width * width, return_inverse=True, return_counts=True
        )
        self._seconds, self._counts = seconds.tolist(), counts.tolist()

    def sets(self, values: Sequence[float]) -> Sets:
        """The statistic sets of one value for each time."""
        numbers, size = np.asarray(values), len(self._seconds)
        lowest, highest = np.full(size, np.inf), np.full(size, -np.inf)
        np.minimum.at(lowest, self._place, numbers)
        np.maximum.at(highest, self._place, numbers)
        totals = np.bincount(self._place, numbers, size).tolist()
        columns = (self._seconds, self._counts, totals, lowest.tolist(), highest.tolist())
        return [
            (second, {"SampleCount": count, "Sum": total, "Minimum": low, "Maximum": high})
            for second, count, total, low, high in zip(*columns, strict=True)
        ]


def _each(at: Sequence[int], values: Sequence[float]) -> list[tuple[float, float]]:
    return [(moment / 1000, value) for moment, value in zip(at, values, strict=True)]
