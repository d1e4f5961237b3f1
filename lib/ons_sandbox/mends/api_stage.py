"""Stages of a REST API: UpdateStage takes the documented paths and no others, and a cache takes its time.

MiniStack stores whatever a patch names, and forgets nothing that was misspelt; its cache cluster has no
status. Here a path, an operation or a value that is not documented is refused; a cache cluster is created in
accelerated time; method settings are keyed as AWS tells them ("~1health/GET"). Answers are not really cached.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
"""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.services import clock

Record = dict[str, Any]
Answer = tuple[int, dict[str, Any], bytes]

# Minutes on AWS to create or delete a cache cluster.
CACHE_MINUTES = 4.0
SIZES = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY", "*")


def _boolean(value: str) -> bool:
    return value.lower() in ("true", "false")


def _text(_: str) -> bool:
    return True


def _count(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d+", value))


def _number(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", value))


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


# Path: which values it takes. Every one of them is only replaced.
STAGE: dict[str, Callable[[str], bool]] = {
    "/cacheClusterEnabled": _boolean,
    "/cacheClusterSize": _one_of(*SIZES),
    "/clientCertificateId": _text,
    "/deploymentId": _text,
    "/description": _text,
    "/documentationVersion": _text,
    "/tracingEnabled": _boolean,
    "/accessLogSettings/destinationArn": _text,
    "/accessLogSettings/format": _text,
}
# After /{resource_path}/{http_method}.
METHOD: dict[str, Callable[[str], bool]] = {
    "/metrics/enabled": _boolean,
    "/logging/dataTrace": _boolean,
    "/logging/loglevel": _one_of("OFF", "ERROR", "INFO"),
    "/throttling/burstLimit": _count,
    "/throttling/rateLimit": _number,
    "/caching/dataEncrypted": _boolean,
    "/caching/enabled": _boolean,
    "/caching/ttlInSeconds": lambda value: value.isdecimal() and int(value) <= 3600,
    "/caching/requireAuthorizationForCacheControl": _boolean,
    "/caching/unauthorizedCacheControlHeaderStrategy": _one_of(
        "FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER"
    ),
}
_VARIABLE = re.compile(r"/variables/[A-Za-z0-9_]+")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")


class Refusal(Exception):
    """A patch operation that API Gateway does not take."""


def install() -> None:
    """Check the patches of UpdateStage, and tell of stages as AWS does."""
    gateway: Any = mended(
        "ministack.services.apigateway_v1",
        *("_stages_v1", "_resources", "_deployments_v1", "_v1_error", "_v1_response"),
        *("_create_stage", "_get_stage", "_get_stages", "_update_stage"),
    )
    update, get, listed, create = (
        getattr(gateway, name) for name in ("_update_stage", "_get_stage", "_get_stages", "_create_stage")
    )

    def update_stage(api_id: str, stage_name: str, data: Record) -> Answer:
        stage = gateway._stages_v1.get(api_id, {}).get(stage_name)
        if stage is None:
            missing: Answer = update(api_id, stage_name, data)
            return missing
        try:
            for operation in data.get("patchOperations", []):
                _check(gateway, api_id, operation)
        except Refusal as refusal:
            refused: Answer = gateway._v1_error("BadRequestException", str(refusal), 400)
            return refused
        enabled, size = bool(stage.get("cacheClusterEnabled")), stage.get("cacheClusterSize")
        answer = update(api_id, stage_name, data)
        _remake_cache(stage, enabled, size)
        return _told(gateway, answer, stage)

    def get_stage(api_id: str, stage_name: str) -> Answer:
        stage = gateway._stages_v1.get(api_id, {}).get(stage_name)
        return _told(gateway, get(api_id, stage_name), stage)

    def get_stages(api_id: str) -> Answer:
        status, headers, body = listed(api_id)
        if status == 200:
            shown = [_view(stage) for stage in gateway._stages_v1.get(api_id, {}).values()]
            body = json.dumps({"item": shown}).encode()
        return status, headers, body

    def create_stage(api_id: str, data: Record) -> Answer:
        answer: Answer = create(api_id, data)
        stage = gateway._stages_v1.get(api_id, {}).get(data.get("stageName", ""))
        if answer[0] == 201:
            _remake_cache(stage, False, None)
            return _told(gateway, answer, stage)
        return answer

    gateway._update_stage, gateway._get_stage = update_stage, get_stage
    gateway._get_stages, gateway._create_stage = get_stages, create_stage


def _check(gateway: Any, api_id: str, operation: Record) -> None:
    """Raises Refusal for a patch operation that is not documented for a stage."""
    op, path, value = operation.get("op", ""), str(operation.get("path", "")), operation.get("value")
    if _VARIABLE.fullmatch(path):
        _check_variable(op, path, value)
        return
    if path == "/accessLogSettings" and op == "remove":
        return
    taken = STAGE.get(path)
    if taken is None:
        taken = _method_setting(gateway, api_id, op, path)
        if taken is None:
            return
    if op != "replace":
        raise Refusal(f"Invalid patch operation '{op}' for the path {path}. Must be one of: [replace]")
    if not isinstance(value, str) or not taken(value):
        raise Refusal(f"Invalid value '{value}' for the patch path {path}")
    if path == "/deploymentId" and value not in gateway._deployments_v1.get(api_id, {}):
        raise Refusal("Deployment id does not exist")


def _check_variable(op: str, path: str, value: Any) -> None:
    if op not in ("add", "replace", "remove", "copy"):
        raise Refusal(f"Invalid patch operation '{op}' for the path {path}")
    if op in ("add", "replace") and not (isinstance(value, str) and _VARIABLE_VALUE.fullmatch(value)):
        raise Refusal(f"Stage variable value should match {_VARIABLE_VALUE.pattern}")


def _method_setting(gateway: Any, api_id: str, op: str, path: str) -> Callable[[str], bool] | None:
    """What a setting of a method takes; None for the removal of all settings of a method."""
    setting = next((known for known in METHOD if path.endswith(known)), "")
    place, _, method = path.removesuffix(setting).rpartition("/")
    resource = place.removeprefix("/").replace("~1", "/").replace("~0", "~")
    # Terraform writes the path of a resource without the slash that it begins with.
    paths = {resource, f"/{resource}"}
    known = {found.get("path") for found in gateway._resources.get(api_id, {}).values()}
    there = (resource == "*" and method == "*") or (method in METHODS and bool(paths & known))
    if place.startswith("/") and there and (setting or op == "remove"):
        return METHOD[setting] if setting else None
    known_paths = [*STAGE, "/variables/{name}", *(f"/{{resourcePath}}/{{httpMethod}}{one}" for one in METHOD)]
    raise Refusal(f"Invalid method setting path: {path}. Must be one of: [{', '.join(known_paths)}]")


def _remake_cache(stage: Record, enabled: bool, size: str | None) -> None:
    """Begin what a change of the cache cluster takes."""
    wanted = bool(stage.get("cacheClusterEnabled"))
    if wanted and not stage.get("cacheClusterSize"):
        stage["cacheClusterSize"] = SIZES[0]
    if wanted != enabled or (wanted and stage["cacheClusterSize"] != size):
        stage["_cacheDue"] = clock.now() + clock.real_seconds(CACHE_MINUTES * 60)


def _told(gateway: Any, answer: Answer, stage: Record | None) -> Answer:
    if answer[0] >= 400 or stage is None:
        return answer
    told: Answer = gateway._v1_response(_view(stage), answer[0])
    return told


def _view(stage: Record) -> Record:
    """A stage as API Gateway tells of it."""
    shown = {key: copy.deepcopy(value) for key, value in stage.items() if not key.startswith("_")}
    pending = clock.now() < stage.get("_cacheDue", 0.0)
    if stage.get("cacheClusterEnabled"):
        shown["cacheClusterStatus"] = "CREATE_IN_PROGRESS" if pending else "AVAILABLE"
    else:
        shown["cacheClusterStatus"] = "DELETE_IN_PROGRESS" if pending else "NOT_AVAILABLE"
    settings = shown.get("methodSettings") or {}
    shown["methodSettings"] = {_key(key): value for key, value in settings.items()}
    return shown


def _key(key: str) -> str:
    path, _, method = key.rpartition("/")
    return f"{path.replace('~', '~0').replace('/', '~1')}/{method}"
