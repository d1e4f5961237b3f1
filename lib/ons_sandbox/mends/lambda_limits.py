"""Lambda's quotas on what a function is made of, which MiniStack does not know.

Timeout of at most 900 seconds, memory of at most 10,240 MB, 4 KB of environment variables none of which is
Lambda's own, and 50 MB for a package that is uploaded directly (as the size of the request that carries it).

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

import json
from collections.abc import Mapping
from typing import Any

from ons_sandbox import constraints
from ons_sandbox.mends import mended

Record = dict[str, Any]
Answer = tuple[int, dict[str, Any], bytes]

MAX_TIMEOUT, MAX_MEMORY, MAX_VARIABLES = 900, 10_240, 4096
# 50 MB in base64: what AWS names in its refusal.
MAX_REQUEST = 69_905_067
RESERVED_VARIABLES = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)
_VARIABLES = (
    "Lambda was unable to configure your environment variables because the environment variables you "
)


def install() -> None:
    """Refuse what is over a quota before anything is stored."""
    service: Any = mended(
        "ministack.services.lambda_svc",
        *("handle_request", "_create_function", "_update_config", "error_response_json"),
    )
    create, update, handle = service._create_function, service._update_config, service.handle_request

    def create_function(data: Record) -> Answer:
        answer: Answer = _refusal(service, data) or create(data)
        return answer

    def update_config(name: str, data: Record) -> Answer:
        answer: Answer = _refusal(service, data) or update(name, data)
        return answer

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Answer:
        too_large = len(body) > MAX_REQUEST and method in ("POST", "PUT")
        if too_large and (path.endswith("/code") or path.rstrip("/").endswith("/functions")):
            operation = "UpdateFunctionCode" if method == "PUT" else "CreateFunction"
            return _too_large(
                f"Request must be smaller than {MAX_REQUEST} bytes for the {operation} operation"
            )
        answer: Answer = await handle(method, path, headers, body, query_params)
        return answer

    service._create_function = create_function
    service._update_config = update_config
    service.handle_request = handle_request


def _too_large(text: str) -> Answer:
    code = "RequestEntityTooLargeException"
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code}
    return 413, headers, json.dumps({"Type": "User", "message": text}).encode()


def _refusal(service: Any, data: Mapping[str, Any]) -> Answer | None:
    found = [
        f"Value '{data[name]}' at '{name[:1].lower()}{name[1:]}' failed to satisfy constraint: "
        f"Member must have value less than or equal to {most}"
        for name, most in (("Timeout", MAX_TIMEOUT), ("MemorySize", MAX_MEMORY))
        if data.get(name) is not None and data[name] > most
    ]
    code, message = "ValidationException", constraints.message(found) if found else ""
    variables = (data.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if not message and reserved:
        code = "InvalidParameterValueException"
        message = (
            f"{_VARIABLES}have provided contains reserved keys that are currently not supported for "
            f"modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    # The quota is on the variables as JSON.
    if not message and len(json.dumps(variables, separators=(",", ":"))) > MAX_VARIABLES:
        code = "InvalidParameterValueException"
        message = f"{_VARIABLES}have provided exceeded the 4KB limit."
    if not message:
        return None
    answer: Answer = service.error_response_json(code, message, 400)
    return answer
