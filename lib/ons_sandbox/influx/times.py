"""Times as InfluxDB has them: whole nanoseconds since 1970, UTC; RFC 3339 as their text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

NANOSECONDS = 1_000_000_000
RFC3339 = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:T(?P<time>\d{2}:\d{2}:\d{2})(?:\.(?P<fraction>\d{1,9}))?(?:Z|(?P<offset>[+-]\d{2}:\d{2})))?"
)


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time, or of midnight UTC of a date. Raises ValueError."""
    match = RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    moment = datetime.fromisoformat(
        f"{match['date']}T{match['time'] or '00:00:00'}{match['offset'] or '+00:00'}"
    )
    return seconds_of(moment) * NANOSECONDS + int((match["fraction"] or "").ljust(9, "0"))


def format_rfc3339(nanoseconds: int, digits: int | None = None) -> str:
    """RFC 3339 text, with as many digits of the second's fraction as it needs, or as ``digits`` says."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    fraction = f"{rest:09d}".rstrip("0") if digits is None else f"{rest:09d}"[:digits]
    return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}Z"


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970 of an aware datetime."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
