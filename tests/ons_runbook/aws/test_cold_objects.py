"""What a lifecycle rule would move.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html (over at midnight UTC) ·
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.aws import cold_objects, lifecycle
from ons_runbook.checks import names_covered
from ons_runbook.errors import AccessDenied
from ons_runbook.tables import table

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0)
LEAST = 128 * 1024


def item(size, days, **more):
    return {"Key": f"{size}-{days}", "Size": size, "LastModified": MIDNIGHT - timedelta(days=days), **more}


@pytest.fixture
def moves(session, stub, monkeypatch):
    """The row of the raw bucket with these objects, a list a page."""

    def moves(*pages, rules=(), storage_class="GLACIER_IR", days=90, **options):
        monkeypatch.setattr(lifecycle, "read", lambda *_: lifecycle.Configuration(tuple(rules)))
        for number, page in enumerate(pages, 1):
            more = options.get("cut") or number < len(pages)
            token = {"NextContinuationToken": str(number)} if more else {}
            stub("s3").add_response("list_objects_v2", {"Contents": page, "IsTruncated": bool(more), **token})
        options.pop("cut", None)
        return cold_objects.moves(session, ["raw"], storage_class, days, now=NOW, **options).iloc[0]

    return moves


def test_only_objects_that_are_old_and_large_enough_are_moved(moves):
    row = moves([item(LEAST, 90), item(LEAST - 1, 90), item(LEAST, 89.9), item(2 * LEAST, 200)])
    assert (row["moves_objects"], row["moves_bytes"]) == (2, 3 * LEAST)
    assert (row["later_objects"], row["later_bytes"], row["too_small"]) == (1, LEAST, 1)
    assert (row["objects"], row["size_bytes"]) == (4, 5 * LEAST - 1)


def test_days_are_over_at_midnight_so_that_a_plan_does_not_change_during_the_day(moves):
    today = {**item(LEAST, 90), "LastModified": MIDNIGHT - timedelta(days=90) + timedelta(minutes=1)}
    assert moves([today])["moves_objects"] == 0


def test_objects_in_another_class_are_nobodys_business(moves):
    row = moves([item(LEAST, 200, StorageClass="GLACIER"), item(LEAST, 200, StorageClass="STANDARD")])
    assert (row["objects"], row["moves_objects"]) == (1, 1)


def test_the_money_is_of_what_moves_now_and_of_what_moves_later(moves):
    row = moves([item(2**30, 100), item(2**30, 1)])
    assert row["saves_usd"] == pytest.approx(0.019)
    assert row["saves_later_usd"] == pytest.approx(0.038)
    assert row["once_usd"] == pytest.approx(0.00002)
    assert row["pays_back_months"] == pytest.approx(0.00002 / 0.019)


def test_what_saves_nothing_never_pays_back(moves):
    row = moves([item(1, 100)])
    assert (row["saves_usd"], row["once_usd"]) == (0, 0)
    assert row[["pays_back_months"]].isna().all()


def test_every_page_is_read_and_a_bound_is_said(moves):
    row = moves([item(LEAST, 91)], [item(LEAST, 92)])
    assert (row["objects"], row["all_listed"]) == (2, True)


def test_more_objects_than_the_bound_are_not_listed_and_it_is_said(moves):
    row = moves([item(LEAST, 91)], cut=True, most_listed=1)
    assert (row["objects"], row["all_listed"]) == (1, False)


def test_rules_are_told_apart(moves):
    mine = lifecycle.rule(lifecycle.storage_classes.named("GLACIER_IR"), 90)
    row = moves([], rules=[{"ID": "a"}, mine, {"ID": "b"}])
    assert (row["rules_of_others"], row["our_rule"]) == ("a, b", lifecycle.RULE)


def test_for_a_class_that_there_is_not_the_bucket_is_told_and_the_money_is_missing(moves):
    row = moves([item(LEAST, 91)], storage_class="COLD")
    assert row["moves_objects"] == 1
    assert row[["saves_usd", "once_usd", "saves_later_usd"]].isna().all()


def test_a_bucket_that_may_not_be_listed_is_missing_with_the_permission_as_iam_calls_it(
    session, stub, monkeypatch
):
    monkeypatch.setattr(lifecycle, "read", lambda *_: lifecycle.Configuration())
    stub("s3").add_client_error("list_objects_v2", "AccessDenied", "no", 403)
    row = cold_objects.moves(session, ["raw"], "GLACIER_IR", 90).iloc[0]
    assert "the permission s3:ListBucket" in row["problem"]
    assert row[["objects", "moves_objects", "saves_usd"]].isna().all()


def test_rules_that_may_not_be_read_are_a_problem_too(session, monkeypatch):
    def denied(*_):
        raise AccessDenied("Lifecycle rules: no.", "It needs s3:GetLifecycleConfiguration.")

    monkeypatch.setattr(lifecycle, "read", denied)
    row = cold_objects.moves(session, ["raw"], "GLACIER_IR", 90).iloc[0]
    assert "s3:GetLifecycleConfiguration" in row["problem"]


def test_a_role_that_the_platform_has_not_is_a_row_without_a_bucket(session):
    row = cold_objects.moves(session, ["rew"], "GLACIER_IR", 90).iloc[0]
    assert row["problem"] == "The platform has no bucket 'rew'; it has raw, processed."
    assert row[["bucket"]].isna().all()


def test_without_buckets_the_table_is_typed_and_says_so(session):
    frame = cold_objects.moves(session, [], "GLACIER_IR", 90)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == cold_objects.MOVES
    assert frame.attrs["empty"] == "No bucket was asked for."


FINE = {
    "role": "raw", "bucket": "b", "objects": 4, "size_bytes": 2**20, "too_small": 1, "moves_objects": 2,
    "later_objects": 1, "all_listed": True, "saves_usd": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "verdict", "said"),
    [
        ({}, "pass", "4 objects, 1 MB: 2 are old and large enough, 1 too young, 1 too small; saves 1.00 USD"),
        ({"all_listed": False}, "pass", "at least 4 objects"),
        ({"moves_objects": 0}, "pass", "1 too small"),
        ({"problem": "It may not be read."}, "unknown", "It may not be read."),
    ],
)
def test_the_verdict(row, verdict, said):
    [check] = cold_objects.judge(table([{**FINE, **row}], cold_objects.MOVES), roles=["raw"])
    assert check.verdict == verdict
    assert said in check.observed
    assert names_covered(cold_objects.judge, {"roles": ["raw"]}) == [check.name] == ["storage.raw"]


def test_a_role_that_was_not_asked_for_is_unknown():
    [check] = cold_objects.judge(table([], cold_objects.MOVES), roles=["raw"])
    assert check.verdict == "unknown"


def test_the_views_have_what_their_section_is_about():
    frame = table([FINE], cold_objects.MOVES)
    assert cold_objects.sizes(frame)["too_small"].tolist() == [1]
    assert cold_objects.worth(frame)["saves_usd"].tolist() == [1.0]
