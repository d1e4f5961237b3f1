"""A result in words."""

from datetime import UTC, datetime, timedelta

from ons_runbook.headless import summary
from ons_runbook.result import ErrorResult, Result

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def result(*verdicts: str, **changes: object) -> Result:
    checks = [
        {"name": f"c{n}", "verdict": v, "observed": f"o{n}", "expected": "e"} for n, v in enumerate(verdicts)
    ]
    fields = {"procedure": "a/b", "platform": "p", "run_id": "r", "started": NOON, "finished": NOON}
    return Result(**(fields | {"verdict": "pass", "checks": checks} | changes))


def test_the_headline_counts_what_passes():
    assert summary.headline(result("pass", "pass")) == "all 2 pass"
    assert summary.headline(result("pass", "fail", "unknown")) == "1 of 3 pass"
    assert summary.headline(result()) == "nothing was checked"


def test_an_error_comes_before_everything_else():
    broken = result("fail", verdict="error", error=ErrorResult(type="E\x1b[1m", message="a\nb", cell=4))
    assert summary.headline(broken) == "stopped by E in code cell 4"
    assert summary.first_problem(broken) == "E: a b"
    assert summary.headline(result(error=ErrorResult(type="NoResult", message=""))) == "stopped by NoResult"


def test_problems_are_the_worst_first_and_those_of_one_kind_in_their_order():
    names = [check.name for check in summary.problems(result("warn", "pass", "fail", "unknown", "fail"))]
    assert names == ["c2", "c4", "c3", "c0"]
    assert summary.first_problem(result("warn", "fail")) == "c1: o1"
    assert summary.first_problem(result("pass")) == ""


def test_checks_that_say_the_same_are_read_once():
    first, second, third = result("fail", "unknown", "unknown").checks
    second = second.model_copy(update={"hint": "Next: a/b.", "evidence": "x"})
    third = third.model_copy(update={"observed": second.observed, "hint": "Run c/d.", "evidence": "x"})
    problems = summary.grouped([first, second, third])
    assert [problem.names for problem in problems] == [("c0",), ("c1", "c2")]
    assert problems[0].next_steps == ()
    assert problems[1].next_steps == ("a/b.", "Run c/d.")
    assert (problems[1].expected, problems[1].evidence) == (("e",), ("x",))


def test_a_line_is_one_line_plain_and_bounded():
    assert summary.line("a\n\tb \u202ec") == "a b <U+202E>c"
    assert len(summary.line("x" * 10_000)) < 300


def test_seconds_are_never_negative():
    assert summary.seconds(result(finished=NOON + timedelta(seconds=90))) == 90
    assert summary.seconds(result(finished=NOON - timedelta(seconds=1))) == 0


def test_a_proposal_is_told_and_not_counted_as_a_finding():
    action = {"service": "lambda", "operation": "UpdateAlias", "target": "x"}
    plan = {"id": "p-1", "status": "proposed", "actions": [action]}
    checks = [{"name": "change", "verdict": "warn", "observed": "o", "expected": "e"}]
    proposed = result("pass", "pass", plan=plan)
    proposed = proposed.model_copy(update={"checks": [*proposed.checks, *result(checks=checks).checks]})
    assert summary.headline(proposed) == "all 2 pass; 1 change proposed"
    assert summary.headline(result(checks=checks, plan=plan)) == "1 change proposed"


def test_the_approving_command_can_be_typed_as_it_stands():
    plan = {"id": "p-1", "status": "proposed", "actions": []}
    parameters = {"run": "it's", "keep": 3, "names": ["a", "b"], "approve": ""}
    command = summary.approval(result(plan=plan, parameters=parameters))
    assert command == (
        "runbook run a/b -p 'run=it'\"'\"'s' -p keep=3 -p 'names=[\"a\", \"b\"]' --approve p-1"
    )
    assert summary.approval(result(plan=plan | {"status": "applied"})) == ""
