"""CloudTrail's event history.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: "Currently the list can
contain only one item"; NextToken; "limited to two per second, per account, per Region"
"""

from datetime import timedelta

import pytest

from ons_runbook.aws import trail
from ons_runbook.aws.trail import Lookup, Pace, look_up
from ons_runbook.errors import AccessDenied, UnexpectedAnswer, WindowError
from ons_runbook.window import Window

from .trailing import ACCOUNT, ANA, DAY, NOW, ROLE, ROOT, answering, event

HERE = "us-east-1"
PUT = Lookup(HERE, "EventName", "PutUserPolicy")
KEY = Lookup(HERE, "EventName", "CreateAccessKey")
BY_ANA = Lookup(HERE, "Username", "ana")


def found(session, monkeypatch, events, *lookups, **more):
    requests = answering(session, monkeypatch, events, **more)
    return look_up(session, lookups or (PUT,), DAY), requests


class TestLookingUp:
    def test_each_request_has_one_attribute_and_the_window(self, session, monkeypatch):
        _, requests = found(session, monkeypatch, [], PUT, KEY)
        asked = {
            "StartTime": DAY.start.timestamp(),
            "EndTime": DAY.end.timestamp(),
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "PutUserPolicy"}],
        }
        assert len(requests) == 2
        assert requests[0] == (HERE, asked)

    def test_every_page_counts(self, session, monkeypatch):
        events = [event("PutUserPolicy", at=NOW - timedelta(minutes=n)) for n in range(1, 8)]
        answer, requests = found(session, monkeypatch, events, page=3)
        assert [record["time"] for record in answer.records] == [each["EventTime"] for each in events]
        assert len(requests) == 3

    def test_an_event_that_two_lookups_find_is_there_once_newest_first(self, session, monkeypatch):
        events = [event("PutUserPolicy", at=NOW.replace(hour=2)), event("CreateAccessKey")]
        answer, _ = found(session, monkeypatch, events, PUT, KEY, BY_ANA)
        assert [record["event"] for record in answer.records] == ["CreateAccessKey", "PutUserPolicy"]
        assert answer.unread == {}

    def test_the_end_of_the_window_is_not_in_it_though_aws_includes_it(self, session, monkeypatch):
        edges = [event("PutUserPolicy", at=DAY.end), event("PutUserPolicy", at=DAY.start)]
        answer, _ = found(session, monkeypatch, edges)
        assert [record["time"] for record in answer.records] == [DAY.start]

    def test_another_region_is_asked_there(self, session, monkeypatch):
        _, requests = found(session, monkeypatch, [], PUT, Lookup("eu-north-1", "EventName", "ConsoleLogin"))
        assert sorted(region for region, _ in requests) == ["eu-north-1", "us-east-1"]
        assert trail.in_region(session, HERE) is session

    def test_throttling_on_every_tenth_call_loses_nothing(self, session, monkeypatch):
        events = [event("PutUserPolicy", at=NOW - timedelta(seconds=n + 1)) for n in range(25)]
        answer, requests = found(session, monkeypatch, events, page=1, every=10)
        assert (len(answer.records), len(requests), answer.unread) == (25, 25, {})

    def test_without_permission_it_stops_at_once(self, session, monkeypatch):
        sent = []
        fail = lambda asked, _: sent.append(asked) or "AccessDeniedException"  # noqa: E731
        with pytest.raises(AccessDenied, match="cloudtrail:LookupEvents"):
            found(session, monkeypatch, [], PUT, KEY, BY_ANA, fail=fail)
        assert len(sent) == 1

    def test_what_one_lookup_could_not_read_is_said_and_the_rest_stands(self, session, monkeypatch):
        def fail(asked, _):
            return "AccessDeniedException" if "CreateAccessKey" in str(asked) else None

        answer, _ = found(session, monkeypatch, [event("PutUserPolicy")], PUT, KEY, fail=fail)
        assert len(answer.records) == 1
        assert list(answer.unread) == ["CreateAccessKey in us-east-1"]
        assert "could not be looked up: CreateAccessKey in us-east-1" in trail.unread_sentence(answer.unread)

    def test_a_window_from_before_the_90_days_that_are_kept_is_refused(self, session, monkeypatch):
        monkeypatch.setattr(trail, "utc_now", lambda: NOW)
        with pytest.raises(WindowError, match="90 days"):
            look_up(session, [PUT], Window.parse("91d", now=NOW))

    def test_a_record_that_is_no_json_is_an_error(self, session, monkeypatch):
        broken = event("PutUserPolicy") | {"CloudTrailEvent": "[]"}
        with pytest.raises(UnexpectedAnswer, match="no JSON object"):
            found(session, monkeypatch, [broken])


class TestRecords:
    def only(self, session, monkeypatch, *given, **more):
        answer, _ = found(session, monkeypatch, [event("PutUserPolicy", *given, **more)])
        return answer.records[0]

    @pytest.mark.parametrize(
        ("user", "who"),
        [
            (ANA, "ana"),
            (ROOT, "root"),
            (ROLE, "Admin/carla@example.org"),
            ({"type": "AWSService", "invokedBy": "config.amazonaws.com"}, "session"),
        ],
    )
    def test_who_it_was(self, session, monkeypatch, user, who):
        assert self.only(session, monkeypatch, user)["who"] == who

    @pytest.mark.parametrize(
        ("request_", "target"),
        [
            ({"userName": "ci", "policyName": "deploy", "policyDocument": "{}"}, "ci · deploy"),
            ({"bucketName": "raw", "bucketPolicy": {"Version": "1"}}, "raw"),
            (
                {
                    "groupId": "sg-1",
                    "ipPermissions": {
                        "items": [
                            {
                                "ipProtocol": "tcp",
                                "fromPort": 22,
                                "toPort": 22,
                                "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
                                "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]},
                            }
                        ]
                    },
                },
                "sg-1 · tcp 22-22 0.0.0.0/0 ::/0",
            ),
            ({"ipPermissions": {"items": [{"ipProtocol": "-1", "groups": {}}]}}, "-1 all ports"),
            ({"ipPermissions": "not a list"}, "of the resources"),
            (None, "of the resources"),
        ],
    )
    def test_what_it_was_about(self, session, monkeypatch, request_, target):
        record = self.only(session, monkeypatch, requestParameters=request_, resources=["of the resources"])
        assert record["target"] == target

    def test_the_second_factor_of_the_callers_session(self, session, monkeypatch):
        with_mfa = {**ANA, "sessionContext": {"attributes": {"mfaAuthenticated": "true"}}}
        assert self.only(session, monkeypatch, with_mfa)["mfa"] is True
        assert self.only(session, monkeypatch, ANA)["mfa"] is None

    def test_an_event_with_nothing_in_it_is_still_an_event(self, session, monkeypatch):
        bare = event("PutUserPolicy") | {"CloudTrailEvent": "{}", "Resources": []}
        answer, _ = found(session, monkeypatch, [bare])
        assert answer.records[0]["who"] == "ana"
        assert answer.records[0]["target"] is None


class TestPace:
    def test_turns_are_so_many_seconds_apart(self, monkeypatch):
        slept = []
        monkeypatch.setattr(trail.time, "monotonic", lambda: 100.0)
        monkeypatch.setattr(trail.time, "sleep", slept.append)
        pace = Pace(0.5)
        for _ in range(3):
            pace.wait()
        assert slept == [0.0, 0.5, 1.0]

    def test_a_real_account_is_asked_twice_a_second_and_the_sandbox_at_once(self, session):
        real = session.platform.model_copy(update={"kind": "aws", "expected_account": ACCOUNT})
        assert trail._pace(session, HERE)._seconds == 0
        session.platform = real
        assert trail._pace(session, "eu-north-1")._seconds == 0.5
