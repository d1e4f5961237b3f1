"""The report site with many runs: how long one more run costs, and how long the page takes in Chromium.

    .venv/bin/python benchmarks/run.py site
    .venv/bin/python benchmarks/report_site.py --runs 10000

The runs are made up: one each half hour, of ten procedures with twelve checks each, a tenth of them not well.
Times in the browser are its own: from navigation start to the first frame after the page's script, and from
a change of a filter to the frame that shows it.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ons_runbook.headless import archive, history, index
from ons_runbook.result import Result

RUNS = 10_000
END = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
SECTIONS = ("health", "cost", "security", "performance", "troubleshooting")
OPENED = (
    """() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"""
)
FILTERED = """([name, value]) => new Promise((done) => {
  const control = document.querySelector(`.filters [name=${name}]`);
  const begun = performance.now();
  control.value = value;
  control.dispatchEvent(new Event("input"));
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
})"""
FILTERS = (
    ("procedure", "cost/procedure_1"),
    ("verdict", "not pass"),
    ("platform", "prod"),
    ("text", "older"),
)


def result(number: int, draw: random.Random) -> Result:
    """A made-up result; the higher the number, the older."""
    started = END - timedelta(minutes=30 * number)
    kind = number % 10
    name = f"{SECTIONS[kind % 5]}/procedure_{kind}"
    checks: list[dict[str, Any]] = []
    for n in range(12):
        verdict = "pass" if draw.random() > 0.01 else draw.choice(("warn", "fail", "unknown"))
        observed = f"{draw.randint(1, 900)} of 1,000 points are older than {draw.randint(60, 300)} min"
        checks.append(
            {"name": f"part_{n}.of_{kind}", "verdict": verdict, "observed": observed, "expected": "none"}
        )
    order = ("pass", "warn", "unknown", "fail")
    return Result(
        procedure=name,
        title=f"Procedure number {kind}",
        platform=draw.choice(("sandbox", "prod", "prod")),
        run_id=f"{started:%Y%m%dT%H%M%SZ}-procedure_{kind}-{draw.getrandbits(16):04x}",
        started=started,
        finished=started + timedelta(seconds=draw.uniform(2, 90)),
        verdict=max((check["verdict"] for check in checks), key=order.index),
        checks=checks,
    )


def fill(reports: Path, count: int) -> None:
    """Write that many runs as they lie in the folder, without what makes single writes safe."""
    draw = random.Random(7)
    for number in range(1, count + 1):
        one = result(number, draw)
        stem = (
            reports / f"{one.started:%Y-%m-%d}" / f"{one.started:%H%M%S}Z-{one.procedure.rpartition('/')[2]}"
        )
        stem.parent.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".json").write_text(one.to_json())
        stem.with_suffix(".html").write_text("<p>")
        stem.with_suffix(".ipynb").write_text("{}")


def rebuilds(reports: Path, rounds: int) -> tuple[float, list[float]]:
    """Seconds of the first rebuild, and of those after one run more each."""
    with archive.locked(reports):
        begun = time.perf_counter()
        index.rebuild(reports)
        first = time.perf_counter() - begun
        after = []
        for n in range(rounds):
            one = result(-n, random.Random(n))
            files = {".html": "<p>", ".ipynb": "{}", ".json": one.to_json()}
            archive.keep(reports, one.started, one.procedure.rpartition("/")[2], files)
            begun = time.perf_counter()
            index.rebuild(reports)
            after.append(time.perf_counter() - begun)
    return first, after


def browsed(page_path: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds in Chromium: the page opened, and each filter applied; nothing when there is no Chromium."""
    program = os.environ.get("RUNBOOK_CHROMIUM") or shutil.which("chromium")
    if program is None:
        print("no Chromium on this machine: the times in the browser are left out")
        return {}
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    taken: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        for _ in range(rounds):
            page = browser.new_page()
            page.goto(page_path.as_uri())
            taken.setdefault("open", []).append(page.evaluate(OPENED) / 1000)
            for name, value in FILTERS:
                seconds = page.evaluate(FILTERED, [name, value]) / 1000
                taken.setdefault(f"filter by {name}", []).append(seconds)
            page.close()
        browser.close()
    return taken


def bench(rounds: int, runs: int = RUNS) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        reports = Path(scratch)
        fill(reports, runs)
        first, after = rebuilds(reports, rounds)
        found = browsed(reports / index.PAGE, rounds)
        sizes = {name: (reports / name).stat().st_size for name in (index.PAGE, history.CACHE)}
        listed = len(json.loads((reports / history.CACHE).read_text())["runs"])
    table = Table(title=f"Report site, {listed:,} runs (median of {rounds})", title_justify="left")
    for heading in ("", "seconds", "worst"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("rebuild, nothing remembered (once)", f"{first:.2f}", "")
    for name, seconds in ({"rebuild after one run": after} | found).items():
        table.add_row(name, f"{statistics.median(seconds):.3f}", f"{max(seconds):.3f}")
    Console().print(table)
    print(", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    bench(chosen.rounds, chosen.runs)
