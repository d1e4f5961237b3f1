"""A service of AWS's JSON protocol, answered in this process in front of whoever answered it before.

Requests name their operation in X-Amz-Target; an error's code stands in `__type`.
https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

import base64
import binascii
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from botocore.model import ServiceModel

from ons_sandbox import constraints
from ons_sandbox.mends import mended, require

Parameters = dict[str, Any]
Operation = Callable[[Parameters], dict[str, Any]]
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]


class ServiceError(Exception):
    """The service's own refusal. `code` is the exception's name in the service's model."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: str) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.fields = code, message, status, fields


class Elsewhere(Exception):
    """Raised by an operation for a call that the handler behind is to answer."""


class JsonService:
    """Operations by name. They run one at a time, whichever thread asks: state needs no other lock."""

    def __init__(self, name: str, model: str | None = None) -> None:
        """name: MiniStack's and the signature's; model: botocore's, when parameters are held to it."""
        self.name = name
        self.lock = threading.RLock()
        self._model = model
        self._operations: dict[str, Operation] = {}

    def operation(self, function: Operation) -> Operation:
        """Decorator: `get_cost_and_usage` answers GetCostAndUsage."""
        name = "".join(word.capitalize() for word in function.__name__.split("_"))
        self._operations[name] = function
        return function

    def install(self) -> None:
        """Answer the operations known here; hand the others to the handler found there. Raises MendError."""
        app = mended("ministack.app", "SERVICE_HANDLERS")
        require(self.name in app.SERVICE_HANDLERS, f"{self.name} has a handler to hand on to")
        app.SERVICE_HANDLERS[self.name] = self._before(app.SERVICE_HANDLERS[self.name])

    def _before(self, other: Handler) -> Handler:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
        ) -> Answer:
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            if operation not in self._operations:
                return await other(method, path, headers, body, query_params)
            try:
                status, document = self.answer(operation, json.loads(body or b"{}"))
            except Elsewhere:
                return await other(method, path, headers, body, query_params)
            content_type = headers.get("content-type", "application/x-amz-json-1.1")
            return status, {"Content-Type": content_type}, json.dumps(document).encode()

        return handle

    def answer(self, operation: str, parameters: Parameters) -> tuple[int, dict[str, Any]]:
        """Status and body of one call. Raises Elsewhere."""
        try:
            if self._model:
                _check(constraints.model(self._model), operation, parameters)
            with self.lock:
                return 200, self._operations[operation](parameters)
        except ServiceError as error:
            return error.status, {"__type": error.code, "message": error.message, **error.fields}


def page(items: Sequence[Any], size: int, token: str | None, code: str) -> tuple[list[Any], str | None]:
    """One page of at most `size` items, and the token of the next (None after the last).

    token: what the caller gave. code: the service's exception for one that was not made here.
    """
    start = 0
    if token is not None:
        try:
            start = int(base64.urlsafe_b64decode(token.encode()).decode())
        except (binascii.Error, ValueError):
            start = -1
        if start < 0:
            raise ServiceError(code, f"The next token {token} is not valid.")
    end = start + size
    onward = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(items) else None
    return list(items[start:end]), onward


def _check(model: ServiceModel, operation: str, parameters: Parameters) -> None:
    """Refuse what the service's model does not allow, in the words of AWS's validation."""
    shape = model.operation_model(operation).input_shape
    problems = constraints.problems(shape, parameters) if shape is not None else []
    if problems:
        message = constraints.message(problems)
        raise ServiceError("ValidationException", message, reason="FIELD_VALIDATION_FAILED")
