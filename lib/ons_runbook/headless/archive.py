"""The reports folder: names, and writing so that nothing is ever half there or overwritten.

    reports/2026-11-23/041530Z-daily_health_check.{html,ipynb,json}    UTC
    reports/latest/daily_health_check.{html,ipynb,json}                copies of the newest
    reports/index.html, reports/index.json                             see index.py

Everything happens under one lock, in files that are complete before they get their name. The lock belongs
to the process and goes with it: https://py-filelock.readthedocs.io/en/latest/
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from ons_runbook.errors import RunbookError

# The JSON comes last: the index goes by it, so that a run is listed only when all of it is there.
SUFFIXES = (".html", ".ipynb", ".json")
LOCK_SECONDS = 60


@dataclass(frozen=True)
class Kept:
    """Where the files of one run are."""

    html: Path
    notebook: Path
    json: Path


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
    (reports / "latest").mkdir(exist_ok=True)
    for path in paths:
        write(reports, reports / "latest" / f"{tail}{path.suffix}", contents[path.suffix])
    return Kept(*paths)


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
