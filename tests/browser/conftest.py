"""A real browser for the pages that runs leave behind: Debian's Chromium, driven by Playwright.

Playwright's own download of browsers is never used: https://playwright.dev/python/docs/api/class-browsertype
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ons_runbook.headless import catalogue, runner

FIXTURES = Path(__file__).parents[1] / "notebooks_fixture"


# For a module, not for the session: Playwright keeps an event loop running in this thread, and whatever
# else the worker tests afterwards could not run one of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none the test is skipped with a sentence, and in CI it fails."""
    program = os.environ.get("RUNBOOK_CHROMIUM") or shutil.which("chromium")
    if program is None:
        missing = "no Chromium found: apt-get install chromium, or set RUNBOOK_CHROMIUM"
        if os.environ.get("CI") in {"true", "1"}:
            pytest.fail(missing)
        pytest.skip(missing)
    # Chromium's own sandbox does not work for root, as which containers run.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a file as a page; the test fails when the page complains or asks for anything.

    Settings are those of a browser context: viewport, color_scheme, java_script_enabled.
    """
    contexts = []
    complaints: list[str] = []

    def opened(path: Path, **settings: Any) -> Page:
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _note_request(request.url, path, complaints))
        page.on("framenavigated", lambda frame: _note_request(frame.url.split("#")[0], path, complaints))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _note_request(url: str, path: Path, complaints: list[str]) -> None:
    if not url.startswith("data:image/") and url != path.as_uri():
        complaints.append(f"request: {url}")


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], runner.Run]:
    """Runs a notebook of tests/notebooks_fixture, each once; all into one reports folder."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(FIXTURES, root / "notebooks" / "fixture")
    known = catalogue.procedures(root)
    runs: dict[str, runner.Run] = {}

    def run(name: str) -> runner.Run:
        if name not in runs:
            procedure = catalogue.find(f"fixture/{name}", known)
            runs[name] = runner.run(procedure, {}, root=root, reports=root / "reports", environment={})
        return runs[name]

    return run
