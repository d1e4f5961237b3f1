"""Access keys of every user: age, status, last use; and which of them is this run's own.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
"""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from ons_runbook.aws import access_keys
from ons_runbook.aws.access_keys import KEYS
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied
from ons_runbook.redaction import redact_json
from ons_runbook.tables import table
from ons_runbook.window import utc_now

#: Made here, so that nothing that looks like a key stands in a file.
ID = "AK" + "IA" + "Q" * 12 + "7X2B"
OTHER = "AK" + "IA" + "Q" * 12 + "9Z9Z"
USED = utc_now().replace(microsecond=0) - timedelta(days=3)


@pytest.fixture(autouse=True)
def one_user_after_the_other(monkeypatch):
    """The answers of a stub come in the order in which they were given."""
    monkeypatch.setattr(access_keys, "_AT_ONCE", 1)


def key(user="ana", identifier=ID, *, days=100, status="Active"):
    created = utc_now() - timedelta(days=days, minutes=1)
    return {"UserName": user, "AccessKeyId": identifier, "Status": status, "CreateDate": created}


def used(**more):
    return {"AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A", **more}}


IN_S3 = used(LastUsedDate=USED, ServiceName="s3", Region="us-east-1")


@pytest.fixture
def answer(stub):
    """IAM's answers: users, and for each its keys and their last use."""

    def answering(users):
        facts = {"Path": "/", "UserId": "A" * 16, "Arn": f"arn:aws:iam::{'1' * 12}:user/x"}
        listed = [{**facts, "UserName": name, "CreateDate": utc_now()} for name in users]
        stub("iam").add_response("list_users", {"Users": listed}, {"MaxItems": 1000})
        for user, keys in users.items():
            if isinstance(keys, str):
                stub("iam").add_client_error("list_access_keys", keys, "no", 403)
                continue
            told = {"AccessKeyMetadata": [one for one, _ in keys]}
            stub("iam").add_response("list_access_keys", told, {"UserName": user})
            for one, last in keys:
                asked = {"AccessKeyId": one["AccessKeyId"]}
                if isinstance(last, str):
                    stub("iam").add_client_error("get_access_key_last_used", last, "no", 403)
                else:
                    stub("iam").add_response("get_access_key_last_used", last, asked)

    return answering


def test_every_key_of_every_user_with_its_age_and_last_use(answer, session):
    inactive = key("bob", OTHER, days=300, status="Inactive")
    answer({"ana": [(key(), IN_S3)], "bob": [(inactive, used())], "eve": []})
    frame = access_keys.listing(session)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == KEYS
    columns = ["user", "key", "status", "age_days", "own"]
    assert frame[columns].values.tolist() == [
        ["bob", "…9Z9Z", "Inactive", 300, False],
        ["ana", "…7X2B", "Active", 100, False],
    ]
    never, once = frame.iloc[0], frame.iloc[1]
    assert never[["last_used", "used_for", "region"]].isna().all()
    assert once[["last_used", "used_for", "region"]].tolist() == [USED, "s3", "us-east-1"]
    assert frame["problem"].isna().all()
    assert frame.attrs["users"] == ["ana", "bob", "eve"]


def test_users_and_keys_come_in_pages(stub, session):
    facts = {"Path": "/", "UserId": "A" * 16, "Arn": f"arn:aws:iam::{'1' * 12}:user/x", "CreateDate": USED}
    first = {"Users": [{**facts, "UserName": "ana"}], "IsTruncated": True, "Marker": "more"}
    stub("iam").add_response("list_users", first, {"MaxItems": 1000})
    second = {"Users": [{**facts, "UserName": "bob"}]}
    stub("iam").add_response("list_users", second, {"MaxItems": 1000, "Marker": "more"})
    part = {"AccessKeyMetadata": [key()], "IsTruncated": True, "Marker": "next"}
    stub("iam").add_response("list_access_keys", part, {"UserName": "ana"})
    rest = {"AccessKeyMetadata": [key(identifier=OTHER)]}
    stub("iam").add_response("list_access_keys", rest, {"UserName": "ana", "Marker": "next"})
    for identifier in (ID, OTHER):
        stub("iam").add_response("get_access_key_last_used", used(), {"AccessKeyId": identifier})
    stub("iam").add_response("list_access_keys", {"AccessKeyMetadata": []}, {"UserName": "bob"})
    frame = access_keys.listing(session)
    assert len(frame) == 2
    assert frame.attrs["users"] == ["ana", "bob"]


def test_a_user_that_may_not_be_asked_has_a_problem_and_the_others_have_their_keys(answer, session):
    answer({"ana": "AccessDenied", "bob": [(key("bob"), used())]})
    rows = access_keys.listing(session).set_index("user")
    assert "iam:ListAccessKeys" in rows.loc["ana", "problem"]
    assert rows.loc["bob", "age_days"] == 100


def test_an_unknown_last_use_is_a_problem_and_not_a_key_that_was_never_used(answer, session):
    answer({"ana": [(key(), "AccessDenied")]})
    row = access_keys.listing(session).iloc[0]
    assert "iam:GetAccessKeyLastUsed" in row["problem"]
    assert row["age_days"] == 100


def test_denied_is_not_empty(stub, session):
    stub("iam").add_client_error("list_users", "AccessDenied", "no", 403)
    with pytest.raises(AccessDenied, match="iam:ListUsers"):
        access_keys.listing(session)


def test_the_key_of_this_run_is_known_and_nothing_is_sent_to_know_it(session):
    assert access_keys.own_id(session) == "sandbox-operator"


def test_the_own_key_is_marked(answer, session, monkeypatch):
    monkeypatch.setattr(access_keys, "own_id", lambda session: ID)
    answer({"ana": [(key(), used()), (key(identifier=OTHER), used())]})
    frame = access_keys.listing(session).set_index("key")
    assert frame["own"].to_dict() == {"…7X2B": True, "…9Z9Z": False}


def test_no_id_is_in_the_table_and_a_journal_may_hold_what_is(answer, session):
    answer({"ana": [(key(), IN_S3)]})
    frame = access_keys.listing(session)
    text = frame.to_csv()
    assert ID not in text
    reading = access_keys.key.at(**access_keys.identity(frame.iloc[0])).as_dict()
    assert redact_json(reading) == reading
    assert frame["fingerprint"][0] not in json.dumps(access_keys.overview(frame).astype(str).to_dict())


def test_the_state_of_a_key_is_its_status(stub, session):
    of = {"user": "ana", "fingerprint": access_keys.fingerprint(ID)}
    both = {"AccessKeyMetadata": [key(identifier=OTHER), key(status="Inactive")]}
    stub("iam").add_response("list_access_keys", both, {"UserName": "ana"})
    assert access_keys.key(session, **of) == {"status": "Inactive"}


def test_a_key_or_user_that_is_gone_has_no_status(stub, session):
    of = {"user": "ana", "fingerprint": access_keys.fingerprint(ID)}
    stub("iam").add_response("list_access_keys", {"AccessKeyMetadata": []})
    assert access_keys.key(session, **of) == {"status": None}
    stub("iam").add_client_error("list_access_keys", "NoSuchEntity", "gone", 404)
    assert access_keys.key(session, **of) == {"status": None}


def test_a_key_that_cannot_be_read_is_not_gone(stub, session):
    stub("iam").add_client_error("list_access_keys", "AccessDenied", "no", 403)
    with pytest.raises(AccessDenied):
        access_keys.key(session, user="ana", fingerprint="f")


def keys(*rows, users=("ana",)):
    made = []
    for number, row in enumerate(rows):
        days = row.pop("days", 100)
        facts = {"user": "ana", "key": f"…000{number}", "status": "Active", "own": False, "age_days": days}
        created = utc_now() - timedelta(days=days, minutes=1)
        made.append({**facts, "created": created, "fingerprint": f"f{number}", **row})
    frame = table(made, KEYS)
    frame.attrs["users"] = list(users)
    return frame


def plan_of(*fingerprints):
    states = [access_keys.key.at(user="ana", fingerprint=one) for one in fingerprints]
    return SimpleNamespace(actions=[SimpleNamespace(state=state) for state in states])


UNREAD = {"user": "eve", "key": None, "status": None, "fingerprint": None, "created": None, "problem": "No."}


@pytest.mark.parametrize(
    ("rows", "plan", "verdict", "said"),
    [
        ([], None, "pass", "none is older"),
        ([{"days": 89}], None, "pass", "none is older"),
        ([{"days": 90}], None, "warn", "not in the plan: …0000 of ana (90 days)"),
        ([{"status": "Inactive"}], None, "pass", "none is older"),
        ([{}], plan_of("f0"), "warn", "and in the plan: …0000 of ana (100 days)"),
        ([{}, {}], plan_of("f0"), "warn", "not in the plan: …0001 of ana"),
        ([{"days": 1}, UNREAD], None, "unknown", "No.; none is older"),
        ([{}, UNREAD], plan_of("f0"), "unknown", "No."),
        ([{} for _ in range(8)], None, "warn", "3 more"),
    ],
)
def test_an_old_active_key_that_stays_warns_and_one_that_is_not_known_is_unknown(rows, plan, verdict, said):
    check = access_keys.judge(keys(*[dict(row) for row in rows]), plan, older_than_days=90)
    assert check.verdict == verdict
    assert said in check.observed
    assert [check.name] == names_covered(access_keys.judge, {"plan": None, "older_than_days": 90})


def test_the_evidence_counts_keys_and_users():
    assert access_keys.judge(keys({}, dict(UNREAD)), None, 90).evidence == "1 keys of 1 users"
