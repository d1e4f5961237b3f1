"""Who did what on the living miniature platform: two weeks of its audit trail, and what is done now.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from ons_runbook.aws import identity, logs
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.window import Window, utc_now


@pytest.fixture
def live(clean_environment: pytest.MonkeyPatch, sandbox: Any) -> Session:
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform())


def test_the_changes_of_two_weeks_are_found_with_who_and_where(live):
    frame = identity.access_changes(live, Window.parse("14d"))
    rows = frame.drop_duplicates("event").set_index("event")
    assert rows.loc["PutUserPolicy", ["who", "target"]].tolist() == ["bruno.lima", "ci-deployer · deploy"]
    assert "tcp 22-22 0.0.0.0/0 ::/0" in rows.loc["AuthorizeSecurityGroupIngress", "target"]
    assert not rows.loc["PutBucketPolicy", "mfa"]
    assert {"CreateAccessKey", "DeleteBucketPolicy", "AttachRolePolicy"} <= set(rows.index)
    assert identity.judge_access_changes(frame).verdict == "warn"


def test_sign_ins_without_a_second_factor_and_tried_passwords_are_found(live):
    frame = identity.console_logins(live, Window.parse("14d"))
    assert set(frame[frame["mfa"].eq(False)]["who"]) == {"carla.mendes", "bruno.lima"}
    check = identity.judge_console_logins(frame, live.platform.thresholds)
    assert check.verdict == "fail"
    assert "bruno.lima 3 times" in check.observed


def test_root_was_used_once_long_ago(live):
    assert identity.judge_root_use(identity.root_use(live, Window.parse("14d"))).verdict == "pass"
    long_ago = identity.root_use(live, Window.parse("85d"))
    assert set(long_ago["event"]) == {"ConsoleLogin", "PutAlternateContact"}
    assert identity.judge_root_use(long_ago).verdict == "fail"


def test_security_lines_of_two_weeks_are_ordinary(live):
    window = Window.parse("13d")
    counts = logs.count_by_function(live, live.platform.log_groups, window, "SECURITY")
    assert counts["lines"].sum() > 0
    assert identity.judge_security_lines(counts, window, live.platform.thresholds).verdict == "pass"


@pytest.fixture
def empty(clean_environment: pytest.MonkeyPatch, empty_sandbox: Any) -> Session:
    for name, value in empty_sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform())


def test_nobody_signs_in_to_an_empty_account(empty):
    frame = identity.console_logins(empty, Window.parse("1d"))
    assert frame.empty
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == identity.EVENTS


def test_what_somebody_does_now_is_there(empty, empty_sandbox):
    """In the empty account: the seeded one must stay one where nobody changed access today."""
    env, name = empty_sandbox.env(), f"made-by-a-test-{uuid4().hex[:8]}"
    iam = boto3.client(
        "iam",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    iam.create_user(UserName=name)
    iam.delete_user(UserName=name)
    now = utc_now()
    frame = identity.access_changes(empty, Window(now - timedelta(hours=1), now + timedelta(minutes=1)))
    assert sorted(frame[frame["target"] == name]["event"]) == ["CreateUser", "DeleteUser"]
    assert identity.judge_access_changes(frame).verdict == "warn"
