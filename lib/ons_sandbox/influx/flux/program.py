"""Running a query: text, parameters and a store in; named results out."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ons_sandbox.influx.store import Store

from .errors import FluxError
from .evaluate import evaluate
from .extern import parse_extern
from .functions import CONSTANTS
from .functions.results import Yielded, yield_
from .names import check
from .parse import parse
from .registry import PACKAGES, UNIVERSE, Execution, FluxFunction
from .syntax import Assignment
from .tables import Stream, Table
from .values import Time

NO_RESULTS = (
    "error in query specification while starting program: this Flux script returns no streaming data. "
    'Consider adding a "yield" or invoking streaming functions directly, without performing an assignment'
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it arrives: its text, its parameters (a syntax tree in JSON), its time (nanoseconds)."""

    text: str
    extern: Mapping[str, Any] | None = None
    now: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The tables that one ``yield`` gives."""

    name: str
    tables: list[Table]


def run(query: Query, store: Store, organization_id: str) -> list[Result]:
    """Answer a query. Raises FluxError, or another InfluxError when what it names is not there."""
    program = parse(query.text)
    parameters = parse_extern(query.extern or {})
    universe = {**PACKAGES[UNIVERSE], **CONSTANTS}
    check(program, set(universe) | {parameter.name for parameter in parameters}, set(PACKAGES))

    now = Time(store.clock() if query.now is None else query.now)
    execution = Execution(store, organization_id, now)
    packages = {import_.name: PACKAGES[import_.path] for import_ in program.imports}
    scope: ChainMap[str, Any] = ChainMap({}, {**universe, **packages})
    for statement in (*parameters, *program.statements):
        if isinstance(statement, Assignment):
            _assign(statement, scope, execution)
        else:
            value = evaluate(statement, scope, execution)
            if isinstance(value, Stream) and not isinstance(value, Yielded):
                yield_(execution, value)
    if not execution.results:
        raise FluxError(NO_RESULTS)
    return [Result(name, stream.tables()) for name, stream in execution.results.items()]


def _assign(statement: Assignment, scope: ChainMap[str, Any], execution: Execution) -> None:
    value = evaluate(statement.value, scope, execution)
    scope[statement.name] = value
    if statement.option and statement.name == "now" and isinstance(value, FluxFunction):
        execution.now = value.call(execution, {})
