"""An execution environment: one worker process of one version of a Python function, and what happens in it.

Takes the place of MiniStack's `Worker` for Python. It keeps the process after an exception (as Lambda
does), ends it after a timeout, an exit, a failed start, or when it holds more memory than the function
has.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

from ons_sandbox.mends.lambda_bootstrap import END_OF_NATIVE_OUTPUT
from ons_sandbox.mends.lambda_invocation import Invocation, now

# Lambda gives a start ten seconds; what is left of it after that counts against the function's own timeout.
INIT_SECONDS = 10.0
WATCH_SECONDS = 0.05
# Lines on their way; with more the worker waits, so that a function that prints without end fills no memory.
MAX_WAITING_LINES = 10_000
LAST_WORDS_SECONDS = 1.0


class Environment(lambda_runtime.Worker):
    """One worker process, started when first needed. MiniStack's pool lends it, one invocation at a time."""

    _proc: Any
    _stderr_thread: Any
    log_stream = ""
    _starting = False
    _silent = False  # its pipe has closed
    _peak = 0
    _inbox: "queue.Queue[dict[str, Any] | None]"

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        handler = config.get("Handler", "")
        # MiniStack cannot start what it cannot split; the runtime in the worker says what is wrong with it.
        super().__init__(
            func_name, config if "." in handler else {**config, "Handler": f"{handler}."}, code_zip
        )

    @property
    def log_group(self) -> str:
        """Where this function logs."""
        logging_config = self.config.get("LoggingConfig") or {}
        return logging_config.get("LogGroup") or f"/aws/lambda/{self.func_name}"

    @property
    def version(self) -> str:
        """The version that runs here, "$LATEST" included."""
        return str(self.config.get("Version", "$LATEST"))

    def _spawn(self) -> None:
        """Start the process; it imports the function while nobody waits for it."""
        super()._spawn()
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{self.version}]{uuid.uuid4().hex}"
        self._inbox = queue.Queue(MAX_WAITING_LINES)
        self._starting, self._silent, self._peak = True, False, 0
        threading.Thread(
            target=_listen,
            args=(self._proc.stdout, self._inbox),
            daemon=True,
            name=f"stdout-{self.func_name}",
        ).start()

    def invoke(
        self,
        event: Any,
        request_id: str,
        *,
        trace_id: str | None = None,
        depth: int | None = None,
        durable: dict[str, str] | None = None,
        invoked_function_arn: str | None = None,
    ) -> Invocation:
        """Run one invocation to its end and say what it did; never raises for what the function does."""
        with self._lock:
            if self._proc is None or self._proc.poll() is not None:
                self._spawn()
            self._cold = False
            process = self._proc  # an update of the function takes it out of the pool, and out of `self`
            timeout = float(self.config.get("Timeout", 3))
            invocation = Invocation(
                request_id=request_id,
                version=self.version,
                memory_size=int(self.config.get("MemorySize", 128)),
                log_stream=self.log_stream,
                began=now(),
                peak_memory=self._peak,
            )
            call = {
                "event": event,
                "request_id": request_id,
                "invoked_function_arn": invoked_function_arn or self.config.get("FunctionArn", ""),
                "log_group": self.log_group,
                "log_stream": self.log_stream,
                "timeout_seconds": timeout,
                "environment": _changing_variables(trace_id, depth, durable or {}),
            }
            # A process that is gone cannot be told: its listener says so, and its exit code how.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(call) + "\n")
                process.stdin.flush()
            self._follow(process, invocation, timeout)
            if invocation.ended:
                self._end(process, invocation)
            self._peak = invocation.peak_memory
            at = now()
            native = self._last_stderr() if invocation.ended else self._stderr_of_invocation()
            invocation.events.extend((at, line + "\n") for line in native)
            return invocation

    def _follow(self, process: Any, invocation: Invocation, timeout: float) -> None:
        """Read what the worker sends until the invocation is over, watching the clock and the memory."""
        deadline = time.monotonic() + timeout + (INIT_SECONDS if self._starting else 0.0)
        next_look = time.monotonic() + WATCH_SECONDS
        while True:
            try:
                message = self._inbox.get(timeout=max(0.0, min(next_look, deadline) - time.monotonic()))
            except queue.Empty:
                message = {} if process.poll() is None else None
            if message is None:
                self._silent = True
                invocation.exited(_exit_code(process))
            elif "log" in message:
                events = invocation.init_events if self._starting else invocation.events
                events.append(tuple(message["log"]))
            elif "init" in message:
                self._starting = False
                deadline = time.monotonic() + timeout
                invocation.started(**message["init"])
            elif "done" in message:
                invocation.done(**message["done"])
                return
            if not invocation.ended and time.monotonic() >= deadline:
                invocation.timed_out(timeout)
            if not invocation.ended and time.monotonic() >= next_look:
                next_look = time.monotonic() + WATCH_SECONDS
                invocation.held(_resident_kb(process.pid))
            if invocation.ended:
                return

    def _end(self, process: Any, invocation: Invocation) -> None:
        """Kill the process (Lambda gives it no time to say goodbye) and take what it wrote until then."""
        self._proc = None
        process.kill()
        process.wait()
        # A child of the function may still hold the pipe open: nobody waits for it.
        with contextlib.suppress(queue.Empty):
            while not self._silent:
                message = self._inbox.get(timeout=LAST_WORDS_SECONDS)
                self._silent = message is None
                if message and "log" in message:
                    invocation.events.append(tuple(message["log"]))
        with contextlib.suppress(BrokenPipeError):  # what it did not take any more
            process.stdin.close()

    def _stderr_of_invocation(self) -> list[str]:
        """What native code and child processes wrote, up to the mark that the worker sets behind it."""
        lines: list[str] = []
        with contextlib.suppress(queue.Empty):
            while not lines or not lines[-1].endswith(END_OF_NATIVE_OUTPUT):
                lines.append(self._stderr_queue.get(timeout=LAST_WORDS_SECONDS))
        return _without_mark(lines)

    def _last_stderr(self) -> list[str]:
        """What they wrote until the process was ended."""
        self._stderr_thread.join(LAST_WORDS_SECONDS)
        return _without_mark(self._drain_stderr().splitlines())


def _without_mark(lines: list[str]) -> list[str]:
    return [text for line in lines if (text := line.removesuffix(END_OF_NATIVE_OUTPUT)) or not line]


def _listen(stream: Any, inbox: "queue.Queue[dict[str, Any] | None]") -> None:
    """Pass the worker's messages on, in a thread of their own, until its pipe closes."""
    with stream:
        for line in stream:
            inbox.put(json.loads(line))
    inbox.put(None)


def _changing_variables(
    trace_id: str | None, depth: int | None, durable: dict[str, str]
) -> dict[str, str | None]:
    """The variables that differ between two invocations of one environment, as MiniStack passes them on."""
    return {
        "_X_AMZN_TRACE_ID": trace_id,
        lambda_runtime.INVOKE_DEPTH_ENV: None if depth is None else str(depth),
        **{name: durable.get(name) for name in lambda_runtime.DURABLE_ENV_VARS},
    }


def _resident_kb(pid: int) -> int:
    """Memory that the process holds now, in KiB; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _exit_code(process: Any) -> int:
    """How a process ended that has closed its pipe."""
    try:
        code: int = process.wait(LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:  # it only closed the pipe
        process.kill()
        code = process.wait()
    return code
