"""`runbook journal`: what was changed from here, by whom, and whether a journal was edited."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ons_runbook.cli_sandbox import AsJson
from ons_runbook.headless import terminal

VERIFY = "verify"


def journals(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN|verify]", help="A run to show, or `verify` to look for edits."),
    ] = None,
    reports: Annotated[
        Path | None, typer.Option(help="Where reports are kept.", show_default="reports in the project")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the runs that changed something, show one, or look for edits (exit code 1 when there are)."""
    from ons_runbook import journal
    from ons_runbook.tables import text

    where = reports.absolute() / "journal" if reports else journal.folder()
    if run == VERIFY:
        raise typer.Exit(_verify(journal.verify(where), as_json))
    if run is None:
        frame = journal.summary(journal.runs(where))
    else:
        record = journal.read(run, where)
        frame = journal.lines(record)
        if as_json:
            print(json.dumps(record.lines, indent=2, ensure_ascii=False))
            return
    if as_json:
        print(frame.to_json(orient="records", date_format="iso", indent=2))
    elif frame.empty:
        print(frame.attrs["empty"])
    else:
        rows = [[text(cell).replace("+00:00", "Z") for cell in row] for row in frame.itertuples(index=False)]
        terminal.table(list(frame.columns), rows)


def _verify(found: dict[str, list[str]], as_json: bool) -> int:
    if as_json:
        print(json.dumps(found, indent=2))
    elif not found:
        print("There are no journals.")
    else:
        rows = [("fail" if p else "ok", run, "; ".join(p) or "as it was written") for run, p in found.items()]
        terminal.table(("", "run", ""), rows, coloured=True)
    return 1 if any(found.values()) else 0
