"""What lines of one kind have in common, and a bounded tally of the kinds.

A signature is a message without its variable parts, or for a traceback the exception and the innermost frame
of the function's own code. https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html: how Lambda
writes lines, as text and as JSON.
"""

import json
import re
import string
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

#: What stands for the lines of the signatures that were too many to keep.
OTHER = "(other)"
#: Signatures that are kept of each function; twice as many are counted before the rarest are given up.
MOST = 200
_SAMPLE = 300
_LOOKED_AT = 300
_DAY_MS = 86_400_000
_VARIABLE = "…"

# What varies begins with a digit, a quote or a slash (one set, so that the search runs at full speed) ...
_VARIES = re.compile(
    r"""[0-9'"/](?:(?<=[0-9])[\w.,:/+%-]*|(?<!\w')(?<=')[^'\n]*'|(?<=")[^"\n]*"|(?<=/)[\w.-]+/[\w./-]*)"""
)
# ... and these before it belong to the same word: the letters of an id, the folders of a dated path.
_SAME_WORD = string.ascii_letters + "_.:/+%-"
_OWN_FRAME = 'File "/var/task/'
_ANY_FRAME = 'File "'
# An exception's name at the start of a line: dotted, then a colon or nothing.
_NAME = re.compile(r"[A-Za-z_][\w.]*(?=:|$)", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last)"


def signature(message: str) -> str:
    """What lines like this one have in common; the same for the same kind of line, whatever its ids.

    The level, time and request id that Lambda puts before a message are left out. Whatever contains a digit,
    is quoted, or is a path becomes `…`. A traceback is its exception and the innermost frame of the
    function's own code (under /var/task), without the line's number, which changes with every version.
    """
    if message.startswith("{"):
        message = _from_json(message)
    elif message.startswith("["):
        parts = message.split("\t", 3)
        message = parts[3] if len(parts) == 4 else message.partition("] ")[2] or message
    if _TRACEBACK in message:
        return _of_traceback(message)
    line = message[:_LOOKED_AT].lstrip().partition("\n")[0]
    *parts, end = _VARIES.split(line)
    return "".join([part.rstrip(_SAME_WORD) + _VARIABLE for part in parts] + [end]).rstrip() or "(empty)"


def _from_json(message: str) -> str:
    try:
        document = json.loads(message)
    except ValueError:
        return message
    if not isinstance(document, dict):
        return message
    if kind := document.get("errorType"):
        frames = document.get("stackTrace") or []
        head = f"{kind}: {document.get('errorMessage', '')}"
        return "\n".join([head, _TRACEBACK, *map(str, frames)]) if frames else head
    return str(document.get("message", message))


def _of_traceback(message: str) -> str:
    frame = message.rfind(_OWN_FRAME)
    start = frame + len(_OWN_FRAME)
    if frame < 0:
        frame = message.rfind(_ANY_FRAME)
        start = frame + len(_ANY_FRAME)
    kind = _exception(message)
    if frame < 0:
        return kind
    path, _, rest = message[start : start + 500].partition('"')
    function = rest.partition("\n")[0].partition(", in ")[2].strip()
    return f"{kind} at {path} in {function or '?'}"


def _exception(message: str) -> str:
    # logging.exception's traceback ends with it; the runtime puts it before the traceback instead.
    for line in (message.rstrip()[-2000:].rpartition("\n")[2], message):
        if found := _NAME.match(line):
            return found[0]
    return "exception"


class Tally:
    """The lines of one function by day and signature. Safe to add to from several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        # signature -> day -> [lines, first (ms), last (ms)]
        self._days: dict[str, dict[int, list[int]]] = {}
        self._samples: dict[str, str] = {}
        self._other: dict[int, list[int]] = {}

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Count a page of events, each with `timestamp` (ms since the epoch) and `message`."""
        found: dict[tuple[str, int], list[int]] = {}
        samples: dict[str, str] = {}
        for event in events:
            message, at = event["message"], event["timestamp"]
            kind = signature(message)
            counted = found.get((kind, at // _DAY_MS))
            if counted is None:
                found[kind, at // _DAY_MS] = [1, at, at]
                samples.setdefault(kind, message)
                continue
            counted[0] += 1
            if at < counted[1]:
                counted[1] = at
            elif at > counted[2]:
                counted[2] = at
        with self._lock:
            for (kind, day), counted in found.items():
                _merge(self._days.setdefault(kind, {}), day, counted)
                self._samples.setdefault(kind, samples[kind][:_SAMPLE])
                if len(self._days) > 2 * self._most:
                    self._forget()

    def _forget(self) -> None:
        """Give up the rarest signatures: their lines stay in the sum, under OTHER."""
        rarest = sorted(self._days, key=lambda kind: sum(n for n, _, _ in self._days[kind].values()))
        for kind in rarest[: len(rarest) - self._most]:
            del self._samples[kind]
            for day, counted in self._days.pop(kind).items():
                _merge(self._other, day, counted)

    def rows(self) -> list[dict[str, Any]]:
        """One row a day and signature, as COUNTS has them but for the function."""
        with self._lock:
            if len(self._days) > self._most:
                self._forget()
            kinds = {**self._days, **({OTHER: self._other} if self._other else {})}
            return [
                {
                    "day": _moment(day * _DAY_MS),
                    "signature": kind,
                    "lines": lines,
                    "first_seen": _moment(first),
                    "last_seen": _moment(last),
                    "sample": self._samples.get(kind),
                }
                for kind, days in kinds.items()
                for day, (lines, first, last) in days.items()
            ]


def _merge(days: dict[int, list[int]], day: int, more: Sequence[int]) -> None:
    if (have := days.get(day)) is None:
        days[day] = list(more)
    else:
        days[day] = [have[0] + more[0], min(have[1], more[1]), max(have[2], more[2])]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
