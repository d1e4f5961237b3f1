"""The past runs of the pipeline: one a file, from its arrival to its points; the odd file was wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from ons_sandbox.platform import files, names
from ons_sandbox.platform.history import chance
from ons_sandbox.platform.history.invocations import Environments, Fault, Invocation

# Shortest and longest cold start, ms. Half an hour apart, the first file always finds the functions cold.
COLD_START_MS = {
    names.ROUTER: (100.0, 170.0),
    names.PROCESSOR: (110.0, 190.0),
    names.LOADER: (95.0, 170.0),
}
# What the first invocation takes longer, because it loads libraries that it needs, ms.
FIRST_MS = {names.ROUTER: 0.6, names.PROCESSOR: 260.0, names.LOADER: 250.0}
# Median duration of a warm invocation, ms, and the memory that it comes to, MB.
DURATION_MS = {names.ROUTER: 1.2, names.PROCESSOR: 31.0, names.LOADER: 26.0}
MEMORY_MB = {names.ROUTER: (30, 32), names.PROCESSOR: (101, 108), names.LOADER: (107, 112)}
ROWS = {names.GENERATION: 16, names.CONSUMPTION: 4, names.TRANSMISSION: 4}
# From the upload to the state machine, from one state to the next, from the processed object to the loader.
TO_START_MS, TO_NEXT_MS, TO_LOADER_MS = 160, 35, 240
LATE_BY_MS = 6_000.0
# Part of the loads for which InfluxDB was busy at first.
RETRIED = 0.004
# Part of the days on which one file comes truncated, and after how long ONS sends it again.
TRUNCATED = 0.22
SENT_AGAIN = timedelta(minutes=11)
# No mishap in the last day: a healthy platform has nothing to report this morning.
QUIET = timedelta(hours=26)
# Before now, somebody tried a suspicious key. Older than the objects that are still there.
SUSPICIOUS = (timedelta(days=5, hours=3, minutes=17), timedelta(days=11, hours=9, minutes=42))
SUSPICIOUS_KEY = "generation/../../processed/generation_latest.csv"


@dataclass
class Run:
    """One execution of the state machine, and the load that followed. Times in ms since the epoch."""

    name: str
    """Of the execution."""
    key: str
    """Of the raw object."""
    arrived: int
    invocations: list[Invocation]
    dataset: names.Dataset | None = None
    instant: datetime | None = None

    @property
    def started(self) -> int:
        """When the execution began."""
        return self.arrived + TO_START_MS // 2

    @property
    def ended(self) -> int:
        """When the execution was over: after the processor, or where it failed."""
        return max(one.end for one in self.invocations if one.function is not names.LOADER) + 8

    @property
    def failed(self) -> Invocation | None:
        """The invocation with which the execution failed, if it did."""
        return next((one for one in self.invocations if one.fault), None)


def days(seed: int, start: datetime, now: datetime) -> Iterator[list[Run]]:
    """The runs from `start` to `now`, which is when the history ends, a day (UTC) at a time, oldest first."""
    machine = _Machine(seed, now)
    newest, first = files.newest(now), chance.ms(start)
    suspicious = [now - age for age in SUSPICIOUS]
    for day in chance.days(start, now):
        found = [run for run in machine.day(day) if run.instant and run.instant <= newest]
        found += [machine.suspicious(at) for at in suspicious if at.date() == day.date()]
        yield sorted((run for run in found if run.arrived > first), key=lambda run: run.arrived)


class _Machine:
    """Plays the pipeline."""

    def __init__(self, seed: int, now: datetime) -> None:
        self._seed, self._quiet = seed, now - QUIET
        self._environments = {
            function: Environments(function, seed, now, cold) for function, cold in COLD_START_MS.items()
        }

    def day(self, day: datetime) -> Iterator[Run]:
        """Every run of a day's files."""
        draw = chance.of_day(self._seed, "files", day)
        bad = (int(draw.integers(48)), int(draw.integers(3))) if draw.random() < TRUNCATED else None
        for number in range(48):
            instant, late = day + number * timedelta(minutes=30), float(draw.uniform(0, LATE_BY_MS))
            for order, dataset in enumerate(names.DATASETS.values()):
                luck = _Luck(draw)
                arrived = chance.ms(files.arrival(dataset, instant)) + round(late)
                if (number, order) == bad and instant < self._quiet:
                    yield self._truncated(dataset, instant, arrived, _Luck(draw))
                    arrived += round(SENT_AGAIN.total_seconds() * 1000)
                yield self._good(dataset, instant, arrived, luck)

    def suspicious(self, moment: datetime) -> Run:
        """The run of a key that nobody should use: the router refuses it."""
        luck = _Luck(chance.of_day(self._seed, "suspicious", moment))
        arrived = chance.ms(moment)
        router = self._invoke(names.ROUTER, arrived + TO_START_MS, luck, f"suspicious {arrived}")
        text = f"SECURITY suspicious object key refused bucket={names.RAW_BUCKET} key={SUSPICIOUS_KEY!r}"
        router.messages.append(("WARNING", text))
        code = 'raise InvalidKey(f"suspicious key {key!r}")'
        frames = (("lambda_router.py", "handler", code),)
        router.fault = Fault("InvalidKey", f"suspicious key {SUSPICIOUS_KEY!r}", frames)
        return Run(luck.ids[0], SUSPICIOUS_KEY, arrived, [router])

    def _good(self, dataset: names.Dataset, instant: datetime, arrived: int, luck: "_Luck") -> Run:
        key, made = files.raw_key(dataset, instant), files.processed_key(dataset, instant)
        rows, label = ROWS[dataset], f"{arrived // 1_800_000}"
        router = self._route(dataset, instant, arrived, luck)
        processor = self._invoke(names.PROCESSOR, router.end + TO_NEXT_MS, luck, label)
        place = f"s3://{names.PROCESSED_BUCKET}/{made}"
        done = f"SUCCESS dataset={dataset.name} key={key} rows={rows} -> {place}"
        processor.messages.append(("INFO", done))
        loader = self._invoke(names.LOADER, processor.end + TO_LOADER_MS, luck, label)
        if luck.part < RETRIED:
            problem = "HTTP 503: server is busy, try again"
            loader.messages.append(("WARNING", f"InfluxDB retry 1/3 in 0.5 s: {problem}"))
            loader.duration += 500.0
        written = f"SUCCESS measurement={dataset.measurement} points={rows} batches=1 key={made}"
        loader.messages.append(("INFO", written))
        return Run(luck.ids[0], key, arrived, [router, processor, loader], dataset, instant)

    def _truncated(self, dataset: names.Dataset, instant: datetime, arrived: int, luck: "_Luck") -> Run:
        key = files.raw_key(dataset, instant)
        router = self._route(dataset, instant, arrived, luck)
        processor = self._invoke(names.PROCESSOR, router.end + TO_NEXT_MS, luck, f"{arrived // 1_800_000}")
        message = f"{key} line {ROWS[dataset] + 1}: 2 fields, expected {len(dataset.header)}"
        file = f"{names.PROCESSOR.name}.py"
        frames = (
            (file, "handler", "columns = parse(dataset, key, body)"),
            (file, "parse", "for values in _rows(key, header, lines):"),
            (file, "_rows", 'raise TruncatedRow(f"{where}: {len(row)} fields, expected {len(header)}")'),
        )
        processor.fault = Fault("TruncatedRow", message, frames)
        return Run(luck.ids[0], key, arrived, [router, processor], dataset, instant)

    def _route(self, dataset: names.Dataset, instant: datetime, arrived: int, luck: "_Luck") -> Invocation:
        router = self._invoke(names.ROUTER, arrived + TO_START_MS, luck, f"{arrived // 1_800_000}")
        what = f"key={files.raw_key(dataset, instant)} dataset={dataset.name}"
        router.messages.append(("INFO", f"PROCESSED {what} processor={names.PROCESSOR.name}"))
        router.messages.append(("INFO", f"SUCCESS routed {dataset.name} of {instant:%Y-%m-%d %H:%M:%S} UTC"))
        return router

    def _invoke(self, function: names.Function, at: int, luck: "_Luck", label: str) -> Invocation:
        number = list(COLD_START_MS).index(function)
        low, high = MEMORY_MB[function]
        invocation = Invocation(
            function,
            at,
            duration=round(DURATION_MS[function] * luck.slowness[number], 2),
            request_id=luck.ids[number + 1],
            memory_used=low + round((high - low) * luck.part),
        )
        self._environments[function].place(invocation, label)
        if invocation.init is not None:
            invocation.at += round(invocation.init)
            invocation.duration += round(FIRST_MS[function] * luck.slowness[number], 2)
        return invocation


class _Luck:
    """What is drawn for one run, always the same amount, so that one run's fate does not change another's."""

    def __init__(self, draw: np.random.Generator) -> None:
        self.ids = chance.uuids(draw, 4)
        self.part = float(draw.random())
        self.slowness: list[float] = draw.lognormal(0.0, 0.22, 3).tolist()
