"""How old the events of a log group are, and what keeping them for fewer days would delete.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html: streams have
times, late by up to an hour, and no sizes (storedBytes of a stream is always zero). So what is older than
some days cannot be counted in bytes without reading it, which Logs Insights charges for: it is estimated, as
if the group had been written evenly since its oldest event.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ons_runbook.failures import reading
from ons_runbook.session import Session

#: Streams that are looked at of one group: fifty a call, twenty-five calls a second an account.
MOST_STREAMS = 500


@dataclass(frozen=True)
class Ages:
    """What a log group holds, by age.

    Attributes:
        oldest, newest: event, UTC; None when there is none, or the group did not say.
        certain: every stream was looked at; else there may be older events.
        streams_expire: streams of which no event would be left; at least so many, when not certain.
        expires_bytes: of the stored bytes, estimated; None when the age of what it holds is not known.
        nothing_left: even its newest event is too old.
    """

    oldest: datetime | None
    newest: datetime | None
    certain: bool
    streams_expire: int
    expires_bytes: int | None
    nothing_left: bool


def ages(session: Session, group: str, stored_bytes: int, days: int, until: datetime) -> Ages:
    """What keeping `group` only `days` days before `until` (UTC) would delete. Raises ReadError."""
    border = until - timedelta(days=days)
    oldest: datetime | None = None
    seen = expire = 0
    certain = True
    with reading(f"Streams of log group {group}", "logs"):
        newest = _newest(session, group)
        for page in _oldest_first(session, group):
            for first, last in page:
                seen += 1
                if first is not None:
                    oldest = min(oldest or first, first)
                    expire += (last or first) < border
            if seen >= MOST_STREAMS:
                certain = False
                break
    expires = None
    if oldest is not None:
        expires = _evenly(stored_bytes, until - oldest, timedelta(days=days))
    elif not stored_bytes:
        expires = 0
    nothing_left = newest is not None and newest < border
    return Ages(oldest, newest, certain, expire, expires, nothing_left)


def _newest(session: Session, group: str) -> datetime | None:
    found = session.client("logs").describe_log_streams(
        logGroupName=group, orderBy="LastEventTime", descending=True, limit=1
    )["logStreams"]
    return _moment(found[0].get("lastEventTimestamp")) if found else None


def _oldest_first(session: Session, group: str) -> Iterator[list[tuple[datetime | None, datetime | None]]]:
    """Pages of the first and last event of each stream, those first that were written to longest ago."""
    pages = session.pages("logs", "DescribeLogStreams", logGroupName=group, orderBy="LastEventTime")
    for page in pages:
        yield [
            (_moment(stream.get("firstEventTimestamp")), _moment(stream.get("lastEventTimestamp")))
            for stream in page["logStreams"]
        ]


def _evenly(stored: int, age: timedelta, kept: timedelta) -> int:
    return round(stored * ((age - kept) / age)) if age > kept else 0


def _moment(milliseconds: Any) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
