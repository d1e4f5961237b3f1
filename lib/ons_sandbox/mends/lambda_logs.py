"""What a Python function prints and logs, in CloudWatch Logs as Lambda writes it.

MiniStack writes one log stream for each invocation, splits a stack over many events, loses `logger.info`,
and makes durations and memory up. Here the stream is the environment's, each record or printed line is one
event at its own time between START and END, an uncaught exception is one event, and REPORT carries what
was measured. As on AWS, lines end with a newline, and a message of more than 256 KB comes in pieces.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
"""

import math
from collections.abc import Iterator
from typing import Any

from ons_sandbox.mends import log_store, mended
from ons_sandbox.mends.lambda_invocation import Invocation, LogEvent

# CloudWatch Logs counts 26 bytes of its own for each event.
MAX_EVENT_BYTES = 256 * 1024 - 26


def install() -> None:
    """Write the log of an invocation from what its environment saw; others keep MiniStack's."""
    service = mended(
        "ministack.services.lambda_svc",
        "_emit_lambda_logs",
        "_execute_function_warm",
        "_execute_function_dispatch",
    )
    logs = mended("ministack.services.cloudwatch_logs", "_fanout_to_subscription_filters")
    emit, execute = service._emit_lambda_logs, service._execute_function_warm

    def emit_lambda_logs(
        func: dict[str, Any],
        request_id: str,
        log_text: str,
        error: bool,
        duration_ms: int,
        *,
        log_source: Any = None,
    ) -> None:
        if not isinstance(log_source, Invocation):
            emit(func, request_id, log_text, error, duration_ms, log_source=log_source)
            return
        config = func.get("config") or func
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        events = [piece for event in lines(log_source) for piece in _pieces(event)]
        log_store.bulk_put(group, log_source.log_stream, events)
        logs._fanout_to_subscription_filters(
            group, log_source.log_stream, [{"timestamp": at, "message": text} for at, text in events]
        )

    def execute_function_warm(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = execute(func, event, request_id)
        if isinstance(result.get("log_source"), Invocation):
            # What Invoke gives back with LogType=Tail is this text's end.
            result["log"] = "".join(text for _, text in lines(result["log_source"]))
        return result

    service._emit_lambda_logs = emit_lambda_logs
    service._execute_function_warm = execute_function_warm


def lines(invocation: Invocation) -> list[LogEvent]:
    """Everything that Lambda writes about one invocation, in its order: (ms since the epoch UTC, message)."""
    identity = invocation.request_id
    # The worker may be at its first line before its "I have started" has been read here.
    began = min([invocation.began, *(at for at, _ in invocation.events[:1])])
    ended = max([began + math.ceil(invocation.duration), *(at for at, _ in invocation.events[-1:])])
    initial = [(min(at, began), text) for at, text in invocation.init_events]
    if invocation.failed_in_init:
        ended = began
        initial.append((began, _init_report(invocation)))
    return [
        *initial,
        (began, f"START RequestId: {identity} Version: {invocation.version}\n"),
        *invocation.events,
        (ended, f"END RequestId: {identity}\n"),
        (ended, _report(invocation)),
    ]


def _init_report(invocation: Invocation) -> str:
    kind = (invocation.fault or {}).get("errorType")
    fields = ("Phase: init", "Status: error", f"Error Type: {kind}", "\n")
    return "\t".join([f"INIT_REPORT Init Duration: {invocation.duration:.2f} ms", *fields])


def _report(invocation: Invocation) -> str:
    """REPORT; the start of an environment is billed as well (since August 2025)."""
    cold = invocation.init_duration is not None and not invocation.failed_in_init
    init = (invocation.init_duration or 0.0) if cold else 0.0
    fields = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {invocation.duration:.2f} ms",
        f"Billed Duration: {max(1, math.ceil(invocation.duration + init))} ms",
        f"Memory Size: {invocation.memory_size} MB",
        f"Max Memory Used: {invocation.peak_memory} MB",
    ]
    if cold:
        fields.append(f"Init Duration: {init:.2f} ms")
    if invocation.ended:
        fields.append(f"Status: {invocation.ended}")
    if invocation.ended == "error":
        fields.append(f"Error Type: {(invocation.fault or {}).get('errorType')}")
    return "\t".join([*fields, "\n"])


def _pieces(event: LogEvent) -> Iterator[LogEvent]:
    """One event as CloudWatch Logs takes it: a longer message in pieces that are whole characters."""
    at, text = event
    if len(text) * 4 <= MAX_EVENT_BYTES:
        yield event
        return
    data = text.encode()
    while data:
        piece = data[:MAX_EVENT_BYTES].decode(errors="ignore")
        yield at, piece
        data = data[len(piece.encode()) :]
