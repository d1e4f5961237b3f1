"""CloudTrail's event history as AWS documents it: who made which call, in pages.

MiniStack records the key's id for the user, calls some operations `POST.iam`, mixes data events in, and
gives at most 50 events without a way to the next ones.
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import base64
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.mends.metric_wire import at
from ons_sandbox.mends.trail_event import (
    Call,
    Event,
    Operation,
    identity,
    is_data_event,
    operation,
    resources,
    user_name,
)

Request = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

PAGE_EVENTS = 50
HISTORY_SECONDS = 90 * 24 * 3600
# Fourteen days of history and what is done while the sandbox runs.
MAX_EVENTS = 50_000

_ATTRIBUTES = ("EventId", "EventName", "ReadOnly", "Username", "EventSource", "AccessKeyId")
_RESOURCE_ATTRIBUTES = ("ResourceName", "ResourceType")
_READING = ("Get", "List", "Describe", "Head", "Lookup", "Filter", "Test")


class Refusal(Exception):
    """An error answer: the code by which AWS calls it, and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def install() -> None:
    """Put the recording of calls, and LookupEvents, in place."""
    app: Any = mended(
        "ministack.app",
        "_maybe_record_cloudtrail",
        "_ct_event_name",
        "_ct_resources",
        "extract_access_key_id",
    )
    trail: Any = mended(
        "ministack.services.cloudtrail",
        "_DISPATCH",
        "_lookup_events",
        "_get_event_queue",
        "_MAX_EVENTS",
        "_scrub",
        "_err",
        "_ok",
    )
    trail._MAX_EVENTS = max(trail._MAX_EVENTS, MAX_EVENTS)

    def record(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        request_id: str,
        region: str,
    ) -> None:
        if service == "cloudtrail" or path.startswith("/_") or not trail._recording_enabled:
            return
        _record(app, trail, Call(service, method, path, headers, body, query_params), request_id, region)

    app._maybe_record_cloudtrail = record
    trail._DISPATCH["LookupEvents"] = lambda data: _lookup_events(trail, data)


def put_event(
    when: float,
    event_source: str,
    event_name: str,
    user: Mapping[str, Any],
    *,
    parameters: Mapping[str, Any] | None = None,
    response: Mapping[str, Any] | None = None,
    source_address: str = "127.0.0.1",
    user_agent: str = "aws-cli/2",
    region: str = "us-east-1",
    error_code: str | None = None,
    touched: Sequence[Mapping[str, str]] = (),
    more: Mapping[str, Any] | None = None,
) -> str:
    """Write one past management event of the current account and region, and give its id back.

    Call it inside the server's process. when: seconds since the epoch UTC. event_source:
    "iam.amazonaws.com". event_name: as CloudTrail has it; Lambda's carry a version, e.g.
    UpdateFunctionCode20150331v2. user: userIdentity, e.g. {"type": "IAMUser", "userName": "ana",
    "accessKeyId": …} or {"type": "Root"}. touched: resources, as {"ResourceName", "ResourceType"}; those of
    IAM are read from the parameters. more: further members of the record, e.g. {"additionalEventData":
    {"MFAUsed": "No"}, "eventType": "AwsConsoleSignIn"}.
    """
    trail: Any = mended("ministack.services.cloudtrail", "_get_event_queue", "_scrub")
    responses: Any = mended("ministack.core.responses", "get_account_id", "new_uuid")
    event_id = str(responses.new_uuid())
    reading = event_name.startswith(_READING)
    shown = {"accountId": responses.get_account_id(), **user}
    if shown["type"] == "IAMUser":
        shown.setdefault("arn", f"arn:aws:iam::{shown['accountId']}:user/{shown['userName']}")
    record = {
        "eventVersion": "1.11",
        "userIdentity": shown,
        "eventTime": at(when).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": event_source,
        "eventName": event_name,
        "awsRegion": region,
        "sourceIPAddress": source_address,
        "userAgent": user_agent,
        "requestParameters": trail._scrub(dict(parameters or {})) or None,
        "responseElements": dict(response) if response else None,
        "requestID": str(responses.new_uuid()),
        "eventID": event_id,
        "readOnly": reading,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": responses.get_account_id(),
        "eventCategory": "Management",
        **({"errorCode": error_code} if error_code else {}),
        **(more or {}),
    }
    trail._get_event_queue().append(
        {
            "EventId": event_id,
            "EventName": event_name,
            "ReadOnly": "true" if reading else "false",
            "AccessKeyId": str(user.get("accessKeyId") or ""),
            "EventTime": when,
            "EventSource": event_source,
            "Username": user_name(shown),
            "Resources": [*touched, *resources(parameters or {})],
            "CloudTrailEvent": json.dumps(record),
        }
    )
    return event_id


def _record(app: Any, trail: Any, call: Call, request_id: str, region: str) -> None:
    """Record a call that was just answered, unless it is a data event."""
    responses: Any = mended("ministack.core.responses", "get_account_id", "get_request_client_ip")
    found = operation(call)
    if found is None:
        name = app._ct_event_name(call.service, call.method, call.path, call.headers, call.query)
        found = Operation(name, {})
    if is_data_event(call.service, found.name):
        return
    key = app.extract_access_key_id(call.headers, call.query) or "test"
    put_event(
        time.time(),
        f"{call.service}.amazonaws.com",
        found.name,
        identity(key, responses.get_account_id()),
        parameters=found.parameters,
        source_address=responses.get_request_client_ip(),
        user_agent=call.headers.get("user-agent", ""),
        region=region,
        touched=app._ct_resources(call.service, call.method, call.path, call.body),
        more={"requestID": request_id},
    )


def _lookup_events(trail: Any, data: Request) -> Response:
    try:
        wanted = _attribute(data)
        start, end = _window(data)
        most = _max_results(data)
        first = _position(data) if data.get("NextToken") else None
        if data.get("EventCategory") not in (None, "insight"):
            raise Refusal("InvalidEventCategoryException", "EventCategory can only be insight.")
    except Refusal as refusal:
        refused: Response = trail._err(refusal.code, refusal.message)
        return refused
    found: list[Event] = []
    if data.get("EventCategory") is None:
        found = [event for event in list(trail._get_event_queue()) if start <= event["EventTime"] <= end]
        found = [event for event in found if wanted is None or _has(event, *wanted)]
    found.sort(key=_newest_first)
    if first is not None:
        found = [event for event in found if _newest_first(event) >= first]
    answer: dict[str, Any] = {"Events": found[:most]}
    if len(found) > most:
        answer["NextToken"] = _token(data, found[most])
    response: Response = trail._ok(answer)
    return response


def _attribute(data: Request) -> tuple[str, str] | None:
    given = data.get("LookupAttributes") or []
    if not given:
        return None
    key, value = given[0].get("AttributeKey"), given[0].get("AttributeValue")
    if len(given) > 1 or key not in (*_ATTRIBUTES, *_RESOURCE_ATTRIBUTES) or not value:
        message = "The lookup attributes can have one item, with a known AttributeKey and an AttributeValue."
        raise Refusal("InvalidLookupAttributesException", message)
    return key, value


def _has(event: Event, key: str, value: str) -> bool:
    if key in _RESOURCE_ATTRIBUTES:
        return any(resource.get(key) == value for resource in event["Resources"])
    return bool(event[key] == value)


def _window(data: Request) -> tuple[float, float]:
    """StartTime and EndTime, both inclusive, in seconds; AWS keeps ninety days."""
    now = time.time()
    start, end = float(data.get("StartTime") or 0), float(data.get("EndTime") or now + 1)
    if start > end:
        raise Refusal("InvalidTimeRangeException", "The start time must not be after the end time.")
    return max(start, now - HISTORY_SECONDS), end


def _max_results(data: Request) -> int:
    most = data.get("MaxResults", PAGE_EVENTS)
    if not isinstance(most, int) or not 1 <= most <= PAGE_EVENTS:
        raise Refusal("InvalidMaxResultsException", f"MaxResults must be between 1 and {PAGE_EVENTS}.")
    return most


def _newest_first(event: Event) -> tuple[float, str]:
    return -event["EventTime"], event["EventId"]


def _question(data: Request) -> int:
    """What a token belongs to: AWS wants it back with the parameters that it was given for."""
    names = ("LookupAttributes", "StartTime", "EndTime", "EventCategory")
    return zlib.crc32(json.dumps([data.get(name) for name in names], sort_keys=True).encode())


def _token(data: Request, following: Event) -> str:
    position = [_question(data), *_newest_first(following)]
    return base64.b64encode(json.dumps(position).encode()).decode()


def _position(data: Request) -> tuple[float, str]:
    try:
        question, when, event_id = json.loads(base64.b64decode(data["NextToken"], validate=True))
        if question != _question(data):
            raise ValueError(question)
        return float(when), str(event_id)
    except (ValueError, TypeError):
        raise Refusal("InvalidNextTokenException", "The token is not one of this lookup.") from None
