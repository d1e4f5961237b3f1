"""The past calls of the API: a probe each minute, questions by day and week, the odd mishap."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from ons_sandbox.platform import energy, names
from ons_sandbox.platform.history import chance
from ons_sandbox.platform.history.invocations import Environments, Fault, Invocation

HEALTH, QUERY = "GET /health", "POST /query"
PROBE_SECONDS = 60
DAY_MS = 86_400_000
# Questions an hour on a working day, by local hour; a fifth of it at weekends.
PER_HOUR = np.interp(np.arange(24), (0, 6, 9, 11, 13, 16, 19, 23), (3, 4, 34, 48, 36, 52, 22, 5))
WEEKEND = 0.22
# An execution environment lives some hours; a call beside another one starts one of its own.
ENVIRONMENT_MS = 6 * 3600 * 1000
COLD = 0.003
COLD_START_MS = (190.0, 330.0)
FIRST_MS = 110.0
# No mishap in the last hours: a healthy platform has nothing to report this morning.
QUIET = timedelta(hours=6)
# Parts of the questions.
FAILED, REFUSED = 0.002, 0.012
FORBIDDEN_A_DAY = 2.0
# Once in so many days, somebody tries query language in a question.
SUSPICIOUS_EVERY_DAYS = 4
# What the function waits for the database before it gives up.
GIVEN_UP_MS = 16_500.0
ROWS = "[row for row in influxdb.query(flux) if region in (None, row[place])]"
ASKED = 'answer = _post(path, body.encode(), "application/json")'
RAISED = 'raise InfluxUnavailable(f"no success after {RETRIES + 1} attempts, last: {problem}")'


class Call(NamedTuple):
    """One call as API Gateway saw it. Time in ms since the epoch, latencies in ms."""

    at: int
    status: int
    latency: float
    integration: float | None
    """None when the call never reached the function."""


@dataclass(frozen=True)
class Calls:
    """The calls of a day, oldest first, and the invocations behind them."""

    api: list[Call] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)


def days(seed: int, start: datetime, now: datetime) -> Iterator[Calls]:
    """The calls from `start` to `now`, which is when the history ends, a day (UTC) at a time."""
    environments = Environments(names.RAG, seed, now, COLD_START_MS)
    first, last, quiet = chance.ms(start), chance.ms(now), chance.ms(now - QUIET)
    for day in chance.days(start, now):
        found = Calls()
        for call, invocation in _day(seed, day, environments, quiet):
            if first < call.at and call.at + call.latency < last:
                found.api.append(call)
                if invocation:
                    found.invocations.append(invocation)
        yield found


def _day(
    seed: int, day: datetime, environments: Environments, quiet: int
) -> Iterator[tuple[Call, Invocation | None]]:
    draw = chance.of_day(seed, "api", day)
    offsets, kinds = _arrivals(draw, day)
    count = len(offsets)
    ids, luck = chance.uuids(draw, count), draw.random(count).tolist()
    durations = {
        HEALTH: np.round(draw.lognormal(1.75, 0.3, count) + 2.0, 2).tolist(),
        QUERY: np.round(draw.lognormal(4.1, 0.42, count) + 18.0, 2).tolist(),
    }
    overhead, memory = (draw.gamma(4.0, 1.1, count) + 1.5).tolist(), draw.integers(43, 48, count).tolist()
    midnight = chance.ms(day)
    for number, (offset, kind) in enumerate(zip(offsets, kinds, strict=True)):
        at = midnight + offset
        if kind == "forbidden":
            yield Call(at, 403, round(overhead[number], 1), None), None
            continue
        duration = durations[HEALTH if kind == HEALTH else QUERY][number]
        invocation = Invocation(names.RAG, at, duration, ids[number], memory[number])
        own = f" {number}" if luck[number] > 1 - COLD else ""
        environments.place(invocation, f"{at // ENVIRONMENT_MS}{own}")
        if invocation.init is not None:
            invocation.duration += FIRST_MS
        status = _run(invocation, kind, luck[number], mishaps=at < quiet)
        integration = round(invocation.duration + (invocation.init or 0.0) + 2.0, 1)
        yield Call(at, status, round(integration + overhead[number], 1), integration), invocation


def _arrivals(draw: np.random.Generator, day: datetime) -> tuple[list[int], list[str]]:
    """When the calls of a day come (ms after midnight, in order), and of what kind each is."""
    probes = np.arange(PROBE_SECONDS // 8, 86_400, PROBE_SECONDS) * 1000
    hours = np.arange(24)
    expected = PER_HOUR[(hours + energy.LOCAL_OFFSET // 3600) % 24]
    asked = draw.poisson(expected * (WEEKEND if day.weekday() >= 5 else 1.0))
    times = {
        HEALTH: probes + draw.integers(0, 900, len(probes)),
        QUERY: np.repeat(hours * 3_600_000, asked) + draw.integers(0, 3_600_000, int(asked.sum())),
        "forbidden": draw.integers(0, DAY_MS, draw.poisson(FORBIDDEN_A_DAY)),
        "suspicious": draw.integers(0, DAY_MS, int(day.toordinal() % SUSPICIOUS_EVERY_DAYS == 0)),
    }
    arrivals = sorted((int(at), kind) for kind, found in times.items() for at in found)
    return [at for at, _ in arrivals], [kind for _, kind in arrivals]


def _run(invocation: Invocation, kind: str, luck: float, *, mishaps: bool) -> int:
    """Let the invocation log what it did; gives the status that the caller got."""
    logged = invocation.messages.append
    if kind == HEALTH:
        logged(("INFO", f"SUCCESS {HEALTH} 200 in {invocation.duration:.0f} ms"))
        return 200
    if kind == "suspicious" and mishaps:
        source = f"203.0.113.{invocation.at % 200 + 10}"
        text = f"SECURITY query language in a question refused source={source} question='load |> drop()'"
        logged(("WARNING", text))
        logged(("WARNING", f"REFUSED {QUERY} 400: The question must be plain text."))
        return 400
    if luck < FAILED and mishaps:
        _give_up(invocation)
        return 502
    if luck < FAILED + REFUSED:
        known = "Sudeste/Centro-Oeste, Sul, Nordeste, Norte"
        logged(("WARNING", f"REFUSED {QUERY} 400: Unknown region; known: {known}."))
        return 400
    logged(("INFO", f"SUCCESS {QUERY} 200 in {invocation.duration:.0f} ms"))
    return 200


def _give_up(invocation: Invocation) -> None:
    """InfluxDB did not answer in time, not even when asked again."""
    problem = "ReadTimeoutError: HTTPConnectionPool(host='ons-influxdb-prod', port=8086): Read timed out."
    invocation.messages.append(("WARNING", f"InfluxDB retry 1/1 in 0.5 s: {problem}"))
    invocation.duration = GIVEN_UP_MS + invocation.duration
    frames = (
        ("rag_query_processor.py", "handler", "status, body = ROUTES[route](event)"),
        ("rag_query_processor.py", "query", "rows = " + ROWS),
        ("shared_utils/influxdb.py", "query", ASKED),
        ("shared_utils/influxdb.py", "_post", RAISED),
    )
    invocation.fault = Fault("InfluxUnavailable", f"no success after 2 attempts, last: {problem}", frames)
