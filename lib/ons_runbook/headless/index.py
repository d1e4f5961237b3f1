"""reports/index.html: every run, newest first, from the JSON files beside the reports.

What was read of each file is kept in reports/index.json, so that a new run costs one file and not all of
them. The cache is only that: a file that came, went or changed is noticed, and without the cache everything
is read again.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from ons_runbook.headless import archive, report, summary
from ons_runbook.result import Result

CACHE = "index.json"
PAGE = "index.html"
FIELDS = frozenset(
    ("procedure", "title", "platform", "verdict", "started", "seconds", "headline", "problem", "stamp")
)
# Raised when entries gain fields, so that an older cache is not trusted.
CACHE_VERSION = 1


def rebuild(reports: Path) -> Path:
    """Bring the index up to date with the folder and write it; the page's path. Hold the archive's lock.

    A file that is no result is listed as unreadable with the reason, and hides no other.
    """
    entries = runs(reports)
    cache = {"version": CACHE_VERSION, "runs": entries}
    archive.write(reports, reports / CACHE, json.dumps(cache, ensure_ascii=False, indent=1) + "\n")
    archive.write(reports, reports / PAGE, _page(entries))
    return reports / PAGE


def runs(reports: Path) -> list[dict[str, Any]]:
    """Every run in the folder, newest first, as the index lists it."""
    known = _cached(reports)
    entries = []
    for path in reports.glob("????-??-??/*.json"):
        name = path.relative_to(reports).as_posix()
        state = path.stat()
        stamp = [state.st_mtime_ns, state.st_size]
        entry = known.get(name)
        if entry is None or entry["stamp"] != stamp:
            entry = {"file": name, "stamp": stamp} | _read(path)
        page = path.with_suffix(".html")
        # Never from the cache: an address is something that people click on.
        link = quote(page.relative_to(reports).as_posix()) if page.is_file() else None
        entries.append(entry | {"link": link})
    return sorted(entries, key=lambda entry: (entry["started"], entry["file"]), reverse=True)


def _cached(reports: Path) -> dict[str, dict[str, Any]]:
    try:
        cache = json.loads((reports / CACHE).read_text(encoding="utf-8"))
        if cache["version"] != CACHE_VERSION:
            return {}
        return {entry["file"]: entry for entry in cache["runs"] if entry.keys() >= FIELDS}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read(path: Path) -> dict[str, Any]:
    try:
        result = Result.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = f"{path.name} is not a result: {summary.line(str(error))}"
        return _unreadable(path, reason)
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
    }


def _unreadable(path: Path, reason: str) -> dict[str, Any]:
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return {
        "run_id": "",
        "procedure": path.stem.partition("-")[2] or path.stem,
        "title": path.stem.partition("-")[2] or path.stem,
        "platform": "",
        "verdict": "unreadable",
        "started": written.isoformat(timespec="seconds"),
        "seconds": 0.0,
        "headline": "the result cannot be read",
        "problem": reason,
    }


def _page(entries: list[dict[str, Any]]) -> str:
    script = report.source("index.js")
    return report.page(
        "index.html.j2",
        runs=[entry | {"when": report.moment(datetime.fromisoformat(entry["started"]))} for entry in entries],
        choices={name: _values(entries, name) for name in ("procedure", "verdict", "platform")},
        glyphs={str(verdict): glyph for verdict, glyph in summary.GLYPHS.items()} | {"unreadable": "?"},
        icon=report.icon(_newest_verdict(entries)),
        policy=report.policy([report.script_hash(script)]),
        script=script,
        style=report.source("base.css") + report.source("index.css"),
    )


def _values(entries: list[dict[str, Any]], name: str) -> list[str]:
    return sorted({str(entry[name]) for entry in entries if entry[name]})


def _newest_verdict(entries: list[dict[str, Any]]) -> str:
    newest = entries[0]["verdict"] if entries else "unknown"
    return "unknown" if newest == "unreadable" else newest
