"""The worker's side of an invocation, run as MiniStack runs it: a script of its own behind two pipes.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html (layers come after the function's own folder)
"""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ons_sandbox.mends import lambda_bootstrap

SCRIPT = inspect.getsource(lambda_bootstrap) + "\nrun(lambda: None)\n"


class Worker:
    """One worker process and what it says."""

    def __init__(self, folder: Path, source: str, **environment: str) -> None:
        (folder / "code").mkdir()
        (folder / "code" / "app.py").write_text(source)
        (folder / "worker.py").write_text(SCRIPT)
        self.process = subprocess.Popen(
            [sys.executable, folder / "worker.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], **environment},
        )
        self.tell(code_dir=str(folder / "code"), module="app", handler="handler")
        assert self.hear() == {"status": "ready"}

    def tell(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message

    def call(self, event: Any, **environment: str | None) -> list[dict[str, Any]]:
        """Everything that it says until the invocation is done."""
        self.tell(
            event=event,
            request_id="r-1",
            invoked_function_arn="arn:f",
            log_group="/aws/lambda/f",
            log_stream="s",
            timeout_seconds=3.0,
            environment=environment,
        )
        heard = [self.hear()]
        while "done" not in heard[-1]:
            heard.append(self.hear())
        return heard


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    workers: list[Worker] = []

    def start_one(source: str, **environment: str) -> Worker:
        workers.append(Worker(tmp_path, source, **environment))
        return workers[-1]

    yield start_one
    for worker in workers:
        worker.process.kill()
        worker.process.wait()
        for pipe in (worker.process.stdin, worker.process.stdout, worker.process.stderr):
            if pipe is not None:
                pipe.close()


def test_lines_go_out_when_they_are_written(start: Any) -> None:
    worker = start("print('importing')\ndef handler(event, context): print(event, end='')")

    assert worker.hear()["log"][1] == "importing\n"
    assert worker.hear()["init"]["fault"] is None
    logged, done = worker.call("no newline")
    assert logged["log"][1] == "no newline"
    assert json.loads(done["done"]["result"]) is None


def test_a_failed_import_is_told_once_and_the_worker_is_over(start: Any) -> None:
    worker = start("raise RuntimeError('no setting')")

    assert worker.hear()["log"][1].startswith("[ERROR] RuntimeError: no setting\nTraceback")
    fault = worker.hear()["init"]["fault"]
    assert (fault["errorType"], fault["requestId"]) == ("RuntimeError", "")
    assert worker.process.wait(timeout=10) == 0


def test_the_worker_ends_in_the_middle_of_a_call_when_nobody_listens_any_more(start: Any) -> None:
    worker = start("import time\ndef handler(event, context):\n    print('in')\n    time.sleep(600)")
    assert "init" in worker.hear()
    worker.tell(
        event={},
        request_id="r",
        invoked_function_arn="",
        log_group="",
        log_stream="",
        timeout_seconds=900,
        environment={},
    )
    assert worker.hear()["log"][1] == "in\n"

    worker.process.stdin.close()

    assert worker.process.wait(timeout=10) == 0


def test_variables_of_one_invocation_are_gone_in_the_next(start: Any) -> None:
    worker = start("import os\ndef handler(event, context): return os.environ.get('TRACE')")
    worker.hear()

    assert json.loads(worker.call({}, TRACE="one")[-1]["done"]["result"]) == "one"
    assert json.loads(worker.call({}, TRACE=None)[-1]["done"]["result"]) is None


def test_the_function_s_own_modules_come_before_those_of_a_layer(tmp_path: Path, start: Any) -> None:
    layer = tmp_path / "layer" / "python"
    layer.mkdir(parents=True)
    (layer / "only_in_layer.py").write_text("NAME = 'layer'")
    (layer / "app.py").write_text("raise SystemExit('the wrong one')")
    source = "import only_in_layer\ndef handler(event, context): return only_in_layer.NAME"

    worker = start(source, _LAMBDA_LAYERS_DIRS=str(tmp_path / "layer"))

    assert worker.hear()["init"]["fault"] is None
    assert json.loads(worker.call({})[-1]["done"]["result"]) == "layer"


def test_decimals_are_numbers_in_the_answer(start: Any) -> None:
    worker = start("from decimal import Decimal\ndef handler(event, context): return Decimal('1.5')")
    worker.hear()

    assert json.loads(worker.call({})[-1]["done"]["result"]) == 1.5
