"""Deactivating old access keys: which, which not and why, and the call itself on a sandbox.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
"""

from datetime import timedelta
from uuid import uuid4

import pytest

from ons_runbook import journal
from ons_runbook.aws import access_key_changes, access_keys
from ons_runbook.aws.access_keys import KEYS, fingerprint
from ons_runbook.errors import ChangeRefused, NotFound
from ons_runbook.plan import LeftAlone, Shelf, Who, apply, planned, propose, undo
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.tables import table
from ons_runbook.window import utc_now

USERS = ("ana", "bob", "legacy-etl")


def keys(*rows, users=USERS):
    made = []
    for number, given in enumerate(rows):
        row = {"user": "ana", "key": f"…000{number}", "status": "Active", "own": False, **given}
        ago, used = row.pop("days", 100), row.pop("used", None)
        row["created"] = utc_now() - timedelta(days=ago, minutes=1)
        row["last_used"] = None if used is None else utc_now() - timedelta(days=used)
        made.append({"fingerprint": f"f{number}", **row})
    frame = table(made, KEYS)
    frame.attrs["users"] = list(users)
    return frame


def names(planned):
    return [action.name for action in planned.actions]


def whys(planned):
    return [alone.why for alone in planned.left_alone]


def test_an_old_active_key_is_deactivated_and_can_be_activated_again(session):
    action = access_key_changes.changes(session, keys({})).actions[0]
    assert (action.name, action.target) == ("deactivate …0000 of ana", "access key …0000 of ana")
    assert (action.before, action.after) == ({"status": "Active"}, {"status": "Inactive"})
    assert action.permissions == ("iam:UpdateAccessKey",)
    assert action.resources == ("ana",)
    back = action.undo[0]
    assert (back.before, back.after) == (action.after, action.before)
    assert back.parameters == {"UserName": "ana", "Status": "Active"}


@pytest.mark.parametrize(
    ("days", "limit", "due"), [(90, 90, True), (89, 90, False), (1, 1, True), (0, 1, False)]
)
def test_only_what_is_older_is_looked_at(session, days, limit, due):
    planned = access_key_changes.changes(session, keys({"days": days}), older_than_days=limit)
    assert bool(planned.actions) is due
    assert not planned.left_alone
    assert f"older than {limit} days" in planned.nothing


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"status": "Inactive"}, "it is inactive already: delete it by hand when nobody has missed it"),
        ({"own": True}, "this very run uses it"),
        ({"user": "legacy-etl"}, "the settings protect its user"),
        ({"problem": "denied"}, "nobody knows when it was last used"),
    ],
)
def test_what_stays_is_said_with_the_reason(make_session, row, why):
    session = make_session(protected=("legacy-*",))
    planned = access_key_changes.changes(session, keys(row))
    assert names(planned) == []
    user = row.get("user", "ana")
    assert list(planned.left_alone) == [LeftAlone(f"access key …0000 of {user}", why)]


def test_a_user_whose_keys_could_not_be_read_is_said(session):
    unread = {"user": "bob", "key": None, "status": None, "fingerprint": None, "problem": "denied", "days": 0}
    planned = access_key_changes.changes(session, keys(unread))
    assert list(planned.left_alone) == [LeftAlone("access keys of bob", "they could not be read")]


@pytest.mark.parametrize(
    ("used", "limit", "risk"),
    [
        (1, 30, "IN USE: whatever signs with it fails"),
        (29, 30, "IN USE"),
        (31, 30, f"its last use was on {utc_now() - timedelta(days=31):%Y-%m-%d}."),
        (1, 0, "its last use was on"),
        (None, 30, "IAM knows of no use at all"),
    ],
)
def test_the_risk_says_whether_somebody_uses_it(session, used, limit, risk):
    planned = access_key_changes.changes(session, keys({"used": used}), in_use_days=limit)
    assert risk in planned.actions[0].risk


def test_a_key_in_use_can_be_left_alone(session):
    frame = keys({"used": 1}, {"used": 31}, {})
    planned = access_key_changes.changes(session, frame, leave_used=True)
    assert names(planned) == ["deactivate …0001 of ana", "deactivate …0002 of ana"]
    assert whys(planned) == ["it is in use: give its holder a second key first"]


def test_the_plan_does_not_change_with_the_hours(session, monkeypatch):
    """An approval would be good for nothing if the age or the last use of a key in use were part of it."""
    frame = keys({"used": 1}, {"used": 40})
    before = [action.as_dict() for action in access_key_changes.changes(session, frame).actions]
    later = utc_now() + timedelta(hours=3)
    monkeypatch.setattr(access_key_changes, "utc_now", lambda: later)
    monkeypatch.setattr(access_keys, "utc_now", lambda: later)
    frame.loc[0, "last_used"] = later
    assert [action.as_dict() for action in access_key_changes.changes(session, frame).actions] == before


@pytest.mark.parametrize(
    ("users", "due"),
    [("all", 2), ("none", 0), ("ana", 1), ("ana, legacy-etl", 2), ("bob", 0)],
)
def test_some_users_can_be_chosen(session, users, due):
    planned = access_key_changes.changes(session, keys({}, {"user": "legacy-etl"}), users)
    assert len(planned.actions) == due
    assert whys(planned) == ["its user is not among those chosen"] * (2 - due)


@pytest.mark.parametrize(
    ("users", "hint"),
    [("legacy", "Did you mean legacy-etl?"), ("zoe", "There are: ana, bob, legacy-etl"), ("", "There are")],
)
def test_a_user_that_there_is_not_is_refused_with_the_nearest_name(session, users, hint):
    with pytest.raises(ChangeRefused, match="There is no IAM user") as refused:
        access_key_changes.changes(session, keys({}), users)
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    "days", [{"older_than_days": 0}, {"older_than_days": -90}, {"in_use_days": -1}], ids=str
)
def test_days_that_cannot_be_are_refused(session, days):
    with pytest.raises(ChangeRefused, match=f"{next(iter(days))} is {next(iter(days.values()))}"):
        access_key_changes.changes(session, keys({}), **days)


def test_a_key_that_is_gone_when_it_is_due_is_an_error(stub, session):
    stub("iam").add_response("list_access_keys", {"AccessKeyMetadata": []}, {"UserName": "ana"})
    with pytest.raises(NotFound, match="ana no longer has this access key"):
        access_key_changes.put_status(session, user="ana", fingerprint="f0", parameters={})


@pytest.fixture
def live(clean_environment, empty_sandbox):
    for name, value in empty_sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform("sandbox", {"lock_parameter": f"/tests/{uuid4().hex}/lock"}))


def test_of_two_keys_of_a_user_exactly_the_one_meant_is_deactivated_and_activated_again(
    live, empty_clients, tmp_path
):
    iam = empty_clients("iam")
    user = f"user-{uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    made = [iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"] for _ in range(2)]

    def statuses():
        listed = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return [next(one["Status"] for one in listed if one["AccessKeyId"] == each) for each in made]

    shelf = Shelf(tmp_path / "journal")

    def carry_out(changes):
        run = f"run-{uuid4().hex[:6]}"
        plan = planned(live, "test/procedure", changes)
        propose(plan, shelf, run)
        outcome = apply(live, plan, plan.id, Who(run, "test/procedure", "somebody"), shelf)
        assert outcome.status == "applied", outcome.error
        return journal.read(run, shelf.where)

    row = {"user": user, "key": f"…{made[1][-4:]}", "fingerprint": fingerprint(made[1])}
    record = carry_out(access_key_changes.changes(live, keys(row, users=[user])))
    assert statuses() == ["Active", "Inactive"]
    carry_out(undo(live, record))
    assert statuses() == ["Active", "Active"]
    written = "".join(path.read_text() for path in (tmp_path / "journal").rglob("*.json*"))
    assert fingerprint(made[1]) in written
    assert not [identifier for identifier in made if identifier in written]
