"""What is known of every run in the reports folder, newest first, without reading them all each time.

What was read of each result is kept in reports/index.json, so that a new run costs one file and not all of
them. The cache is only that: every file is looked at (name, time and size: one `scandir` a day's folder and
one `stat` a result, a tenth of a second for 10,000 runs), so one that came, went or changed is noticed, and
without the cache everything is read again. https://docs.python.org/3/library/os.html#os.scandir
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from ons_runbook.headless import changes, summary
from ons_runbook.headless.changes import Problem, Seen
from ons_runbook.result import Result

CACHE = "index.json"
# Raised when entries gain fields, so that an older cache is not trusted.
CACHE_VERSION = 2
FIELDS = frozenset(("file", "stamp", "run_id", "procedure", "title", "platform", "verdict", "started"))
FIELDS |= {"seconds", "headline", "problem", "checked", "bad"}
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
UNREADABLE = "unreadable"

#: One run as the index lists it; `checked` and `bad` are what changes.Seen is made of.
Entry = dict[str, Any]


def runs(reports: Path) -> list[Entry]:
    """Every run in the folder, newest first. A file that is no result is listed as unreadable."""
    known = _cached(reports)
    entries: list[Entry] = []
    for day in _days(reports):
        with os.scandir(reports / day) as listing:
            found = {each.name: each for each in listing}
        for name, each in found.items():
            if not name.endswith(".json"):
                continue
            file = f"{day}/{name}"
            state = each.stat()
            stamp = [state.st_mtime_ns, state.st_size]
            entry: Entry = known.get(file, {})
            if entry.get("stamp") != stamp:
                entry = {"file": file, "stamp": stamp, **_read(reports / file)}
            page = f"{name.removesuffix('.json')}.html"
            # Never from the cache: an address is something that people click on.
            entry["link"] = quote(f"{day}/{page}") if page in found else None
            entries.append(entry)
    entries.sort(key=lambda entry: (entry["started"], entry["file"]), reverse=True)
    return entries


def remembered(entries: Iterable[Entry]) -> str:
    """The text of the cache for these runs. Lists of check names, alike in most runs, are kept once each."""
    lists: dict[tuple[str, ...], int] = {}
    kept = [entry | {"checked": lists.setdefault(tuple(entry["checked"]), len(lists))} for entry in entries]
    cache = {"version": CACHE_VERSION, "checked": list(lists), "runs": kept}
    return json.dumps(cache, ensure_ascii=False, separators=(",", ":")) + "\n"


def alike(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Runs that can be compared, by procedure and platform, newest first in each; no unreadable ones."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry["verdict"] != UNREADABLE:
            groups.setdefault((entry["procedure"], entry["platform"]), []).append(entry)
    return groups


def seen(entry: Entry) -> Seen:
    """What the run saw, for comparing it."""
    problems = [Problem(*fields) for fields in entry["bad"]]
    return Seen(
        run_id=entry["run_id"],
        started=datetime.fromisoformat(entry["started"]),
        verdict=entry["verdict"],
        complete=not any(problem.kind == "run" for problem in problems),
        checked=frozenset(entry["checked"]),
        problems={problem.key: problem for problem in problems},
    )


def _days(reports: Path) -> Iterator[str]:
    if not reports.is_dir():
        return
    with os.scandir(reports) as listing:
        for each in listing:
            if DAY.fullmatch(each.name) and each.is_dir():
                yield each.name


def _cached(reports: Path) -> dict[str, Entry]:
    try:
        cache = json.loads((reports / CACHE).read_text(encoding="utf-8"))
        if cache["version"] != CACHE_VERSION:
            return {}
        lists = cache["checked"]
        entries = [entry for entry in cache["runs"] if entry.keys() >= FIELDS]
        for entry in entries:
            entry["checked"] = lists[entry["checked"]]
        return {entry["file"]: entry for entry in entries}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _read(path: Path) -> Entry:
    try:
        result = Result.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        return _unreadable(path, f"{path.name} is not a result: {summary.line(str(error))}")
    known = changes.seen(result)
    return {
        "run_id": result.run_id,
        "procedure": result.procedure,
        "title": result.title or result.procedure,
        "platform": result.platform,
        "verdict": str(result.verdict),
        "started": result.started.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": round(summary.seconds(result), 1),
        "headline": summary.headline(result),
        "problem": summary.line(summary.first_problem(result), 180),
        "checked": sorted(known.checked),
        "bad": [[each.kind, each.name, each.verdict, each.said] for each in known.problems.values()],
    }


def _unreadable(path: Path, reason: str) -> Entry:
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    name = path.stem.partition("-")[2] or path.stem
    return {
        "run_id": "",
        "procedure": name,
        "title": name,
        "platform": "",
        "verdict": UNREADABLE,
        "started": written.isoformat(timespec="seconds"),
        "seconds": 0.0,
        "headline": "the result cannot be read",
        "problem": reason,
        "checked": [],
        "bad": [],
    }
