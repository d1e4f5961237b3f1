"""What is fast, and what it is compared with: figures of one run, side by side, as ratios.

    make bench                          all of them, on a sandbox of their own
    .venv/bin/python benchmarks/run.py health --rounds 5
    .venv/bin/python benchmarks/run.py demo      # a fresh clone; takes minutes, so only by name

Nothing here asserts: a machine's speed is not a test. Rounds of the contestants alternate, the median counts,
and the memory is the peak of the largest process of the contestant (`ru_maxrss` of the children), in MiB.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ons_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
NOTEBOOK = ROOT / "notebooks/health/daily_health_check.ipynb"


def _timed_in_child(command: list[str], env: dict[str, str], cwd: Path, answer: Any) -> None:
    started = time.perf_counter()
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    answer.put((seconds, peak, done.returncode, done.stdout[-2000:] + done.stderr[-2000:]))


def timed(command: list[str], env: dict[str, str], cwd: Path) -> tuple[float, float]:
    """Wall seconds and peak MiB of one command, in a process of its own so that peaks do not mix."""
    context = get_context("spawn")
    answer = context.Queue()
    child = context.Process(target=_timed_in_child, args=(command, env, cwd, answer))
    child.start()
    seconds, peak, code, output = answer.get()
    child.join()
    if code != 0:
        raise SystemExit(f"{' '.join(command)} ended with {code}:\n{output}")
    return seconds, peak


def side_by_side(
    title: str, contestants: dict[str, list[str]], env: dict[str, str], cwd: Path, rounds: int
) -> None:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, command in contestants.items():
            taken[name].append(timed(command, env, cwd))
    table = Table(title=f"{title} (median of {rounds})", title_justify="left")
    for heading in ("", "seconds", "ratio to ours", "peak MiB"):
        table.add_column(heading, justify="left" if not heading else "right")
    ours = statistics.median(seconds for seconds, _ in next(iter(taken.values())))
    for name, results in taken.items():
        seconds = statistics.median(s for s, _ in results)
        table.add_row(
            name, f"{seconds:.2f}", f"{seconds / ours:.2f}", f"{max(peak for _, peak in results):.0f}"
        )
    Console().print(table)


def bench_sandbox(rounds: int) -> None:
    """From nothing to ready and seeded; and a reset of a running one."""
    starts, resets, memory = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as home:
            started = time.perf_counter()
            with Sandbox(Path(home)) as sandbox:
                starts.append(time.perf_counter() - started)
                started = time.perf_counter()
                sandbox.reset()
                resets.append(time.perf_counter() - started)
                status = Path(f"/proc/{sandbox.status().pid}/status")
                if status.exists():
                    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
                    memory.append(int(line.split()[1]) / 1024)
    table = Table(title=f"Sandbox (median of {rounds})", title_justify="left")
    for heading in ("ready and seeded, s", "reset and seeded again, s", "resident MiB"):
        table.add_column(heading, justify="right")
    table.add_row(*(f"{statistics.median(v):.2f}" if v else "n/a" for v in (starts, resets, memory)))
    Console().print(table)


def bench_health(rounds: int) -> None:
    """The daily health check with its report, cold, against the old ways of getting the same."""
    with tempfile.TemporaryDirectory() as scratch, Sandbox(Path(scratch) / "sandbox") as sandbox:
        work = Path(scratch)
        env = {**os.environ, **sandbox.env(), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        contestants = {
            "runbook run, report included": [
                "runbook", "run", "health/daily_health_check", "--reports", str(work / "reports")
            ],
            "papermill, then jupyter nbconvert": [
                "sh", "-c", f"papermill {NOTEBOOK} out.ipynb && jupyter nbconvert --to html out.ipynb"
            ],
        }  # fmt: skip
        if shutil.which("aws", path=env["PATH"]):
            contestants["AWS CLI and curl from a script, no report"] = [
                str(ROOT / "benchmarks/health_check_by_cli.sh")
            ]
        else:
            print("no AWS CLI on this machine: that contestant is left out")
        side_by_side("Daily health check, cold", contestants, env, work, rounds)


def bench_report(rounds: int) -> None:
    """Size of a report without charts, and of one with them."""
    with tempfile.TemporaryDirectory() as scratch, Sandbox(Path(scratch) / "sandbox") as sandbox:
        reports = Path(scratch) / "reports"
        env = {**os.environ, **sandbox.env()}
        sizes = {}
        for name in ("health/daily_health_check", "performance/kpi_dashboard"):
            command = [str(BIN / "runbook"), "run", name, "--reports", str(reports)]
            subprocess.run(command, env=env, cwd=ROOT, check=False, capture_output=True)
            tail = name.split("/")[-1]
            sizes[name] = (reports / "latest" / f"{tail}.html").stat().st_size
    table = Table(title="Report size", title_justify="left")
    table.add_column("notebook")
    table.add_column("kB", justify="right")
    for name, size in sizes.items():
        table.add_row(name, f"{size / 1000:.0f}")
    Console().print(table)


def bench_demo(rounds: int) -> None:
    """`make demo` in a fresh clone with an empty HOME (packages from pip's warm cache), and a second time."""
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        caches = {
            "UV_CACHE_DIR": str(Path("~/.cache/uv").expanduser()),
            "PIP_CACHE_DIR": str(Path("~/.cache/pip").expanduser()),
        }
        env = {**os.environ, **caches, "HOME": scratch}
        first, _ = timed(["make", "demo"], env, clone)
        second, _ = timed(["make", "demo"], env, clone)
        subprocess.run(["make", "stop"], cwd=clone, env=env, check=False, capture_output=True)
    print(f"make demo from a fresh clone: {first:.1f} s; again: {second:.1f} s")


def bench_logs(rounds: int) -> None:
    """Counting and grouping the ERROR lines of a million log events; see log_counting.py for fewer."""
    import log_counting

    log_counting.bench(rounds)


def bench_site(rounds: int) -> None:
    """The list of all runs with ten thousand of them: one more run, and the page in Chromium."""
    import report_site

    report_site.bench(rounds)


BENCHMARKS: dict[str, Callable[[int], None]] = {
    "sandbox": bench_sandbox,
    "health": bench_health,
    "report": bench_report,
    "logs": bench_logs,
    "site": bench_site,
    "demo": bench_demo,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which; none means all but demo")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    for name in chosen.names or [n for n in BENCHMARKS if n != "demo"]:
        BENCHMARKS[name](chosen.rounds)


if __name__ == "__main__":
    main()
