"""Parameters of changing calls are held to the service's model: ranges, lengths, patterns and enumerations.

MiniStack stores whatever it is given (a timeout of 0 seconds, a strategy id that cannot be one). AWS answers
with a ValidationException, AppConfig with its BadRequestException.

https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StartDeployment.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationModel

from ons_sandbox import constraints
from ons_sandbox.mends import mended

Answer = tuple[int, dict[str, Any], bytes]

# Only what changes something: reading is done thousands of times, and can break nothing.
LAMBDA = (
    *("CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "PublishVersion"),
    *("CreateAlias", "UpdateAlias", "PutFunctionConcurrency", "PutProvisionedConcurrencyConfig"),
)
APPCONFIG = (
    *("CreateApplication", "CreateEnvironment", "CreateConfigurationProfile", "CreateDeploymentStrategy"),
    *("UpdateDeploymentStrategy", "CreateHostedConfigurationVersion", "StartDeployment"),
)


def install() -> None:
    """Look at each changing request before the emulator does."""
    _guard("ministack.services.lambda_svc", "lambda", LAMBDA, "ValidationException")
    _guard("ministack.services.appconfig", "appconfig", APPCONFIG, "BadRequestException")


@dataclass(frozen=True)
class Route:
    """Where an operation is called: method and path, with the names of the path's parameters."""

    operation: OperationModel
    method: str
    path: re.Pattern[str]

    @classmethod
    def of(cls, operation: OperationModel) -> "Route":
        """The route that the service's model gives an operation."""
        uri = operation.http["requestUri"].split("?")[0]
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(uri))
        return cls(operation, operation.http["method"], re.compile(pattern))


def _guard(module: str, model: str, operations: tuple[str, ...], code: str) -> None:
    service: Any = mended(module, "handle_request")
    original = service.handle_request
    routes: list[Route] = []

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Answer:
        if method in ("POST", "PUT", "PATCH"):
            if not routes:  # reading the model takes time: not before somebody needs it
                known = constraints.model(model)
                routes.extend(Route.of(known.operation_model(name)) for name in operations)
            found = _problems(routes, method, path, headers, body, query_params)
            if found:
                text = json.dumps({"message": constraints.message(found), "__type": code}).encode()
                return 400, {"Content-Type": "application/json", "x-amzn-errortype": code}, text
        answer: Answer = await original(method, path, headers, body, query_params)
        return answer

    service.handle_request = handle_request


def _problems(
    routes: list[Route],
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    query_params: Mapping[str, Any],
) -> list[str]:
    for route in routes:
        place = route.path.fullmatch(path) if route.method == method else None
        shape = route.operation.input_shape
        if place is None or shape is None:
            continue
        payload = shape.serialization.get("payload") or "Content"
        given = dict(_elsewhere(route.operation, place, headers, query_params))
        try:
            given |= json.loads(body or b"{}") if payload not in shape.members else {payload: body}
        except (ValueError, TypeError):
            return []  # the service itself says what it thinks of such a body
        return constraints.problems(shape, given)
    return []


def _elsewhere(
    operation: OperationModel, place: re.Match[str], headers: Mapping[str, str], query: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """The parameters that stand in path, query and headers."""
    for name, member in operation.input_shape.members.items() if operation.input_shape else ():
        wire = member.serialization.get("name", name)
        location = member.serialization.get("location")
        if location == "uri":
            yield name, place[wire]
        elif location == "querystring" and query.get(wire):
            value = query[wire]
            yield name, value[0] if isinstance(value, list) else value
        elif location == "header" and headers.get(wire.lower()):
            yield name, headers[wire.lower()]
