"""What one invocation of a function did: what it wrote, how long it took, what it held, and how it ended.

The names and sentences of what ends an environment are those that Lambda reports.

https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
"""

import json
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Fault = dict[str, Any]
LogEvent = tuple[int, str]


def now() -> int:
    """This moment, in ms since the epoch UTC."""
    return time.time_ns() // 1_000_000


@dataclass
class Invocation:
    """One invocation, from order to end. Moments are ms since the epoch UTC, durations ms, memory MB."""

    request_id: str
    version: str
    memory_size: int
    log_stream: str
    began: int
    init_events: list[LogEvent] = field(default_factory=list)
    events: list[LogEvent] = field(default_factory=list)
    duration: float = 0.0
    init_duration: float | None = None
    peak_memory: int = 0
    result: Any = None
    fault: Fault | None = None
    # How the environment ended with this invocation ("timeout", "error"); None: it is there for the next one.
    ended: str | None = None
    failed_in_init: bool = False

    def started(self, ms: float, peak_kb: int, fault: Fault | None) -> None:
        """The function's module is imported, or could not be."""
        self.began = now()
        self.init_duration = ms
        self.held(peak_kb)
        if fault and not self.ended:
            self.duration = ms
            self.fault = fault
            self.failed_in_init = True
            self.ended = "error"

    def done(self, ms: float, peak_kb: int, result: str = "null", fault: Fault | None = None) -> None:
        """The handler returned `result` (JSON), or raised what became `fault`."""
        self.duration = ms
        self.held(peak_kb)
        if self.ended:  # between two looks at its memory: AWS would not have let it come this far
            return
        self.fault = fault
        if fault is None:
            self.result = json.loads(result)

    def held(self, kilobytes: int) -> None:
        """Note how much the process held; more than the function has is its end."""
        self.peak_memory = max(self.peak_memory, kilobytes // 1024)
        if kilobytes > self.memory_size * 1024:
            self.peak_memory = self.memory_size
            self._broke_down("Runtime.OutOfMemory", "signal: killed")

    def exited(self, code: int) -> None:
        """The process ended by itself; `code` as subprocess has it, negative for a signal."""
        name = signal.strsignal(-code) if code < 0 else None
        self._broke_down("Runtime.ExitError", f"signal: {name}".lower() if name else f"exit status {code}")

    def timed_out(self, seconds: float) -> None:
        """The function took longer than its timeout."""
        self.duration = seconds * 1000
        self.ended = "timeout"
        text = f"Task timed out after {seconds:.2f} seconds"
        self.fault = {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {self.request_id} Error: {text}",
        }
        at = now()
        stamp = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")[:23]
        self.events.append((at, f"{stamp}Z {self.request_id} {text}\n\n"))

    def _broke_down(self, kind: str, how: str) -> None:
        self.duration = self.duration or float(now() - self.began)
        self.ended = "error"
        text = f"RequestId: {self.request_id} Error: Runtime exited with error: {how}"
        self.fault = {"errorType": kind, "errorMessage": text}
        self.events.append((now(), f"{text}\n{kind}\n"))
