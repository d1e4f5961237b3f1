"""FilterLogEvents as AWS documents it: real filter patterns, and pages that may be empty.

MiniStack knows few patterns, stops at 10,000 events without a token, and does not know the prefix of streams.
Here each page looks at no more than PAGE_EVENTS events, from where its token says; so a page with nothing in
it but a token is ordinary, as it is on AWS, and a page costs the same in a group of a million events.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import base64
import functools
import itertools
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ons_sandbox.mends import mended
from ons_sandbox.mends.filter_pattern import InvalidPattern, compile_pattern

Event = dict[str, Any]
Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
# Time (ms), stream, place in the stream, event: sorting these gives the order of the answer.
Candidate = tuple[int, str, int, Event]

PAGE_EVENTS = 10_000
PAGE_BYTES = 1_000_000
MAX_LIMIT = 10_000
MAX_STREAMS = 100
# AWS: newest first is only for requests that start on or after 2024-01-01.
FIRST_DESCENDING_START = 1_704_067_200_000

_event_numbers = itertools.count(1)


class InvalidParameter(ValueError):
    """A request that AWS answers with InvalidParameterException; the message is the answer's."""


class Cursor(NamedTuple):
    """Where a page ended: the `taken`-th event of `timestamp` (ms) in `stream` was the last one looked at."""

    group: str
    forward: bool
    timestamp: int
    stream: str
    taken: int


@dataclass(frozen=True)
class Span:
    """The part of one stream that is still to be looked at: events[low:high]."""

    stream: str
    events: list[Event]
    low: int
    high: int

    def time_of_next(self, forward: bool) -> int:
        """The time of the event that comes next (ms)."""
        return _time(self.events[self.low if forward else self.high - 1])

    def candidates(self, count: int, edge: int | None, forward: bool) -> list[Candidate]:
        """The next `count` events, none beyond the time `edge`."""
        low, high = self.low, self.high
        if forward:
            high = min(high, low + count)
            if edge is not None:
                high = bisect_right(self.events, edge, low, high, key=_time)
        else:
            low = max(low, high - count)
            if edge is not None:
                low = bisect_left(self.events, edge, low, high, key=_time)
        piece = self.events[low:high]
        return [(event["timestamp"], self.stream, place, event) for place, event in enumerate(piece, low)]


def install() -> None:
    """Put FilterLogEvents, and the pattern matching of subscription filters and live tails, in place."""
    logs: Any = mended(
        "ministack.services.cloudwatch_logs",
        "_filter_log_events",
        "_subscription_pattern_matches",
        "_put_subscription_filter",
        "_put_metric_filter",
        "_start_live_tail",
        "_resolve_log_group_name",
        "_log_events_lock",
        "error_response_json",
        "json_response",
    )
    logs._filter_log_events = functools.partial(_filter_log_events, logs)
    logs._subscription_pattern_matches = _pattern_matches
    for name, member in (
        ("_put_subscription_filter", "filterPattern"),
        ("_put_metric_filter", "filterPattern"),
        ("_start_live_tail", "logEventFilterPattern"),
    ):
        setattr(logs, name, _with_valid_pattern(logs, getattr(logs, name), member))


def _pattern_matches(pattern: str | None, message: str | None) -> bool:
    return compile_pattern(pattern or "")(message or "")


def _with_valid_pattern(
    logs: Any, handler: Callable[[Request], Response], member: str
) -> Callable[[Request], Response]:
    def checked(data: Request) -> Response:
        try:
            compile_pattern(data.get(member) or "")
        except InvalidPattern as error:
            return _refused(logs, "InvalidParameterException", str(error))
        return handler(data)

    return checked


def _refused(logs: Any, code: str, message: str) -> Response:
    answer: Response = logs.error_response_json(code, message, 400)
    return answer


def _filter_log_events(logs: Any, data: Request) -> Response:
    try:
        matches = compile_pattern(data.get("filterPattern") or "")
        limit = _checked_limit(data)
        group = _checked_group(logs, data)
        cursor = _checked_cursor(data, group)
    except (InvalidPattern, InvalidParameter) as error:
        return _refused(logs, "InvalidParameterException", str(error))
    found = logs._log_groups.get(group)
    if found is None:
        return _refused(logs, "ResourceNotFoundException", f"The specified log group does not exist: {group}")
    missing = [name for name in data.get("logStreamNames") or () if name not in found["streams"]]
    if missing:
        message = f"The specified log stream does not exist: {missing[0]}"
        return _refused(logs, "ResourceNotFoundException", message)
    forward = cursor.forward if cursor else data.get("startFromHead") is not False
    with logs._log_events_lock:
        # A list is only ever extended, or replaced as a whole: what is read here stays as it is.
        spans = _spans(data, found["streams"], cursor)
    page = _next_candidates(spans, PAGE_EVENTS, forward)
    events, looked_at = _matching(page, matches, limit)
    answer: dict[str, Any] = {"events": events, "searchedLogStreams": []}
    if looked_at < sum(span.high - span.low for span in spans):
        answer["nextToken"] = _token(group, forward, page, looked_at, spans)
    response: Response = logs.json_response(answer)
    return response


def _checked_limit(data: Request) -> int:
    limit = data.get("limit")
    if limit is None:
        return MAX_LIMIT
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        high = isinstance(limit, int) and limit > MAX_LIMIT
        bound = f"less than or equal to {MAX_LIMIT}" if high else "greater than or equal to 1"
        raise InvalidParameter(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            f"Member must have value {bound}"
        )
    return limit


def _checked_group(logs: Any, data: Request) -> str:
    """The log group's name, after what AWS says of parameters that go together."""
    if bool(data.get("logGroupName")) == bool(data.get("logGroupIdentifier")):
        raise InvalidParameter("Exactly one of logGroupName and logGroupIdentifier must be specified")
    names = data.get("logStreamNames")
    if names is not None and data.get("logStreamNamePrefix"):
        raise InvalidParameter("logStreamNames and logStreamNamePrefix cannot be specified together")
    if names is not None and not 1 <= len(names) <= MAX_STREAMS:
        raise InvalidParameter(
            f"logStreamNames must have between 1 and {MAX_STREAMS} members, not {len(names)}"
        )
    if data.get("startFromHead") is False and (data.get("startTime") or 0) < FIRST_DESCENDING_START:
        raise InvalidParameter("startFromHead can be false only with a startTime on or after 2024-01-01")
    name: str = logs._resolve_log_group_name(data)
    return name


def _checked_cursor(data: Request, group: str) -> Cursor | None:
    token = data.get("nextToken")
    if token is None:
        return None
    try:
        cursor = Cursor(*json.loads(base64.urlsafe_b64decode(token.encode("ascii"))))
        right = [type(value) for value in cursor] == [str, bool, int, str, int] and cursor.group == group
    except (ValueError, TypeError, AttributeError):
        right = False
    if not right:
        raise InvalidParameter("The specified nextToken is invalid.")
    return cursor


def _time(event: Event) -> int:
    at: int = event["timestamp"]
    return at


def _spans(data: Request, streams: dict[str, Any], cursor: Cursor | None) -> list[Span]:
    """What of each stream lies in the request's time (both ends inclusive) and not before the cursor."""
    names = data.get("logStreamNames") or streams
    prefix = data.get("logStreamNamePrefix") or ""
    start, end = data.get("startTime"), data.get("endTime")
    spans = []
    for name in names:
        events = streams[name]["events"]
        if not name.startswith(prefix) or not events:
            continue
        low = 0 if start is None else bisect_left(events, start, key=_time)
        high = len(events) if end is None else bisect_right(events, end, key=_time)
        if cursor is not None and cursor.forward:
            low = max(low, _resumed(events, name, cursor))
        elif cursor is not None:
            high = min(high, _resumed(events, name, cursor))
        if low < high:
            spans.append(Span(name, events, low, high))
    return spans


def _resumed(events: list[Event], stream: str, cursor: Cursor) -> int:
    """The boundary in one stream between what earlier pages looked at and what they did not."""
    before = bisect_left(events, cursor.timestamp, key=_time)
    if stream == cursor.stream:
        after = bisect_right(events, cursor.timestamp, key=_time)
        return before + cursor.taken if cursor.forward else after - cursor.taken
    # Events of one moment are in the order of their streams' names.
    if stream > cursor.stream:
        return before
    return bisect_right(events, cursor.timestamp, key=_time)


def _next_candidates(spans: list[Span], count: int, forward: bool) -> list[Candidate]:
    """The first `count` events over all spans, in order, without sorting more than is needed for them."""
    chosen: list[Candidate] = []
    edge: int | None = None  # nothing beyond this time can be among the first `count`
    for span in sorted(spans, key=lambda each: each.time_of_next(forward), reverse=not forward):
        at = span.time_of_next(forward)
        if edge is not None and (at > edge if forward else at < edge):
            break
        chosen.extend(span.candidates(count, edge, forward))
        if len(chosen) >= (count if edge is None else 2 * count):
            chosen.sort(reverse=not forward)
            del chosen[count:]
            edge = chosen[-1][0]
    chosen.sort(reverse=not forward)
    return chosen[:count]


def _matching(page: list[Candidate], matches: Callable[[str], bool], limit: int) -> tuple[list[Event], int]:
    """The events that match, as the answer has them, and how many of the page were looked at for them."""
    events: list[Event] = []
    size = 0
    for looked_at, (_at, stream, _place, event) in enumerate(page):
        if not matches(event["message"]):
            continue
        size += len(event["message"])
        if events and size > PAGE_BYTES:
            return events, looked_at
        events.append(
            {
                "logStreamName": stream,
                "timestamp": event["timestamp"],
                "message": event["message"],
                "ingestionTime": event.get("ingestionTime", event["timestamp"]),
                "eventId": event.get("eventId") or _named(event),
            }
        )
        if len(events) == limit:
            return events, looked_at + 1
    return events, len(page)


def _named(event: Event) -> str:
    """Give an event an id that it keeps; functions write theirs without one."""
    event["eventId"] = f"{event['timestamp']:018d}{next(_event_numbers):038d}"
    return str(event["eventId"])


def _token(group: str, forward: bool, page: list[Candidate], looked_at: int, spans: list[Span]) -> str:
    at, stream, place, _event = page[looked_at - 1]
    events = next(span.events for span in spans if span.stream == stream)
    if forward:
        taken = place + 1 - bisect_left(events, at, key=_time)
    else:
        taken = bisect_right(events, at, key=_time) - place
    return base64.urlsafe_b64encode(json.dumps(Cursor(group, forward, at, stream, taken)).encode()).decode()
