"""Chance that is the same for the same seed: a generator for each day, and identifiers drawn from it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np


def days(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every UTC midnight with a moment of its day within start and end."""
    day = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= end:
        yield day
        day += timedelta(days=1)


def of_day(seed: int, what: str, day: datetime) -> np.random.Generator:
    """The generator of one day: what is drawn from it does not depend on where the history starts or ends."""
    return np.random.default_rng([seed, *what.encode(), day.toordinal()])


def hexes(chance: np.random.Generator, count: int) -> list[str]:
    """That many strings of 32 hexadecimal digits."""
    drawn = chance.bytes(16 * count).hex()
    return [drawn[start : start + 32] for start in range(0, len(drawn), 32)]


def uuids(chance: np.random.Generator, count: int) -> list[str]:
    """That many identifiers in the form of a version 4 UUID."""
    return [f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}" for h in hexes(chance, count)]


def ms(moment: datetime) -> int:
    """An aware time as ms since the epoch."""
    return round(moment.timestamp() * 1000)
