"""`runbook sandbox …` and `runbook lab`: where the command starts the miniature platform for the library.

The two meet through endpoints in environment variables and nothing else:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

import json
import os
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ons_runbook.errors import RunbookError, SandboxNotRunning
from ons_runbook.headless.catalogue import project_root

if TYPE_CHECKING:
    from ons_sandbox import Sandbox

app = typer.Typer(help="The miniature platform on this machine: the default target of every run.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="The sandbox's folder.", show_default=".sandbox in the project")
]


def sandbox_at(home: Path | None = None) -> "Sandbox":
    """The handle of the sandbox in `home`, or of the project's own.

    Raises:
        RunbookError: the sandbox's packages are not installed.
    """
    try:
        from ons_sandbox import Sandbox
    except ModuleNotFoundError as error:
        raise RunbookError(
            f"The sandbox needs a package that is not installed: {error.name}.",
            "Install it with: pip install 'ons-runbook[sandbox]'",
        ) from error
    return Sandbox(home or project_root() / ".sandbox")


def environment_for(platform: str) -> dict[str, str]:
    """The variables that a run on `platform` needs besides those of this process.

    For the sandbox these are its endpoints, unless the environment already names some; for a real platform
    none.

    Raises:
        SandboxNotRunning: with the command that starts it.
    """
    if platform != "sandbox" or any(os.environ.get(n) for n in ("AWS_ENDPOINT_URL", "RUNBOOK_ENV_FILE")):
        return {}
    status = sandbox_at().status()
    if not status.running:
        raise SandboxNotRunning("The sandbox is not running.", "Start it with: runbook sandbox start")
    if not status.ready:
        reason = f" ({status.error})" if status.error else ""
        raise SandboxNotRunning(
            f"The sandbox is running but not ready{reason}.",
            "Wait for it with: runbook sandbox start. If it never is: runbook sandbox stop, then start.",
        )
    return sandbox_at().env()


def say(line: str) -> None:
    """A line for people, where it does not disturb what a program reads."""
    print(line, file=sys.stderr, flush=True)


def _show(status: Any, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(status.as_dict(), indent=2, default=str))
        return
    if not status.running:
        print(f"The sandbox in {status.home} is not running. Start it with: runbook sandbox start")
        return
    state = "ready" if status.ready else f"not ready: {status.error or 'being seeded'}"
    print(f"The sandbox in {status.home} is {state} (process {status.pid}).")
    print(f"  AWS       {status.aws_url}   account {status.account}, region {status.region}")
    print(f"  InfluxDB  {status.influx_url}")
    for problem in status.problems:
        print(f"  problem   {problem}")
    print('  use it    eval "$(runbook sandbox env)"      stop it    runbook sandbox stop')


Clock = Annotated[
    float | None,
    typer.Option(
        min=1,
        help="Seconds of AWS that go by in one here, for what takes its time there, such as deployments.",
        show_default="60",
    ),
]


@app.command()
def clock(
    factor: Annotated[float, typer.Argument(min=1, help="Seconds of AWS that go by in one here.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let what takes its time on AWS, such as deployments, go faster or slower from here on."""
    _show(sandbox_at(home).set_clock(factor), as_json=as_json)


@app.command()
def start(
    seed: Annotated[int, typer.Option(help="The same seed gives the same platform.")] = 7,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port for AWS; 0 is any free one.", show_default="4566"),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(help="When the platform's history ends, ISO 8601 with zone.", show_default="now"),
    ] = None,
    clock: Clock = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Start it, seeded, and wait until it answers; it then lives on until it is stopped."""
    status = sandbox_at(home).start(seed=seed, port=port, now=_moment(now), clock=clock, progress=say)
    _show(status, as_json=as_json)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--now {text!r} is not ISO 8601: {error}") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"--now {text!r} needs a zone, such as Z")
    return moment


@app.command()
def stop(home: Home = None, as_json: AsJson = False) -> None:
    """Stop it. Its data is gone; a new start makes the same again."""
    sandbox = sandbox_at(home)
    stopped = sandbox.stop()
    if as_json:
        print(json.dumps({"stopped": stopped, "home": str(sandbox.home)}, indent=2))
    else:
        print(f"The sandbox in {sandbox.home} {'is stopped' if stopped else 'was not running'}.")


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Say how it is. Exit code 0 when it is ready, 1 when not."""
    found = sandbox_at(home).status()
    _show(found, as_json=as_json)
    raise typer.Exit(0 if found.ready else 1)


@app.command()
def reset(home: Home = None, as_json: AsJson = False) -> None:
    """Drop everything that happened in it and seed it again."""
    sandbox = sandbox_at(home)
    sandbox.reset()
    _show(sandbox.status(), as_json=as_json)


@app.command()
def env(home: Home = None, as_json: AsJson = False) -> None:
    """Print the variables with which any AWS SDK, the AWS CLI and influxdb-client use it: eval "$(…)"."""
    variables = sandbox_at(home).env()
    if as_json:
        print(json.dumps(variables, indent=2))
    else:
        print("\n".join(f"export {name}={_quoted(value)}" for name, value in variables.items()))


def _quoted(value: str) -> str:
    quoted = shlex.quote(value)
    return quoted if quoted.startswith("'") else f"'{value}'"


def lab(
    platform: Annotated[str, typer.Option(help="The platform to work on.")] = "sandbox",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="JupyterLab's port; taken, the next is used.")
    ] = 8888,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Open JupyterLab at notebooks/index.ipynb, on this machine only, connected to the platform."""
    root = project_root()
    if platform == "sandbox" and not os.environ.get("AWS_ENDPOINT_URL"):
        sandbox = sandbox_at()
        if not sandbox.status().ready:
            say("The sandbox is not running; starting it.")
            sandbox.start(progress=say)
        say("The sandbox keeps running after JupyterLab. Stop it with: runbook sandbox stop")
    variables = {**os.environ, **environment_for(platform), "RUNBOOK_HOME": str(root)}
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += [f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/notebooks/index.ipynb"]
    # A page of local notebooks has no reason to ask the network about versions of itself.
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command += ["--no-browser"] if no_browser else []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        say("As root, which JupyterLab is told to allow: it listens on 127.0.0.1 only, with its token.")
        command += ["--allow-root"]
    sys.stdout.flush()
    os.execve(sys.executable, command, variables)  # noqa: S606
