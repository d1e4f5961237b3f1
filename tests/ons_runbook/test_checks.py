"""Verdicts and checks."""

import pytest

from ons_runbook.checks import Check, Verdict, covers, names_covered, severity, unknown, worst


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([], "unknown"),
        (["pass"], "pass"),
        (["pass", "warn"], "warn"),
        (["warn", "unknown", "pass"], "unknown"),
        (["unknown", "fail"], "fail"),
        (["fail", "error"], "error"),
    ],
)
def test_the_worst_decides_and_nothing_checked_is_unknown(verdicts, whole):
    assert worst(verdicts) == whole
    assert worst(reversed(verdicts)) == whole


def test_severity_grows_from_pass_to_error():
    order = ["pass", "warn", "unknown", "fail", "error"]
    assert sorted(order, key=severity) == order


def test_a_check_takes_its_verdict_as_a_word_and_refuses_others():
    assert Check("a", "warn", "x", "y").verdict is Verdict.WARN  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fine"):
        Check("a", "fine", "x", "y")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole run"):
        Check("a", Verdict.ERROR, "x", "y")


def test_evidence_of_the_call_comes_before_that_of_the_rule():
    check = Check("a", Verdict.PASS, "x", "y", "3 samples")
    assert check.with_evidence("logs:FilterLogEvents").evidence == "logs:FilterLogEvents; 3 samples"
    assert Check("a", Verdict.PASS, "x", "y").with_evidence("call").evidence == "call"
    assert check.with_evidence("").evidence == "3 samples"


def test_a_rule_says_which_checks_it_gives():
    @covers(["a", "b"])
    def fixed(value):
        return []

    def names(functions):
        return [f"function.{name}" for name in functions]

    @covers(names)
    def listed(value, functions):
        return []

    def silent(value):
        return []

    assert names_covered(fixed, {}) == ["a", "b"]
    assert names_covered(listed, {"functions": ["x"]}) == ["function.x"]
    assert names_covered(listed, {"wrong": 1}) == ["test_checks.listed"]
    assert names_covered(silent, {}) == ["test_checks.silent"]


def test_what_could_not_be_answered_is_unknown_with_the_reason():
    check = unknown("a", "access denied")
    assert (check.verdict, check.observed) == (Verdict.UNKNOWN, "access denied")
