"""An action: one change, described so completely that another process can do, verify or undo it.

All of it is data. What must be read again (a state, the bytes of a package) is named by the reading function
and its arguments, as pickle names functions (https://docs.python.org/3.11/library/pickle.html), so that a
journal alone is enough to go on from, or to go back.
"""

import hashlib
import importlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from ons_runbook.errors import JournalError

#: A state: plain values that JSON can hold. Nothing that time alone changes.
State = dict[str, Any]

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Reading:
    """Where something is read: `function` as "package.module:name", `of` its keyword arguments."""

    function: str
    of: Mapping[str, Any] = field(default_factory=dict)

    def read(self, session: Any, **more: Any) -> Any:
        """Call the function with the session; what it raises is not caught."""
        return _named(self.function)(session, **self.of, **more)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a journal."""
        return {"function": self.function, "of": dict(self.of)}

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.of.items())


class Readable(Generic[Function]):
    """A function that a journal may name; `at(...)` is the Reading of it with these arguments."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__wrapped__ = function
        self.__module__ = function.__module__

    def __call__(self, session: Any, **of: Any) -> Any:
        return self.function(session, **of)

    def at(self, **of: Any) -> Reading:
        """This function with these arguments, to be called when it is time."""
        return Reading(f"{self.function.__module__}:{self.function.__name__}", of)


def readable(function: Function) -> Readable[Function]:
    """Mark a function `(session, **of)` as one that a plan may name: a state, a package's bytes, a performer.

    A state is a dict of plain values, without anything that time alone changes. The mark is what keeps a
    journal from naming just any function.
    """
    return Readable(function)


def _named(path: str) -> Readable[Any]:
    module, _, name = path.partition(":")
    if not module.startswith("ons_runbook."):
        raise JournalError(f"{path} is not a function of this library.", "Was the journal edited?")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise JournalError(
            f"{path} is not there: {error}.", "Use the commit that wrote this journal."
        ) from error
    if not isinstance(found, Readable):
        raise JournalError(f"{path} may not be called from a journal.", "Was the journal edited?")
    return found


@dataclass(frozen=True)
class Found:
    """A value that only an earlier action brings: `key` of the state that action `action` was verified in."""

    action: str
    key: str

    def __str__(self) -> str:
        return f"‹{self.key} from {self.action}›"


@dataclass(frozen=True)
class Kept:
    """Bytes that an action sends, known by their SHA-256 (hex); `source` brings them when they are needed.

    Applying keeps them beside the journal, so that an undo does not depend on where they came from.
    """

    sha256: str
    size: int
    source: Reading

    def __str__(self) -> str:
        return f"‹{self.size:,} bytes, sha256 {self.sha256[:12]}›"


@dataclass(frozen=True)
class Action:
    """One change.

    Attributes:
        name: short and unique in its plan, such as `publish lambda_router`; others refer to it.
        target: what is changed, as people call it.
        service, operation: as botocore calls them ("lambda", "UpdateAlias"), or what `performer` does.
        parameters: of the call; may hold Found and Kept.
        state: where the target's state is read.
        before: what that reading must hold for the action to be due (a part of the state, or all of it).
        after: what it must hold when the action has worked.
        risk: one sentence on what can go wrong.
        undo: actions that bring back `before`, in the order in which they are done; () when there is none.
        undo_note: why there is no undo, or in what it differs from what was.
        cost: what it costs or saves a month, with the price's date; empty when nothing.
        resources: names that `protected` in the settings is held against.
        repeatable: doing it twice is the same as once, so that it may be sent again when the answer was lost.
        wait_s: seconds to wait until the state is `after`.
        watch: a reading `(session, since=…, …)` that gives a Progress while the change takes its time.
        abort: done by itself when `watch` says that it goes wrong, or when it takes too long.
        performer: for what is more than one call of AWS: `(session, parameters=…, …)`; else None.
        opens: what the performer may call, `service:Operation`; for a call of AWS it is that call alone.
    """

    name: str
    target: str
    service: str
    operation: str
    parameters: Mapping[str, Any]
    state: Reading
    before: State
    after: State
    risk: str
    undo: tuple["Action", ...] = ()
    undo_note: str = ""
    cost: str = ""
    resources: tuple[str, ...] = ()
    repeatable: bool = True
    wait_s: float = 60
    watch: Reading | None = None
    abort: "Action | None" = None
    performer: Reading | None = None
    opens: tuple[str, ...] = ()

    @property
    def permissions(self) -> tuple[str, ...]:
        """What the gate is opened for: `service:Operation` of everything it may call."""
        return self.opens or (f"{self.service}:{self.operation}",)

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a journal; `Action.from_dict` is the way back."""
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Action":
        """The action of a journal."""
        known = {name: value for name, value in document.items() if name in cls.__dataclass_fields__}
        values = {name: _rich(value) for name, value in known.items()}
        for name in ("undo", "resources", "opens"):
            values[name] = tuple(values.get(name) or ())
        return cls(**values)

    def inverted(self) -> tuple["Action", ...]:
        """The actions that undo this one; when it is a single one, its own undo is this action again."""
        if len(self.undo) != 1:
            return self.undo
        return (replace(self.undo[0], undo=(replace(self, undo=()),)),)


def _plain(value: Any) -> Any:
    if isinstance(value, Action):
        return {"$action": value.as_dict()}
    if isinstance(value, Reading):
        return {"$reading": value.as_dict()}
    if isinstance(value, Found):
        return {"$found": [value.action, value.key]}
    if isinstance(value, Kept):
        return {"$kept": {"sha256": value.sha256, "size": value.size, "source": _plain(value.source)}}
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(member) for member in value]
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "$action" in value:
            return Action.from_dict(value["$action"])
        if "$reading" in value:
            return Reading(**value["$reading"])
        if "$found" in value:
            return Found(*value["$found"])
        if "$kept" in value:
            kept = value["$kept"]
            return Kept(kept["sha256"], kept["size"], _rich(kept["source"]))
        return {key: _rich(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_rich(member) for member in value]
    return value


def filled(value: Any, states: Mapping[str, State], bytes_of: Callable[[Kept], Any]) -> Any:
    """`value` with each Found replaced by what was found, and each Kept by its bytes."""
    if isinstance(value, Found):
        return states[value.action][value.key]
    if isinstance(value, Kept):
        return bytes_of(value)
    if isinstance(value, Mapping):
        return {key: filled(member, states, bytes_of) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [filled(member, states, bytes_of) for member in value]
    return value


def kept_in(value: Any) -> Iterable[Kept]:
    """Every Kept inside of a value."""
    if isinstance(value, Kept):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from kept_in(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from kept_in(member)


def canonical(value: Any) -> str:
    """One text for each value, so that hashes of it can be compared."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(value: Any) -> str:
    """SHA-256 (hex) of the canonical text."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def holds(wanted: State, state: State) -> bool:
    """Whether a state has each of the wanted keys with exactly the wanted value.

    A wanted Found agrees with any value that is there: it is not known yet.
    """
    return all(key in state and _same(value, state[key]) for key, value in wanted.items())


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Found):
        return value is not None
    if isinstance(wanted, Mapping) and isinstance(value, Mapping):
        return wanted.keys() == value.keys() and all(_same(wanted[key], value[key]) for key in wanted)
    if isinstance(wanted, list | tuple) and isinstance(value, list | tuple):
        return len(wanted) == len(value) and all(map(_same, wanted, value))
    return bool(wanted == value)


def changes_between(before: State, after: State) -> dict[str, tuple[Any, Any]]:
    """What differs, by key: the value before (None when there is none) and the value wanted.

    A Found is a change: what will be found is not what is there.
    """
    return {
        key: (before.get(key), value)
        for key, value in after.items()
        if isinstance(value, Found) or not _same(value, before.get(key))
    }
