"""Which run people mean: by procedure, run id, file, or as `latest` and `previous`."""

import difflib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from ons_runbook.errors import ProcedureNotFound, RunbookError
from ons_runbook.headless import history, summary
from ons_runbook.headless.history import Entry
from ons_runbook.result import Result

LATEST, PREVIOUS = "latest", "previous"


def entry(word: str, entries: Sequence[Entry]) -> Entry:
    """The run that is meant: `latest`, a run id, the name of its file, or the newest run of a procedure.

    Args:
        entries: newest first, as history.runs gives them.

    Raises:
        ProcedureNotFound: none, with the nearest names, or several procedures of that name.
    """
    if (found := run(word, entries)) is not None:
        return found
    named = word.removeprefix("notebooks/").removesuffix(".ipynb").strip("/")
    alike = [each for each in entries if each["procedure"] == named]
    alike = alike or [each for each in entries if each["procedure"].rpartition("/")[2] == named]
    procedures = sorted({each["procedure"] for each in alike})
    if len(procedures) == 1:
        return alike[0]
    if procedures:
        raise ProcedureNotFound(f"{word!r} is ambiguous: {', '.join(procedures)}.")
    known = {each["procedure"].rpartition("/")[2] for each in entries}
    close = difflib.get_close_matches(named.rpartition("/")[2], sorted(known), n=3, cutoff=0.5)
    hint = (
        f"Did you mean {' or '.join(close)}?" if close else "`runbook report list` shows the runs there are."
    )
    raise ProcedureNotFound(f"There is no run {summary.line(word)!r}.", hint)


def run(word: str, entries: Sequence[Entry]) -> Entry | None:
    """The one run of that id or file name, or the newest of all for `latest`; None when there is none."""
    if word == LATEST:
        return entries[0] if entries else None
    return next((each for each in entries if word in (each["run_id"], *_names(each))), None)


def pair(first: str, second: str, entries: Sequence[Entry], reports: Path) -> tuple[Result, Result]:
    """The two runs that are meant. `previous` is the run before the other, `latest` the newest like it.

    Raises:
        ProcedureNotFound: one of them is not there.
        RunbookError: a file cannot be read as a result.
    """
    words = (first, second)
    if words.count(PREVIOUS) == 2:
        raise ProcedureNotFound("`previous` needs a run that it comes before.", "Name one: previous latest.")
    # What is named outright first: `latest` and `previous` are seen from there.
    plain = [word for word in words if word not in (LATEST, PREVIOUS)]
    anchor = _result(plain[0] if plain else LATEST, entries, reports)
    found = []
    for word in words:
        if word == PREVIOUS:
            found.append(_before(anchor, entries, reports))
        elif word == LATEST:
            like = [each for each in entries if _like(each, anchor)]
            found.append(load(reports / like[0]["file"]) if like else anchor)
        else:
            found.append(_result(word, entries, reports))
    return found[0], found[1]


def earlier(result: Result, entries: Sequence[Entry]) -> list[Entry]:
    """The runs of the same procedure and platform before this one, newest first."""
    alike = [each for each in entries if _like(each, result)]
    # By its place, since two runs may begin in one second; a file from elsewhere has none.
    at = next((n for n, each in enumerate(alike) if each["run_id"] == result.run_id), None)
    if at is not None:
        return alike[at + 1 :]
    return [each for each in alike if datetime.fromisoformat(each["started"]) < result.started]


def load(path: Path) -> Result:
    """The result in a file; for a report or a notebook the one beside it.

    Raises:
        RunbookError: it cannot be read, or is no result.
    """
    path = path.with_suffix(".json") if path.suffix in {".html", ".ipynb"} else path
    try:
        return Result.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunbookError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValidationError as error:
        raise RunbookError(
            f"{path} is not a result: {summary.line(str(error), 120)}.", "Name the .json file of a run."
        ) from error


def _result(word: str, entries: Sequence[Entry], reports: Path) -> Result:
    if is_file(word):
        return load(Path(word))
    return load(reports / entry(word, entries)["file"])


def is_file(word: str) -> bool:
    """Whether a path is meant and there is a file."""
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # too long, or with a null character
        return False


def _before(anchor: Result, entries: Sequence[Entry], reports: Path) -> Result:
    found = next(iter(earlier(anchor, entries)), None)
    if found is None:
        where = f"{summary.line(anchor.procedure)} on {summary.line(anchor.platform)}"
        raise ProcedureNotFound(f"There is no run of {where} before {summary.line(anchor.run_id)}.")
    return load(reports / found["file"])


def _like(each: Entry, result: Result) -> bool:
    same = each["procedure"] == result.procedure and each["platform"] == result.platform
    return same and each["verdict"] != history.UNREADABLE


def _names(each: Entry) -> tuple[str, str]:
    stem = str(each["file"]).removesuffix(".json")
    return stem, stem.partition("/")[2]
