"""Time windows: aware, UTC, closed at the start and open at the end.

Durations are written as people say them (`15m`, `1h`, `7d`, `2w`); moments are ISO 8601 with a zone
(https://docs.python.org/3.11/library/datetime.html#datetime.datetime.fromisoformat).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ons_runbook.errors import WindowError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"([0-9]{1,6})([mhdw])")
# Clocks differ between machines: a moment this little ahead of ours is "now", not the future.
_CLOCK_SKEW = timedelta(seconds=60)


def utc_now() -> datetime:
    """The present moment, aware, in UTC, to the second (what people and reports can tell apart)."""
    return datetime.now(UTC).replace(microsecond=0)


def iso(moment: datetime) -> str:
    """`2026-11-23T03:00:00Z`: how moments are written in results and file names of this project."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_duration(text: str) -> timedelta:
    """`15m`, `1h`, `7d` or `2w` as a timedelta; WindowError for anything else, zero included."""
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or int(match[1]) == 0:
        raise WindowError(f"{text!r} is not a duration.", "Write a number and a unit: 15m, 1h, 7d or 2w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_moment(text: str, now: datetime) -> datetime:
    """`now`, or ISO 8601 with a zone (`2026-11-23T03:00Z`), as aware UTC; WindowError otherwise."""
    if isinstance(text, str) and text.strip().lower() == "now":
        return now
    try:
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, AttributeError):
        raise WindowError(
            f"{text!r} is not a moment.", "Write 'now', or ISO 8601: 2026-11-23T03:00Z."
        ) from None
    if moment.tzinfo is None:
        raise WindowError(
            f"{text!r} has no time zone.",
            "Add one: 2026-11-23T03:00Z, or 2026-11-23T00:00-03:00 for Brasília.",
        )
    return moment.astimezone(UTC)


@dataclass(frozen=True)
class Window:
    """From `start` (included) to `end` (excluded), both aware; they are kept in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment = getattr(self, name)
            if moment.tzinfo is None:
                raise WindowError(
                    f"The window's {name}, {moment}, has no time zone.", "Pass an aware datetime."
                )
            object.__setattr__(self, name, moment.astimezone(UTC))
        if self.start >= self.end:
            raise WindowError(
                f"The window is reversed or empty: {iso(self.start)} to {iso(self.end)}.",
                "Put the start first.",
            )

    @classmethod
    def parse(cls, window: str = "1h", until: str = "now", *, now: datetime | None = None) -> "Window":
        """The `window` (duration) that ends at `until` ('now' or ISO 8601 with a zone).

        `now` is the moment that counts as the present (for tests). WindowError when either cannot be read, or
        when the end lies in the future.
        """
        present = now.astimezone(UTC) if now else utc_now()
        end = parse_moment(until, present)
        if end > present + _CLOCK_SKEW:
            raise WindowError(f"The window ends in the future: {iso(end)}.", f"It is {iso(present)} now.")
        try:
            return cls(end - parse_duration(window), end)
        except OverflowError:
            raise WindowError(
                f"{window!r} reaches back before the calendar begins.", "Choose less."
            ) from None

    @property
    def duration(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start

    @property
    def minutes(self) -> float:
        """How long the window is, in minutes."""
        return self.duration.total_seconds() / 60

    def split(self, parts: int) -> list["Window"]:
        """The window cut into `parts` adjoining windows of equal length, to be asked for side by side."""
        edges = [self.start + self.duration * part / parts for part in range(parts)] + [self.end]
        return [Window(start, end) for start, end in pairwise(edges)]

    def __str__(self) -> str:
        day = "" if self.start.date() == self.end.date() else f"{self.end:%Y-%m-%d} "
        return f"{self.start:%Y-%m-%d %H:%M} to {day}{self.end:%H:%M} UTC"
