"""The reports folder: names, and writing so that nothing is ever half there or overwritten.

    reports/2026-11-23/041530Z-daily_health_check.{html,ipynb,json}    UTC
    reports/latest/daily_health_check.{html,ipynb,json}                copies of the newest
    reports/index.html, reports/index.json                             see index.py

Everything happens under one lock, in files that are complete before they get their name. The lock belongs
to the process and goes with it: https://py-filelock.readthedocs.io/en/latest/
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from ons_runbook.errors import RunbookError

# The JSON comes last: the index goes by it, so that a run is listed only when all of it is there.
SUFFIXES = (".html", ".ipynb", ".json")
LOCK_SECONDS = 60
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FILE = re.compile(r"(?P<time>[0-9]{6})Z-(?P<tail>.+)\.(?:html|ipynb|json)", re.DOTALL)
# What people have to account for outlives every run, whatever wrote it.
_NEVER_PRUNED = ("postmortem", "journal")


@dataclass(frozen=True)
class Kept:
    """Where the files of one run are."""

    html: Path
    notebook: Path
    json: Path


@dataclass(frozen=True)
class Dated:
    """One run under its day: when it started (from its name), its files, their size."""

    started: datetime
    files: tuple[Path, ...]
    bytes: int


@contextmanager
def locked(reports: Path) -> Iterator[None]:
    """Hold the reports folder alone; made if it is not there.

    Raises:
        RunbookError: the folder cannot be made or written, or another run holds it for longer than a minute.
    """
    from filelock import FileLock, Timeout

    try:
        reports.mkdir(parents=True, exist_ok=True)
        lock = FileLock(reports / ".lock", timeout=LOCK_SECONDS)
        lock.acquire()
    except Timeout as error:
        raise RunbookError(
            f"The reports folder {reports} was held by another run for {LOCK_SECONDS} s.",
            "`runbook doctor` shows what holds it.",
        ) from error
    except OSError as error:
        raise RunbookError(
            f"Reports cannot be written to {reports}: {error.strerror or error}.",
            "Name another folder with --reports.",
        ) from error
    try:
        _clear_leftovers(reports)
        yield
    finally:
        lock.release()


def keep(reports: Path, started: datetime, tail: str, contents: Mapping[str, str]) -> Kept:
    """Write one run's files under a name of their own, and as the latest of their procedure. Hold the lock.

    The latest is the one that started last, as its result says, and not the one that is written last.

    Args:
        reports: the reports folder.
        started: when the run began, aware; UTC in the name.
        tail: the last part of the procedure's name.
        contents: text by suffix, one for each of `SUFFIXES`.
    """
    day = reports / f"{started:%Y-%m-%d}"
    day.mkdir(exist_ok=True)
    name = _free_name(day, f"{started:%H%M%S}Z-{tail}")
    paths = [day / f"{name}{suffix}" for suffix in SUFFIXES]
    for path in paths:
        write(reports, path, contents[path.suffix])
    latest = reports / "latest"
    latest.mkdir(exist_ok=True)
    begun, there = _begun(contents[".json"]), _latest_begun(latest / f"{tail}.json")
    if there is None or (begun or started) >= there:
        for path in paths:
            write(reports, latest / f"{tail}{path.suffix}", contents[path.suffix])
    return Kept(*paths)


def _latest_begun(path: Path) -> datetime | None:
    try:
        return _begun(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def _begun(text: str) -> datetime | None:
    """When the run of this result started; None when it does not say."""
    try:
        begun = datetime.fromisoformat(json.loads(text)["started"])
    except (ValueError, LookupError, TypeError):
        return None
    return begun if begun.tzinfo else None


def dated(reports: Path, before: datetime) -> list[Dated]:
    """The runs that started before that moment, oldest first: what may be pruned.

    Only files that are named as runs are, under a day's folder. Never a journal or a postmortem, nor anything
    that is only linked to from there.
    """
    runs: dict[Path, list[Path]] = {}
    for day in reports.iterdir() if reports.is_dir() else ():
        if not _DAY.fullmatch(day.name) or day.is_symlink() or not day.is_dir():
            continue
        if day.name > f"{before:%Y-%m-%d}":
            continue
        for path in day.iterdir():
            named = _FILE.fullmatch(path.name)
            if named and not named["tail"].startswith(_NEVER_PRUNED) and path.is_file():
                runs.setdefault(path.with_suffix(""), []).append(path)
    found = []
    for stem, paths in runs.items():
        started = _started(stem)
        if started is not None and started < before and not any(path.is_symlink() for path in paths):
            # The JSON first: the index goes by it, and what is half deleted must not be listed.
            files = sorted(paths, key=lambda path: SUFFIXES.index(path.suffix), reverse=True)
            found.append(Dated(started, tuple(files), sum(path.stat().st_size for path in files)))
    return sorted(found, key=lambda run: (run.started, run.files))


def prune(runs: Iterable[Dated]) -> None:
    """Delete these runs, and days of which nothing is left. Hold the lock.

    Raises:
        RunbookError: a file cannot be deleted; those before it are gone.
    """
    try:
        for run in runs:
            for path in run.files:
                path.unlink(missing_ok=True)
            day = run.files[0].parent
            if not any(day.iterdir()):
                day.rmdir()
    except OSError as error:
        raise RunbookError(
            f"{error.filename} cannot be deleted: {error.strerror}.", "What was deleted before it is gone."
        ) from error


def _started(stem: Path) -> datetime | None:
    try:
        return datetime.strptime(f"{stem.parent.name} {stem.name[:6]}", "%Y-%m-%d %H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def write(reports: Path, path: Path, text: str) -> None:
    """Write a file whole or not at all: beside the others first, then moved to its name."""
    folder = Path(tempfile.mkdtemp(prefix=".writing-", dir=reports))
    try:
        temporary = folder / path.name
        with temporary.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_name(day: Path, stem: str) -> str:
    # The lock makes this safe: no other run takes a name between the look and the move.
    taken = {path.name.partition(".")[0] for path in day.iterdir()}
    return next(name for n in count(1) if (name := stem if n == 1 else f"{stem}-{n}") not in taken)


def _clear_leftovers(reports: Path) -> None:
    # We hold the lock, so whoever was writing here was killed.
    for folder in reports.glob(".writing-*"):
        shutil.rmtree(folder, ignore_errors=True)
