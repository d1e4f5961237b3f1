"""The result document and its schema."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from ons_runbook.checks import Check, Verdict
from ons_runbook.result import CheckResult, Result, schema_text

MOMENT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SCHEMA = Path(__file__).parents[2] / "docs" / "result.schema.json"


def result(**more):
    needed = {"procedure": "health/x", "platform": "sandbox", "run_id": "r", "verdict": "pass"}
    return Result(**{**needed, "started": MOMENT, "finished": MOMENT, **more})


def test_the_documented_schema_is_the_models():
    assert SCHEMA.read_text() == schema_text(), "run: python -m ons_runbook.result > docs/result.schema.json"


def test_it_survives_the_way_through_json():
    whole = result(
        checks=[CheckResult.of(Check("a", Verdict.WARN, "x", "y", "e", "h"))],
        causes=[{"id": "code_error", "title": "t", "score": 0.5, "for": ["f"], "against": []}],
        plan={"id": "p-1", "status": "proposed", "actions": []},
        error={"type": "KeyError", "message": "m", "cell": 3},
        window={"start": MOMENT, "end": MOMENT},
    )
    assert Result.model_validate_json(whole.to_json()) == whole


def test_its_words_are_those_of_the_contract():
    document = json.loads(result().to_json())
    assert document["schema"] == 1
    assert document["started"] == "2026-11-23T03:00:00Z"
    assert {
        "procedure", "section", "platform", "account", "region", "identity", "run_id", "commit", "started",
        "finished", "window", "parameters", "verdict", "checks", "causes", "plan", "error",
    } <= document.keys()  # fmt: skip
    cause = {"id": "a", "title": "t", "score": 1, "for": ["x"]}
    assert json.loads(result(causes=[cause]).to_json())["causes"][0]["for"] == ["x"]


def test_a_later_version_may_add_fields():
    document = {**json.loads(result().to_json()), "added_later": 1}
    assert Result.model_validate(document) == result()


@pytest.mark.parametrize("wrong", [{"verdict": "fine"}, {"schema": 2}, {"checks": [{"name": "a"}]}])
def test_what_does_not_fit_the_schema_is_refused(wrong):
    with pytest.raises(ValidationError):
        result(**wrong)


def test_only_a_whole_run_can_be_an_error():
    assert result(verdict="error").verdict is Verdict.ERROR
    with pytest.raises(ValidationError):
        result(checks=[{"name": "a", "verdict": "error", "observed": "", "expected": ""}])
