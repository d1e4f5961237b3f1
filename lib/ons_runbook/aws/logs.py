"""CloudWatch Logs: count and fetch the lines that match a filter pattern; every page, streamed, side by side.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html: a page may be
empty and still not the last; endTime is included. Patterns:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

import pandas as pd

from ons_runbook.calls import side_by_side
from ons_runbook.checks import Check, Verdict, covers, worst
from ons_runbook.errors import RunbookError
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.tables import MOMENT, TEXT, WHOLE, given, table, text
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

NEXT = "troubleshooting/s3_processing_failures"

COUNTS = {
    "function": TEXT,
    "lines": WHOLE,
    "first": MOMENT,
    "last": MOMENT,
    "log_group": TEXT,
    "problem": TEXT,
}
LINES = {"time": MOMENT, "log_group": TEXT, "stream": TEXT, "message": TEXT}

# A slice of this many hours is read by one thread. FilterLogEvents allows few requests a second an account,
# so never more than eight go on at once (side_by_side), however long the window is.
_SLICE_HOURS = 3
_MOST_SLICES = 56
# What is read of an answer.
_KEPT = ("events", "nextToken")


def events(session: Session, log_group: str, window: Window, pattern: str) -> Iterator[dict[str, Any]]:
    """The matching events of one log group, streamed page by page, as the API gives them.

    Raises NotFound when there is no such group, ReadError otherwise.
    """
    for page in event_pages(session, log_group, window, pattern):
        yield from page


def event_pages(
    session: Session, log_group: str, window: Window, pattern: str
) -> Iterator[list[dict[str, Any]]]:
    """The same events, a list for each page of the answer (a page may be empty); raises as `events` does."""
    session.client("logs").meta.events.register(
        "before-parse.cloudwatch-logs.FilterLogEvents", _parse, unique_id="ons-runbook-events"
    )
    with reading(f"Log group {log_group}", "logs"):
        for page in session.pages(
            "logs",
            "FilterLogEvents",
            logGroupName=log_group,
            filterPattern=pattern,
            startTime=_milliseconds(window.start),
            endTime=_milliseconds(window.end) - 1,
        ):
            yield page.get("events", [])


def _parse(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the events of an answer as they stand in its JSON.

    botocore goes through every member of every event, which takes longer than all that is done with them
    here, and changes nothing: they are texts and whole numbers.
    """
    if response_dict["status_code"] != 200:
        return
    try:
        document = json.loads(response_dict["body"])
        customized_response_dict |= {name: document[name] for name in _KEPT if document.get(name)}
    except (ValueError, AttributeError):
        return  # no JSON object: botocore says what is wrong with it
    response_dict["body"] = b"{}"


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def slices(window: Window) -> list[Window]:
    """The window cut into the parts that are read side by side."""
    return window.split(max(1, min(_MOST_SLICES, round(window.minutes / 60 / _SLICE_HOURS))))


def count_by_function(
    session: Session, log_groups: Mapping[str, str], window: Window, pattern: str
) -> pd.DataFrame:
    """How many lines match `pattern` in the window, one row a function; `log_groups` is function to log
    group.

    Columns: function, lines (missing when they could not be counted), first, last (UTC), log_group, problem.
    Nothing but counters is kept, so memory does not grow with the window.
    """
    tasks = {
        (function, number): partial(_count, session, group, part, pattern)
        for function, group in log_groups.items()
        for number, part in enumerate(slices(window))
    }
    outcomes = side_by_side(tasks)
    rows = []
    for function, group in log_groups.items():
        parts = [outcome for (name, _), outcome in outcomes.items() if name == function]
        row: dict[str, Any] = {"function": function, "log_group": group}
        if failed := next((part.error for part in parts if part.error is not None), None):
            if not isinstance(failed, RunbookError):
                raise failed
            rows.append(row | {"problem": str(failed)})
            continue
        counted = [part.unwrap() for part in parts]
        firsts = [first for _, first, _ in counted if first is not None]
        lasts = [last for _, _, last in counted if last is not None]
        row |= {"lines": sum(lines for lines, _, _ in counted)}
        rows.append(row | {"first": min(firsts, default=None), "last": max(lasts, default=None)})
    return table(rows, COUNTS, empty="No function was asked for.")


def _count(
    session: Session, log_group: str, window: Window, pattern: str
) -> tuple[int, datetime | None, datetime | None]:
    lines, first, last = 0, None, None
    for event in events(session, log_group, window, pattern):
        lines += 1
        first = event["timestamp"] if first is None else min(first, event["timestamp"])
        last = event["timestamp"] if last is None else max(last, event["timestamp"])
    return lines, _moment(first), _moment(last)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def search(
    session: Session, log_groups: Sequence[str], window: Window, pattern: str, limit: int = 1000
) -> pd.DataFrame:
    """The matching lines, oldest first, at most `limit` from each log group.

    Columns: time (UTC), log_group, stream, message. `frame.attrs["cut"]` names the groups that have more.
    What stands in a message was written by anybody: show it only through show.py, which escapes and redacts
    it.
    """
    outcomes = side_by_side(
        {group: partial(_first, session, group, window, pattern, limit) for group in log_groups}
    )
    rows, cut = [], []
    for group, outcome in outcomes.items():
        found = outcome.unwrap()
        if len(found) > limit:
            cut.append(group)
        rows += [
            {
                "time": _moment(event["timestamp"]),
                "log_group": group,
                "stream": event.get("logStreamName"),
                "message": event["message"],
            }
            for event in found[:limit]
        ]
    rows.sort(key=lambda row: row["time"])
    frame = table(rows, LINES, empty=f"No line matches {pattern} in {window}.")
    frame.attrs["cut"] = cut
    return frame


def _first(
    session: Session, log_group: str, window: Window, pattern: str, limit: int
) -> list[dict[str, Any]]:
    return list(islice(events(session, log_group, window, pattern), limit + 1))


@covers(["processing.activity"])
def judge_activity(
    counts: pd.DataFrame, window: Window, thresholds: Thresholds, functions: Sequence[str]
) -> Check:
    """Whether each of `functions` (the pipeline's, first one first) finished something in the window.

    Without a SUCCESS line of the first function nothing comes in, which fails; of a later one, work gets
    stuck, which warns. A window of up to `idle_allowed_minutes` may be quiet. A group that could not be
    read is unknown.
    """
    rows = {text(row["function"]): row for _, row in counts.iterrows()}
    quiet_is_normal = window.minutes <= thresholds.idle_allowed_minutes
    verdicts, said, problems = [], [], []
    for position, function in enumerate(functions):
        row = rows[function]
        if given(row["problem"]):
            verdicts.append(Verdict.UNKNOWN)
            problems.append(text(row["problem"]))
            continue
        lines = int(row["lines"])
        silent = Verdict.PASS if quiet_is_normal else Verdict.WARN if position else Verdict.FAIL
        verdicts.append(Verdict.PASS if lines else silent)
        said.append(f"{function} {lines}")
    verdict = worst(verdicts)
    expected = "SUCCESS lines of every function of the pipeline"
    if quiet_is_normal:
        expected += f", or none in a window of up to {thresholds.idle_allowed_minutes:g} min"
    hint = "" if verdict is Verdict.PASS else f"Next: {NEXT}."
    counted = ["SUCCESS lines: " + ", ".join(said)] if said else []
    observed = "; ".join([*dict.fromkeys(problems), *counted])
    return Check("processing.activity", verdict, observed, expected, str(window), hint)
