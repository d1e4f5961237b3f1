"""One invocation of a function in the past, and the log lines that it left, as Lambda writes them.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import bisect
import functools
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ons_sandbox.platform import names, packages, releases

NO_BREAK_SPACE = "\u00a0"


@dataclass(slots=True)
class Invocation:
    """What one invocation did. Times are ms since the epoch (UTC), durations ms, memory MB."""

    function: names.Function
    at: int
    duration: float
    request_id: str
    memory_used: int
    version: str = ""
    stream: str = ""
    init: float | None = None
    """Duration of the cold start; None when the environment was warm."""
    messages: list[tuple[str, str]] = field(default_factory=list)
    """Level and text of each line that the function logged."""
    fault: "Fault | None" = None
    """The exception that ended it, if any."""

    @property
    def end(self) -> int:
        """When it was over, ms since the epoch."""
        return self.at + math.ceil(self.duration)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Every log event of the invocation, in order: (ms since the epoch, message)."""
        rid, end = self.request_id, self.end
        yield self.at, f"START RequestId: {rid} Version: {self.version}\n"
        stamp = datetime.fromtimestamp(end / 1000, UTC).isoformat(timespec="milliseconds")[:23]
        for level, text in self.messages:
            yield end, f"[{level}]\t{stamp}Z\t{rid}\t{text}\n"
        if self.fault:
            yield end, self.fault.logged()
        yield end, f"END RequestId: {rid}\n"
        init = f"Init Duration: {self.init:.2f} ms\t" if self.init is not None else ""
        billed = math.ceil(self.duration + (self.init or 0.0))
        yield (
            end,
            f"REPORT RequestId: {rid}\tDuration: {self.duration:.2f} ms\tBilled Duration: {billed} ms\t"
            f"Memory Size: {self.function.memory} MB\tMax Memory Used: {self.memory_used} MB\t{init}\n",
        )


class Environments:
    """The execution environments of one function: which ran an invocation, and whether it was new."""

    def __init__(self, function: names.Function, seed: int, now: datetime, init: tuple[float, float]) -> None:
        """now: from when releases count back. init: shortest and longest cold start, ms."""
        self._function, self._seed, self._now, self._init = function, seed, now, init
        self._changes = [moment.timestamp() * 1000 for moment in releases.published(function.name, now)]
        self._streams: dict[tuple[str, str], str] = {}

    def place(self, invocation: Invocation, label: str) -> None:
        """Run it in the environment of this label and of the version that is live then, made when missing."""
        invocation.version = str(max(1, bisect.bisect_right(self._changes, invocation.at)))
        key = (invocation.version, label)
        stream = self._streams.get(key)
        if stream is None:
            digest = hashlib.blake2b(
                f"{self._seed} {self._function.name} {key}".encode(), digest_size=16
            ).hexdigest()
            day = datetime.fromtimestamp(invocation.at / 1000, UTC)
            stream = self._streams[key] = f"{day:%Y/%m/%d}/[{invocation.version}]{digest}"
            shortest, longest = self._init
            invocation.init = shortest + (longest - shortest) * int(digest[:4], 16) / 0xFFFF
        invocation.stream = stream


@dataclass(frozen=True)
class Fault:
    """An uncaught exception; the frames of its stack are (file, function, line of code), outermost first."""

    kind: str
    message: str
    frames: tuple[tuple[str, str, str], ...]

    def logged(self) -> str:
        """As the runtime logs it: one event, indented with spaces that nobody trims."""
        lines = [f"[ERROR] {self.kind}: {self.message}", "Traceback (most recent call last):"]
        for place, code in self._stack():
            lines += [NO_BREAK_SPACE * 2 + place, NO_BREAK_SPACE * 4 + code]
        return "\n".join(lines)

    def cause(self, request_id: str) -> str:
        """As Step Functions reports it: the error document that the function gave back."""
        document = {
            "errorMessage": self.message,
            "errorType": self.kind,
            "requestId": request_id,
            "stackTrace": [f"  {place}\n    {code}\n" for place, code in self._stack()],
        }
        return json.dumps(document)

    def _stack(self) -> Iterator[tuple[str, str]]:
        for file, function, code in self.frames:
            yield f'File "/var/task/{file}", line {_line(file, code)}, in {function}', code


@functools.cache
def _line(file: str, code: str) -> int:
    """The number of a line of code in a function's source, which has it once."""
    name = file.removesuffix(".py")
    source = packages.FUNCTIONS / (file if "/" in file else f"{name}/{file}")
    lines = [line.strip() for line in source.read_text(encoding="utf-8").splitlines()]
    if lines.count(code) != 1:
        raise ValueError(f"{file} has the line {code!r} {lines.count(code)} times")
    return lines.index(code) + 1
