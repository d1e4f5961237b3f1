"""reports/index.html: how every procedure stands and what changed, a calendar of verdicts, and every run.

The page opens from disk and stays quick with thousands of runs: the newest are rows of HTML, all of them are
data in a script element that no browser runs (https://html.spec.whatwg.org/multipage/scripting.html#data-block),
and the page's script makes rows of the part that is looked at.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ons_runbook.checks import severity
from ons_runbook.headless import archive, changes, history, report, summary
from ons_runbook.headless.changes import Change, What
from ons_runbook.headless.history import UNREADABLE, Entry

PAGE = "index.html"
# Rows in the page without its script; the rest comes from the data.
PLAIN_ROWS = 100
# A procedure whose newest run is this much older than the newest of all is folded away.
QUIET = timedelta(days=7)
NAMES_SHOWN = 4
GLYPHS = {str(verdict): glyph for verdict, glyph in summary.GLYPHS.items()} | {UNREADABLE: "?"}
# In the calendar a sign stands alone, so each verdict needs its own. The worst first.
MARKS = {"error": "E", "fail": "✕", "unknown": "?", UNREADABLE: "U", "warn": "!", "pass": "✓"}


def rebuild(reports: Path) -> Path:
    """Bring the index up to date with the folder and write it; the page's path. Hold the archive's lock.

    A file that is no result is listed as unreadable with the reason, and hides no other.
    """
    entries = history.runs(reports)
    archive.write(reports, reports / history.CACHE, history.remembered(entries))
    archive.write(reports, reports / PAGE, _page(entries))
    return reports / PAGE


def _page(entries: list[Entry]) -> str:
    script = report.source("index.js")
    standing = [_standing(group) for group in history.alike(entries).values()]
    standing.sort(key=lambda each: (-severity(each["verdict"]), each["title"], each["platform"]))
    present = [each for each in standing if not each["quiet_since"](entries[0])]
    worst = max((each["verdict"] for each in present), key=severity, default="unknown")
    return report.page(
        "index.html.j2",
        bad=sum(each["verdict"] != "pass" for each in present),
        choices={name: _values(entries, name) for name in ("procedure", "platform", "verdict")},
        data=_data(entries),
        glyphs=GLYPHS,
        icon=report.icon(worst),
        marks=MARKS,
        policy=report.policy([report.script_hash(script)]),
        present=present,
        quiet=[each for each in standing if each not in present],
        rows=[entry | {"when": _moment(entry)} for entry in entries[:PLAIN_ROWS]],
        script=script,
        style=report.source("base.css") + report.source("index.css"),
        total=len(entries),
        unreadable=sum(entry["verdict"] == UNREADABLE for entry in entries),
        worst=worst,
    )


def _standing(group: Sequence[Entry]) -> dict[str, Any]:
    """How one procedure stands on one platform: its newest run, and the difference to the run before."""
    newest = group[0]
    difference = changes.since_last([history.seen(entry) for entry in group])

    def quiet_since(newest_of_all: Entry) -> bool:
        return datetime.fromisoformat(newest["started"]) < _started(newest_of_all) - QUIET

    return newest | {
        "when": _moment(newest),
        "before": group[1] | {"when": _moment(group[1])} if len(group) > 1 else None,
        "trend": difference.trend,
        "lines": _lines(difference.changes),
        "quiet_since": quiet_since,
    }


def _lines(found: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes that say the same, as one line: one dead endpoint makes many checks unknown for one reason."""
    groups: dict[tuple[Any, ...], list[Change]] = {}
    for change in found:
        # Each flapping check has a first time of its own; that of the line is the earliest.
        since = None if change.what is What.FLAPPING else change.first_seen
        again = change.what is What.FLAPPING and change.verdict != "" and change.before == ""
        same = (change.what, change.kind, change.verdict, change.said, since, change.trend, again)
        groups.setdefault(same, []).append(change)
    return [_line(group) | {"again": same[-1]} for same, group in groups.items()]


def _line(alike: Sequence[Change]) -> dict[str, Any]:
    first = alike[0]
    return {
        "what": str(first.what),
        "kind": first.kind,
        "verdict": first.verdict,
        "before": first.before,
        "trend": first.trend,
        "said": first.said,
        "first_seen": min(change.first_seen for change in alike),
        "names": [change.name for change in alike[:NAMES_SHOWN]],
        "more": len(alike[NAMES_SHOWN:]),
    }


def _data(entries: Iterable[Entry]) -> Markup:
    """Every run as JSON that can stand in a page: strings once each, runs as lists of their numbers."""
    words: dict[str, int] = {}
    order: list[str] = []

    def word(text: str) -> int:
        number = words.get(text)
        if number is None:
            number = words[text] = len(order)
            order.append(report.clean(text))
        return number

    rows = [
        [
            word(entry["verdict"]),
            word(entry["procedure"]),
            word(entry["title"]),
            word(entry["platform"]),
            word(entry["headline"]),
            word(entry["problem"]),
            int(_started(entry).timestamp()),
            entry["seconds"],
            entry["link"],
        ]
        for entry in entries
    ]
    data = {"plain": PLAIN_ROWS, "glyphs": GLYPHS, "marks": MARKS, "words": order, "rows": rows}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    # Whatever is in the strings, no parser of HTML finds an end or a beginning of anything in them.
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - see above


def _started(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry["started"])


def _moment(entry: Entry) -> str:
    return report.moment(_started(entry))


def _values(entries: Iterable[Entry], name: str) -> list[str]:
    found = {report.clean(value) for value in {entry[name] for entry in entries} if value}
    return [verdict for verdict in MARKS if verdict in found] if name == "verdict" else sorted(found)
