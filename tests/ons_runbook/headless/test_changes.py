"""What changed between runs: told case by case, and as properties of many made-up runs."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from ons_runbook.checks import Verdict, worst
from ons_runbook.headless import changes
from ons_runbook.headless.changes import Difference, What
from ons_runbook.result import Result

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SIGNS = {"p": "pass", "w": "warn", "f": "fail", "u": "unknown"}
NAMES = [f"part.{n}" for n in range(5)]


def at(hour: int) -> datetime:
    return NOON + timedelta(hours=hour)


def run(hour: int, checks: dict[str, str], causes: tuple[str, ...] = (), error: str = "") -> Result:
    made = [
        {"name": name, "verdict": SIGNS[sign], "observed": f"saw {sign}", "expected": "e"}
        for name, sign in checks.items()
    ]
    return Result(
        procedure="health/daily",
        platform="sandbox",
        run_id=f"run-{hour}",
        started=at(hour),
        finished=at(hour),
        verdict=Verdict.ERROR if error else worst(check["verdict"] for check in made),
        checks=made,
        causes=[{"id": cause, "title": f"because of {cause}", "score": 1.0} for cause in causes],
        error={"type": error, "message": "no luck"} if error else None,
    )


def spell(signs: str) -> Difference:
    """The difference at the end of a row of runs, oldest first: of one check, `-` is a run without it,
    `e` a run that broke off before it."""
    runs = [
        run(hour, {} if sign in "-e" else {"a": sign}, error="Broke" if sign == "e" else "")
        for hour, sign in enumerate(signs)
    ]
    return changes.since_last([changes.seen(each) for each in reversed(runs)])


def told(found: Difference) -> list[tuple[str, int]]:
    hours = [int((change.first_seen - NOON) / timedelta(hours=1)) for change in found.changes]
    told = [(str(change.what), hour) for change, hour in zip(found.changes, hours, strict=True)]
    return [each for each, change in zip(told, found.changes, strict=True) if change.kind == "check"]


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ("pf", [("new", 1)]),
        ("-f", [("new", 1)]),
        ("f", [("new", 0)]),
        ("pp", []),
        ("ff", [("persisting", 0)]),
        ("pfwuf", [("persisting", 1)]),
        ("pffp", [("resolved", 1)]),
        ("pfpp", []),
        ("pff-", [("not seen", 1)]),
        ("pff--", []),
        ("pfe", [("not seen", 1)]),
        ("pfee", [("not seen", 1)]),
        ("pfef", [("persisting", 1)]),
        ("pfep", [("resolved", 1)]),
        ("pef", [("new", 2)]),
        ("fpf", [("flapping", 0)]),
        ("pfpfp", [("flapping", 1)]),
        ("pfpfpp", [("flapping", 1)]),
        ("f-f", [("flapping", 0)]),
        ("fp" + "p" * 8 + "f", [("new", 10)]),
        ("pf" + "f" * 20, [("persisting", 1)]),
        ("fpf" + "f" * 20, [("persisting", 2)]),
    ],
)
def test_what_became_of_a_check_and_since_when(signs, expected):
    assert told(spell(signs)) == expected


def test_being_absent_is_not_being_resolved_but_a_cause_that_is_no_longer_named_is():
    found = changes.difference(run(0, {"a": "f"}, ("old", "same")), run(1, {}, ("new", "same")))
    got = {(change.kind, change.name): change.what for change in found.changes}
    assert got == {
        ("check", "a"): What.UNSEEN,
        ("cause", "old"): What.RESOLVED,
        ("cause", "new"): What.NEW,
        ("cause", "same"): What.PERSISTING,
    }


def test_a_run_that_broke_is_new_itself_and_resolves_nothing_that_it_did_not_see():
    found = changes.difference(run(0, {"a": "f", "b": "f"}, ("old",)), run(1, {"b": "p"}, error="Broke"))
    got = {(change.kind, change.name): change.what for change in found.changes}
    assert got == {
        ("run", "procedure"): What.NEW,
        ("check", "a"): What.UNSEEN,
        ("cause", "old"): What.UNSEEN,
        ("check", "b"): What.RESOLVED,
    }
    assert found.of(What.NEW)[0].said == "Broke: no luck"
    assert found.trend == "worse"
    mended = changes.difference(run(0, {}, error="Broke"), run(1, {"b": "p"}))
    assert [(c.kind, c.what) for c in mended.changes] == [("run", What.RESOLVED)]
    assert mended.trend == "better"


@pytest.mark.parametrize(("signs", "trend"), [("wf", "worse"), ("fw", "better"), ("uf", "worse"), ("ff", "")])
def test_a_persisting_check_says_whether_it_got_worse(signs, trend):
    (change,) = spell(signs).changes
    assert (change.trend, change.before, change.verdict) == (trend, SIGNS[signs[0]], SIGNS[signs[1]])


def test_what_is_new_comes_first_and_what_is_worse_before_what_is_less_bad():
    before = run(0, {"a": "f", "b": "p", "c": "p", "d": "f"})
    found = changes.difference(before, run(1, {"a": "p", "b": "w", "c": "f", "d": "f"}))
    assert [(str(c.what), c.name) for c in found.changes] == [
        ("new", "c"),
        ("new", "b"),
        ("persisting", "d"),
        ("resolved", "a"),
    ]


def test_of_checks_with_one_name_the_worst_counts():
    twice = run(0, {"a": "f"})
    twice.checks.append(twice.checks[0].model_copy(update={"verdict": Verdict.WARN}))
    twice.checks.insert(0, twice.checks[0].model_copy(update={"verdict": Verdict.PASS}))
    assert changes.seen(twice).problems["check", "a"].verdict == "fail"


def test_any_two_runs_can_be_compared_with_the_spell_from_the_runs_between():
    runs = [changes.seen(run(hour, {"a": sign})) for hour, sign in enumerate("ppfff")][::-1]
    found = changes.since_last(runs, before=runs[-1])
    assert (found.before.run_id, found.after.run_id) == ("run-0", "run-4")
    assert told(found) == [("new", 2)]


def made_up(draw: random.Random, hour: int) -> Result:
    checks = {name: draw.choice("pppwfu") for name in NAMES if draw.random() < 0.8}
    causes = tuple(cause for cause in "xyz" if draw.random() < 0.3)
    return run(hour, checks, causes, error="Broke" if draw.random() < 0.15 else "")


@pytest.mark.parametrize("seed", range(60))
def test_properties_of_the_difference_of_any_two_runs(seed):
    draw = random.Random(seed)
    first, second = made_up(draw, 0), made_up(draw, 1)
    found = changes.difference(first, second)
    before, after = changes.seen(first), changes.seen(second)
    what = {(change.kind, change.name): change.what for change in found.changes}
    assert len(what) == len(found.changes)  # each once
    now_bad = {key for key, kind in what.items() if kind in (What.NEW, What.PERSISTING)}
    assert now_bad == set(after.problems)
    assert {key for key, kind in what.items() if kind is not What.NEW} == set(before.problems)
    for kind, name in (key for key, became in what.items() if became is What.RESOLVED):
        assert after.complete or name in after.checked or kind == "run"
        assert kind != "check" or name in after.checked
    same = changes.difference(first, first.model_copy(update={"started": at(1)}))
    assert {change.what for change in same.changes} <= {What.PERSISTING}
    assert same.trend == "" == "".join(change.trend for change in same.changes)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_new_one_way_is_resolved_the_other_way_when_both_asked_the_same(seed):
    draw = random.Random(seed)
    first = run(0, {name: draw.choice("pwfu") for name in NAMES}, ("x",) if draw.random() < 0.5 else ())
    second = run(1, {name: draw.choice("pwfu") for name in NAMES}, ("x",) if draw.random() < 0.5 else ())
    there, back = changes.difference(first, second), changes.difference(second, first)
    assert {c.name for c in there.of(What.NEW)} == {c.name for c in back.of(What.RESOLVED)}
    assert {c.name for c in there.of(What.RESOLVED)} == {c.name for c in back.of(What.NEW)}
    assert {c.name for c in there.of(What.PERSISTING)} == {c.name for c in back.of(What.PERSISTING)}
    opposite = {"worse": "better", "better": "worse", "": ""}
    assert opposite[there.trend] == back.trend


@pytest.mark.parametrize("seed", range(60))
def test_first_seen_is_the_start_of_a_run_that_saw_it_and_history_changes_only_that_and_flapping(seed):
    draw = random.Random(seed)
    runs = [made_up(draw, hour) for hour in range(draw.randint(2, 25))][::-1]
    whole = changes.since_last([changes.seen(each) for each in runs])
    starts = {each.started: changes.seen(each) for each in runs}
    for change in whole.changes:
        assert (change.kind, change.name) in starts[change.first_seen].problems
    kinds = {(c.kind, c.name): c.what for c in whole.changes}
    for change in changes.difference(runs[1], runs[0]).changes:
        with_history = kinds[change.kind, change.name]
        # A run that broke off may hide that something was bad before it.
        hidden = not changes.seen(runs[1]).complete and with_history is What.PERSISTING
        assert with_history in (change.what, What.FLAPPING) or hidden
