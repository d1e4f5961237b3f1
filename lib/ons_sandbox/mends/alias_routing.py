"""Weighted aliases: calls are shared between two versions, as RoutingConfig says.

MiniStack stores AdditionalVersionWeights and calls the first version always; and whoever comes from Step
Functions, EventBridge or API Gateway loses the alias's name on the way. Here each invocation draws its
version, Invoke says which one ran (ExecutedVersion), and CreateAlias and UpdateAlias refuse what AWS
refuses.

https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
https://docs.aws.amazon.com/lambda/latest/api/API_AliasRoutingConfiguration.html
"""

import contextvars
import inspect
import random
from collections.abc import Mapping
from typing import Any

from ons_sandbox.mends import mended, require

Record = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

_random = random.Random()
# Invoke looks in here, after the call, for the version that ran; the call runs in another thread.
_executed: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("executed_version", default=None)


def seed(value: int) -> None:
    """Make the drawing of versions repeatable from here on."""
    _random.seed(value)


def choose(alias: Mapping[str, Any]) -> str:
    """Draw the version of the next invocation of an alias (as GetAlias shows it)."""
    for version, weight in _weights(alias).items():
        if _random.random() < weight:
            return version
    return str(alias["FunctionVersion"])


def install() -> None:
    """Route by weight, say which version ran, keep the alias's name, and check what is stored."""
    service: Any = mended(
        "ministack.services.lambda_svc",
        *("_functions", "_execute_function", "_invoke", "_function_config_scope_mismatch"),
        *("_get_func_record_for_ref", "_create_alias", "_update_alias"),
        *(
            "_lambda_function_name_and_qualifier_from_arn",
            "_resolve_name_and_qualifier",
            "error_response_json",
        ),
    )
    require(
        '["config"]["FunctionArn"] = _func_arn(name) + (f":{qualifier}"'
        in inspect.getsource(service._invoke),
        "_invoke hands on the alias's ARN in the configuration",
    )
    require(
        list(inspect.signature(service._execute_function).parameters) == ["func", "event"],
        "_execute_function takes func and event",
    )
    _route(service)
    _say_executed_version(service)
    _keep_alias(service)
    _check(service)


def _weights(alias: Mapping[str, Any]) -> dict[str, float]:
    routing = alias.get("RoutingConfig") or {}
    return {
        version: float(weight) for version, weight in (routing.get("AdditionalVersionWeights") or {}).items()
    }


def _route(service: Any) -> None:
    original = service._execute_function

    def execute(func: Record, event: Any) -> Record:
        config = func.get("config") or func
        # In another scope MiniStack comes back here under the function's own; one draw is enough.
        if not service._function_config_scope_mismatch(config):
            func = _routed(service, func, config)
            executed = _executed.get()
            if executed is not None:
                executed.append(func["config"].get("Version", "$LATEST"))
        answer: Record = original(func, event)
        return answer

    service._execute_function = execute


def _routed(service: Any, func: Record, config: Record) -> Record:
    """The record of the version that this invocation runs, under the ARN that the caller used."""
    arn = config["FunctionArn"]
    name, qualifier = service._lambda_function_name_and_qualifier_from_arn(arn)
    function = service._functions.get(name) or {}
    alias = function.get("aliases", {}).get(qualifier)
    if not alias or not _weights(alias):
        return {**func, "config": config}
    version = function["versions"][choose(alias)]
    return {**func, **version, "config": {**version["config"], "FunctionArn": arn}}


def _say_executed_version(service: Any) -> None:
    original = service._invoke

    async def invoke(*arguments: Any, **named: Any) -> Response:
        executed: list[str] = []
        token = _executed.set(executed)
        try:
            status, headers, body = await original(*arguments, **named)
        finally:
            _executed.reset(token)
        if executed and "X-Amz-Executed-Version" in headers:
            headers["X-Amz-Executed-Version"] = executed[0]
        return status, headers, body

    service._invoke = invoke


def _keep_alias(service: Any) -> None:
    original = service._get_func_record_for_ref

    def record_for_ref(function_ref: str) -> tuple[Record | None, Record | None, str]:
        record, config, name = original(function_ref)
        if config is not None:
            is_arn = function_ref.startswith("arn:")
            split = (
                "_lambda_function_name_and_qualifier_from_arn" if is_arn else "_resolve_name_and_qualifier"
            )
            _, qualifier = getattr(service, split)(function_ref)
            if qualifier:
                function_arn = ":".join(config["FunctionArn"].split(":")[:7])
                config = {**config, "FunctionArn": f"{function_arn}:{qualifier}"}
        return record, config, name

    service._get_func_record_for_ref = record_for_ref


def _check(service: Any) -> None:
    create, update = service._create_alias, service._update_alias

    def create_alias(func_name: str, data: Record) -> Response:
        answer: Response = _refusal(service, func_name, data) or create(func_name, data)
        return answer

    def update_alias(func_name: str, alias_name: str, data: Record) -> Response:
        function = service._functions.get(func_name) or {}
        alias = function.get("aliases", {}).get(alias_name)
        refusal = _refusal(service, func_name, {**alias, **data}) if alias else None
        answer: Response = refusal or update(func_name, alias_name, data)
        return answer

    service._create_alias = create_alias
    service._update_alias = update_alias


def _refusal(service: Any, func_name: str, wanted: Mapping[str, Any]) -> Response | None:
    """Why AWS would not store an alias like this; None when it would."""
    function = service._functions.get(func_name)
    if function is None:
        return None
    primary, weights = str(wanted.get("FunctionVersion", "$LATEST")), _weights(wanted)
    for version in (primary, *weights):
        if version != "$LATEST" and version not in function["versions"]:
            arn = ":".join(function["config"]["FunctionArn"].split(":")[:7])
            return _error(service, "ResourceNotFoundException", f"Function not found: {arn}:{version}", 404)
    if not weights:
        return None
    problem, code = "", "InvalidParameterValueException"
    if len(weights) > 1:
        problem = "Number of items in AdditionalVersionWeights cannot be greater than 1"
    elif primary == "$LATEST" or "$LATEST" in weights:
        problem = "$LATEST is not supported for an alias pointing to more than 1 version"
    elif primary in weights:
        problem = (
            f"Invalid function version {primary}. "
            f"Function version {primary} is already included in routing configuration."
        )
    elif not all(0.0 <= weight <= 1.0 for weight in weights.values()):
        code = "ValidationException"
        problem = (
            "1 validation error detected: Value at 'routingConfig.additionalVersionWeights' failed to "
            "satisfy constraint: Map value must satisfy constraint: [Member must have value less than or "
            "equal to 1.0, Member must have value greater than or equal to 0.0]"
        )
    return _error(service, code, problem, 400) if problem else None


def _error(service: Any, code: str, message: str, status: int) -> Response:
    answer: Response = service.error_response_json(code, message, status)
    return answer
