"""What runs inside a function's worker process: the part of Lambda's Python runtime that people see.

MiniStack starts this text as a script of its own (lambda_environment hands it over), so it stands alone:
the standard library only, and nothing of this project. It imports the handler, calls it once for each
invocation, names what went wrong as the runtime does, and sends every line that the function prints or
logs at once, so that a killed function loses none. Messages go out as one JSON document a line: `{"log":
[ms, text]}`, `{"init": {"ms", "peak_kb", "fault"}}`, `{"done": {"ms", "peak_kb", "result" | "fault"}}`.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

import importlib
import io
import json
import logging
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

# Where AWS unpacks a function. Here each worker has another temporary folder, and a stack that names it would
# look new each time.
TASK_ROOT = "/var/task"
NO_BREAK_SPACE = "\u00a0"
# Ends what native code and child processes wrote during one invocation; nobody prints this line by chance.
END_OF_NATIVE_OUTPUT = "\x00end of invocation\x00"


class Fault(Exception):
    """What the runtime itself reports, under a name of its own, instead of the exception's class."""

    def __init__(self, kind: str, message: str, stack: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.stack = stack or []


class Channel:
    """The way back to the sandbox: whole lines, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send one message now."""
        line = json.dumps(message) + "\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def log(self, text: str) -> None:
        """Send one log event, stamped with this moment."""
        self.send(log=[time.time_ns() // 1_000_000, text])


class Printed(io.TextIOBase):
    """stdout and stderr of the function: each line becomes one log event."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._rest = ""

    @property
    def buffer(self) -> Any:
        """Bytes go the way of what native code writes: they are read from the worker's stderr."""
        stderr: Any = sys.__stderr__
        return stderr.buffer

    def fileno(self) -> int:
        """The worker's stderr, for programs that the function starts."""
        return 2

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Send the lines that are complete; keep the rest until its line ends."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._channel.log(line + "\n")
        return len(text)

    def finish(self) -> None:
        """Send a last line that never ended."""
        if self._rest:
            self._channel.log(self._rest)
            self._rest = ""


class Context:
    """The handler's second argument. https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, call: dict[str, Any], started: float) -> None:
        environ = os.environ
        self.function_name = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.invoked_function_arn = call["invoked_function_arn"]
        self.memory_limit_in_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        self.aws_request_id = call["request_id"]
        self.log_group_name = call["log_group"]
        self.log_stream_name = call["log_stream"]
        self.identity = None
        self.client_context = None
        self._ends = started + call["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout."""
        return max(0, int((self._ends - time.monotonic()) * 1000))


class LogHandler(logging.Handler):
    """The root logger's handler: one event for each record, with the request's id in it."""

    request_id = ""

    def __init__(self, channel: Channel, deployed: Callable[[str], str]) -> None:
        super().__init__()
        self._channel = channel
        self._deployed = deployed
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
            "%Y-%m-%dT%H:%M:%S",
        )
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def handle(self, record: logging.LogRecord) -> bool:
        """Give the record the request's id: people use it in formats of their own as well."""
        record.aws_request_id = self.request_id
        return bool(super().handle(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record."""
        self._channel.log(self._deployed(self.format(record)))


def run(before_import: Callable[[], None]) -> None:
    """Serve invocations until the sandbox closes the pipe; `before_import` runs before the import."""
    channel = Channel(os.dup(1))
    os.dup2(2, 1)  # what native code prints must not get between the messages
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    init = json.loads(orders.readline())
    channel.send(status="ready")
    calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(orders, calls), daemon=True).start()

    def deployed(text: str) -> str:
        return text.replace(init["code_dir"], TASK_ROOT)

    printed = Printed(channel)
    sys.stdout = sys.stderr = printed
    handler = LogHandler(channel, deployed)
    logging.getLogger().addHandler(handler)
    started = time.perf_counter()
    function: Callable[[Any, Context], Any] | None = None
    fault: dict[str, Any] | None = None
    try:
        _extend_path(init["code_dir"])
        before_import()
        function = _load(init["module"], init["handler"])
    except Exception as error:  # noqa: BLE001 - whatever it is, the runtime reports it
        fault = _fault(error, "", deployed)
        channel.log(_error_text(fault))
    printed.finish()
    milliseconds = (time.perf_counter() - started) * 1000
    channel.send(init={"ms": milliseconds, "peak_kb": _peak_kb(), "fault": fault})
    while function is not None:
        call = calls.get()
        handler.request_id = call["request_id"]
        _apply(call["environment"])
        began = time.monotonic()
        outcome: dict[str, Any] = {}
        try:
            answer = function(call["event"], Context(call, began))
            outcome["result"] = _marshal(answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the runtime reports it
            outcome["fault"] = _fault(error, call["request_id"], deployed)
            channel.log(_error_text(outcome["fault"]))
        milliseconds = (time.monotonic() - began) * 1000
        printed.finish()
        _end_native_output()
        channel.send(done={"ms": milliseconds, "peak_kb": _peak_kb(), **outcome})


def _receive(orders: io.TextIOBase, calls: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Hand the calls over; end the process, whatever its handler does, when nobody can ask any more."""
    for line in orders:
        calls.put(json.loads(line))
    os._exit(0)


def _extend_path(code_dir: str) -> None:
    """The function's folder first, then its layers, in place of the folder of this script."""
    places = [code_dir]
    for layer in filter(None, os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)):
        places += map(str, Path(layer).glob("python/lib/python3.*/site-packages"))
        places.append(f"{layer}/python")
    sys.path[0:1] = places


def _load(module: str, name: str) -> Callable[[Any, Context], Any]:
    """The handler. Raises Fault under the runtime's names, or whatever the module itself raises."""
    if not name:
        message = f"Bad handler '{module}': not enough values to unpack (expected 2, got 1)"
        raise Fault("Runtime.MalformedHandlerName", message)
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        message = f"Unable to import module '{module}': {error}"
        raise Fault("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        stack = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{module}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message, stack) from error
    handler: Callable[[Any, Context], Any] | None = getattr(found, name, None)
    if handler is None:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module}'")
    return handler


def _end_native_output() -> None:
    stderr: Any = sys.__stderr__
    stderr.write(END_OF_NATIVE_OUTPUT + "\n")
    stderr.flush()


def _apply(environment: dict[str, str | None]) -> None:
    """The variables that change with each invocation (X-Ray's trace); None removes one."""
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _marshal(answer: Any) -> str:
    try:
        return json.dumps(answer, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _fault(error: Exception, request_id: str, deployed: Callable[[str], str]) -> dict[str, Any]:
    """The error document: the caller gets it, and Step Functions matches its errorType."""
    if isinstance(error, Fault):
        kind, stack = error.kind, error.stack
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
        kind = type(error).__name__
        # As plain tuples: the runtime does not mark columns.
        stack = traceback.format_list([(f.filename, f.lineno or 0, f.name, f.line) for f in frames])
    return {
        "errorMessage": deployed(str(error)),
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": [deployed(entry) for entry in stack],
    }


def _error_text(fault: dict[str, Any]) -> str:
    """The one log event of an uncaught exception; the runtime indents with spaces that nobody trims."""
    title = f"[ERROR] {fault['errorType']}"
    lines = [f"{title}: {fault['errorMessage']}" if fault["errorMessage"] else title]
    lines.append("Traceback (most recent call last):")
    for entry in fault["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(text)) + text)
    return "\n".join(lines)


def _peak_kb() -> int:
    """The most memory that this process ever held, in KiB.

    Not getrusage where /proc has it: Linux counts there what the parent held before it became this program.
    """
    try:
        status = Path("/proc/self/status").read_text(errors="replace").splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak // 1024 if sys.platform == "darwin" else peak
