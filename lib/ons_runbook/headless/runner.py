"""One procedure, run without anyone watching: kernel, papermill, result, report, index.

A notebook that fails still leaves a report, with the error first. A run that is interrupted leaves nothing,
and its kernel goes with it; nothing is written before everything is known.
"""

import json
import os
import re
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ons_runbook.checkout import commit
from ons_runbook.checks import Verdict
from ons_runbook.headless import archive, catalogue, executed
from ons_runbook.headless.catalogue import Procedure
from ons_runbook.headless.executed import Failure, Limits
from ons_runbook.headless.kernel import Kernel
from ons_runbook.redaction import Redactor
from ons_runbook.result import ContactResult, ErrorResult, Result
from ons_runbook.window import utc_now

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.IGNORECASE)
NOT_A_SECRET = re.compile(r"[a-z]{0,12}|[0-9]{0,6}|/.*|.{0,5}", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """What came of one run: its result, its files, and the index that lists it."""

    result: Result
    files: archive.Kept
    index: Path


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to end; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


def _silent(line: str) -> None:
    """Progress that nobody follows."""


def run(
    procedure: Procedure,
    values: Mapping[str, Any],
    *,
    root: Path,
    reports: Path,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    progress: Callable[[str], None] = _silent,
) -> Run:
    """Run a procedure and keep its report. This process's environment and working folder stay as they are.

    Args:
        procedure: from the catalogue, without a problem.
        values: parameters that differ from their defaults, of their types (see parameters.validate).
        root: the project's folder.
        reports: where reports are kept; made if it is not there.
        environment: variables for the kernel, over this process's own.
        limits: seconds that a cell and the run may take.
        progress: called with one line as each code cell begins.

    Raises:
        RunbookError: the reports folder cannot be written.
        Interrupted: by a signal; the kernel is gone and nothing was written.
    """
    started = utc_now()
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{procedure.tail}-{secrets.token_hex(2)}"
    made_from = commit(root)
    variables = {
        **os.environ,
        **(environment or {}),
        "RUNBOOK_RUN_ID": run_id,
        "RUNBOOK_COMMIT": made_from or "",
        "RUNBOOK_REPORTS": str(reports),
    }
    with _interruptible():
        notebook, failure = _executed(procedure, dict(values), variables, limits or Limits(), progress)
        notebook["metadata"].get("papermill", {})["input_path"] = f"notebooks/{procedure.name}.ipynb"
        redactor = Redactor(_secrets(variables))
        result = _result(
            procedure, values, notebook, failure, run_id=run_id, made_from=made_from, started=started
        )
        result = executed.safe_result(_completed(result, procedure, root, started), redactor)
        kept = executed.fit_to_keep(notebook, redactor)
        contents = _contents(kept, result)
    return _keep(reports, started, procedure.tail, contents, result)


def _executed(
    procedure: Procedure,
    values: dict[str, Any],
    variables: Mapping[str, str],
    limits: Limits,
    progress: Callable[[str], None],
) -> tuple[dict[str, Any], Failure | None]:
    text = procedure.path.read_text(encoding="utf-8")
    kernel = Kernel(environment=variables, cwd=procedure.path.parent, preload=_wanted_modules(text))
    finished = False
    try:
        progress("starting the kernel")
        kernel.start()
        # Only now: papermill takes longer to import than the kernel to start, and both can go on at once.
        from ons_runbook.headless import engine

        # While cells run there is nothing to do here but to get ready for what comes after them.
        preparing = threading.Thread(target=_prepare_report, daemon=True)
        preparing.start()
        notebook, failure = engine.execute(procedure.path, values, kernel, limits, progress)
        # Not every module bears being imported by two threads at once.
        preparing.join()
        finished = failure is None
    finally:
        kernel.stop(patiently=not finished)
    return notebook if notebook is not None else json.loads(text), failure


def _prepare_report() -> None:
    from ons_runbook.headless import report

    report.prepare()


def _wanted_modules(notebook: str) -> tuple[str, ...]:
    """The library's modules that a notebook imports, for the kernel to load before the first cell comes."""
    wanted = ["ons_runbook.context"] if "ons_runbook" in notebook else []
    for package, names in re.findall(r"from (ons_runbook[\w.]*) import ([\w, ]+)", notebook):
        wanted += [f"{package}.{name.strip()}" for name in names.split(",")]
    return tuple(dict.fromkeys(wanted))


def _result(
    procedure: Procedure,
    values: Mapping[str, Any],
    notebook: Mapping[str, Any],
    failure: Failure | None,
    *,
    run_id: str,
    made_from: str | None,
    started: datetime,
) -> Result:
    """What the notebook emitted; with the error, and without what it did not come to, when it broke."""
    emitted = None
    try:
        emitted = executed.emitted_result(notebook)
    except executed.InvalidResult as error:
        failure = failure or Failure(
            "InvalidResult", f"The notebook's result does not fit the schema: {error}"
        )
    if emitted is not None and failure is None:
        return emitted
    if failure is None:
        failure = Failure(
            "NoResult", "The notebook ended without a result. Its last cell should be rb.finish()."
        )
    defaults = {parameter.name: parameter.default for parameter in procedure.parameters}
    parameters = {**defaults, **values}
    platform = str(parameters.get("platform", "unknown"))
    broken = emitted or Result(
        procedure=procedure.name,
        title=procedure.title,
        section=procedure.section,
        platform=platform,
        run_id=run_id,
        commit=made_from,
        started=started,
        finished=utc_now(),
        parameters=parameters,
        verdict=Verdict.ERROR,
    )
    reason = ErrorResult(type=failure.type, message=failure.message, cell=failure.cell)
    told = broken.whom_to_tell or _contacts(platform)
    return broken.model_copy(
        update={"verdict": Verdict.ERROR, "error": reason, "finished": utc_now(), "whom_to_tell": told}
    )


def _completed(result: Result, procedure: Procedure, root: Path, started: datetime) -> Result:
    """The result with what only the runner knows: how long it all took, its title, which notebooks exist."""
    known = catalogue.procedures(root)
    checks = [c.model_copy(update={"hint": catalogue.annotated(c.hint, known)}) for c in result.checks]
    told = {"title": procedure.title, "started": started, "finished": utc_now(), "checks": checks}
    return result.model_copy(update=told)


def _contacts(platform: str) -> list[ContactResult]:
    """Whom to tell when the procedure itself could not: the platform's own, or the source runbook's."""
    from ons_runbook.contacts import ESCALATION
    from ons_runbook.errors import RunbookError
    from ons_runbook.platform import load_platform

    try:
        contacts = load_platform(platform).escalation
    except RunbookError:
        contacts = ESCALATION
    return [ContactResult(**contact.model_dump()) for contact in contacts]


def _contents(notebook: dict[str, Any], result: Result) -> dict[str, str]:
    from ons_runbook.headless import report

    return {
        ".html": report.render(notebook, result),
        ".ipynb": json.dumps(notebook, indent=1, ensure_ascii=False) + "\n",
        ".json": result.to_json() + "\n",
    }


def _keep(reports: Path, started: datetime, tail: str, contents: dict[str, str], result: Result) -> Run:
    from ons_runbook.headless import index

    with archive.locked(reports), _undisturbed():
        files = archive.keep(reports, started, tail, contents)
        page = index.rebuild(reports)
    return Run(result, files, page)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Signals end the block by an exception, so that what was started in it is ended as well."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, _: object) -> None:
        # Impatience must not keep the kernel from being ended.
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait until the block is over: the files of a run belong together."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _secrets(variables: Mapping[str, str]) -> list[str]:
    named = (value for name, value in variables.items() if SECRET_NAME.search(name))
    return [value for value in named if not NOT_A_SECRET.fullmatch(value)]
