"""Believable values of Brazil's grid in MW: load, generation by source, flows between its four subsystems.

Each value follows from the seed and its own instant alone, so that history, the files of today and the files
of next week agree whoever computes them, in whatever order. Every instant balances: what a region generates
and does not use flows out of it. Orders of size are those that ONS publishes (https://dados.ons.org.br/):
load about 80 GW, mostly hydro, wind at night in the Nordeste, solar by day, two nuclear plants that hardly
move, thermal for the evening peak.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from ons_sandbox.platform import names

SE, S, NE, N = names.REGIONS

STEP = timedelta(minutes=30)
DAY = 86_400
LOCAL_OFFSET = -3 * 3600
"""Brasília time, without summer time since 2019."""

Values = npt.NDArray[np.float64]
Instants = npt.NDArray[np.int64]
"""Seconds since the epoch, UTC."""
Series = Mapping[tuple[str, ...], Values]
"""One array a series, keyed by the values of its tags."""

# Mean load, MW.
LOAD = {SE: 44_500.0, S: 13_000.0, NE: 13_200.0, N: 7_400.0}
# Load by local hour against its mean: deep night, working day, evening peak.
LOAD_BY_HOUR = (
    (0.0, 0.90), (3.0, 0.83), (5.0, 0.83), (7.0, 0.92), (10.0, 1.04), (12.0, 1.05),
    (14.5, 1.09), (17.0, 1.06), (19.0, 1.15), (21.0, 1.12), (24.0, 0.90),
)  # fmt: skip
LOAD_BY_WEEKDAY = (1.01, 1.025, 1.03, 1.03, 1.02, 0.95, 0.87)
# Installed MW.
SOLAR = {SE: 9_800.0, S: 1_500.0, NE: 9_400.0, N: 420.0}
WIND = {S: 2_050.0, NE: 27_500.0, N: 430.0}
THERMAL = {SE: 4_600.0, S: 1_350.0, NE: 900.0, N: 1_900.0}
NUCLEAR = 1_985.0
# Who gives how much of the hydro that is needed.
HYDRO = {SE: 0.56, S: 0.17, NE: 0.08, N: 0.19}
# Part of what the Norte exports that goes to the Nordeste; the rest goes south on the Xingu lines.
NORTH_TO_NORTHEAST = 0.18

LINKS = ((N, SE), (N, NE), (NE, SE), (SE, S))


@dataclass(frozen=True)
class Grid:
    """The grid at some instants: one array a series, as long as `instants`, in MW with three decimals."""

    instants: Instants
    generation: Series
    """By region and energy source."""
    load: Series
    """By region."""
    flow: Series
    """By region of origin and of destination; negative when it flows back."""

    def series(self, dataset: str) -> Series:
        """The series of a dataset, keyed by the values of its tags."""
        return {"generation": self.generation, "consumption": self.load, "transmission": self.flow}[dataset]


def grid(seed: int, instants: Instants) -> Grid:
    """The grid at these instants (seconds since the epoch, UTC)."""
    draw = Draw(seed, instants)
    load = {region: _load(draw, region) for region in names.REGIONS}
    given: dict[tuple[str, ...], Values] = {(SE, "nuclear"): NUCLEAR * (1 + 0.002 * draw.noise("nuclear"))}
    given |= {(region, "solar"): _solar(draw, region) for region in SOLAR}
    given |= {(region, "wind"): _wind(draw, region) for region in WIND}
    given |= {(region, "thermal"): _thermal(draw, region) for region in THERMAL}
    hydro = sum(load.values()) - sum(given.values())
    shares = {
        region: part * (1 + 0.05 * draw.drift(f"hydro {region}", DAY)) for region, part in HYDRO.items()
    }
    whole = sum(shares.values())
    generation = given | {(region, "hydro"): hydro * share / whole for region, share in shares.items()}
    generation = {key: np.round(values, 3) for key, values in sorted(generation.items())}
    load = {region: np.round(values, 3) for region, values in load.items()}
    return Grid(
        instants, generation, {(region,): values for region, values in load.items()}, _flow(generation, load)
    )


def series(dataset: names.Dataset, seed: int, instants: Instants) -> Series:
    """The series of one dataset at these instants, keyed by the values of its tags."""
    return grid(seed, instants).series(dataset.name)


def seconds(instant: datetime) -> int:
    """An aware time as whole seconds since the epoch."""
    return int(instant.timestamp())


def span(start: datetime, end: datetime) -> Instants:
    """Every half hour with start <= instant <= end."""
    step = int(STEP.total_seconds())
    return np.arange(-(-seconds(start) // step) * step, seconds(end) + 1, step, dtype=np.int64)


def _load(draw: "Draw", region: str) -> Values:
    hours, levels = zip(*LOAD_BY_HOUR, strict=True)
    by_hour = np.interp(draw.hour, hours, levels)
    by_weekday = np.asarray(LOAD_BY_WEEKDAY)[draw.weekday]
    by_season = 1 + 0.04 * np.cos(2 * np.pi * (draw.year_day - 30) / 365.25)
    weather = 1 + 0.025 * draw.drift(f"heat {region}", 2 * DAY) + 0.004 * draw.noise(f"load {region}")
    return np.asarray(LOAD[region] * by_hour * by_weekday * by_season * weather)


def _solar(draw: "Draw", region: str) -> Values:
    day = np.clip((draw.hour - 5.4) / 12.8, 0.0, 1.0)
    clear = 0.86 + 0.12 * draw.drift(f"clouds {region}", DAY // 4)
    return np.asarray(SOLAR[region] * 0.84 * np.sin(np.pi * day) ** 1.35 * np.clip(clear, 0.3, 1.0))


def _wind(draw: "Draw", region: str) -> Values:
    by_hour = 1 + 0.27 * np.cos(2 * np.pi * (draw.hour - 1.5) / 24)
    by_season = 1 + 0.28 * np.cos(2 * np.pi * (draw.year_day - 255) / 365.25)
    weather = 1 + 0.3 * draw.drift(f"wind {region}", 2 * DAY // 3) + 0.02 * draw.noise(f"gusts {region}")
    return np.asarray(np.clip(WIND[region] * 0.38 * by_hour * by_season * weather, 0.0, 0.92 * WIND[region]))


def _thermal(draw: "Draw", region: str) -> Values:
    peak = np.exp(-(((draw.hour - 19.5) / 2.2) ** 2))
    weather = 1 + 0.12 * draw.drift(f"thermal {region}", 3 * DAY) + 0.01 * draw.noise(f"units {region}")
    return np.asarray(THERMAL[region] * (0.82 + 0.34 * peak) * weather)


def _flow(generation: Series, load: Mapping[str, Values]) -> dict[tuple[str, ...], Values]:
    exported = {
        region: sum(values for key, values in generation.items() if key[0] == region) - load[region]
        for region in names.REGIONS
    }
    north_to_northeast = np.round(NORTH_TO_NORTHEAST * exported[N], 3)
    flows = {
        (N, SE): exported[N] - north_to_northeast,
        (N, NE): north_to_northeast,
        (NE, SE): exported[NE] + north_to_northeast,
        (SE, S): -exported[S],
    }
    return {link: np.round(flows[link], 3) for link in LINKS}


class Draw:
    """Chance that follows from the seed, the name of what is drawn, and the instant."""

    def __init__(self, seed: int, instants: Instants) -> None:
        self._seed, self._instants = seed, instants
        local = instants + LOCAL_OFFSET
        self.hour: Values = (local % DAY) / 3600
        self.weekday = (local // DAY + 3) % 7  # 1 January 1970 was a Thursday
        self.year_day: Values = (local % (365.25 * DAY)) / DAY

    def noise(self, what: str) -> Values:
        """Between -1 and 1, new at each instant."""
        return _hashed(self._seed, what, self._instants)

    def drift(self, what: str, period: int) -> Values:
        """Between -1 and 1, changing slowly: a new direction each `period` seconds, smooth between."""
        cell = self._instants // period
        part = (self._instants % period) / period
        smooth = part * part * (3 - 2 * part)
        return _hashed(self._seed, what, cell) * (1 - smooth) + _hashed(self._seed, what, cell + 1) * smooth


def _hashed(seed: int, what: str, cells: Instants) -> Values:
    """SplitMix64 of seed, name and cell, as a number between -1 and 1."""
    salt = int.from_bytes(hashlib.blake2b(f"{seed} {what}".encode(), digest_size=8).digest(), "big")
    with np.errstate(over="ignore"):
        mixed = cells.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed.astype(np.float64) / 2**63 - 1
