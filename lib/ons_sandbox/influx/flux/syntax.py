"""The syntax tree of a Flux query: what ``parse`` makes of text and ``evaluate`` gives meaning to.

Small frozen nodes, named as the Flux specification names them
(https://docs.influxdata.com/flux/v0/spec/expressions/).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import Location
from .values import Scalar

NOWHERE = Location(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: Scalar
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier."""

    name: str
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """``record.name`` or ``record["name"]``."""

    record: Expression
    name: str
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """``function(name: value, …)``; ``piped`` is what came through ``|>``."""

    function: Expression
    arguments: tuple[tuple[str, Expression], ...]
    piped: Expression | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``- + not exists`` and an operand."""

    operator: str
    operand: Expression
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison or match."""

    operator: str
    left: Expression
    right: Expression
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Logical:
    """``and`` or ``or``."""

    operator: str
    left: Expression
    right: Expression
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """``if test then this else that``."""

    test: Expression
    then: Expression
    otherwise: Expression
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Array:
    """``[a, b]``."""

    elements: tuple[Expression, ...]
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Record:
    """``{base with name: value, …}``."""

    properties: tuple[tuple[str, Expression], ...]
    base: Name | None = None
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function: needed (no default), with a default, or the one that a pipe feeds."""

    name: str
    default: Expression | None = None
    piped: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """``(a, b=1) => result``, with the assignments of a block before it."""

    parameters: tuple[Parameter, ...]
    result: Expression
    assignments: tuple[Assignment, ...] = ()
    at: Location = field(default=NOWHERE, compare=False)


Expression = (
    Literal | Name | Member | Call | Unary | Binary | Logical | Conditional | Array | Record | Function
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name = value``, or ``option name = value``."""

    name: str
    value: Expression
    option: bool = False
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Import:
    """``import name "path"``."""

    path: str
    name: str
    at: Location = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Program:
    """A whole query; a statement that is no assignment is an expression."""

    imports: tuple[Import, ...]
    statements: tuple[Assignment | Expression, ...]
