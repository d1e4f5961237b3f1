"""`runbook report …`: the reports there are, opened, listed, compared, and the old ones deleted.

Exit codes are those of the command: 0 done, 2 it could not be done, 64 usage. A difference is no judgement.
Opening a page: https://docs.python.org/3/library/webbrowser.html
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ons_runbook.cli_sandbox import AsJson, say
from ons_runbook.errors import ParameterError, ProcedureNotFound, RunbookError, WindowError
from ons_runbook.headless import summary, terminal
from ons_runbook.headless.catalogue import project_root
from ons_runbook.window import iso, parse_duration, utc_now

if TYPE_CHECKING:
    from ons_runbook.headless.archive import Dated
    from ons_runbook.headless.changes import Change, Difference

VERDICTS = ("pass", "warn", "fail", "unknown", "error", "unreadable")

app = typer.Typer(help="The reports that runs leave behind: open, list, compare, and delete old ones.")

Folder = Annotated[
    Path | None,
    typer.Option("--reports", help="Where reports are kept.", show_default="reports in the project"),
]


def _folder(reports: Path | None) -> Path:
    return (reports or project_root() / "reports").absolute()


@app.command("open")
def open_report(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|RUN]", help="A procedure's newest run, or a run's id; none: the index."
        ),
    ] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Only print the path.")] = False,
    reports: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Print the path of a report and open it in the browser when there is a display."""
    path = _page(_folder(reports), which)
    print(json.dumps({"path": str(path)}) if as_json else path)
    if not only_print and not as_json and _has_display():
        import webbrowser

        sys.stdout.flush()
        if not webbrowser.open(path.as_uri()):
            say("No browser could be opened; the path is above.")


def _page(folder: Path, which: str | None) -> Path:
    if which is None:
        path = folder / "index.html"
        if not path.is_file():
            raise RunbookError(f"There is no report in {folder} yet.", "`runbook run NAME` makes one.")
        return path
    from ons_runbook.headless import history, lookup

    if lookup.is_file(which):
        return _there(Path(which).absolute().with_suffix(".html"))
    entries = history.runs(folder)
    if (run := lookup.run(which, entries)) is not None:
        return _there((folder / run["file"]).with_suffix(".html"))
    tail = which.strip("/").rpartition("/")[2].removesuffix(".ipynb")
    newest = folder / "latest" / f"{tail}.html"
    try:
        run = lookup.entry(which, entries)
    except ProcedureNotFound:
        # The dated runs may be pruned, and the copy of the newest is still there.
        if "/" in which or not newest.is_file():
            raise
        return newest
    return newest if newest.is_file() else _there((folder / run["file"]).with_suffix(".html"))


def _there(path: Path) -> Path:
    if not path.is_file():
        raise RunbookError(f"{path} is not there.", "`runbook report list` shows the runs there are.")
    return path


def _has_display() -> bool:
    return sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


@app.command("list")
def list_runs(
    procedure: Annotated[str | None, typer.Option(help="Only this one; the last part is enough.")] = None,
    platform: Annotated[str | None, typer.Option(help="Only this platform.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only this verdict.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="How many at most; 0 is all.")] = 20,
    reports: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show the runs there are, newest first."""
    from ons_runbook.headless import history

    if verdict is not None and verdict not in VERDICTS:
        raise ParameterError(f"--verdict {verdict!r} is none of {', '.join(VERDICTS)}.")
    folder = _folder(reports)
    found = [
        entry
        for entry in history.runs(folder)
        if (procedure is None or procedure in (entry["procedure"], entry["procedure"].rpartition("/")[2]))
        and (platform is None or entry["platform"] == platform)
        and (verdict is None or entry["verdict"] == verdict)
    ]
    shown = found[:limit] if limit else found
    if as_json:
        print(json.dumps([_entry_as_dict(entry, folder) for entry in shown], indent=2, ensure_ascii=False))
        return
    if not found:
        print(f"No run is like that in {folder}.")
        return
    rows = []
    for entry in shown:
        said = f"{entry['headline']}  {entry['problem']}".strip()
        run = entry["run_id"] or entry["file"]
        rows.append((entry["verdict"], entry["started"][:16].replace("T", " "), entry["platform"], run, said))
    terminal.table(("verdict", "started, UTC", "platform", "run", "found"), rows, coloured=True)
    if len(shown) < len(found):
        print(f"The newest {len(shown)} of {len(found):,}; -n 0 shows all.")


def _entry_as_dict(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    fields = ("run_id", "procedure", "title", "platform", "verdict", "started", "seconds")
    told = {name: entry[name] for name in (*fields, "headline", "problem")}
    return told | {"file": str(folder / entry["file"])}


@app.command("diff")
def diff(
    before: Annotated[
        str,
        typer.Argument(metavar="A", help="A run id, a file, a procedure's newest run, latest or previous."),
    ] = "previous",
    after: Annotated[
        str, typer.Argument(metavar="B", help="The same; the run that A is compared with.")
    ] = "latest",
    reports: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Show what is new, resolved, persisting or flapping in run B against run A (previous and latest)."""
    from ons_runbook.headless import changes, history, lookup

    folder = _folder(reports)
    entries = history.runs(folder)
    first, second = lookup.pair(before, after, entries, folder)
    if first.procedure != second.procedure:
        named = f"{summary.line(first.procedure)} and {summary.line(second.procedure)}"
        raise ParameterError(f"Runs of two procedures cannot be compared: {named}.")
    runs = [changes.seen(second), *map(history.seen, lookup.earlier(second, entries))]
    found = changes.since_last(runs, changes.seen(first))
    if as_json:
        print(json.dumps(found.as_dict() | {"procedure": second.procedure}, indent=2, ensure_ascii=False))
        return
    _show(found, second.procedure)


def _show(found: "Difference", procedure: str) -> None:
    print(summary.line(procedure))
    for name, run in (("before", found.before), ("after", found.after)):
        if run is not None:
            print(f"  {name:7} {run.verdict:8} {iso(run.started)}  {summary.line(run.run_id)}")
    if found.trend:
        print(f"  {found.trend}")
    if not found.changes:
        print("Nothing that is bad has changed: all well before and after.")
        return
    print()
    terminal.table(("", "now", "what", "observed", "first seen"), [_row(each) for each in found.changes])


def _row(change: "Change") -> tuple[str, ...]:
    now = change.verdict or (
        "" if change.kind == "cause" else f"was {change.before}" if change.before else ""
    )
    now += f" ({change.trend})" if change.trend else ""
    name = change.name if change.kind == "check" else f"{change.kind} {change.name}"
    return str(change.what), now, name, change.said, iso(change.first_seen)


@app.command()
def prune(
    keep: Annotated[str, typer.Option(help="Delete what started longer ago: 12h, 90d, 52w.")],
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what would be.")] = False,
    reports: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Say which runs are older than that; with --yes, delete them. Never journals, postmortems, latest/."""
    from ons_runbook.headless import archive

    before = utc_now() - _age(keep)
    folder = _folder(reports)
    if not yes:
        _tell(archive.dated(folder, before), deleted=False, as_json=as_json, keep=keep)
        return
    if not folder.is_dir():
        raise RunbookError(f"There is no reports folder {folder}.", "Name another with --reports.")
    from ons_runbook.headless import index

    with archive.locked(folder):
        runs = archive.dated(folder, before)
        say(f"Deleting {_amount(runs)}." if runs else "Nothing to delete.")
        archive.prune(runs)
        index.rebuild(folder)
    _tell(runs, deleted=True, as_json=as_json, keep=keep)


def _age(text: str) -> timedelta:
    try:
        age = parse_duration(text)
        utc_now() - age
    except WindowError as error:
        raise ParameterError(f"--keep: {error}") from error
    except OverflowError as error:
        raise ParameterError(f"--keep {text} is longer ago than there are dates.") from error
    return age


def _tell(runs: "list[Dated]", *, deleted: bool, as_json: bool, keep: str) -> None:
    if as_json:
        told = {
            "deleted": deleted,
            "runs": len(runs),
            "files": sum(len(run.files) for run in runs),
            "bytes": sum(run.bytes for run in runs),
            "oldest": iso(runs[0].started) if runs else None,
            "newest": iso(runs[-1].started) if runs else None,
        }
        print(json.dumps(told, indent=2))
    elif not runs:
        print(f"No run is older than {keep}.")
    elif deleted:
        print(f"Deleted {_amount(runs)}.")
    else:
        print(f"Would delete {_amount(runs)}.\nNothing was deleted; --yes does it.")


def _amount(runs: "list[Dated]") -> str:
    files, size = sum(len(run.files) for run in runs), sum(run.bytes for run in runs)
    many = f"{len(runs):,} run{'' if len(runs) == 1 else 's'} ({files:,} files, {size / 1e6:,.1f} MB)"
    return f"{many}, the oldest of {iso(runs[0].started)}, the newest of {iso(runs[-1].started)}"
