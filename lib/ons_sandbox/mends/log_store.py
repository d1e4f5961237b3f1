"""Writing history into MiniStack's CloudWatch Logs without a call for each batch.

PutLogEvents on AWS takes no event older than 14 days and 10,000 events a call; MiniStack's takes any age,
but keeps a second record of every event (for Insights pointers), which costs more than the event itself.
What is written here is what PutLogEvents leaves behind, without that record: GetLogEvents, FilterLogEvents
and DescribeLogStreams read it.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

import heapq
import time
import zlib
from collections.abc import Iterable
from typing import Any

from ons_sandbox.mends import mended

Event = dict[str, Any]


def bulk_put(group: str, stream: str, events: Iterable[tuple[int, str]]) -> int:
    """Write many events into one log stream of the current account and region, and say how many.

    Call it inside the server's process. The log group and the stream are made when they are missing.

    group, stream: names, e.g. "/aws/lambda/lambda_router" and "2026/11/23/[6]0f3a…".
    events: (time in ms since the epoch UTC, message) in any order; fastest in order of time, and with all
        the events of a stream in one call. Any age is accepted; each counts as ingested at its own time.

    About 2 µs and 500 bytes an event. Event ids follow from group, stream, time and position, so that the
    same history has the same ids. Nothing is sent to subscription filters.
    """
    logs: Any = mended(
        "ministack.services.cloudwatch_logs", "_log_groups", "_log_events_lock", "_event_timestamp"
    )
    ordered = sorted(events, key=_time_of)
    holder = _stream(logs, group, stream, ordered)
    if not ordered:
        return 0
    salt = zlib.crc32(f"{group}\0{stream}".encode())
    with logs._log_events_lock:
        position = len(holder["events"])
        added: list[Event] = [
            {
                "timestamp": at,
                "message": message,
                "ingestionTime": at,
                "eventId": f"{at:018d}{salt:020d}{position + number:018d}",
            }
            for number, (at, message) in enumerate(ordered)
        ]
        # A reader may hold the list that is there: it is only ever extended, or replaced as a whole.
        if position and holder["events"][-1]["timestamp"] > added[0]["timestamp"]:
            holder["events"] = list(heapq.merge(holder["events"], added, key=logs._event_timestamp))
        else:
            holder["events"].extend(added)
        holder["firstEventTimestamp"] = holder["events"][0]["timestamp"]
        holder["lastEventTimestamp"] = holder["events"][-1]["timestamp"]
        holder["lastIngestionTime"] = holder["lastEventTimestamp"]
    return len(added)


def _time_of(event: tuple[int, str]) -> int:
    return event[0]


def _stream(logs: Any, group: str, stream: str, ordered: list[tuple[int, str]]) -> dict[str, Any]:
    """The stream, made (as CreateLogGroup and CreateLogStream would) at the time of its first event."""
    born = ordered[0][0] if ordered else int(time.time() * 1000)
    found = logs._log_groups.get(group)
    if found is None:
        logs._create_log_group({"logGroupName": group})
        found = logs._log_groups[group]
        found["creationTime"] = born
    streams: dict[str, dict[str, Any]] = found["streams"]
    if stream not in streams:
        logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
        streams[stream]["creationTime"] = born
    return streams[stream]
