"""``yield``: naming what a query gives back.

"Flux standard library / universe / yield" (https://docs.influxdata.com/flux/v0/stdlib/universe/yield/).
"""

from __future__ import annotations

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import Execution, function
from ons_sandbox.influx.flux.tables import Stream, Table


class Yielded(Stream):
    """A stream that is among the results already, and can be piped on."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.bounds = stream.bounds

    def tables(self) -> list[Table]:
        """The tables, in order."""
        return self._stream.tables()


@function("yield")
def yield_(execution: Execution, tables: Stream, name: str = "_result") -> Stream:
    """Make the stream one of the query's results, under a name of its own."""
    if name in execution.results:
        raise FluxError(
            "failed to initialize execute state: tried to produce more than one result with the name "
            f'"{name}"'
        )
    execution.results[name] = tables
    return Yielded(tables)
