"""What callers of a REST API get when something is wrong, as API Gateway answers it.

MiniStack tells the caller the function's error, waits for an integration however long it takes, lets a
disabled key in (it stores the word "false"), and throttles only when rate and burst are both zero. Here:
502 for a function's error and for an answer that is no proxy response, 500 when Lambda throttles, 504
after the integration's timeout (29 seconds at most), 403 for a disabled key, 429 for a limit of zero.

https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

import asyncio
import contextvars
import inspect
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ons_sandbox.mends import mended, require

Answer = tuple[int, dict[str, Any], bytes]
Result = dict[str, Any]

MAX_INTEGRATION_SECONDS = 29.0
INTERNAL = "Internal server error"
PROXY_RESPONSE_KEYS = {"isBase64Encoded", "statusCode", "headers", "multiValueHeaders", "body"}

# The request that is being served. What is learnt on the way is noted in MiniStack's own record of it:
# "integration_ms" (None when no integration was called) and "failure" (the sentence for the execution log).
_request: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("api_request")


def install() -> None:
    """Answer as API Gateway does, and note on each request how its integration went."""
    gateway: Any = mended(
        "ministack.services.apigateway_v1",
        *("_execute_in_scope", "_gateway_error_response", "_GatewayError", "_lambda_proxy_response"),
        *("_invoke_lambda_proxy_v1", "_invoke_lambda_custom_v1", "_invoke_http_proxy_v1"),
        *("_take_token", "_update_api_key"),
    )
    require(
        list(inspect.signature(gateway._execute_in_scope).parameters)[:5]
        == ["request", "api_id", "stage_name", "method", "path"],
        "_execute_in_scope takes request, api_id, stage_name, method and path",
    )
    _answer_in_full(gateway)
    for name in ("_invoke_lambda_proxy_v1", "_invoke_lambda_custom_v1", "_invoke_http_proxy_v1"):
        setattr(gateway, name, _bounded(getattr(gateway, name)))
    gateway._lambda_proxy_response = _proxy_response
    _throttle(gateway)
    _disable_keys(gateway)


def reset() -> None:
    """Fill every bucket and forget every quota; MiniStack's own reset leaves them as they are."""
    gateway: Any = mended("ministack.services.apigateway_v1", "_throttle_state", "_quota_state")
    gateway._throttle_state.clear()
    gateway._quota_state.clear()


def _answer_in_full(gateway: Any) -> None:
    """Turn API Gateway's own errors into answers here, where the request is known, and number each answer."""
    original = gateway._execute_in_scope

    async def execute(request: dict[str, Any], *arguments: Any) -> Answer:
        request.update(integration_ms=None, failure=None)
        token = _request.set(request)
        try:
            answer = await original(request, *arguments)
        finally:
            _request.reset(token)
        if isinstance(answer, gateway._GatewayError):
            answer = gateway._gateway_error_response(answer, request)
        status, headers, body = answer
        # Spelt as MiniStack looks for it: it would give the answer an id of its own.
        return status, {"x-amzn-requestid": request["request_id"], **headers}, body

    gateway._execute_in_scope = execute


def _bounded(invoke: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Measure an integration, and stop waiting when its time is up; the function runs on, as on AWS."""

    async def bounded(integration: Mapping[str, Any], *arguments: Any, **named: Any) -> Any:
        request = _request.get()
        wanted = float(integration.get("timeoutInMillis") or MAX_INTEGRATION_SECONDS * 1000) / 1000
        started = time.monotonic()
        task = asyncio.ensure_future(invoke(integration, *arguments, **named))
        done, _ = await asyncio.wait({task}, timeout=min(wanted, MAX_INTEGRATION_SECONDS))
        request["integration_ms"] = (time.monotonic() - started) * 1000
        if done:
            return task.result()
        _fail("Execution failed due to a timeout error")
        return 504, _error_headers("InternalServerErrorException"), _message("Endpoint request timed out")

    return bounded


def _proxy_response(result: Result) -> tuple[Result | None, str | None]:
    """A function's result as a proxy response, or the message of a 502 (MiniStack makes that answer)."""
    body: Any = result.get("body")
    if result.get("throttle"):
        _fail("Execution failed due to configuration error: Rate Exceeded.")
        headers = _error_headers("InternalServerErrorException")
        return {"statusCode": 500, "headers": headers, "body": _message(INTERNAL).decode()}, None
    if result.get("error"):
        message = body.get("errorMessage") if isinstance(body, dict) else body
        _fail(f"Lambda execution failed with status 200 due to customer function error: {message}")
        return None, INTERNAL
    if not _is_proxy_response(body):
        _fail("Execution failed due to configuration error: Malformed Lambda proxy response")
        return None, INTERNAL
    return {**body, "statusCode": int(body["statusCode"]), "body": body.get("body") or ""}, None


def _fail(sentence: str) -> None:
    """Note why the integration failed, as the execution log puts it."""
    _request.get()["failure"] = sentence


def _is_proxy_response(body: Any) -> bool:
    """Whether API Gateway would understand what the function returned."""
    return (
        isinstance(body, dict)
        and body.keys() <= PROXY_RESPONSE_KEYS
        and str(body.get("statusCode", "")).isdecimal()
        and isinstance(body.get("body"), str | None)
    )


def _throttle(gateway: Any) -> None:
    original = gateway._take_token

    def take_token(slot: Any, limits: Mapping[str, Any]) -> bool:
        """A token of a bucket: a limit of zero lets nothing pass, a negative one (-1) is no limit."""
        values = [float(limits[name]) for name in ("rateLimit", "burstLimit") if limits.get(name) is not None]
        if 0.0 in values:
            return False
        if any(value < 0 for value in values):
            return True
        return bool(original(slot, limits))

    gateway._take_token = take_token


def _disable_keys(gateway: Any) -> None:
    original = gateway._update_api_key

    def update_api_key(key_id: str, data: dict[str, Any]) -> Answer:
        """UpdateApiKey; patch values are strings, and `enabled` is none."""
        for operation in data.get("patchOperations", []):
            if operation.get("path") == "/enabled":
                operation["value"] = str(operation.get("value")).lower() == "true"
        answer: Answer = original(key_id, data)
        return answer

    gateway._update_api_key = update_api_key


def _error_headers(kind: str) -> dict[str, Any]:
    return {"Content-Type": "application/json", "x-amzn-ErrorType": kind}


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
