"""The `runbook` command: arguments, printing and exit codes, nothing else.

Exit codes: 0 pass or warn · 1 fail · 2 unknown or error · 64 usage (EX_USAGE of sysexits.h, `man sysexits`) ·
128 + n ended by signal n. What a program reads goes to stdout, what people follow to stderr.
https://typer.tiangolo.com/
"""

import io
import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ons_runbook import cli_journal, cli_report, cli_run, cli_sandbox
from ons_runbook.cli_sandbox import AsJson
from ons_runbook.errors import ParameterError, ProcedureNotFound, RunbookError
from ons_runbook.headless import catalogue, summary, terminal
from ons_runbook.headless.catalogue import Procedure

USAGE = 64
# typer keeps the base of its usage errors to itself.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    help="The operations runbook of the ONS Data Platform: procedures as notebooks, run and judged.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_sandbox.app, name="sandbox", no_args_is_help=True)
app.add_typer(cli_report.app, name="report", no_args_is_help=True)
app.command("run")(cli_run.run_procedures)
app.command("undo")(cli_run.undo)
app.command("resume")(cli_run.resume)
app.command("journal")(cli_journal.journals)
app.command("lab")(cli_sandbox.lab)


def main() -> None:
    """The entry point of the `runbook` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a sign must not end a run.
            stream.reconfigure(errors="replace")
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run the command with these arguments; the exit code. Errors become a line or two on stderr."""
    try:
        code = app(list(arguments), prog_name="runbook", standalone_mode=False)
        sys.stdout.flush()
    except UsageError as error:
        if not _message(error):
            return USAGE  # no command at all: the help was shown
        _complain(f"{_message(error)} `runbook {_named_command(arguments)}--help` shows how it goes.")
        return USAGE
    except (ParameterError, ProcedureNotFound) as error:
        _complain(str(error))
        return USAGE
    except RunbookError as error:
        _complain(str(error))
        return 2
    except typer.Abort:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader has had enough (`| head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except Exception as error:  # noqa: BLE001 - people get a line, the log gets the rest
        if type(error).__module__.startswith("ons_sandbox"):
            _complain(str(error))
        else:
            _complain(f"{type(error).__name__}: {_one_line(error)}. The whole story is in {_log(error)}")
        return 2
    return code if isinstance(code, int) else 0


def _message(error: Exception) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    said = " ".join(str(text).split()).rstrip(".")
    return f"{said}." if said else ""


def _named_command(arguments: Sequence[str]) -> str:
    names = {command.name or "" for command in app.registered_commands} | {"list", "help", "run", "doctor"}
    first = next((word for word in arguments if not word.startswith("-")), "")
    return f"{first} " if first in names | {"sandbox", "report"} else ""


def _complain(message: str) -> None:
    print(f"runbook: {message}", file=sys.stderr)


def _one_line(error: Exception) -> str:
    return summary.line(str(error)).rstrip(".")


def _log(error: Exception) -> Path:
    from ons_runbook.redaction import redact

    descriptor, name = tempfile.mkstemp(prefix="runbook-error-", suffix=".log", text=True)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(redact("".join(traceback.format_exception(error))))
    return Path(name)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"runbook {version('ons-runbook')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The operations runbook of the ONS Data Platform: procedures as notebooks, run and judged."""


@app.command("list")
def list_procedures(as_json: AsJson = False) -> None:
    """Show every procedure with what it does."""
    known = catalogue.procedures(catalogue.project_root())
    if as_json:
        print(json.dumps([procedure.as_dict() for procedure in known], indent=2, ensure_ascii=False))
        return
    rows = []
    for procedure in known:
        about = f"cannot be run: {procedure.problem}" if procedure.problem else procedure.summary
        rows.append((procedure.name, procedure.kind, procedure.minutes, about))
    terminal.table(("procedure", "", "min", "what it does"), rows)
    print("\nrunbook help NAME shows its parameters, runbook run NAME runs it.")


@app.command("help")
def help_on(
    name: Annotated[str, typer.Argument(help="The procedure; the last part of its name is enough.")],
    as_json: AsJson = False,
) -> None:
    """Show what a procedure does, when to use it, and its parameters."""
    procedure = _found(name)
    if as_json:
        print(json.dumps(procedure.as_dict(), indent=2, ensure_ascii=False))
        return
    print(f"{procedure.title}   ({procedure.name})\n\n{procedure.summary}\n")
    facts = {
        "when": procedure.when,
        "when not": procedure.when_not,
        "it": f"{procedure.kind} ({procedure.minutes} min)" if procedure.minutes else procedure.kind,
        "permissions": procedure.permissions,
        "whom to tell": procedure.whom_to_tell,
        "problem": procedure.problem,
    }
    terminal.table(("", ""), [(fact, said.replace("`", "")) for fact, said in facts.items() if said])
    rows = []
    for parameter in procedure.parameters:
        limits = f" ({parameter.constraint})" if parameter.constraint else ""
        rows.append(
            (parameter.name, parameter.annotation, json.dumps(parameter.default), parameter.help + limits)
        )
    print()
    terminal.table(("parameter", "type", "default", "meaning"), rows)
    example = f" -p {procedure.parameters[-1].name}=…" if procedure.parameters else ""
    print(f"\nrunbook run {procedure.name}{example}")


def _found(name: str) -> Procedure:
    return catalogue.find(name, catalogue.procedures(catalogue.project_root()))


@app.command()
def doctor(
    platform: Annotated[str, typer.Option(help="The platform to look at.")] = "sandbox",
    as_json: AsJson = False,
) -> None:
    """Say what is missing or misconfigured here, and how to mend it. Exit code 1 when something is broken."""
    from ons_runbook.headless import doctor as examination

    findings = examination.examine(catalogue.project_root(), platform, cli_sandbox.sandbox_at)
    if as_json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2, ensure_ascii=False))
    else:
        terminal.table(("", "what", "mend it"), [(f.state, f.what, f.mend) for f in findings], coloured=True)
    raise typer.Exit(1 if any(finding.state == "fail" for finding in findings) else 0)


if __name__ == "__main__":
    main()
