"""What is missing or misconfigured on this machine, and how to mend it.

Nothing here changes anything or talks to a real platform: it looks at this environment, this project and the
sandbox's own folder.
"""

import os
import platform as machine
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from ons_runbook.errors import RunbookError

State = Literal["ok", "warn", "fail"]
FREE_BYTES = 500_000_000
PORTS = ((4566, "AWS"), (8086, "InfluxDB"))
ENDPOINTS = ("AWS_ENDPOINT_URL", "INFLUXDB_V2_URL")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it is, and what to do when it is not well."""

    state: State
    what: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        """As `runbook doctor --json` shows it."""
        return asdict(self)


def examine(root: Path, platform: str, sandbox: Callable[[], Any]) -> list[Finding]:
    """Look at everything that a run on `platform` needs.

    Args:
        root: the project's folder.
        platform: `sandbox`, `prod`, or the path of a platform file.
        sandbox: gives the handle of the project's sandbox; it may raise RunbookError.
    """
    looks = [
        _python(),
        _packages(root),
        _kernel(),
        _programs(),
        _reports(root / "reports"),
        _procedures(root),
        _endpoints(os.environ, platform),
        _sandbox(sandbox) if platform == "sandbox" else _settings(platform),
    ]
    return [finding for look in looks for finding in look]


def _python() -> Iterator[Finding]:
    # An older Python could not have installed this package.
    yield Finding("ok", f"Python {machine.python_version()} at {sys.executable}")


def _packages(root: Path) -> Iterator[Finding]:
    """Direct dependencies that are missing are fatal; versions that differ from the lock deserve a word."""
    lock = root / "requirements.lock"
    pins = _pins(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    missing, different = [], []
    for name in _required():
        try:
            installed = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if name in pins and pins[name] != installed:
            different.append(f"{name} {installed} (lock: {pins[name]})")
    if missing:
        yield Finding(
            "fail", f"packages missing: {', '.join(missing)}", "make demo, or pip install -e '.[sandbox]'"
        )
    if different:
        mend = "Delete .venv/.ready and run make demo to get the versions that were tested."
        yield Finding("warn", f"packages differ from requirements.lock: {', '.join(different)}", mend)
    if not pins:
        yield Finding("warn", f"no lock file at {lock}", "Versions cannot be compared outside of a checkout.")
    elif not missing and not different:
        yield Finding("ok", "packages are those of requirements.lock")


def _required() -> list[str]:
    lines = requires("ons-runbook") or []
    ordinary = [line for line in lines if "extra ==" not in line or "sandbox" in line]
    names = [re.match(r"[A-Za-z0-9._-]+", line) for line in ordinary]
    return [_normal(name[0]) for name in names if name]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(lock: str) -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock, re.MULTILINE)
    return {_normal(name): pinned for name, pinned in lines}


def _kernel() -> Iterator[Finding]:
    """Headless runs bring their own kernel; JupyterLab and plain papermill take the spec named python3."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        mend = "python -m ipykernel install --sys-prefix --name python3"
        yield Finding("fail", "Jupyter knows no kernel python3", mend)
        return
    program = shutil.which(spec.argv[0]) or spec.argv[0]
    # `python` in a spec means the Python that Jupyter itself runs in.
    own = Path(spec.argv[0]).name == spec.argv[0] or Path(program).parent == Path(sys.executable).parent
    if own:
        yield Finding("ok", "Jupyter's kernel python3 is this environment's")
    else:
        what = f"Jupyter's kernel python3 is another Python: {program}"
        yield Finding("warn", what, f"Remove or rename {spec.resource_dir}: JupyterLab would use it.")


def _programs() -> Iterator[Finding]:
    if shutil.which("git"):
        yield Finding("ok", "git is there")
    else:
        yield Finding("warn", "git is not there", "Reports will not name the commit. Install git.")
    chromium = os.environ.get("RUNBOOK_CHROMIUM") or shutil.which("chromium")
    if chromium and Path(chromium).is_file():
        yield Finding("ok", f"Chromium is at {chromium}")
    else:
        mend = "Only the browser tests need it: apt-get install chromium, or set RUNBOOK_CHROMIUM."
        yield Finding("warn", "Chromium is not there", mend)


def _reports(folder: Path) -> Iterator[Finding]:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        yield Finding(
            "fail", f"reports cannot be written to {folder}", "Mend its rights, or use --reports DIR."
        )
    else:
        yield Finding("ok", f"reports can be written to {folder}")
        yield from _lock(folder / ".lock")
    free = shutil.disk_usage(there).free
    if free < FREE_BYTES:
        yield Finding("warn", f"only {free // 1_000_000} MB are free at {there}", "Delete old reports.")
    else:
        yield Finding("ok", f"{free / 1e9:.1f} GB are free at {there}")


def _lock(path: Path) -> Iterator[Finding]:
    from filelock import FileLock, Timeout

    if not path.exists():
        return
    try:
        with FileLock(path, timeout=0):
            return
    except Timeout:
        what = f"another process holds {path}"
        yield Finding("warn", what, f"A run is writing just now, or hangs: fuser {path} names it.")
    except OSError as error:
        yield Finding(
            "fail", f"{path} cannot be opened: {error.strerror}", "Mend the rights of the reports folder."
        )


def _procedures(root: Path) -> Iterator[Finding]:
    from ons_runbook.headless.catalogue import procedures

    known = procedures(root)
    for procedure in known:
        if procedure.problem:
            yield Finding("fail", f"{procedure.path.name}: {procedure.problem}", "See CONTRIBUTING.md.")
    if not known:
        yield Finding(
            "fail", f"there is no procedure in {root / 'notebooks'}", "Set RUNBOOK_HOME to the project."
        )
    elif not any(procedure.problem for procedure in known):
        yield Finding("ok", f"procedures that can be run: {len(known)}")


def _endpoints(variables: Mapping[str, str], platform: str) -> Iterator[Finding]:
    given = {name: variables[name] for name in ENDPOINTS if variables.get(name)}
    services = sorted(n for n in variables if n.startswith("AWS_ENDPOINT_URL_") and variables[n])
    if platform == "sandbox" and len(given) == 1:
        (name,) = given
        other = next(n for n in ENDPOINTS if n != name)
        mend = f'Set both or none: eval "$(runbook sandbox env)", or unset {name}.'
        yield Finding("fail", f"{name} is set and {other} is not", mend)
    if services:
        mend = f"unset {' '.join(services)}"
        yield Finding("warn", f"endpoints of single services are set: {', '.join(services)}", mend)
    if platform == "sandbox" and variables.get("AWS_PROFILE"):
        yield Finding("ok", f"AWS_PROFILE is {variables['AWS_PROFILE']}; the sandbox does not use it")


def _sandbox(sandbox: Callable[[], Any]) -> Iterator[Finding]:
    try:
        handle = sandbox()
    except RunbookError as error:
        yield Finding("fail", error.message, error.hint)
        return
    status = handle.status()
    if status.ready:
        yield Finding("ok", f"the sandbox answers at {status.aws_url} and {status.influx_url}")
    elif status.running:
        what = f"the sandbox runs (process {status.pid}) and is not ready: {status.error or 'being seeded'}"
        yield Finding("fail", what, "runbook sandbox stop, then runbook sandbox start")
    elif (left := Path(handle.home) / "state.json").exists():
        what = f"the sandbox is not running, and {left} was left behind"
        yield Finding("warn", what, "runbook sandbox start clears it away")
    else:
        yield Finding("warn", "the sandbox is not running", "runbook sandbox start")
    for problem in status.problems:
        yield Finding("warn", f"the sandbox says: {problem}", "runbook sandbox reset")
    if not status.running:
        yield from _ports()


def _ports(wanted: Iterable[tuple[int, str]] = PORTS) -> Iterator[Finding]:
    import socket

    for port, what in wanted:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                mend = "Nothing to do: the sandbox chooses another port and says which."
                yield Finding("ok", f"port {port} ({what} in the sandbox) is taken by another program", mend)


def _settings(name: str) -> Iterator[Finding]:
    from ons_runbook.platform import load_platform

    try:
        settings = load_platform(name)
    except RunbookError as error:
        yield Finding("fail", error.message, error.hint)
        return
    yield Finding("ok", f"platform {settings.name}: settings are valid, region {settings.region}")
    yield from _credentials()


def _credentials() -> Iterator[Finding]:
    """Whether the ordinary chain finds any; whether they work only a call could tell, and none is made."""
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        found = boto3.Session().get_credentials()
    except BotoCoreError as error:
        yield Finding(
            "fail", f"AWS credentials cannot be read: {error}", "Mend the profile, or log in again."
        )
        return
    if found is None:
        mend = "Set AWS_PROFILE, or log in with: aws sso login"
        yield Finding("fail", "boto3 finds no AWS credentials", mend)
    else:
        yield Finding("ok", f"AWS credentials come from: {found.method}")
