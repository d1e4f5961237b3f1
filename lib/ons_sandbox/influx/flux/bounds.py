"""Where windows of time lie.

"Flux standard library / universe / window" (https://docs.influxdata.com/flux/v0/stdlib/universe/window/):
windows start at whole multiples of ``every`` since 1970, shifted by ``offset``, and are cut at the bounds
of the range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .errors import FluxError
from .values import INFINITE, Duration, Time

Moments = npt.NDArray[np.int64]
MOST_WINDOWS = 5_000_000
EPOCH = Time(0)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows in order, by their starts (included) and stops (excluded), in nanoseconds since 1970."""

    starts: Moments
    stops: Moments

    def rows_of(self, times: pa.Array) -> tuple[Moments, Moments]:
        """The rows of one window after the other, each in the order of the table, and where each begins."""
        moments = pc.fill_null(times.cast(pa.int64()), -(2**63)).to_numpy()
        if (self.starts[1:] < self.stops[:-1]).any():
            rows = [
                np.flatnonzero((moments >= start) & (moments < stop))
                for start, stop in zip(self.starts, self.stops, strict=True)
            ]
            return np.concatenate(rows), np.cumsum([0, *map(len, rows)])
        numbers = np.searchsorted(self.starts, moments, "right") - 1
        inside = np.flatnonzero((numbers >= 0) & (moments < np.append(self.stops, 0)[numbers]))
        ordered = inside[np.argsort(numbers[inside], kind="stable")]
        return ordered, np.searchsorted(numbers[ordered], np.arange(len(self.starts) + 1))


def windows_between(
    start: Time, stop: Time, every: Duration, period: Duration, offset: Duration, times: Moments | None
) -> Windows:
    """The windows of a range; with ``times``, only those that hold one of them."""
    if every == INFINITE:
        return Windows(np.array([start.nanoseconds]), np.array([stop.nanoseconds]))
    if every.months or period.months:
        starts, stops = _by_calendar(start, stop, every, period, offset)
    else:
        starts, stops = _by_clock(start, stop, every, period, offset, times)
    windows = Windows(np.maximum(starts, start.nanoseconds), np.minimum(stops, stop.nanoseconds))
    return windows if times is None else _occupied(windows, times)


def _by_clock(
    start: Time, stop: Time, every: Duration, period: Duration, offset: Duration, times: Moments | None
) -> tuple[Moments, Moments]:
    step, length, shift = every.nanoseconds, period.nanoseconds, offset.nanoseconds
    first = (start.nanoseconds - shift - length) // step + 1
    last = -((shift - stop.nanoseconds) // step) - 1
    if times is not None and step == length:
        numbers = np.unique((times - shift) // step)
    elif last - first >= MOST_WINDOWS:
        raise FluxError(f"the range has {last - first + 1} windows, the sandbox makes at most {MOST_WINDOWS}")
    else:
        numbers = np.arange(first, last + 1)
    starts = numbers * step + shift
    return starts, starts + length


def _by_calendar(
    start: Time, stop: Time, every: Duration, period: Duration, offset: Duration
) -> tuple[Moments, Moments]:
    if not every.months:
        raise FluxError(
            "the sandbox's InfluxDB does not implement a period in months with every in fixed units"
        )
    number = (_months_since_epoch(start) - period.months - 1) // every.months
    starts: list[int] = []
    stops: list[int] = []
    while True:
        begin = EPOCH.plus(Duration(number * every.months, 0)).plus(offset)
        if begin >= stop:
            return np.array(starts, np.int64), np.array(stops, np.int64)
        if begin.plus(period) > start:
            starts.append(begin.nanoseconds)
            stops.append(begin.plus(period).nanoseconds)
        number += 1


def _months_since_epoch(time: Time) -> int:
    moment = np.datetime64(time.nanoseconds, "ns").astype("datetime64[M]")
    return int(moment.astype(np.int64))


def _occupied(windows: Windows, times: Moments) -> Windows:
    ordered = np.sort(times)
    held = np.searchsorted(ordered, windows.stops) > np.searchsorted(ordered, windows.starts)
    return Windows(windows.starts[held], windows.stops[held])
