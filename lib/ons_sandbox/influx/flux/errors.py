"""What can be wrong with a query, in the words that Flux has for it where it has some.

FluxError                 answered 400 invalid
 ├─ NotImplementedHere    Flux has it, this stand-in has not
 └─ TypeConflict          an operator got types that it does not take
"""

from __future__ import annotations

from dataclasses import dataclass

from ons_sandbox.influx.errors import InfluxError


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the query: lines and columns from 1, the end exclusive; written as Flux writes it."""

    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"@{self.line}:{self.column}-{self.end_line}:{self.end_column}"


class FluxError(InfluxError):
    """A query that cannot be answered; ``at`` is the place in it, where one is to blame."""

    def __init__(self, message: str, at: Location | None = None) -> None:
        super().__init__("invalid", f"error {at}: {message}" if at else message)
        self.at = at


class NotImplementedHere(FluxError):
    """Something that Flux has and this stand-in has not."""

    def __init__(self, what: str, at: Location | None = None) -> None:
        super().__init__(f"the sandbox's InfluxDB does not implement {what}", at)


class TypeConflict(FluxError):
    """Types that an operator does not take."""
