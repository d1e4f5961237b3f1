"""The past in CloudWatch Logs: what every invocation logged, a stream for each execution environment."""

from collections.abc import Iterable

from ons_sandbox.mends.log_store import bulk_put
from ons_sandbox.platform.history.invocations import Invocation


def write(invocations: Iterable[Invocation]) -> int:
    """Write the lines of these invocations; gives the number of lines."""
    streams: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for invocation in invocations:
        lines = streams.setdefault((invocation.function.log_group, invocation.stream), [])
        lines.extend(invocation.lines())
    return sum(bulk_put(group, stream, lines) for (group, stream), lines in streams.items())
