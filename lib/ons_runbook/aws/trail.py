"""CloudTrail's event history: who called what in the last 90 days; every page, one lookup attribute a call.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: one attribute a request,
both ends of the time are included, two requests a second for each account and region. What a record holds:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html ·
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from ons_runbook.calls import side_by_side
from ons_runbook.errors import RunbookError, UnexpectedAnswer, WindowError
from ons_runbook.failures import reading
from ons_runbook.session import Session
from ons_runbook.window import Window, utc_now

#: Where services of the whole account (IAM, Organizations) and the root user's sign-ins are recorded.
GLOBAL_REGION = "us-east-1"
KEPT = timedelta(days=90)
_SECONDS_APART = 0.5
# Some grace: a window of 90 days that was chosen a minute ago is not refused.
_GRACE = timedelta(hours=1)

Record = dict[str, Any]


@dataclass(frozen=True)
class Lookup:
    """One question: the attribute and its value ("EventName", "PutUserPolicy"), and the region to ask."""

    region: str
    attribute: str
    value: str

    def __str__(self) -> str:
        return f"{self.value} in {self.region}"


@dataclass(frozen=True)
class Found:
    """Records, newest first, each event once; and what could not be looked up, with the reason."""

    records: list[Record]
    unread: dict[str, str]


class Pace:
    """Lets one caller pass every so many seconds, whichever thread it comes from."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Wait for the next turn."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._seconds
        time.sleep(max(0.0, turn - time.monotonic()))


def look_up(session: Session, lookups: Sequence[Lookup], window: Window) -> Found:
    """The records that any of `lookups` finds in the window, merged, each event once, newest first.

    Raises WindowError when the window begins before the 90 days that are kept, and the first lookup's
    ReadError (access denied, nothing answers): the others would meet the same. A later failure stands in
    `unread`: what the others found is still true, but none of it is all there is.
    """
    if window.start < utc_now() - KEPT - _GRACE:
        raise WindowError(
            f"CloudTrail's event history keeps {KEPT.days} days, and the window begins before.",
            "Choose a shorter window; what is older is in the bucket of a trail.",
        )
    first, *rest = lookups
    found = {_key(record): record for record in _records(session, first, window)}
    unread: dict[str, str] = {}
    outcomes = side_by_side({lookup: partial(_records, session, lookup, window) for lookup in rest})
    for lookup, outcome in outcomes.items():
        if isinstance(outcome.error, RunbookError):
            unread[str(lookup)] = str(outcome.error)
            continue
        found |= {_key(record): record for record in outcome.unwrap()}
    return Found(sorted(found.values(), key=lambda record: record["time"], reverse=True), unread)


def _key(record: Record) -> str:
    return str(record["event_id"])


def _records(session: Session, lookup: Lookup, window: Window) -> list[Record]:
    there = in_region(session, lookup.region)
    pace = _pace(session, lookup.region)
    pace.wait()
    attribute = {"AttributeKey": lookup.attribute, "AttributeValue": lookup.value}
    records: list[Record] = []
    with reading(f"CloudTrail's events {lookup}", "cloudtrail"):
        for page in there.pages(
            "cloudtrail",
            "LookupEvents",
            LookupAttributes=[attribute],
            StartTime=window.start,
            EndTime=window.end,
        ):
            records += [_record(event) for event in page.get("Events", [])]
            if page.get("NextToken"):
                pace.wait()
    return [record for record in records if window.start <= record["time"] < window.end]


def in_region(session: Session, region: str) -> Session:
    """The session itself, or one like it for another region of the same account."""
    if region == session.region:
        return session
    platform = session.platform.model_copy(update={"region": region})
    return session.cached(f"session:{region}", lambda: Session(platform))


def _pace(session: Session, region: str) -> Pace:
    # The sandbox has no such limit, and a minute of waiting proves nothing there.
    seconds = 0.0 if session.platform.is_sandbox else _SECONDS_APART
    return session.cached(f"pace:cloudtrail:{region}", lambda: Pace(seconds))


def _record(event: dict[str, Any]) -> Record:
    try:
        detail = json.loads(event.get("CloudTrailEvent") or "{}")
        if not isinstance(detail, dict):
            raise TypeError(type(detail).__name__)
    except (ValueError, TypeError):
        raise UnexpectedAnswer(f"CloudTrail's event {event.get('EventId')} is no JSON object.") from None
    user = detail.get("userIdentity") or {}
    return {
        "time": event["EventTime"],
        "event": event.get("EventName") or detail.get("eventName"),
        "source": event.get("EventSource") or detail.get("eventSource") or "",
        "who": _who(user, event.get("Username")),
        "identity_type": user.get("type"),
        "source_ip": detail.get("sourceIPAddress"),
        "user_agent": detail.get("userAgent"),
        "target": _target(detail, event.get("Resources") or []),
        "error": detail.get("errorCode") or detail.get("errorMessage"),
        "mfa": _mfa(user, detail),
        "event_id": event["EventId"],
        "invoked_by": user.get("invokedBy"),
        "event_type": detail.get("eventType"),
        "answer": detail.get("responseElements") or {},
    }


def _who(user: dict[str, Any], name: str | None) -> str | None:
    """The user's name, `role/session` of an assumed role, `root`, or the service that called."""
    kind, arn = user.get("type"), str(user.get("arn") or "")
    if kind == "Root":
        return "root"
    if kind in ("AssumedRole", "FederatedUser") and "/" in arn:
        return arn.partition("/")[2]
    return user.get("userName") or name or user.get("invokedBy") or arn or user.get("principalId")


def _mfa(user: dict[str, Any], detail: dict[str, Any]) -> bool | None:
    """Whether a second factor was used; None when AWS does not say, or cannot know.

    Whom somebody else signs in (federated users, assumed roles) shows the second factor to that identity
    provider, and AWS writes No for all of them.
    """
    if detail.get("eventName") == "ConsoleLogin":
        said = (detail.get("additionalEventData") or {}).get("MFAUsed")
        return None if said is None or user.get("type") not in ("IAMUser", "Root") else bool(said == "Yes")
    said = ((user.get("sessionContext") or {}).get("attributes") or {}).get("mfaAuthenticated")
    return None if said is None else str(said).lower() == "true"


# What a call was about, most general first; requests name only some of these.
_ABOUT = (
    "userName",
    "groupName",
    "roleName",
    "instanceProfileName",
    "policyName",
    "policyArn",
    "policyId",
    "targetId",
    "accessKeyId",
    "serialNumber",
    "sAMLProviderArn",
    "openIDConnectProviderArn",
    "bucketName",
    "groupId",
    "keyId",
    "functionName",
    "principal",
    "secretId",
    "apiKey",
    "usageplanId",
    "analyzerName",
    "name",
)


def _target(detail: dict[str, Any], resources: Sequence[dict[str, Any]]) -> str | None:
    request = detail.get("requestParameters") or {}
    named = [str(request[key]) for key in _ABOUT if isinstance(request.get(key), str | int)]
    named += _rules(request)
    named = named or [str(resource.get("ResourceName")) for resource in resources]
    return " · ".join(dict.fromkeys(named)) or None


def _rules(request: dict[str, Any]) -> list[str]:
    """What a security group's rule opens: `tcp 22-22 0.0.0.0/0 ::/0`."""
    said = []
    for rule in _items(request.get("ipPermissions")):
        ranges = [one.get("cidrIp") for one in _items(rule.get("ipRanges"))]
        ranges += [one.get("cidrIpv6") for one in _items(rule.get("ipv6Ranges"))]
        ranges += [one.get("groupId") for one in _items(rule.get("groups"))]
        ports = f"{rule.get('fromPort', '')}-{rule.get('toPort', '')}".strip("-") or "all ports"
        said.append(" ".join([str(rule.get("ipProtocol", "")), ports, *(str(one) for one in ranges if one)]))
    return said


def _items(listed: Any) -> list[dict[str, Any]]:
    # CloudTrail writes EC2's lists as {"items": […]}.
    found = listed.get("items") if isinstance(listed, dict) else None
    return [one for one in found or [] if isinstance(one, dict)]


def unread_sentence(unread: dict[str, str]) -> str:
    """How many lookups failed, and why the first did; empty when none did."""
    if not unread:
        return ""
    name, reason = next(iter(unread.items()))
    more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
    return f"could not be looked up: {name}{more} ({reason})"
