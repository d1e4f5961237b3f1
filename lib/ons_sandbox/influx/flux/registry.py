"""The functions that Flux queries can call, by package and name, and how a call meets a Python function.

A Python function becomes a Flux function by the decorator ``function``. Its parameters are the Flux
parameters (``create_empty`` is ``createEmpty``, ``as_`` is ``as``), its annotations their types, its
defaults their defaults. Two annotations are special: ``Stream`` on the first parameter makes it the one
that a pipe feeds, and ``Execution`` asks for what the running query knows, which is no parameter in Flux.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from ons_sandbox.influx.store import Store

from .errors import FluxError, Location
from .tables import Stream, Tables
from .values import Duration, Time, type_name

UNIVERSE = "universe"
PACKAGES: dict[str, dict[str, FluxFunction]] = {UNIVERSE: {}}


@dataclass(slots=True)
class Execution:
    """What a running query knows: the store, the organization, its own time, and its results so far."""

    store: Store
    organization_id: str
    now: Time
    results: dict[str, Stream] = field(default_factory=dict)


class FluxFunction(ABC):
    """Something that a query can call, or hand to a function that calls it."""

    type_name = "function"

    @abstractmethod
    def call(
        self,
        execution: Execution,
        arguments: Mapping[str, Any],
        piped: Any = None,
        at: Location | None = None,
    ) -> Any:
        """The result for these arguments, and what was piped in (None when nothing was)."""


class BadArgument(ValueError):
    """A value that a function does not take; the call's place in the query is added where it is caught."""


@dataclass(frozen=True)
class Builtin(FluxFunction):
    """A Flux function written in Python."""

    name: str
    implementation: Callable[..., Any]

    @cached_property
    def _parameters(self) -> dict[str, tuple[inspect.Parameter, Any]]:
        """By the name that Flux has for each: the Python parameter and its type."""
        hints = get_type_hints(self.implementation)
        return {
            _camel(name): (parameter, hints[name])
            for name, parameter in inspect.signature(self.implementation).parameters.items()
            if hints[name] is not Execution
        }

    @cached_property
    def _execution_parameter(self) -> str | None:
        hints = get_type_hints(self.implementation)
        return next((name for name, hint in hints.items() if hint is Execution and name != "return"), None)

    @cached_property
    def _pipe(self) -> str | None:
        return next((name for name, (_, type_) in self._parameters.items() if type_ is Stream), None)

    def call(
        self,
        execution: Execution,
        arguments: Mapping[str, Any],
        piped: Any = None,
        at: Location | None = None,
    ) -> Any:
        """Check the arguments against the signature, then run the implementation."""
        given = dict(arguments)
        if piped is not None:
            if self._pipe is None:
                raise FluxError(f"function {self.name} does not take a pipe argument", at)
            given[self._pipe] = piped
        bound = self._bound(given, at)
        if self._execution_parameter:
            bound[self._execution_parameter] = execution
        try:
            result = self.implementation(**bound)
        except BadArgument as error:
            raise FluxError(f'error calling function "{self.name}" {at}: {error}') from error
        source = given.get(self._pipe or "")
        if isinstance(result, Tables) and isinstance(source, Stream):
            result.bounds = result.bounds or source.bounds
        return result

    def _bound(self, given: dict[str, Any], at: Location | None) -> dict[str, Any]:
        for name in given:
            if name not in self._parameters:
                known = ", ".join(f"`{one}`" for one in self._parameters if one != self._pipe)
                raise FluxError(
                    f"found unexpected argument {name} (the sandbox expects {known or 'none'})", at
                )
        bound = {}
        for name, (parameter, type_) in self._parameters.items():
            if name in given:
                _check(name, given[name], type_, at)
                bound[parameter.name] = given[name]
            elif parameter.default is inspect.Parameter.empty:
                raise FluxError(f"missing required argument {name}", at)
        return bound


def function(
    name: str | None = None, package: str = UNIVERSE
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a Python function known to Flux, under its own name or the one given."""

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        known_as = name or _camel(implementation.__name__)
        PACKAGES.setdefault(package, {})[known_as] = Builtin(known_as, implementation)
        return implementation

    return register


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name.rstrip("_"))


EXPECTED: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    int: ("int", lambda value: type(value) is int),
    float: ("float", lambda value: type(value) is float),
    str: ("string", lambda value: isinstance(value, str)),
    bool: ("bool", lambda value: isinstance(value, bool)),
    Time: ("time", lambda value: isinstance(value, Time)),
    Duration: ("duration", lambda value: isinstance(value, Duration)),
    Stream: ("stream", lambda value: isinstance(value, Stream)),
    FluxFunction: ("function", lambda value: isinstance(value, FluxFunction)),
    dict: ("record", lambda value: isinstance(value, dict)),
    list: ("array", lambda value: isinstance(value, list)),
}


def _check(name: str, value: Any, type_: Any, at: Location | None) -> None:
    """Raise FluxError when the value is not of the type that the annotation says."""
    union = get_origin(type_) in (Union, UnionType)
    wanted = [one for one in (get_args(type_) if union else (type_,)) if one is not type(None)]
    fitting = [one for one in wanted if one is Any or EXPECTED[get_origin(one) or one][1](value)]
    if not fitting:
        expected = " or ".join(EXPECTED[get_origin(one) or one][0] for one in wanted)
        raise FluxError(f"expected {expected} but found {type_name(value)} (argument {name})", at)
    for element_type in get_args(fitting[0]):
        for element in value:
            _check(name, element, element_type, at)
