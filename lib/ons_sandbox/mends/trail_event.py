"""One call as CloudTrail records it: which operation it was, by whom, with what.

The name of a REST operation is read from botocore's service model, since the request itself does not say
it.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
from botocore.exceptions import UnknownServiceError

from ons_sandbox.mends import mended

Event = dict[str, Any]

# AWS's second versions of Lambda's operations, by which CloudTrail calls them.
_LAMBDA_V2 = {
    "AddPermission",
    "GetFunction",
    "GetFunctionConfiguration",
    "GetPolicy",
    "RemovePermission",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
}
# Data events: CloudTrail records them only for trails that ask for them, and LookupEvents never gives them.
_DATA_EVENTS = {
    "lambda": r"Invoke.*",
    "logs": r"PutLogEvents",
    "monitoring": r"PutMetricData|GetMetricData|GetMetricStatistics|ListMetrics",
    "sqs": r"(SendMessage|ReceiveMessage|DeleteMessage|ChangeMessageVisibility).*",
    "sns": r"Publish.*",
    "events": r"PutEvents",
    "appconfigdata": r".*",
    "dynamodb": r"(Get|Put|Update|Delete|BatchGet|BatchWrite|Transact.*)Items?|Query|Scan",
    "kinesis": r"PutRecords?|GetRecords|GetShardIterator",
    "s3": r".*Object.*|.*MultipartUpload.*|ListParts|UploadPart.*",
}
_RESOURCE_TYPES = {
    "UserName": "AWS::IAM::User",
    "RoleName": "AWS::IAM::Role",
    "PolicyArn": "AWS::IAM::Policy",
    "AccessKeyId": "AWS::IAM::AccessKey",
}


@dataclass(frozen=True)
class Call:
    """One request to a service, with what of it says which operation it is."""

    service: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, Any]

    def form(self) -> dict[str, str]:
        """The members of a request in the Query protocol, from the address and from the body."""
        members = {
            name: value[0] if isinstance(value, list) else str(value) for name, value in self.query.items()
        }
        if "x-www-form-urlencoded" in self.headers.get("content-type", ""):
            text = self.body.decode("utf-8", errors="replace")
            members |= {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        return members


@dataclass(frozen=True)
class Operation:
    """What a call is: its name in CloudTrail, and its parameters."""

    name: str
    parameters: dict[str, Any]


def operation(call: Call) -> Operation | None:
    """Name a call as CloudTrail does, whatever the protocol; None when it cannot be told."""
    target = call.headers.get("x-amz-target", "")
    if "." in target:
        return Operation(target.rsplit(".", 1)[-1], _lowered(_json(call.body)))
    form = call.form()
    if form.get("Action"):
        name = form.pop("Action")
        form.pop("Version", None)
        return Operation(name, _lowered(form))
    rpc = re.search(r"/service/\w+/operation/(\w+)", call.path)
    if rpc:
        return Operation(rpc.group(1), {})
    return _rest_operation(call, form)


def _json(body: bytes) -> dict[str, Any]:
    try:
        read = json.loads(body) if body else {}
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _lowered(members: Mapping[str, Any]) -> dict[str, Any]:
    """CloudTrail writes the names of parameters with a small first letter."""
    return {name[:1].lower() + name[1:]: value for name, value in members.items()}


@dataclass(frozen=True)
class _Route:
    name: str
    method: str
    path: re.Pattern[str]
    query: Mapping[str, str | None]
    version: str


def _rest_operation(call: Call, query: dict[str, str]) -> Operation | None:
    """The operation whose address in the service model says most about this request."""
    best: tuple[int, int] | None = None
    found: Operation | None = None
    for route in _routes(call.service):
        match = route.path.fullmatch(call.path.rstrip("/") or "/") if route.method == call.method else None
        if match is None or not _has(query, route.query):
            continue
        rank = (len(route.query), -len(match.groupdict()))
        if best is None or rank > best:
            best = rank
            parameters = {name: unquote(value) for name, value in match.groupdict().items()}
            name = route.name
            if call.service == "lambda":
                name += route.version + ("v2" if name in _LAMBDA_V2 else "")
            found = Operation(name, _lowered(parameters | _json(call.body)))
    return found


def _has(query: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return all(name in query and value in (None, query[name]) for name, value in wanted.items())


@functools.cache
def _routes(service: str) -> list[_Route]:
    try:
        model = botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return []
    routes = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        address, _, query = http.get("requestUri", "/").partition("?")
        pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", _placeholder, re.escape(address.rstrip("/") or "/"))
        wanted = {
            key: value or None for key, _, value in (each.partition("=") for each in query.split("&") if each)
        }
        version = re.match(r"/(\d{4})-(\d\d)-(\d\d)/", address)
        routes.append(
            _Route(
                name,
                http["method"],
                re.compile(pattern),
                wanted,
                "".join(version.groups()) if version else "",
            )
        )
    return routes


def _placeholder(match: re.Match[str]) -> str:
    return f"(?P<{match.group(1)}>{'.+' if match.group(2) else '[^/]+'})"


def is_data_event(service: str, name: str) -> bool:
    """Whether AWS counts the operation as a data event, which LookupEvents does not give."""
    pattern = _DATA_EVENTS.get(service)
    return bool(pattern and re.fullmatch(pattern + r"(\d{8}(v2)?)?", name))


def identity(access_key_id: str, account: str) -> dict[str, Any]:
    """The userIdentity of the caller with this key: an IAM user, an assumed role, or the root user."""
    evaluator: Any = mended("ministack.core.iam_evaluator", "resolve_caller_identity")
    caller = evaluator.resolve_caller_identity(access_key_id)
    if caller is None:
        return {
            "type": "Unknown",
            "accountId": account,
            "accessKeyId": access_key_id,
            "userName": access_key_id,
        }
    arn = caller["userArn"]
    found = {"principalId": caller["userId"], "arn": arn, "accountId": account, "accessKeyId": access_key_id}
    if ":assumed-role/" in arn:
        role = arn.split("/")[1]
        issuer = {"type": "Role", "userName": role, "arn": f"arn:aws:iam::{account}:role/{role}"}
        return {"type": "AssumedRole", **found, "sessionContext": {"sessionIssuer": issuer}}
    if ":user/" in arn:
        return {"type": "IAMUser", **found, "userName": arn.rsplit("/", 1)[-1]}
    return {"type": "Root", **found}


def user_name(user: Mapping[str, Any]) -> str:
    """The name by which LookupEvents calls a caller: the user's, the role session's, or root."""
    if user["type"] == "Root":
        return "root"
    return str(user.get("userName") or user["arn"].rsplit("/", 1)[-1])


def resources(parameters: Mapping[str, Any]) -> list[dict[str, str]]:
    """The IAM resources that the parameters of a call name."""
    lowered = {name[:1].lower() + name[1:]: kind for name, kind in _RESOURCE_TYPES.items()}
    return [
        {"ResourceName": str(parameters[name]), "ResourceType": kind}
        for name, kind in lowered.items()
        if parameters.get(name)
    ]
