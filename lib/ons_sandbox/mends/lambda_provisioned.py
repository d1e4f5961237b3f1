"""Provisioned concurrency: on a version or an alias, ready after a while, and within the account's limits.

MiniStack takes it for anything at once, $LATEST included, and cannot list it. Here it is refused as on AWS,
IN_PROGRESS until its environments would be there, and gone with its alias or version. It does not start
environments: a first call still is a cold start here.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

from ons_sandbox.mends import mended, require
from ons_sandbox.services import clock

Record = dict[str, Any]
Answer = tuple[int, dict[str, Any], bytes]

# Seconds on AWS until the environments are there.
ALLOCATING = 90.0
# An account's concurrency, and what no reservation may take of it.
ACCOUNT, UNRESERVED = 1000, 100
PAGE = 50

INVALID = "InvalidParameterValueException"
_PATH = re.compile(r"/2019-09-30/functions/([^/]+)/provisioned-concurrency/?")


def install() -> None:
    """Answer every call about provisioned and reserved concurrency."""
    service: Any = mended(
        "ministack.services.lambda_svc",
        *("_functions", "_func_arn", "_now_iso", "json_response", "error_response_json", "handle_request"),
        *("_get_provisioned_concurrency", "_put_provisioned_concurrency", "_qp_first"),
        *("_put_function_concurrency", "_delete_alias", "_delete_function", "_function_qualifier_exists"),
        *("_resolve_request_scoped_name", "_get_account_settings"),
    )
    require(
        '.get("provisioned_concurrency", {})' in inspect.getsource(service._get_provisioned_concurrency),
        "a function's record holds provisioned_concurrency",
    )
    _provision(service)
    _list(service)
    _reserve(service)
    _clear_up(service)
    _settings(service)


def _error(service: Any, code: str, message: str, status: int = 400) -> Answer:
    answer: Answer = service.error_response_json(code, message, status)
    return answer


def _configs(function: Record) -> dict[str, Record]:
    configs: dict[str, Record] = function.setdefault("provisioned_concurrency", {})
    return configs


def _shown(config: Record) -> Record:
    """A configuration as it is now."""
    wanted = config["requested"]
    ready = clock.now() >= config["ready_at"]
    there = wanted if ready else min(config["allocated"], wanted)
    return {
        "RequestedProvisionedConcurrentExecutions": wanted,
        "AvailableProvisionedConcurrentExecutions": there,
        "AllocatedProvisionedConcurrentExecutions": there,
        "Status": "READY" if ready else "IN_PROGRESS",
        "LastModified": config["modified"],
    }


def _provision(service: Any) -> None:
    original = service._get_provisioned_concurrency

    def get(name: str, qualifier: str) -> Answer:
        config = _configs(service._functions.get(name) or {}).get(qualifier)
        answer: Answer = service.json_response(_shown(config)) if config else original(name, qualifier)
        return answer

    def put(name: str, qualifier: str, data: Record) -> Answer:
        refusal = _refusal(service, name, qualifier, data["ProvisionedConcurrentExecutions"])
        if refusal:
            return refusal
        configs = _configs(service._functions[name])
        before = configs.get(qualifier)
        configs[qualifier] = {
            "requested": data["ProvisionedConcurrentExecutions"],
            "allocated": _shown(before)["AllocatedProvisionedConcurrentExecutions"] if before else 0,
            "ready_at": clock.now() + clock.real_seconds(ALLOCATING),
            "modified": service._now_iso(),
        }
        answer: Answer = service.json_response(_shown(configs[qualifier]), 202)
        return answer

    service._get_provisioned_concurrency = get
    service._put_provisioned_concurrency = put


def _refusal(service: Any, name: str, qualifier: str, wanted: int) -> Answer | None:
    function = service._functions.get(name)
    arn = service._func_arn(name)
    if function is None:
        return _error(service, "ResourceNotFoundException", f"Function not found: {arn}", 404)
    if qualifier == "$LATEST":
        return _unpublished(service)
    if not service._function_qualifier_exists(function, qualifier):
        what = "Function not found" if qualifier.isdecimal() else "Cannot find alias arn"
        return _error(service, "ResourceNotFoundException", f"{what}: {arn}:{qualifier}", 404)
    alias = function["aliases"].get(qualifier)
    if alias and alias["FunctionVersion"] == "$LATEST":
        return _unpublished(service)
    if alias and (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
        return _error(service, INVALID, "Alias with weights can not be used with Provisioned Concurrency")
    return _taken(service, function, qualifier, alias) or _too_much(service, function, qualifier, wanted)


def _unpublished(service: Any) -> Answer:
    message = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    return _error(service, INVALID, message)


def _taken(service: Any, function: Record, qualifier: str, alias: Record | None) -> Answer | None:
    """A version has one configuration: its own, or that of one alias."""
    others = {of for of in _configs(function) if of != qualifier}
    version = alias["FunctionVersion"] if alias else qualifier
    if alias and version in others:
        message = (
            "Alias can not be used for Provisioned Concurrency configuration on an already provisioned "
            "version"
        )
        return _error(service, INVALID, message)
    pointing = [of for of in others if (function["aliases"].get(of) or {}).get("FunctionVersion") == version]
    if pointing:
        return _error(service, INVALID, "Version is pointed by a Provisioned Concurrency alias")
    return None


def _too_much(service: Any, function: Record, qualifier: str, wanted: int) -> Answer | None:
    own = wanted + sum(config["requested"] for of, config in _configs(function).items() if of != qualifier)
    reserved = function.get("concurrency")
    if reserved is not None:
        if own <= reserved:
            return None
        message = (
            f"Requested Provisioned Concurrency [{own}] should not be greater than the "
            f"reservedConcurrentExecution for function [{reserved}]"
        )
        return _error(service, INVALID, message)
    return _over_account(service, function, own)


def _over_account(service: Any, function: Record, own: int) -> Answer | None:
    """What one function takes of the account leaves at least a hundred for those without a reservation."""
    others = sum(_taken_by(other) for other in service._functions.values() if other is not function)
    if others + own <= ACCOUNT - UNRESERVED:
        return None
    message = (
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        f"below its minimum value of [{UNRESERVED}]."
    )
    return _error(service, INVALID, message)


def _taken_by(function: Record) -> int:
    reserved = function.get("concurrency")
    provisioned = sum(config["requested"] for config in _configs(function).values())
    return int(provisioned if reserved is None else reserved)


def _list(service: Any) -> None:
    original = service.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Answer:
        place = _PATH.fullmatch(path)
        if place and method == "GET" and service._qp_first(query_params, "List"):
            return _listed(service, service._resolve_request_scoped_name(place[1]), query_params)
        answer: Answer = await original(method, path, headers, body, query_params)
        return answer

    service.handle_request = handle_request


def _listed(service: Any, name: str, query_params: dict[str, Any]) -> Answer:
    function, arn = service._functions.get(name), service._func_arn(name)
    if function is None:
        return _error(service, "ResourceNotFoundException", f"Function not found: {arn}", 404)
    of = sorted(_configs(function))
    marker = service._qp_first(query_params, "Marker")
    most = int(service._qp_first(query_params, "MaxItems") or PAGE)
    onward = [qualifier for qualifier in of if qualifier > marker]
    shown = [{"FunctionArn": f"{arn}:{one}", **_shown(_configs(function)[one])} for one in onward[:most]]
    document: Record = {"ProvisionedConcurrencyConfigs": shown}
    if len(onward) > most:
        document["NextMarker"] = onward[most - 1]
    answer: Answer = service.json_response(document)
    return answer


def _reserve(service: Any) -> None:
    original = service._put_function_concurrency

    def put_function_concurrency(name: str, data: Record) -> Answer:
        function, wanted = service._functions.get(name), data["ReservedConcurrentExecutions"]
        refusal = None
        if function is not None:
            provisioned = sum(config["requested"] for config in _configs(function).values())
            refusal = _over_account(service, function, wanted)
            if wanted < provisioned:
                message = (
                    f"ReservedConcurrentExecutions {wanted} should not be lower than function's total "
                    f"provisioned concurrency [{provisioned}]."
                )
                refusal = _error(service, INVALID, message)
        answer: Answer = refusal or original(name, data)
        return answer

    service._put_function_concurrency = put_function_concurrency


def _clear_up(service: Any) -> None:
    alias, whole = service._delete_alias, service._delete_function

    def delete_alias(func_name: str, alias_name: str) -> Answer:
        answer: Answer = alias(func_name, alias_name)
        _forget_gone(service, func_name)
        return answer

    def delete_function(name: str, query_params: Record, path_qualifier: str | None = None) -> Answer:
        answer: Answer = whole(name, query_params, path_qualifier)
        _forget_gone(service, name)
        return answer

    service._delete_alias = delete_alias
    service._delete_function = delete_function


def _settings(service: Any) -> None:
    original = service._get_account_settings

    def get_account_settings() -> Answer:
        """GetAccountSettings: the quota of an account, not the few calls that this machine runs at once."""
        status, headers, body = original()
        settings = json.loads(body)
        taken = sum(_taken_by(function) for function in service._functions.values())
        settings["AccountLimit"]["ConcurrentExecutions"] = ACCOUNT
        settings["AccountLimit"]["UnreservedConcurrentExecutions"] = ACCOUNT - taken
        return status, headers, json.dumps(settings).encode()

    service._get_account_settings = get_account_settings


def _forget_gone(service: Any, name: str) -> None:
    function = service._functions.get(name)
    for qualifier in list(_gone(service, function)) if function else []:
        del _configs(function)[qualifier]


def _gone(service: Any, function: Record) -> Iterator[str]:
    for qualifier in _configs(function):
        if not service._function_qualifier_exists(function, qualifier):
            yield qualifier
