"""AWS/ApiGateway metrics and execution logs of REST APIs; MiniStack has neither.

Every request to a stage counts: Count, 4XXError and 5XXError (0 or 1 each, so that their average is the
error rate), Latency, and IntegrationLatency when an integration was called. Dimensions ApiName, and
ApiName with Stage; with detailed metrics on, also with Method and Resource. Where a stage's (or method's)
log level is INFO or ERROR, the lines that the runbook reads go to
API-Gateway-Execution-Logs_{api}/{stage}.

Needs what api_gateway notes on each request.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

import hashlib
import time
from typing import Any

from ons_sandbox.mends import log_store, mended

Answer = tuple[int, dict[str, Any], bytes]
Settings = dict[str, Any]


def install() -> None:
    """Publish metrics and write the execution log of each request that reaches a stage."""
    gateway: Any = mended(
        "ministack.services.apigateway_v1",
        *("_execute_in_scope", "_gateway_error_response", "_GatewayError", "_rest_apis"),
    )
    cloudwatch: Any = mended("ministack.services.cloudwatch", "record_metric")
    original = gateway._execute_in_scope

    async def execute(
        request: dict[str, Any], api_id: str, stage_name: str, method: str, path: str, *arguments: Any
    ) -> Answer:
        began = time.time()
        answer = await original(request, api_id, stage_name, method, path, *arguments)
        if isinstance(answer, gateway._GatewayError):
            answer = gateway._gateway_error_response(answer, request)
        status, headers, body = answer
        if request["stage"] is not None:  # else it never reached the API
            settings = method_settings(request["stage"], request["resource_path"], method)
            name = gateway._rest_apis[api_id].get("name") or api_id
            sets = [{"ApiName": name}, {"ApiName": name, "Stage": stage_name}]
            if settings.get("metricsEnabled"):
                sets.append({**sets[1], "Method": method, "Resource": request["resource_path"]})
            latency = (time.time() - began) * 1000
            for metric, value, unit in _values(status, latency, request.get("integration_ms")):
                for dimensions in sets:
                    cloudwatch.record_metric("AWS/ApiGateway", metric, value, unit, dimensions)
            lines = _lines(settings.get("loggingLevel", "OFF"), request, method, status)
            _write(api_id, stage_name, request["request_id"], began, lines)
        return status, headers, body

    gateway._execute_in_scope = execute


def method_settings(stage: dict[str, Any], resource_path: str, method: str) -> Settings:
    """What is set for a method of a stage: its own settings, or those for all methods (`*/*`)."""
    settings = stage.get("methodSettings") or {}
    path = resource_path.lstrip("/")
    for key in (f"/{path}/{method}", f"{path}/{method}", "*/*"):
        if settings.get(key):
            found: Settings = settings[key]
            return found
    return {}


def _values(status: int, latency: float, integration: float | None) -> list[tuple[str, float, str]]:
    values = [
        ("Count", 1.0, "Count"),
        ("4XXError", float(400 <= status < 500), "Count"),
        ("5XXError", float(status >= 500), "Count"),
        ("Latency", latency, "Milliseconds"),
    ]
    if integration is not None:
        values.append(("IntegrationLatency", integration, "Milliseconds"))
    return values


def _lines(level: str, request: dict[str, Any], method: str, status: int) -> list[str]:
    """The lines for one request: all of them at INFO, those of what went wrong at ERROR."""
    failure = request.get("failure")
    completed = f"Method completed with status: {status}"
    if level == "ERROR":
        return [*filter(None, [failure]), completed] if status >= 400 else []
    if level != "INFO":
        return []
    return [
        f"Starting execution for request: {request['request_id']}",
        f"HTTP Method: {method}, Resource Path: {request['resource_path']}",
        failure or "Successfully completed execution",
        completed,
    ]


def _write(api_id: str, stage_name: str, request_id: str, began: float, lines: list[str]) -> None:
    if not lines:
        return
    # Each line carries the request's id, because requests share streams.
    first, last = int(began * 1000), time.time_ns() // 1_000_000
    moments = [first, first, *([last] * len(lines))]
    events = [(at, f"({request_id}) {line}") for at, line in zip(moments, lines, strict=False)]
    stream = hashlib.md5(f"{api_id}/{stage_name}".encode(), usedforsecurity=False).hexdigest()
    log_store.bulk_put(f"API-Gateway-Execution-Logs_{api_id}/{stage_name}", stream, events)
