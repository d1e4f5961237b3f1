"""Events as LookupEvents gives them, written by the test.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import json
from datetime import UTC, datetime

from botocore.awsrequest import AWSResponse

from ons_runbook.aws import trail
from ons_runbook.window import Window

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
DAY = Window.parse("1d", now=NOW)
ACCOUNT = "123456789012"

ANA = {"type": "IAMUser", "userName": "ana", "arn": f"arn:aws:iam::{ACCOUNT}:user/ana"}
ROOT = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
ROLE = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/carla@example.org",
    "sessionContext": {"attributes": {"mfaAuthenticated": "false"}},
}


AT_THREE = NOW.replace(hour=3)


def event(name, user=ANA, *, source="iam", at=AT_THREE, identifier=None, resources=(), **record):
    detail = {
        "userIdentity": user,
        "eventName": name,
        "eventSource": f"{source}.amazonaws.com",
        "sourceIPAddress": "203.0.113.24",
        "userAgent": "aws-cli/2",
        **record,
    }
    return {
        "EventId": identifier or f"{name}-{at:%d%H%M%S}-{user.get('type')}",
        "EventName": name,
        "EventTime": at,
        "EventSource": f"{source}.amazonaws.com",
        "Username": user.get("userName") or ("root" if user["type"] == "Root" else "session"),
        "Resources": [{"ResourceName": each} for each in resources],
        "CloudTrailEvent": json.dumps(detail),
    }


def sign_in(user=ANA, *, mfa="Yes", result="Success", **more):
    failed = {"errorMessage": "Failed authentication"} if result == "Failure" else {}
    return event(
        "ConsoleLogin",
        user,
        source="signin",
        responseElements={"ConsoleLogin": result},
        additionalEventData={"MFAUsed": mfa} if mfa else None,
        requestParameters=None,
        **failed,
        **more,
    )


REGIONAL = trail.in_region


def answering(session, monkeypatch, events, *, fail=None, page=50, every=None):
    """Let the session's CloudTrail answer from `events`, in any region; gives the requests it got.

    `fail(parameters)` gives an error code for a request, or None; `every` n-th HTTP request is throttled.
    """
    requests, sent = [], []

    class Raw:
        def __init__(self, body):
            self.body = body

        def stream(self, *_, **__):
            yield self.body

    def answer(request, **_):
        asked = json.loads(request.body)
        sent.append(asked)
        region = request.headers["Authorization"].decode().split("/")[2]
        code = fail(asked, region) if fail else None
        code = "ThrottlingException" if every and len(sent) % every == 0 else code
        status, body = (400, {"__type": code, "message": code}) if code else (200, matching(asked))
        if not code:
            requests.append((region, asked))
        raw = Raw(json.dumps(body).encode())
        return AWSResponse(request.url, status, {"x-amzn-RequestId": "1"}, raw)

    def matching(asked):
        (attribute,) = asked["LookupAttributes"]
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        found = [each for each in events if each[key] == value]
        first = int(asked.get("NextToken", 0))
        shown = [{**each, "EventTime": each["EventTime"].timestamp()} for each in found[first : first + page]]
        more = {"NextToken": str(first + page)} if len(found) > first + page else {}
        return {"Events": shown, **more}

    there = REGIONAL

    def in_region(of, region):
        other = there(of, region)
        other._verified = of._verified
        answers = other.cached("answers of the test", dict)
        if not answers:
            client = other.client("cloudtrail")
            client.meta.events.register_first("before-send", lambda **sent: answers["now"](**sent))
        answers["now"] = answer
        return other

    monkeypatch.setattr(trail, "in_region", in_region)
    monkeypatch.setattr(trail, "utc_now", lambda: NOW)
    # What botocore waits after a throttled request is its own; the attempts are what counts here.
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr(
        "botocore.retries.adaptive.ClientRateLimiter.on_sending_request", lambda *_, **__: None
    )
    return requests
