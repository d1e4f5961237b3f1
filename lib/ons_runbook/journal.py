"""The journal: what a run changed, written before and after each change, so that even a killed run tells.

One JSON-lines file a run under `reports/journal/`. Each line carries the SHA-256 of the line before it, and a
first line the last hash of the journal that was newest then; the number of lines and the last hash also
stand in a `.head` beside the file. So an edit, a cut and a missing file are found (`verify`), though not a
forger who writes everything anew: for that, keep copies elsewhere. A line is on disk (fsync) before what it
announces happens. https://jsonlines.org/ · https://man7.org/linux/man-pages/man2/fsync.2.html
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ons_runbook.checkout import project_root
from ons_runbook.errors import JournalError
from ons_runbook.tables import MOMENT, TEXT, WHOLE, table
from ons_runbook.window import iso, utc_now

NO_HASH = "0" * 64
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}")


def folder() -> Path:
    """Where journals are kept: in RUNBOOK_REPORTS, else in the project's reports, else in ./reports."""
    reports = os.environ.get("RUNBOOK_REPORTS")
    return (Path(reports) if reports else (project_root() or Path.cwd()) / "reports") / "journal"


class Journal:
    """The journal of one run, being written."""

    def __init__(self, run: str, where: Path) -> None:
        if not _RUN.fullmatch(run):
            raise JournalError(f"{run!r} cannot be the name of a journal.", "Letters, digits, - _ . only.")
        self.run = run
        self.path = where / f"{run}.jsonl"
        self._lines = 0
        self._last = NO_HASH

    def begin(self, **facts: Any) -> None:
        """Create the file with its first line. Raises JournalError when there is a journal of that run."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _one_writer(self.path.parent):
            newest = max(_names(self.path.parent), key=lambda path: path.stat().st_mtime_ns, default=None)
            follows = {"run": newest.stem, "hash": read(newest.stem, newest.parent).last} if newest else None
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                raise JournalError(f"There is a journal of run {self.run} already.") from None
            self.write("begun", follows=follows, **facts)
            _sync_folder(self.path.parent)

    def write(self, event: str, **facts: Any) -> None:
        """Append one line, and return when it is on disk."""
        line = {"n": self._lines, "at": iso(utc_now()), "event": event, **facts, "previous": self._last}
        text = json.dumps(line, ensure_ascii=False, sort_keys=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._lines += 1
        self._last = _hash(text)
        _write_head(self.path, self._lines, self._last)


@dataclass(frozen=True)
class Record:
    """A journal as it was written: its whole lines in order, and what is wrong with it."""

    run: str
    lines: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]
    last: str

    @cached_property
    def begun(self) -> dict[str, Any]:
        """The first line: who, where, and the plan."""
        if not self.lines or self.lines[0].get("event") != "begun":
            raise JournalError(f"The journal of run {self.run} has no beginning.", "runbook journal verify")
        return self.lines[0]

    @property
    def status(self) -> str:
        """What became of the run, as its last line says; `broken off` when it was killed."""
        ended = [line for line in self.lines if line["event"] == "ended"]
        return str(ended[-1]["status"]) if ended else "broken off"

    @property
    def started(self) -> datetime:
        """When it began, UTC."""
        return datetime.fromisoformat(self.begun["at"])

    def of(self, event: str) -> Iterator[dict[str, Any]]:
        """The lines of one event, in order."""
        return (line for line in self.lines if line["event"] == event)


def runs(where: Path) -> list[Record]:
    """Every journal, newest first."""
    found = [read(path.stem, where) for path in _names(where)]
    return sorted(found, key=lambda record: record.lines[0]["at"] if record.lines else "", reverse=True)


def read(run: str, where: Path) -> Record:
    """One journal, with what is wrong with it as sentences. Raises JournalError when it is not there."""
    path = where / f"{run}.jsonl"
    if not _RUN.fullmatch(run) or not path.is_file():
        raise JournalError(
            f"There is no journal of a run {run!r} in {where}.", "`runbook journal` lists them."
        )
    # Not splitlines(): it also breaks at separators that may stand inside of a JSON string.
    *whole, torn = path.read_text(encoding="utf-8", errors="replace").split("\n")
    lines, problems, previous = [], [], NO_HASH
    for number, text in enumerate(whole):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or "event" not in line or "at" not in line:
            problems.append(f"line {number + 1} cannot be read")
        elif line.get("previous") != previous or line.get("n") != number:
            problems.append(f"line {number + 1} does not follow the line before it")
            lines.append(line)
        else:
            lines.append(line)
        previous = _hash(text)
    if torn:
        problems.append("its last line was not finished: the run was killed while it wrote it")
    problems += _against_head(path, whole)
    return Record(run, tuple(lines), tuple(problems), previous)


def verify(where: Path) -> dict[str, list[str]]:
    """What is wrong with each journal, by run; an empty list is a journal as it was written.

    A line that a killed run did not finish is no edit, but is told.
    """
    records = {record.run: record for record in runs(where)}
    found = {run: list(record.problems) for run, record in records.items()}
    for record in records.values():
        follows = record.lines[0].get("follows") if record.lines else None
        if not follows:
            continue
        other = str(follows.get("run"))
        if other not in records:
            found.setdefault(other, []).append(f"it is gone: {record.run} says that it was there")
        elif follows.get("hash") not in _hashes(where / f"{other}.jsonl"):
            found[other].append(f"it is not as it was when {record.run} began")
    return found


def _names(where: Path) -> list[Path]:
    return sorted(where.glob("*.jsonl"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _hashes(path: Path) -> set[str]:
    return {NO_HASH, *map(_hash, path.read_text(encoding="utf-8", errors="replace").split("\n"))} - {NO_HASH}


def _head(path: Path) -> Path:
    return path.with_suffix(".head")


def _write_head(path: Path, lines: int, last: str) -> None:
    temporary = path.with_suffix(".head.new")
    temporary.write_text(f"{lines} {last}\n")
    temporary.replace(_head(path))


def _against_head(path: Path, whole: list[str]) -> list[str]:
    try:
        count, last = _head(path).read_text().split()
        expected = int(count)
    except (OSError, ValueError):
        # Killed between the first line and its head.
        return [] if len(whole) <= 1 else ["its .head is missing or cannot be read"]
    if len(whole) < expected:
        return [f"it has {len(whole)} lines and had {expected}"]
    # One line more than the head says is a run that was killed between the two.
    if len(whole) > expected + 1 or _hash(whole[expected - 1]) != last:
        return ["its lines are not those that its .head was made from"]
    return []


def _sync_folder(where: Path) -> None:
    descriptor = os.open(where, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _one_writer(where: Path) -> Iterator[None]:
    with (where / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


LINES = {"time": MOMENT, "event": TEXT, "action": TEXT, "details": TEXT}
RUNS = {
    "run": TEXT,
    "began": MOMENT,
    "procedure": TEXT,
    "platform": TEXT,
    "owner": TEXT,
    "plan": TEXT,
    "changes": WHOLE,
    "status": TEXT,
    "taken_back_by": TEXT,
}


def lines(record: Record) -> pd.DataFrame:
    """The lines of a journal: time (UTC), event, action, details (an error, a reason, the verified state)."""
    rows = []
    for line in record.lines:
        told = [line.get(key) for key in ("error", "reason", "doubt", "state", "approved", "status")]
        details = "; ".join(value if isinstance(value, str) else json.dumps(value) for value in told if value)
        moment = datetime.fromisoformat(line["at"])
        rows.append(
            {"time": moment, "event": line["event"], "action": line.get("action"), "details": details}
        )
    return table(rows, LINES)


def summary(records: Iterable[Record]) -> pd.DataFrame:
    """One row a run, newest first.

    Columns: run, began (UTC), procedure, platform, owner (user@machine), plan (id), changes (how many were
    done), status (applied, failed, interrupted, `broken off` when it was killed), taken_back_by (the run
    that undid it).
    """
    known = [record for record in records if record.lines and record.lines[0]["event"] == "begun"]
    backs = {}
    for record in known:
        follows = record.begun["plan"].get("follows")
        if follows and follows[1] == "undo" and record.status == "applied":
            backs[follows[0]] = record.run
    rows = [
        {
            "run": record.run,
            "began": record.started,
            "procedure": record.begun["procedure"],
            "platform": record.begun["plan"]["platform"],
            "owner": record.begun["owner"],
            "plan": record.begun["plan"]["id"],
            "changes": len(list(record.of("done"))),
            "status": record.status,
            "taken_back_by": backs.get(record.run),
        }
        for record in known
    ]
    return table(rows, RUNS, empty="Nothing was changed from here yet.")
