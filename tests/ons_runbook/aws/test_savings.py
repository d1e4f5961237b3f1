"""One plan and one sum of three parts."""

import pytest

from ons_runbook.aws import cold_objects, lifecycle, log_retention, savings, version_cleanup, versions
from ons_runbook.checks import names_covered
from ons_runbook.errors import ChangeRefused, ReadError
from ons_runbook.plan import Action, Changes, LeftAlone, planned
from ons_runbook.tables import table

WANTED = savings.Wanted(["f"], 3, "GLACIER_IR", 90, 30)
GROUP = {"log_group": "/aws/lambda/f", "owner": "platform", "log_class": "STANDARD", "nothing_left": False}
VERSIONS = table(
    [{"function": "f", "version": str(number), "code_size_bytes": 10**number} for number in (1, 2, 3)],
    versions.VERSIONS,
)
MOVES = table(
    [
        {"role": "raw", "bucket": "moved", "objects": 9, "moves_objects": 9, "later_objects": 0,
         "moves_bytes": 500, "saves_usd": 2.5, "saves_later_usd": 2.5, "once_usd": 0.5},
        {"role": "processed", "bucket": "left", "objects": 9, "moves_objects": 0, "later_objects": 0,
         "moves_bytes": 700, "saves_usd": 70.0, "saves_later_usd": 70.0, "once_usd": 7.0},
    ],
    cold_objects.MOVES,
)  # fmt: skip
GROUPS = table(
    [
        {**GROUP, "expires_bytes": 30, "saves_usd": 0.25, "all_streams": True},
        {**GROUP, "log_group": "/kept", "retention_days": 30, "expires_bytes": 900, "saves_usd": 9.0},
    ],
    log_retention.HELD,
)


def deletion(number):
    return Action(
        name=f"delete f:{number}", target=f"version {number}", service="lambda", operation="DeleteFunction",
        parameters={"FunctionName": "f", "Qualifier": number},
        state=versions.version.at(function="f", version=number),
        before={"code": "x"}, after={"code": None}, risk="", resources=("f",),
    )  # fmt: skip


@pytest.fixture
def parts(monkeypatch):
    """Versions 1 and 2 would go, and the buckets have no rules; what the clean-up was asked."""
    asked = []

    def clean_up(session, found, *, keep, functions):
        asked.append((keep, functions))
        return Changes([deletion("1"), deletion("2")], [LeftAlone("version 3", "alias LIVE")])

    monkeypatch.setattr(version_cleanup, "clean_up", clean_up)
    monkeypatch.setattr(lifecycle, "read", lambda *_: lifecycle.Configuration())
    return asked


def test_changes_of_several_builders_become_one_in_their_order():
    one = Changes([deletion("1")], [LeftAlone("a", "b")], "Nothing here.")
    other = Changes([deletion("2")], [LeftAlone("c", "d")], "Nothing there.")
    found = savings.combined([one, other, Changes(nothing="Nothing here.")])
    assert [action.name for action in found.actions] == ["delete f:1", "delete f:2"]
    assert [alone.target for alone in found.left_alone] == ["a", "c"]
    assert found.nothing == "Nothing here. Nothing there."


def test_one_plan_holds_all_three_and_deletes_last(session, parts):
    plan = planned(session, "x/y", savings.changes(session, VERSIONS, MOVES, GROUPS, wanted=WANTED))
    assert [action.service for action in plan.actions] == ["s3", "logs", "lambda", "lambda"]
    assert plan.actions[0].parameters["LifecycleConfiguration"]["Rules"][0]["Transitions"][0]["Days"] == 90
    assert plan.actions[1].parameters["retentionInDays"] == 30
    assert parts == [(3, ["f"])]
    assert {alone.target for alone in plan.left_alone} == {"bucket left", "version 3"}


def test_the_sum_is_of_what_is_planned_and_not_of_what_is_left_alone(session, parts):
    frame = savings.summary(session, VERSIONS, MOVES, GROUPS, wanted=WANTED).set_index("part")
    assert frame["changes"].to_dict() == {
        "cheaper storage": 1, "log retention": 1, "old versions": 2, "total": 4,
    }  # fmt: skip
    assert frame["frees_bytes"].tolist() == [500, 30, 110, 640]
    assert frame["saves_usd"].tolist() == [2.5, 0.25, 0.0, 2.75]
    assert frame["once_usd"].tolist() == [0.5, 0.0, 0.0, 0.5]
    assert frame["left_alone"].tolist() == [1, 0, 1, 2]


def test_every_part_says_what_it_was_reckoned_with(session, parts):
    frame = savings.summary(session, VERSIONS, MOVES, GROUPS, wanted=WANTED).set_index("part")
    assert frame["assumption"].tolist()[:2] == [
        "0.004 instead of 0.023 USD per GB-month (2026-11-23)",
        "at 0.03 USD per GB-month, compressed (2026-11-23)",
    ]
    assert "charges nothing for stored code" in frame["assumption"]["old versions"]


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_part_that_is_not_known_leaves_no_sum(session, parts, missing):
    given = [VERSIONS, MOVES, GROUPS]
    given[missing] = None
    with pytest.raises(ReadError, match="could not be read"):
        savings.summary(session, *given, wanted=WANTED)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (savings.Wanted([], 3, "COLD", 90, 30), "storage class 'COLD'"),
        (savings.Wanted([], 3, "STANDARD_IA", 9, 30), "not after 9"),
        (savings.Wanted([], 3, "GLACIER_IR", 90, 29), "for 29 days"),
    ],
)
def test_bad_input_of_any_part_refuses_the_whole(session, parts, wanted, said):
    with pytest.raises(ChangeRefused, match=said):
        savings.changes(session, VERSIONS, MOVES, GROUPS, wanted=wanted)


def test_the_verdict_is_the_total_in_one_sentence(session, parts):
    check = savings.judge(savings.summary(session, VERSIONS, MOVES, GROUPS, wanted=WANTED))
    assert check.verdict == "pass"
    assert check.observed == "4 changes would save 2.75 USD a month at most, and cost 0.50 USD once"
    assert names_covered(savings.judge, {}) == [check.name] == ["savings.total"]


def test_the_sum_is_unknown_when_part_of_it_could_not_be_read(session, parts):
    rows = [
        *MOVES.to_dict("records"),
        {"role": "other", "bucket": "denied", "problem": "It may not be read."},
    ]
    check = savings.judge(
        savings.summary(session, VERSIONS, table(rows, cold_objects.MOVES), GROUPS, wanted=WANTED)
    )
    assert check.verdict == "unknown"
    assert check.observed.endswith("as far as is known: It may not be read.")
