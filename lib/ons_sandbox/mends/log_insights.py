"""Logs Insights over raw events, and the refusal of everything else.

MiniStack answers any query at all with raw rows, and calls that Complete. Here what insights_query reads is
answered as AWS documents it: first Running, then Complete, newest first, in pages; what it does not read is
a MalformedQueryException.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html
"""

import functools
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.mends.insights_query import ANSWERED, MAX_ROWS, MalformedQuery, Query, Record, parse

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

MAX_GROUPS = 50
PAGE_ROWS = 10_000


class InvalidParameter(ValueError):
    """A request that AWS answers with InvalidParameterException; the message is the answer's."""


def install() -> None:
    """Put StartQuery and GetQueryResults in place."""
    logs: Any = mended(
        "ministack.services.cloudwatch_logs",
        "_start_query",
        "_get_query_results",
        "_queries",
        "_log_records",
        "_build_log_record",
        "_format_insights_timestamp",
        "_resolve_query_log_groups",
        "_event_timestamp",
        "_log_events_lock",
    )
    logs._start_query = functools.partial(_start_query, logs)
    logs._get_query_results = functools.partial(_get_query_results, logs, logs._get_query_results)


def _start_query(logs: Any, data: Request) -> Response:
    try:
        groups = _checked_groups(logs, data)
        if data.get("queryLanguage") not in (None, "", "CWLI"):
            raise MalformedQuery(f"{ANSWERED}, not in {data['queryLanguage']}.", 0, 0)
        query = parse(data.get("queryString") or "")
    except InvalidParameter as error:
        return _refused(logs, "InvalidParameterException", str(error))
    except MalformedQuery as error:
        location = {"startCharOffset": error.start, "endCharOffset": error.end}
        compiled = {"queryCompileError": {"location": location, "message": error.message}}
        return _refused(logs, "MalformedQueryException", error.message, compiled)
    for name in groups:
        if name not in logs._log_groups:
            return _refused(
                logs, "ResourceNotFoundException", f"The specified log group does not exist: {name}"
            )
    query.limit = min(query.limit, data.get("limit") or MAX_ROWS)
    results, statistics = _run(logs, query, groups, data["startTime"], data["endTime"])
    query_id = logs.new_uuid()
    logs._queries[query_id] = {
        "queryId": query_id,
        "logGroupNames": groups,
        "startTime": data["startTime"],
        "endTime": data["endTime"],
        "queryString": data.get("queryString") or "",
        "status": "Running",
        "results": [],
        "_results": results,
        "statistics": statistics,
    }
    answer: Response = logs.json_response({"queryId": query_id})
    return answer


def _checked_groups(logs: Any, data: Request) -> list[str]:
    given = [name for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if data.get(name)]
    if len(given) != 1:
        message = "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified."
        raise InvalidParameter(message)
    groups: list[str] = logs._resolve_query_log_groups(data)
    if len(groups) > MAX_GROUPS:
        raise InvalidParameter(f"A query reads at most {MAX_GROUPS} log groups, not {len(groups)}.")
    start, end = data.get("startTime"), data.get("endTime")
    if not isinstance(start, int) or not isinstance(end, int) or start > end:
        raise InvalidParameter("startTime and endTime must be given, in seconds, and in this order.")
    return groups


def _refused(logs: Any, code: str, message: str, more: Request | None = None) -> Response:
    answer: Response = logs.error_response_json(code, message, 400, more)
    return answer


def _run(
    logs: Any, query: Query, groups: list[str], start: int, end: int
) -> tuple[list[list[Record]], dict[str, float]]:
    """The rows of a query, and its statistics. start, end: seconds since the epoch, both inclusive."""
    found, scanned, size = [], 0, 0
    for at, record, event in _records(logs, groups, start * 1000, end * 1000):
        scanned += 1
        size += len(record["@message"])
        if all(test(record) for test in query.tests):
            found.append((at, record, event))
    matched = len(found)
    found.sort(key=lambda each: each[0], reverse=not query.ascending)
    rows = []
    for at, record, event in found[: query.limit]:
        record["@timestamp"] = logs._format_insights_timestamp(at)
        record["@ingestionTime"] = logs._format_insights_timestamp(event.get("ingestionTime", at))
        record["@ptr"] = _pointer(logs, at, record, event)
        rows.append(
            [{"field": name, "value": record[name]} for name in dict.fromkeys([*query.fields, "@ptr"])]
        )
    statistics = {"recordsMatched": matched, "recordsScanned": scanned, "bytesScanned": size}
    return rows, {name: float(value) for name, value in statistics.items()}


def _records(
    logs: Any, groups: list[str], start: int, end: int
) -> Iterator[tuple[int, Record, dict[str, Any]]]:
    """Time (ms), the fields in which a filter can look, and the stored event, of every event in the range."""
    for group in groups:
        log = f"{logs.get_account_id()}:{group}"
        for stream, holder in list(logs._log_groups[group]["streams"].items()):
            with logs._log_events_lock:
                events = holder["events"]
                first = bisect_left(events, start, key=logs._event_timestamp)
                last = bisect_left(events, end + 1, first, key=logs._event_timestamp)
                piece = events[first:last]
            for event in piece:
                record = {"@message": event["message"], "@logStream": stream, "@log": log}
                yield event["timestamp"], record, event


def _pointer(logs: Any, at: int, record: Record, event: dict[str, Any]) -> str:
    """The pointer of an event, with which GetLogRecord finds it."""
    pointer = str(event.setdefault("eventId", logs.new_uuid()))
    if pointer not in logs._log_records:
        group = record["@log"].partition(":")[2]
        logs._log_records[pointer] = logs._build_log_record(
            ptr=pointer,
            timestamp_ms=at,
            message=record["@message"],
            log_group=group,
            log_stream=record["@logStream"],
        )
    return pointer


def _get_query_results(logs: Any, stored: Callable[[Request], Response], data: Request) -> Response:
    """As on AWS a query is Running when it is first asked for, and its rows come in pages."""
    answer = stored({"maxItems": PAGE_ROWS, **data})
    query = logs._queries.get(data.get("queryId"))
    if query is not None and "_results" in query:
        results = query.pop("_results")
        if query["status"] == "Running":
            query.update(status="Complete", results=results)
    return answer
