"""The guard: reading calls pass, changing ones are stopped before anything leaves the machine.

Every client of a session carries its handlers, on the events that botocore emits before it builds, signs
and sends a request (https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html), so that
presigned URLs and forms are stopped as well. What each operation does stands in operations.toml; what is
not there changes. There is no switch: the one way through is `Gate.open`, whose key only the module that
applies plans may use.
"""

import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any

from ons_runbook.errors import ChangeNotApproved

#: For the module that applies approved plans, and for nobody else (a test searches the code for other uses).
PLAN_KEY = object()

# Which gate is open, for which operations, in this context: a thread or task that a plan did not start has
# none.
_opened: ContextVar[tuple["Gate", frozenset[str]] | None] = ContextVar("opened", default=None)

_BEFORE_ANYTHING_LEAVES = ("provide-client-params", "before-call", "before-sign")


@cache
def reading_operations() -> frozenset[str]:
    """`service:Operation` of all that is known to read, from operations.toml."""
    services = tomllib.loads(files("ons_runbook").joinpath("operations.toml").read_text("utf-8"))
    return frozenset(f"{service}:{name}" for service, known in services.items() for name in known["reading"])


def changes(service: str, operation: str) -> bool:
    """Whether the operation changes something, as far as is known: what is unknown does."""
    return f"{service}:{operation}" not in reading_operations()


class Gate:
    """Where changing calls of one session are let through or not."""

    def check(self, service: str, operation: str) -> None:
        """Do nothing for a reading operation or an approved one; raise ChangeNotApproved otherwise."""
        if not changes(service, operation):
            return
        gate, approved = _opened.get() or (None, frozenset())
        if gate is not self or f"{service}:{operation}" not in approved:
            raise ChangeNotApproved(service, operation)

    @contextmanager
    def open(self, key: object, operations: Iterable[str]) -> Iterator[None]:
        """Let the named operations (`service:Operation`) through inside the block, in this context only."""
        if key is not PLAN_KEY:
            raise ChangeNotApproved("guard", "Gate.open", "Only an approved plan opens the gate.")
        token = _opened.set((self, frozenset(operations)))
        try:
            yield
        finally:
            _opened.reset(token)


def attach(client: Any, service: str, gate: Gate) -> None:
    """Make `client` (botocore) ask the gate before anything else happens to a call.

    Per client, not for botocore's session as a whole: the credential chain makes AssumeRole calls of its own
    through clients that are not ours, and those must work.
    """

    def refuse(model: Any = None, operation_name: str = "", **_: Any) -> None:
        gate.check(service, model.name if model is not None else operation_name)

    for event in _BEFORE_ANYTHING_LEAVES:
        client.meta.events.register_first(event, refuse)
