"""Access changes, sign-ins and the root user.

Records as in https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html
and https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html (CloudWatch.1: type
Root, no invokedBy, no AwsServiceEvent)
"""

import pytest

from ons_runbook import show
from ons_runbook.aws import access_calls, identity, logs
from ons_runbook.checks import names_covered
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds
from ons_runbook.window import Window

from .trailing import ANA, DAY, NOW, ROLE, ROOT, answering, event, sign_in

HOSTILE = "<script>alert(1)</script>\x1b[31m"


def changes(session, monkeypatch, *events, **more):
    requests = answering(session, monkeypatch, events, **more)
    return identity.access_changes(session, DAY), requests


def logins(session, monkeypatch, *events, **more):
    answering(session, monkeypatch, events, **more)
    return identity.console_logins(session, DAY)


def judged(frame):
    return identity.judge_console_logins(frame, Thresholds())


class TestAccessChanges:
    def test_each_change_has_who_what_and_from_where(self, session, monkeypatch):
        policy = event("PutUserPolicy", requestParameters={"userName": "ci", "policyName": "deploy"})
        bucket = event("PutBucketPolicy", ROLE, source="s3", requestParameters={"bucketName": "raw"})
        frame, _ = changes(session, monkeypatch, policy, bucket, event("CreatePolicy", source="iot"))
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == identity.EVENTS
        assert sorted(frame["category"]) == ["bucket", "policy"]
        row = frame.set_index("event").loc["PutUserPolicy"]
        assert (row["who"], row["target"], row["source_ip"]) == ("ana", "ci · deploy", "203.0.113.24")
        check = identity.judge_access_changes(frame)
        assert check.verdict == "warn"
        assert "ana PutUserPolicy ci · deploy from 203.0.113.24 at 2026-11-23 03:00 UTC" in check.observed

    def test_none_passes_as_an_empty_typed_table_that_says_so(self, session, monkeypatch):
        frame, requests = changes(session, monkeypatch)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == identity.EVENTS
        assert frame.attrs["empty"].startswith("Nobody changed who may do what in 2026-11-22")
        assert identity.judge_access_changes(frame).verdict == "pass"
        assert len(requests) == len({n for group in access_calls.GROUPS for n in group.names})

    def test_a_refused_attempt_is_told_as_refused(self, session, monkeypatch):
        frame, _ = changes(session, monkeypatch, event("CreateUser", errorCode="AccessDenied"))
        check = identity.judge_access_changes(frame)
        assert (check.verdict, "(refused: AccessDenied)" in check.observed) == ("warn", True)

    def test_in_another_region_iam_is_asked_for_where_it_is_recorded(self, make_session, monkeypatch):
        _, requests = changes(make_session(region="sa-east-1"), monkeypatch)
        asked = {(region, request["LookupAttributes"][0]["AttributeValue"]) for region, request in requests}
        assert ("us-east-1", "PutUserPolicy") in asked
        assert ("sa-east-1", "PutBucketPolicy") in asked
        assert ("sa-east-1", "PutUserPolicy") not in asked

    def test_what_could_not_be_looked_up_is_unknown_and_what_was_found_is_named(self, session, monkeypatch):
        def fail(asked, _):
            return "AccessDeniedException" if "PutBucketPolicy" in str(asked) else None

        frame, _ = changes(session, monkeypatch, fail=fail)
        check = identity.judge_access_changes(frame)
        assert (check.verdict, "PutBucketPolicy in us-east-1" in check.observed) == ("unknown", True)
        frame, _ = changes(session, monkeypatch, event("CreateUser"))
        frame.attrs["unread"] = {"PutBucketPolicy in us-east-1": "denied"}
        check = identity.judge_access_changes(frame)
        assert (check.verdict, "ana CreateUser" in check.observed) == ("unknown", True)

    def test_throttling_on_every_tenth_call_hides_nothing(self, session, monkeypatch):
        frame, _ = changes(session, monkeypatch, event("CreateUser"), event("DeleteUser"), every=10)
        assert sorted(frame["event"]) == ["CreateUser", "DeleteUser"]
        assert frame.attrs["unread"] == {}

    def test_a_table_that_does_not_say_what_was_looked_up_is_no_pass(self):
        assert identity.judge_access_changes(table([], identity.EVENTS)).verdict == "unknown"

    def test_many_are_not_all_listed(self, session, monkeypatch):
        many = [event("CreateUser", at=NOW.replace(hour=1, minute=n)) for n in range(9)]
        frame, _ = changes(session, monkeypatch, *many)
        assert identity.judge_access_changes(frame).observed.endswith("and 4 more")


class TestSignIns:
    def test_with_a_second_factor_it_passes(self, session, monkeypatch):
        frame = logins(session, monkeypatch, sign_in())
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == identity.EVENTS
        assert (frame["category"][0], frame["mfa"][0], frame["who"][0]) == ("success", True, "ana")
        assert judged(frame).verdict == "pass"

    @pytest.mark.parametrize("user", [ANA, ROOT])
    def test_without_one_it_fails(self, session, monkeypatch, user):
        check = judged(logins(session, monkeypatch, sign_in(user, mfa="No")))
        assert (check.verdict, check.observed.startswith("without MFA: ")) == ("fail", True)

    def test_a_role_of_an_identity_provider_is_counted_and_not_blamed(self, session, monkeypatch):
        frame = logins(session, monkeypatch, sign_in(ROLE, mfa="No"))
        assert frame["mfa"].isna().all()
        check = judged(frame)
        assert (check.verdict, "1 by an identity provider" in check.observed) == ("pass", True)

    @pytest.mark.parametrize(("times", "verdict"), [(2, "pass"), (3, "warn")])
    def test_a_password_that_is_tried_again_and_again_warns(self, session, monkeypatch, times, verdict):
        tries = [sign_in(mfa="No", result="Failure", at=NOW.replace(hour=2, minute=n)) for n in range(times)]
        frame = logins(session, monkeypatch, *tries)
        assert frame["category"].unique().tolist() == ["failure"]
        assert judged(frame).verdict == verdict

    def test_where_sign_ins_may_be_recorded_is_asked(self, make_session, monkeypatch):
        session = make_session(region="sa-east-1")
        requests = answering(session, monkeypatch, [sign_in()])
        frame = identity.console_logins(session, DAY)
        assert sorted(region for region, _ in requests) == sorted({*identity.SIGN_IN_REGIONS, "sa-east-1"})
        assert len(frame) == 1

    def test_a_region_that_may_not_be_asked_is_unknown(self, session, monkeypatch):
        fail = lambda _, region: "AccessDeniedException" if region == "eu-north-1" else None  # noqa: E731
        check = judged(logins(session, monkeypatch, sign_in(), fail=fail))
        assert (check.verdict, "eu-north-1" in check.observed) == ("unknown", True)
        check = judged(logins(session, monkeypatch, sign_in(mfa="No"), fail=fail))
        assert check.verdict == "fail"


class TestRoot:
    def used(self, session, monkeypatch, *events):
        answering(session, monkeypatch, events)
        return identity.root_use(session, DAY)

    def test_any_use_fails(self, session, monkeypatch):
        frame = self.used(session, monkeypatch, event("ListUsers", ROOT), sign_in(ROOT))
        assert sorted(frame["category"]) == ["iam", "signin"]
        assert frame.set_index("event").loc["ConsoleLogin", "mfa"]
        assert identity.judge_root_use(frame).verdict == "fail"

    def test_an_attempt_that_was_refused_warns(self, session, monkeypatch):
        frame = self.used(session, monkeypatch, sign_in(ROOT, result="Failure"))
        assert identity.judge_root_use(frame).verdict == "warn"

    def test_what_services_do_in_its_name_is_left_out(self, session, monkeypatch):
        by_service = {**ROOT, "invokedBy": "autoscaling.amazonaws.com"}
        named_root = {**ANA, "userName": "root"}
        frame = self.used(
            session,
            monkeypatch,
            event("CreateKey", by_service, source="kms"),
            event("RotateKey", ROOT, source="kms", eventType="AwsServiceEvent"),
            event("GetUser", named_root),
        )
        assert frame.empty
        assert identity.judge_root_use(frame).verdict == "pass"


class TestSecurityLines:
    def judged(self, window="1d", **lines):
        rows = [
            {"function": name, "problem": value}
            if isinstance(value, str)
            else {"function": name, "lines": value}
            for name, value in lines.items()
        ]
        counts = table(rows, logs.COUNTS)
        return identity.judge_security_lines(counts, Window.parse(window, now=NOW), Thresholds())

    @pytest.mark.parametrize(
        ("window", "lines", "verdict"),
        [
            ("1d", {"router": 0, "api": 0}, "pass"),
            ("1d", {"router": 1, "api": 3}, "pass"),
            ("1d", {"router": 2, "api": 3}, "warn"),
            ("1h", {"router": 4}, "pass"),
            ("1h", {"router": 5}, "warn"),
            ("7d", {"router": 34}, "pass"),
            ("7d", {"router": 35}, "warn"),
            ("1d", {"router": 0, "api": "denied"}, "unknown"),
            ("1d", {"router": 9, "api": "denied"}, "unknown"),
            ("1d", {}, "unknown"),
        ],
    )
    def test_the_verdict(self, window, lines, verdict):
        assert self.judged(window, **lines).verdict == verdict

    def test_it_says_which_function_refused_how_much(self):
        check = self.judged(router=2, api=0, loader="denied")
        assert check.observed == "denied; SECURITY lines: router 2"


def test_hostile_text_stays_text(session, monkeypatch):
    frame, _ = changes(session, monkeypatch, event("CreateUser", requestParameters={"userName": HOSTILE}))
    assert "<script>" not in show.table(frame).html
    assert "\x1b" not in show.table(frame).text


def test_the_rules_cover_what_they_give(session, monkeypatch):
    frame, _ = changes(session, monkeypatch)
    assert names_covered(identity.judge_access_changes, {}) == [identity.judge_access_changes(frame).name]
    assert names_covered(identity.judge_console_logins, {}) == [judged(frame).name]
    assert names_covered(identity.judge_root_use, {}) == [identity.judge_root_use(frame).name]
    assert names_covered(identity.judge_security_lines, {}) == [TestSecurityLines().judged(router=1).name]
