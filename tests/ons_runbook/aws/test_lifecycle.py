"""Lifecycle rules: those of others stay, ours is put beside them.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html ·
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html
(NoSuchLifecycleConfiguration when there is none)
"""

from datetime import UTC, datetime

import botocore.session
import pytest
from botocore.validate import validate_parameters

from ons_runbook.aws import cold_objects, lifecycle
from ons_runbook.errors import AccessDenied, ChangeRefused, NotFound
from ons_runbook.plan import planned
from ons_runbook.plan.action import holds
from ons_runbook.tables import table

EXPIRE = {
    "ID": "expire-old",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "tmp/", "Tags": [{"Key": "a", "Value": "b"}]}},
    "Expiration": {"Days": 7},
}
OLD_FORM = {
    "ID": "uploads",
    "Status": "Enabled",
    "Prefix": "x/",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
DATED = {
    "ID": "dated",
    "Status": "Disabled",
    "Filter": {"Prefix": ""},
    "Expiration": {"Date": datetime(2027, 1, 1, tzinfo=UTC)},
}
OURS = lifecycle.rule(lifecycle.storage_classes.named("GLACIER_IR"), 90)
VARIES = "varies_by_storage_class"

MOVES = {
    "role": "raw", "bucket": "b", "objects": 400, "size_bytes": 2**40, "too_small": 10, "moves_objects": 300,
    "moves_bytes": 2**37, "later_objects": 90, "later_bytes": 2**36, "saves_usd": 2.432, "once_usd": 0.006,
    "saves_later_usd": 3.6, "all_listed": True,
}  # fmt: skip


@pytest.fixture
def tier(session, stub):
    """The changes for a bucket with these rules: `tier(rules, minimum=…, row changes…)`."""

    def tier(rules=None, minimum="all_storage_classes_128K", storage_class="GLACIER_IR", days=90, **row):
        if rules is None:
            stub("s3").add_client_error("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration")
        else:
            answer = {"Rules": rules, "TransitionDefaultMinimumObjectSize": minimum}
            stub("s3").add_response("get_bucket_lifecycle_configuration", answer, {"Bucket": "b"})
        moves = table([{**MOVES, **row}], cold_objects.MOVES)
        return lifecycle.tier(session, moves, storage_class=storage_class, after_days=days)

    return tier


def only(changes):
    [action] = changes.actions
    return action


def test_the_rules_of_others_go_back_as_they_are_in_their_order_with_ours_behind_them(tier):
    changes = tier([EXPIRE, OLD_FORM, DATED])
    rules = only(changes).parameters["LifecycleConfiguration"]["Rules"]
    dated = {**DATED, "Expiration": {"Date": "2027-01-01T00:00:00+00:00"}}
    assert rules == [EXPIRE, OLD_FORM, dated, OURS]
    assert [one.target for one in changes.left_alone] == [
        "rule expire-old of bucket b", "rule uploads of bucket b", "rule dated of bucket b",
    ]  # fmt: skip


def test_what_is_sent_fits_the_service_model_dates_included(tier):
    shape = botocore.session.get_session().get_service_model("s3").operation_model
    for action in (only(tier([EXPIRE, OLD_FORM, DATED])), only(tier()).undo[0]):
        validate_parameters(action.parameters, shape(action.operation).input_shape)


def test_the_buckets_minimum_size_is_not_reset(tier):
    action = only(tier([EXPIRE], minimum=VARIES))
    assert action.parameters["TransitionDefaultMinimumObjectSize"] == VARIES
    assert action.undo[0].parameters["TransitionDefaultMinimumObjectSize"] == VARIES


def test_only_the_owner_of_the_account_is_meant(tier):
    action = only(tier())
    assert {one.parameters["ExpectedBucketOwner"] for one in (action, *action.undo)} == {"123456789012"}


def test_the_undo_puts_the_rules_back_as_they_were(tier):
    action = only(tier([EXPIRE, OLD_FORM]))
    [back] = action.undo
    assert back.operation == "PutBucketLifecycleConfiguration"
    assert back.parameters["LifecycleConfiguration"]["Rules"] == [EXPIRE, OLD_FORM]
    assert (back.before, back.after) == (action.after, action.before)


def test_the_undo_of_a_buckets_first_rule_deletes_the_configuration(tier):
    action = only(tier())
    [back] = action.undo
    assert back.operation == "DeleteBucketLifecycle"
    assert "LifecycleConfiguration" not in back.parameters
    assert action.before == {"our rules": {}, "rules of others": {}}


def test_a_rule_of_ours_with_other_days_is_replaced_and_no_other(tier):
    before = lifecycle.rule(lifecycle.storage_classes.named("STANDARD_IA"), 30)
    action = only(tier([before, EXPIRE]))
    assert action.parameters["LifecycleConfiguration"]["Rules"] == [EXPIRE, OURS]
    assert action.undo[0].parameters["LifecycleConfiguration"]["Rules"] == [before, EXPIRE]


def test_small_objects_stay_whatever_the_bucket_moves_by_default():
    assert OURS["Filter"] == {"ObjectSizeGreaterThan": 128 * 1024 - 1}
    assert OURS["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER_IR"}]


@pytest.mark.parametrize(
    "changed",
    [
        [EXPIRE],
        [EXPIRE, {**OLD_FORM, "Status": "Disabled"}],
        [EXPIRE, OLD_FORM, {**EXPIRE, "ID": "another"}],
        [EXPIRE, OLD_FORM, OURS],
    ],
)
def test_any_change_in_between_is_drift(tier, changed):
    action = only(tier([EXPIRE, OLD_FORM]))
    minimum = "all_storage_classes_128K"
    assert holds(action.before, lifecycle.Configuration((EXPIRE, OLD_FORM), minimum).state)
    assert not holds(action.before, lifecycle.Configuration(tuple(changed), minimum).state)
    assert not holds(action.before, lifecycle.Configuration((EXPIRE, OLD_FORM), VARIES).state)


def test_a_second_run_plans_nothing(tier):
    changes = tier([EXPIRE, OURS])
    assert changes.actions == []
    assert changes.left_alone[0].why == "its rule ons-runbook-cold-storage does so already"


def test_the_plan_says_what_is_saved_with_prices_and_fees(tier, session):
    action = only(tier([EXPIRE]))
    assert action.cost == (
        "saves 2.43 USD: 128 GB in 300 objects are old enough; 0.004 instead of 0.023 USD per GB-month "
        "(2026-11-23). Moving them: under 0.01 USD once, at 0.02 USD per 1,000 objects (2026-11-23)"
    )
    assert "Reading them costs 0.03 USD per GB then (2026-11-23)" in action.risk
    assert "within 90 days is charged" in action.risk
    assert action.undo_note == "what was moved by then stays in GLACIER_IR until it is copied back"
    assert planned(session, "x/y", tier([EXPIRE])).id == planned(session, "x/y", tier([EXPIRE])).id


def test_objects_that_are_too_young_yet_save_nothing_yet(tier):
    assert only(tier(moves_objects=0)).cost.startswith("saves nothing yet: no object is old enough")


@pytest.mark.parametrize(
    ("storage_class", "said"),
    [
        ("DEEP_ARCHIVE", "Reading needs a restore first, of up to 12 hours"),
        ("ONEZONE_IA", "In ONEZONE_IA it is lost with the one availability zone that it is in."),
    ],
)
def test_what_else_is_different_is_said(tier, storage_class, said):
    assert said in only(tier([], storage_class=storage_class)).risk


def rule(**more):
    return {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": ""}, **more}


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (rule(Transitions=[{"Days": 60, "StorageClass": "GLACIER"}]), "moves objects already"),
        (rule(Expiration={"Days": 80}), "deletes objects before that"),
        (rule(Expiration={"Days": 100}), "deletes objects after 100 days, and GLACIER_IR charges for 90"),
        (rule(Expiration={"Days": 100}, Filter={"Prefix": "x"}), "deletes objects after 100 days"),
        (rule(Expiration={"Date": datetime(2027, 1, 1, tzinfo=UTC)}), "deletes objects on 2027-01-01"),
        ({"ID": "t", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 9}}, "before that"),
    ],
)
def test_a_bucket_with_a_rule_in_the_way_is_left_alone(tier, other, why):
    changes = tier([other])
    assert changes.actions == []
    assert why in changes.left_alone[0].why


@pytest.mark.parametrize(
    "other",
    [
        rule(Transitions=[{"Days": 60, "StorageClass": "GLACIER"}], Status="Disabled"),
        rule(Expiration={"Days": 80}, Filter={"Prefix": "tmp/"}),
        rule(Expiration={"Days": 180}),
        rule(Expiration={"ExpiredObjectDeleteMarker": True}),
        rule(NoncurrentVersionExpiration={"NoncurrentDays": 30}),
    ],
)
def test_rules_that_do_not_meet_ours_are_welcome(tier, other):
    assert only(tier([other]))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"moves_objects": 0, "later_objects": 0}, "none of the 400 objects listed has 128 kB"),
        ({"saves_later_usd": -0.1}, "its objects would cost more in GLACIER_IR than they do now"),
    ],
)
def test_a_bucket_that_would_gain_nothing_is_left_alone(tier, row, why):
    changes = tier([], **row)
    assert changes.actions == []
    assert why in changes.left_alone[0].why


def test_a_bucket_that_could_not_be_read_is_left_alone_with_the_reason(session):
    moves = table([{"role": "raw", "bucket": "b", "problem": "It needs s3:ListBucket."}], cold_objects.MOVES)
    changes = lifecycle.tier(session, moves, storage_class="GLACIER_IR", after_days=90)
    assert changes.actions == []
    assert changes.left_alone[0].why == "It needs s3:ListBucket."


@pytest.mark.parametrize(
    ("options", "row", "said"),
    [
        ({"storage_class": "GLACIR"}, {}, "Did you mean GLACIER?"),
        ({"storage_class": "STANDARD_IA", "after_days": 29}, {}, "after 30 days or more, not after 29"),
        ({}, {"bucket": None, "problem": "The platform has no bucket 'rew'."}, "has no bucket 'rew'"),
    ],
)
def test_bad_input_is_refused(session, options, row, said):
    moves = table([{**MOVES, **row}], cold_objects.MOVES)
    with pytest.raises(ChangeRefused) as refused:
        lifecycle.tier(session, moves, **{"storage_class": "GLACIER_IR", "after_days": 90, **options})
    assert said in str(refused.value)


def test_a_missing_permission_is_named_as_iam_calls_it(session, stub):
    stub("s3").add_client_error("get_bucket_lifecycle_configuration", "AccessDenied", "no", 403)
    with pytest.raises(AccessDenied, match="the permission s3:GetLifecycleConfiguration"):
        lifecycle.read(session, "b")


def test_a_bucket_that_is_not_there_is_no_bucket_without_rules(session, stub):
    stub("s3").add_client_error("get_bucket_lifecycle_configuration", "NoSuchBucket", "no", 404)
    with pytest.raises(NotFound):
        lifecycle.configuration(session, bucket="b")


def test_the_state_keeps_ours_apart_from_those_of_others(session, stub):
    answer = {"Rules": [OURS, EXPIRE], "TransitionDefaultMinimumObjectSize": VARIES}
    stub("s3").add_response("get_bucket_lifecycle_configuration", answer, {"Bucket": "b"})
    state = lifecycle.configuration(session, bucket="b")
    assert (set(state["our rules"]), set(state["rules of others"])) == ({lifecycle.RULE}, {"expire-old"})
    assert state["smallest moved"] == VARIES
    assert next(iter(state["our rules"][lifecycle.RULE])) == "Transitions"
