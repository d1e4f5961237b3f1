"""The protocols in which CloudWatch is asked, so that a mend is written once for all of them.

boto3 and the AWS CLI of today send JSON 1.0, older ones the Query protocol with its answer in XML. (Some
other SDKs send CBOR; they are refused.) A handler here takes the request as one dict and gives one dict
back; times in it are aware datetimes.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/making-api-requests.html
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from ons_sandbox.mends import mended

Data = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
# How ministack.services.cloudwatch calls its handlers: query parameters, decoded body, is CBOR, is JSON.
Handler = Callable[..., Response]


class Refusal(Exception):
    """An error answer: the code by which AWS calls it, and its message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def handler(operation: str, function: Callable[[Data], Data]) -> Handler:
    """Make a MiniStack handler of `function`, which takes the request's members and gives the answer's.

    `function` may raise Refusal.
    """
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_error", "_xml")

    def handle(params: Data, decoded: Data, is_cbor: bool, is_json: bool = False) -> Response:
        try:
            if is_cbor:  # a library that MiniStack does without here; it would read an empty request
                raise Refusal(
                    "InvalidAction", f"The sandbox answers {operation} in JSON and Query, not in CBOR."
                )
            answer = function(request(params, decoded, is_json))
        except Refusal as refusal:
            refused: Response = cloudwatch._error(
                refusal.code, refusal.message, refusal.status, use_json=is_json, use_cbor=is_cbor
            )
            return refused
        if is_json:
            body = json.dumps(answer, default=_epoch).encode()
            return 200, {"Content-Type": "application/x-amz-json-1.0"}, body
        inner = f"<{operation}Result>{_xml(answer)}</{operation}Result>"
        document: Response = cloudwatch._xml(200, f"{operation}Response", inner)
        return document

    return handle


def request(params: Data, decoded: Data, is_structured: bool) -> Data:
    """The request's members as nested dicts and lists, from whichever protocol.

    In the Query protocol every leaf is a string; `moment`, `number` and `flag` read members from all
    protocols.
    """
    if is_structured:
        return decoded
    tree: Data = {}
    for key, value in params.items():
        *path, last = key.split(".")
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        node[last] = value[0] if isinstance(value, list) else value
    return {name: _lists(node) for name, node in tree.items()}


def _lists(node: Any) -> Any:
    """Turn `{"member": {"1": …, "2": …}}` into lists, all the way down."""
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"} and isinstance(node["member"], dict):
        members = sorted(node["member"].items(), key=lambda item: int(item[0]) if item[0].isdecimal() else 0)
        return [_lists(member) for _, member in members]
    return {name: _lists(inner) for name, inner in node.items()}


def moment(value: Any, name: str) -> float | None:
    """A timestamp member as seconds since the epoch; None when it is not given. Raises Refusal."""
    if value in (None, ""):
        return None
    cloudwatch: Any = mended("ministack.services.cloudwatch", "_parse_ts")
    at: float | None = cloudwatch._parse_ts(value)
    if at is None:
        raise Refusal("InvalidParameterValue", f"The value {value} for parameter {name} is not a timestamp.")
    return at


def number(value: Any, name: str, default: float | None = None) -> float:
    """A numeric member; `default` when it is not given. Raises Refusal."""
    if value in (None, ""):
        if default is None:
            raise Refusal("MissingParameter", f"The parameter {name} is required.")
        return default
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Refusal(
            "InvalidParameterValue", f"The value {value} for parameter {name} is not a number."
        ) from None


def flag(value: Any, default: bool) -> bool:
    """A boolean member, `default` when it is not given."""
    return default if value in (None, "") else value in (True, "true", "True")


def dimensions(members: Any) -> dict[str, str]:
    """A list of {Name, Value} as a dict."""
    return {member["Name"]: member.get("Value", "") for member in members or ()}


def at(seconds: float) -> datetime:
    """Seconds since the epoch as the aware datetime that answers are made of."""
    return datetime.fromtimestamp(seconds, UTC)


def _epoch(value: Any) -> int | float:
    if not isinstance(value, datetime):
        raise TypeError(f"cannot answer with {type(value).__name__}")
    seconds = value.timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(
            f"<{name}>{_xml(inner)}</{name}>" for name, inner in value.items() if inner is not None
        )
    if isinstance(value, list):
        return "".join(f"<member>{_xml(inner)}</member>" for inner in value)
    if isinstance(value, datetime):
        return re.sub(r"\.?0*Z$", "Z", value.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))
