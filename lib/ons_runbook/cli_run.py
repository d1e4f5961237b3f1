"""The commands that run procedures: `runbook run`, and `undo` and `resume`, which are runs as well.

An approval comes from the operator, by --approve, and from nowhere else: not from a file, and not among
parameters that a schedule could hold.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ons_runbook import cli_sandbox
from ons_runbook.checks import worst
from ons_runbook.cli_sandbox import AsJson, say
from ons_runbook.errors import ParameterError, PlatformError, ProcedureNotFound, WindowError
from ons_runbook.headless import catalogue, parameters, terminal
from ons_runbook.headless.catalogue import Procedure
from ons_runbook.window import Window

if TYPE_CHECKING:
    from ons_runbook.headless.runner import Run

UNDO = "maintenance/undo"
APPROVE = "approve"
_CELL_SECONDS = 300.0

Approve = Annotated[
    str, typer.Option(metavar="ID", help="Carry out the plan of this id, as the run before showed it.")
]
TakeLock = Annotated[
    str,
    typer.Option(
        metavar="OWNER: REASON", help="Take the lock from the owner of a run that is known to be dead."
    ),
]
Reports = Annotated[
    Path | None, typer.Option(help="Where reports are kept.", show_default="reports in the project")
]


def run_procedures(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Procedures, run one after the other.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A parameter; repeatable."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", metavar="YAML", help="A file of parameters; -p wins over it."),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(help="sandbox, prod, or the path of a platform file.", show_default="sandbox"),
    ] = None,
    approve: Approve = "",
    take_lock: TakeLock = "",
    reports: Reports = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds that a whole run may take; 0 is no limit.")
    ] = 1800,
    cell_timeout: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds that one cell may take; 0 is no limit.",
            show_default=f"{_CELL_SECONDS:g}; with --approve as long as the run",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run procedures headless and keep a report of each; with --approve, carry out a plan."""
    given: dict[str, object] = dict(parameters.from_file(file)) if file else {}
    given |= parameters.from_words(parameter or ())
    if APPROVE in given:
        raise ParameterError(
            "An approval comes from --approve only.", "It is not a parameter to keep in a file."
        )
    if platform is not None:
        given["platform"] = platform
    if approve:
        if len(names) != 1:
            raise ParameterError(
                "--approve is for one procedure at a time.", "Name the one that showed the plan."
            )
        given[APPROVE] = approve
    if cell_timeout is None:
        cell_timeout = timeout if approve else _CELL_SECONDS
    _run(names, given, take_lock, reports, (cell_timeout, timeout), as_json)


def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `runbook journal` lists it.")],
    approve: Approve = "",
    take_lock: TakeLock = "",
    platform: Annotated[
        str | None, typer.Option(help="The run's platform.", show_default="the run's")
    ] = None,
    reports: Reports = None,
    as_json: AsJson = False,
) -> None:
    """Take back what a run changed: shows the plan; with --approve, carries it out."""
    _turn("undo", run, approve, take_lock, platform, reports, as_json)


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `runbook journal` lists it.")],
    approve: Approve = "",
    take_lock: TakeLock = "",
    platform: Annotated[
        str | None, typer.Option(help="The run's platform.", show_default="the run's")
    ] = None,
    reports: Reports = None,
    as_json: AsJson = False,
) -> None:
    """Finish a run that was broken off or failed: shows the plan; with --approve, carries it out."""
    _turn("resume", run, approve, take_lock, platform, reports, as_json)


def _turn(
    direction: str,
    run: str,
    approve: str,
    take_lock: str,
    platform: str | None,
    reports: Path | None,
    as_json: bool,
) -> None:
    from ons_runbook import journal

    where = reports.absolute() / "journal" if reports else journal.folder()
    known = journal.read(run, where).begun["plan"]["platform"]
    given = {"run": run, "direction": direction, "platform": platform or known}
    _run([UNDO], given | ({APPROVE: approve} if approve else {}), take_lock, reports, (1800, 1800), as_json)


def _run(
    names: list[str],
    given: dict[str, object],
    take_lock: str,
    reports: Path | None,
    limits: tuple[float, float],
    as_json: bool,
) -> None:
    root = catalogue.project_root()
    known = catalogue.procedures(root)
    # All of it is checked before anything runs.
    planned = [
        (procedure, _values(procedure, given)) for procedure in (catalogue.find(n, known) for n in names)
    ]
    environments = [_environment(procedure, values) for procedure, values in planned]

    from ons_runbook.headless import runner
    from ons_runbook.headless.executed import Limits

    runs = []
    for (procedure, values), environment in zip(planned, environments, strict=True):
        say(f"==> {procedure.name}")
        try:
            run = runner.run(
                procedure,
                values,
                root=root,
                reports=(reports or Path(os.environ.get("RUNBOOK_REPORTS") or root / "reports")).absolute(),
                environment=environment | ({"RUNBOOK_TAKE_LOCK": take_lock} if take_lock else {}),
                limits=Limits(*limits),
                progress=lambda line: say(f"    {line}"),
            )
        except runner.Interrupted as ended:
            # Here, because typer makes every KeyboardInterrupt a silent 130.
            say(f"runbook: {ended}; this run left no report." + _told_by_journal(values))
            raise typer.Exit(128 + ended.number) from None
        runs.append(run)
        if not as_json:
            terminal.show_run(run)
    code = terminal.EXIT_CODES[worst(run.result.verdict for run in runs)]
    if as_json:
        shown = {"exit_code": code, "runs": [_as_dict(run) for run in runs]}
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    raise typer.Exit(code)


def _told_by_journal(values: dict[str, Any]) -> str:
    return " What it changed stands in its journal: runbook journal." if values.get(APPROVE) else ""


def _values(procedure: Procedure, given: dict[str, object]) -> dict[str, Any]:
    if procedure.problem:
        raise ProcedureNotFound(f"{procedure.name} cannot be run: {procedure.problem}.")
    if APPROVE in given and APPROVE not in {parameter.name for parameter in procedure.parameters}:
        raise ParameterError(f"{procedure.name} only reads: there is nothing to approve.")
    try:
        values = parameters.validate(procedure.parameters, given)
        _check_window(procedure, values)
    except (ParameterError, WindowError) as error:
        hint = f"`runbook help {procedure.name}` shows its parameters."
        raise ParameterError(f"{procedure.name}: {error.message.rstrip('.')}.", hint) from error
    platform = values.get("platform", "")
    if platform.endswith(".toml") or "/" in platform:
        # The notebook runs in its own folder: a path means what it means here.
        values["platform"] = str(Path(platform).absolute())
    return values


def _check_window(procedure: Procedure, values: dict[str, Any]) -> None:
    """Refuse a window that `begin` would refuse, before a kernel is started for it."""
    known = {parameter.name: parameter.default for parameter in procedure.parameters} | values
    if "window" in known:
        Window.parse(known["window"], known.get("until", "now"))


def _environment(procedure: Procedure, values: dict[str, Any]) -> dict[str, str]:
    defaults = {parameter.name: parameter.default for parameter in procedure.parameters}
    platform = values.get("platform", defaults.get("platform"))
    if platform is None:
        return {}
    if platform != "sandbox":
        from ons_runbook.platform import load_platform

        try:
            load_platform(platform)
        except PlatformError as error:
            raise ParameterError(error.message, error.hint) from error
    return cli_sandbox.environment_for(platform)


def _as_dict(run: "Run") -> dict[str, Any]:
    files = {
        "html": run.files.html,
        "notebook": run.files.notebook,
        "json": run.files.json,
        "index": run.index,
    }
    return {"result": run.result.to_dict(), "files": {name: str(path) for name, path in files.items()}}
