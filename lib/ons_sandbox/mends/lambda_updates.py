"""Updates of a function take a moment, one at a time, and a version is published of what is new.

MiniStack lets an update begin while another is under way, calls the function Pending meanwhile (only one that
is created is), does not know DryRun, publishes what is unchanged, ignores CodeSha256 and RevisionId of
PublishVersion, deletes the whole function for the qualifier $LATEST, and begins again at version 1 when a
function is created once more under its old name.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

import base64
import hashlib
import inspect
import json
from collections.abc import Callable
from typing import Any

from ons_sandbox.mends import mended, require
from ons_sandbox.services import clock

Record = dict[str, Any]
Answer = tuple[int, dict[str, Any], bytes]

# Seconds that an update, or the making of a function, takes on AWS.
UPDATING = 4.0
# What does not make one version another.
_PASSING = frozenset(
    {
        *("FunctionArn", "Version", "LastModified", "RevisionId", "State", "StateReason", "StateReasonCode"),
        *("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode", "SnapStart"),
    }
)
_SOURCES = ("ZipFile", "S3Bucket", "S3Key", "ImageUri")

# By account and region: the next number of each function that was deleted.
_numbers: Any = mended("ministack.core.responses", "AccountRegionScopedDict").AccountRegionScopedDict()


def install() -> None:
    """Put updating, publishing and deleting in order."""
    service: Any = mended(
        "ministack.services.lambda_svc",
        *("_functions", "_update_code", "_update_config", "_publish_version", "_create_function"),
        *("_delete_function", "_schedule_state_transition", "_check_revision", "_reject_unreadable_zip"),
        *("error_response_json", "json_response", "_func_arn", "_qualifier_from_path_or_query"),
    )
    require(
        '"function_revision"' in inspect.getsource(service._publish_version),
        "_publish_version remembers the revision that each version was published from",
    )
    _take_time(service)
    _publish(service)
    _update(service)
    _delete(service)


def reset() -> None:
    """Forget the functions that were deleted."""
    _numbers.clear()


def _take_time(service: Any) -> None:
    original = service._schedule_state_transition

    def schedule(name: str, delay: float) -> None:
        original(name, clock.real_seconds(UPDATING))

    service._schedule_state_transition = schedule


def _busy(service: Any, name: str) -> Answer | None:
    """The refusal of a change while another is under way."""
    function = service._functions.get(name)
    if function is None or function["config"].get("LastUpdateStatus") != "InProgress":
        return None
    doing = f"An update is in progress for resource: {service._func_arn(name)}"
    if function["config"].get("State") == "Pending":
        doing = "The function is currently in the following state: Pending"
    message = f"The operation cannot be performed at this time. {doing}"
    answer: Answer = service.error_response_json("ResourceConflictException", message, 409)
    return answer


def _update(service: Any) -> None:
    code, configuration = service._update_code, service._update_config

    def update_code(name: str, data: Record) -> Answer:
        function = service._functions.get(name)
        if function is None:
            return _active(service, name, lambda: code(name, data))
        if not any(data.get(source) for source in _SOURCES) and "ZipFile" not in data:
            message = "Please provide a source for function code."
            refused: Answer = service.error_response_json("InvalidParameterValueException", message, 400)
            return refused
        if data.get("DryRun"):
            return _try(service, function, data)
        refusal = service._check_revision(function["config"], data) or _busy(service, name)
        if refusal is not None:
            answer: Answer = refusal
            return answer
        # MiniStack would publish under the function's own ARN, and what is unchanged.
        rest = {key: value for key, value in data.items() if key != "Publish"}
        answer = _active(service, name, lambda: code(name, rest))
        if data.get("Publish") and answer[0] == 200:
            answer = 200, *_published(service, name, {})[1:]
        return answer

    def update_config(name: str, data: Record) -> Answer:
        refusal = _busy(service, name)
        return refusal or _active(service, name, lambda: configuration(name, data))

    service._update_code = update_code
    service._update_config = update_config


def _active(service: Any, name: str, update: Callable[[], Answer]) -> Answer:
    """Carry an update out; the function stays Active, and its LastUpdateStatus alone tells of it."""
    function = service._functions.get(name)
    before = (
        {key: function["config"].get(key) for key in ("State", "StateReason", "StateReasonCode")}
        if function
        else {}
    )
    status, headers, body = update()
    if status >= 400 or not before:
        return status, headers, body
    function["config"].update(before)
    return status, headers, json.dumps({**json.loads(body), **before}).encode()


def _try(service: Any, function: Record, data: Record) -> Answer:
    """DryRun: what the configuration would be; nothing is changed."""
    package = base64.b64decode(data["ZipFile"]) if data.get("ZipFile") is not None else None
    refusal = service._check_revision(function["config"], data) or service._reject_unreadable_zip(package)
    if refusal is not None:
        refused: Answer = refusal
        return refused
    config = dict(function["config"])
    if package is not None:
        digest = base64.b64encode(hashlib.sha256(package).digest()).decode()
        config |= {"CodeSize": len(package), "CodeSha256": digest}
    answer: Answer = service.json_response(config)
    return answer


def _publish(service: Any) -> None:
    original = service._publish_version

    def publish_version(name: str, data: Record) -> Answer:
        function = service._functions.get(name)
        refusal = None
        if function is not None:
            refusal = service._check_revision(function["config"], data) or _busy(service, name)
            refusal = refusal or _other_code(service, function["config"], data)
        answer: Answer = refusal or _published(service, name, data)
        return answer

    service._publish_version = publish_version
    # Beside it, for those who publish after they have checked: an update, a creation.
    service._publish_version_unchecked = original


def _other_code(service: Any, config: Record, data: Record) -> Answer | None:
    wanted = data.get("CodeSha256")
    if not wanted or wanted == config["CodeSha256"]:
        return None
    message = (
        f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({config['CodeSha256']}). "
    )
    message += "Please try again with the CodeSHA256 in $LATEST."
    answer: Answer = service.error_response_json("InvalidParameterValueException", message, 400)
    return answer


def _published(service: Any, name: str, data: Record) -> Answer:
    """Publish, or give back the newest version when nothing has changed since."""
    function = service._functions.get(name)
    latest = max(function["versions"], key=int, default=None) if function else None
    if function and latest:
        version = function["versions"][latest]
        now = _substance(function["config"])
        before = version.get("published_from")
        # A version that MiniStack published itself: its description may be its own.
        same = now == before if before else _plain(now) == _plain(_substance(version["config"]))
        # MiniStack's own test is by revision: make it say the same.
        version["function_revision"] = function["config"]["RevisionId"] if same else None
    answer: Answer = service._publish_version_unchecked(name, data)
    if function and answer[0] == 201:
        made = function["versions"][json.loads(answer[2])["Version"]]
        made.setdefault("published_from", _substance(function["config"]))
    return answer


def _substance(config: Record) -> Record:
    return {key: value for key, value in config.items() if key not in _PASSING}


def _plain(substance: Record) -> Record:
    return {key: value for key, value in substance.items() if key != "Description"}


def _delete(service: Any) -> None:
    create, delete = service._create_function, service._delete_function

    def delete_function(name: str, query_params: Record, path_qualifier: str | None = None) -> Answer:
        qualifier = service._qualifier_from_path_or_query(path_qualifier, query_params)
        function = service._functions.get(name)
        if function is not None and qualifier == "$LATEST":
            message = "$LATEST version cannot be deleted without deleting the function."
            refused: Answer = service.error_response_json("InvalidParameterValueException", message, 400)
            return refused
        number = function["next_version"] if function else 1
        answer: Answer = delete(name, query_params, path_qualifier)
        if function is not None and name not in service._functions:
            _numbers[name] = number
        return answer

    def create_function(data: Record) -> Answer:
        rest = {key: value for key, value in data.items() if key != "Publish"}
        answer: Answer = create(rest)
        if answer[0] == 201:
            name = data["FunctionName"]
            service._functions[name]["next_version"] = _numbers.pop(name, 1)
            if data.get("Publish"):
                answer = 201, *_published(service, name, {})[1:]
        return answer

    service._delete_function = delete_function
    service._create_function = create_function
