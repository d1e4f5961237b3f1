"""Keeping log groups for so many days and no longer.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html (the days)
"""

import re
from datetime import UTC, datetime, timedelta

import botocore.session
import pytest

from ons_runbook.aws import log_ages, log_groups, log_retention
from ons_runbook.checks import names_covered
from ons_runbook.errors import ChangeRefused, ReadError
from ons_runbook.plan import planned
from ons_runbook.platform import load_platform
from ons_runbook.session import Session
from ons_runbook.tables import table

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
OLD = datetime(2026, 6, 1, tzinfo=UTC)
OURS = {
    "log_group": "/aws/lambda/lambda_router", "owner": "platform", "why": "log group of a function",
    "stored_bytes": 2**31, "log_class": "STANDARD", "oldest": OLD, "newest": NOW, "all_streams": True,
    "streams_expire": 3, "expires_bytes": 2**30, "nothing_left": False, "saves_usd": 0.03,
}  # fmt: skip
THEIRS = {"log_group": "/ecs/crm", "owner": "other", "why": "its tag Project is crm", "log_class": "STANDARD"}


@pytest.fixture
def live(clean_environment, sandbox):
    for name, value in sandbox.env().items():
        clean_environment.setenv(name, value)
    return Session(load_platform())


def held(*rows):
    return table(rows, log_retention.HELD)


def only(changes):
    [action] = changes.actions
    return action


def test_the_days_are_those_that_botocore_knows():
    model = botocore.session.get_session().get_service_model("logs")
    member = model.operation_model("PutRetentionPolicy").input_shape.members["retentionInDays"]
    listed = re.search(r"Possible values are:([^<]+)\.", re.sub(r"<[^>]+>", "", member.documentation))
    assert tuple(map(int, re.findall(r"\d+", listed[1].partition(".")[0]))) == log_retention.DAYS


def test_a_group_that_is_kept_for_ever_is_kept_so_many_days_and_the_undo_is_for_ever_again(session):
    action = only(log_retention.retain(session, held(OURS), days=30))
    assert (action.operation, action.parameters) == (
        "PutRetentionPolicy",
        {"logGroupName": OURS["log_group"], "retentionInDays": 30},
    )
    assert (action.before, action.after) == ({"retention_days": "for ever"}, {"retention_days": 30})
    [back] = action.undo
    assert (back.operation, back.parameters) == (
        "DeleteRetentionPolicy",
        {"logGroupName": OURS["log_group"]},
    )
    assert (back.before, back.after) == (action.after, action.before)
    assert "does not come back" in action.undo_note
    assert action.resources == (OURS["log_group"],)


def test_the_undo_of_a_shorter_retention_is_the_old_one(session):
    row = {**OURS, "retention_days": 90}
    action = only(log_retention.retain(session, held(row), days=30, only=[OURS["log_group"]]))
    assert action.before == {"retention_days": 90}
    assert action.undo[0].parameters["retentionInDays"] == 90
    assert "about 1 GB" in action.risk


def test_a_longer_retention_deletes_nothing_and_is_not_counted(session):
    row = {**OURS, "retention_days": 7, "expires_bytes": None, "nothing_left": None}
    action = only(log_retention.retain(session, held(row), days=30, only=[OURS["log_group"]]))
    assert action.risk == "Events are kept, and charged for, longer."
    assert (action.cost, action.undo_note) == ("", "")


def test_what_would_be_deleted_and_saved_is_in_the_plan_with_price_and_date(session):
    action = only(log_retention.retain(session, held(OURS), days=30))
    assert action.risk == (
        "Deletes for good, within 72 hours, what is older than 30 days: about 1 GB, since 2026-06-01."
    )
    assert action.cost == "saves 0.03 USD at most, at 0.03 USD per GB-month, compressed (2026-11-23)"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"expires_bytes": 0, "saves_usd": 0.0}, "Deletes nothing yet: the oldest event is of 2026-06-01."),
        ({"expires_bytes": 0, "all_streams": False}, "of 2026-06-01, or older."),
        (
            {"oldest": None, "newest": None, "expires_bytes": 0, "stored_bytes": 0},
            "It is empty. What is written will be deleted 30 days later.",
        ),
    ],
)
def test_what_loses_nothing_now_says_so(session, row, said):
    action = only(log_retention.retain(session, held({**OURS, **row}), days=30))
    assert said in action.risk
    assert action.cost.startswith("saves nothing yet")


def test_a_plan_stays_the_same_while_logs_are_written(session):
    grown = {
        **OURS,
        "expires_bytes": 2**30 + 9_999,
        "saves_usd": 0.0300003,
        "newest": NOW + timedelta(minutes=9),
    }
    plans = [
        planned(session, "x/y", log_retention.retain(session, held(row), days=30)) for row in (OURS, grown)
    ]
    assert plans[0].id == plans[1].id


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (THEIRS, "of another owner: its tag Project is crm"),
        ({**OURS, "owner": "not known", "why": "its tags could not be read"}, "nobody knows whose it is"),
        ({**OURS, "log_class": "DELIVERY"}, "of class DELIVERY is kept for one day"),
        ({**OURS, "nothing_left": True}, "its newest event is of 2026-11-23: nothing of it would be left"),
        ({**OURS, "expires_bytes": None, "problem": "Streams: no"}, "Streams: no"),
        ({**OURS, "expires_bytes": None}, "how old they are is not known"),
    ],
)
def test_what_is_left_alone_and_why(session, row, why):
    changes = log_retention.retain(session, held(row), days=30)
    assert changes.actions == []
    assert why in changes.left_alone[0].why


def test_a_group_that_would_be_emptied_goes_when_that_is_asked_for(session):
    rows = held({**OURS, "nothing_left": True})
    assert only(log_retention.retain(session, rows, days=30, delete_everything=True))


def test_groups_that_have_a_retention_are_nobodys_business_unless_they_are_named(session):
    row = {**OURS, "retention_days": 7}
    changes = log_retention.retain(session, held(row, {**THEIRS, "retention_days": 1}), days=30)
    assert (changes.actions, changes.left_alone) == ([], [])
    rows = held(row, THEIRS, {**OURS, "log_group": "/ever"})
    changes = log_retention.retain(session, rows, days=30, only=[OURS["log_group"]])
    assert only(changes).resources == (OURS["log_group"],)
    assert changes.left_alone == []


def test_a_second_run_plans_nothing(session):
    row = {**OURS, "retention_days": 30}
    assert log_retention.retain(session, held(row), days=30).actions == []
    named = log_retention.retain(session, held(row), days=30, only=[OURS["log_group"]])
    assert named.actions == []
    assert named.left_alone[0].why == "it is kept 30 days already"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"days": 31}, "cannot keep events for 31 days. The nearest that it can: 30 or 60 days."),
        ({"days": 0}, "The nearest that it can: 1 days."),
        ({"days": 9999}, "The nearest that it can: 3653 days."),
        ({"days": 30, "only": ["/aws/lambda/lambda_routr"]}, "Did you mean /aws/lambda/lambda_router?"),
        ({"days": 30, "only": ["zzz"]}, "There is no log group zzz. The table of log groups"),
        ({"days": 30, "only": ["/ecs/crm"]}, "left to its owner: its tag Project is crm"),
    ],
)
def test_bad_input_is_refused_with_what_there_is(session, options, said):
    with pytest.raises(ChangeRefused) as refused:
        log_retention.retain(session, held(OURS, THEIRS), **options)
    assert said in str(refused.value)


@pytest.fixture
def groups(session, monkeypatch):
    """The groups of an account, whose ages are as given: `groups(rows, ages)`."""

    def groups(rows, ages, days=30):
        monkeypatch.setattr(log_groups, "groups", lambda _: table(rows, log_groups.GROUPS))

        def aged(_, name, stored, asked, until):
            seen.append((name, stored, asked, until))
            if isinstance(ages, Exception):
                raise ages
            return ages

        seen = []
        monkeypatch.setattr(log_ages, "ages", aged)
        return log_retention.groups(session, days, now=NOW), seen

    return groups


AGES = log_ages.Ages(OLD, NOW, True, 3, 2**30, False)
FOUND = {name: OURS[name] for name in ("log_group", "owner", "why", "stored_bytes", "log_class")}


def test_only_groups_of_the_platform_that_are_kept_longer_are_looked_into(groups):
    rows = [FOUND, {**FOUND, "log_group": "b", "retention_days": 30}, THEIRS]
    rows.append({**FOUND, "log_group": "c", "retention_days": 60})
    frame, seen = groups(rows, AGES)
    assert sorted(seen) == [(FOUND["log_group"], 2**31, 30, NOW), ("c", 2**31, 30, NOW)]
    assert frame["expires_bytes"].isna().tolist() == [False, True, True, False]
    assert frame.iloc[0]["saves_usd"] == pytest.approx(0.03)


def test_a_group_whose_streams_cannot_be_read_has_a_problem_and_no_figures(groups):
    frame, _ = groups([FOUND], ReadError("Streams: no."))
    assert frame.iloc[0]["problem"] == "Streams: no."
    assert frame[["oldest", "expires_bytes", "saves_usd"]].isna().all(axis=None)


def test_what_is_not_known_saves_nothing_that_is_known(groups):
    frame, _ = groups([FOUND], log_ages.Ages(None, None, True, 0, None, False))
    assert frame[["expires_bytes", "saves_usd"]].isna().all(axis=None)


def test_the_views_say_whose_each_group_is_and_what_the_longer_ones_would_lose(session):
    frame = held(OURS, {**OURS, "log_group": "b", "all_streams": None, "problem": "no"}, THEIRS)
    assert log_retention.owners(frame)["log_group"].tolist() == [OURS["log_group"], "b", "/ecs/crm"]
    assert log_retention.expiring(frame)["log_group"].tolist() == [OURS["log_group"], "b"]
    assert log_retention.expiring(held(THEIRS)).attrs["empty"].startswith("No log group of the platform")


@pytest.mark.parametrize(
    ("listed", "state"),
    [
        ([{"logGroupName": "/a", "retentionInDays": 7}], 7),
        ([{"logGroupName": "/a-longer", "retentionInDays": 7}, {"logGroupName": "/a"}], "for ever"),
        ([{"logGroupName": "/a-longer", "retentionInDays": 7}], None),
    ],
)
def test_the_state_is_of_exactly_this_group(session, stub, listed, state):
    stub("logs").add_response("describe_log_groups", {"logGroups": listed}, {"logGroupNamePrefix": "/a"})
    assert log_retention.retention(session, group="/a") == {"retention_days": state}


@pytest.mark.parametrize(
    ("rows", "names", "verdicts"),
    [
        ([OURS, THEIRS], {"lambda_router": OURS["log_group"]}, ["pass", "pass"]),
        ([OURS], {"a": "/aws/lambda/a"}, ["warn", "pass"]),
        ([{**OURS, "problem": "Streams: no."}], {}, ["pass", "unknown"]),
    ],
)
def test_the_verdicts(rows, names, verdicts):
    checks = log_retention.judge(held(*rows), log_groups=names)
    assert [check.verdict.value for check in checks] == verdicts
    assert [check.name for check in checks] == names_covered(log_retention.judge, {"log_groups": {}})


def test_the_verdict_says_how_many_are_kept_for_ever_and_what_would_go():
    checks = log_retention.judge(held(OURS, {**OURS, "retention_days": 90}, THEIRS), log_groups={})
    assert checks[0].observed == "2 log groups are the platform's, 1 are not"
    assert checks[1].observed == "1 of 2 are kept for ever; about 2 GB would be deleted"
    checks = log_retention.judge(held({**OURS, "expires_bytes": 0}), log_groups={})
    assert checks[1].observed == "1 of 1 are kept for ever; nothing is old enough to be deleted"


def test_on_a_working_platform_functions_api_and_state_machine_own_their_logs(live):
    frame = log_retention.groups(live, 7)
    owners = dict(zip(frame["log_group"], frame["owner"], strict=True))
    assert set(live.platform.log_groups.values()) <= {n for n, o in owners.items() if o == "platform"}
    assert owners["/aws/lambda/billing-export"] == owners["/ecs/legacy-crm"] == "other"
    loader = frame[frame["log_group"] == "/aws/lambda/timestream_loader"].iloc[0]
    assert 0 < loader["expires_bytes"] < loader["stored_bytes"]
    assert loader["newest"] - loader["oldest"] > timedelta(days=12)
