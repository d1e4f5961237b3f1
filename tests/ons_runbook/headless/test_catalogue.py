"""The catalogue: what notebooks say about themselves, found without anyone listing them."""

from pathlib import Path

import pytest

from ons_runbook.errors import ProcedureNotFound
from ons_runbook.headless import catalogue

TITLE = """# Lambda errors

Finds out why functions fail,
and what to do.

| | |
|---|---|
| When | an alarm rings |
| When not | the API is slow \\| idle |
| Reads or changes | **Changes**, only what was approved |
| Minutes | 5 |
| Permissions | `logs:FilterLogEvents`, `lambda:GetAlias` |
| Whom to tell | Operations |
"""
PARAMETERS = 'platform: str = "sandbox"  # platform\nhours: int = 3  # [1..168] hours'


@pytest.fixture
def known(project, make_cell):
    project.write(
        "troubleshooting/lambda_errors",
        make_cell("markdown", TITLE),
        make_cell("code", PARAMETERS, "parameters"),
    )
    for name in ("zebra/last", "cost/daily_cost", "health/weekly", "health/daily", "a/b/same", "c/same"):
        project.write(
            name, make_cell("markdown", f"# {name}\nAbout it."), make_cell("code", "", "parameters")
        )
    return catalogue.procedures(project.root)


def test_the_title_cell_and_the_parameters_cell_describe_the_procedure(known):
    found = catalogue.find("troubleshooting/lambda_errors", known)
    assert (found.title, found.section_title) == ("Lambda errors", "Troubleshooting")
    assert found.summary == "Finds out why functions fail, and what to do."
    assert (found.kind, found.minutes, found.whom_to_tell) == ("changes", "5", "Operations")
    assert found.when_not == "the API is slow | idle"
    assert found.permissions == "`logs:FilterLogEvents`, `lambda:GetAlias`"
    assert [p.name for p in found.parameters] == ["platform", "hours"]
    assert found.problem == ""


def test_a_summary_may_stand_directly_under_its_heading(known):
    assert catalogue.find("daily", known).summary == "About it."


def test_sections_come_in_the_order_of_the_source_and_unknown_ones_last(known):
    assert [p.name for p in known] == [
        "health/daily",
        "health/weekly",
        "troubleshooting/lambda_errors",
        "cost/daily_cost",
        "a/b/same",
        "c/same",
        "zebra/last",
    ]


def test_templates_checkpoints_and_the_way_in_are_no_procedures(project, make_cell):
    for name in ("_template", "health/_draft", "health/.ipynb_checkpoints/daily-checkpoint"):
        project.write(name, make_cell("markdown", "# x"))
    assert catalogue.procedures(project.root) == []


@pytest.mark.parametrize(
    "name",
    ["lambda_errors", "notebooks/troubleshooting/lambda_errors.ipynb", "troubleshooting/lambda_errors"],
)
def test_the_last_part_or_the_path_is_enough(known, name):
    assert catalogue.find(name, known).name == "troubleshooting/lambda_errors"


def test_an_unknown_name_is_answered_with_the_nearest(known):
    with pytest.raises(ProcedureNotFound, match="Did you mean troubleshooting/lambda_errors"):
        catalogue.find("lambda_eror", known)
    with pytest.raises(ProcedureNotFound, match="runbook list"):
        catalogue.find("qqqqqqqq", known)


def test_a_last_part_that_two_have_is_ambiguous(known):
    with pytest.raises(ProcedureNotFound, match="a/b/same, c/same"):
        catalogue.find("same", known)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not readable as a notebook"),
        ("[]", "not readable as a notebook"),
        ('{"cells": [{"cell_type": "code"}]}', "not readable as a notebook"),
        ('{"cells": []}', "no cell tagged `parameters`"),
        (
            '{"cells": [{"cell_type": "code", "source": ["a = 1"], "metadata": {"tags": ["parameters"]}}]}',
            "with its type",
        ),
    ],
)
def test_a_broken_notebook_is_listed_with_its_problem_and_hides_no_other(project, known, text, problem):
    (project.root / "notebooks" / "health" / "broken.ipynb").write_text(text)
    listed = catalogue.procedures(project.root)
    assert len(listed) == len(known) + 1
    assert problem in catalogue.find("health/broken", listed).problem


def test_the_project_is_found_upwards_and_by_its_variable(project, tmp_path, monkeypatch):
    deep = tmp_path / "notebooks" / "health"
    deep.mkdir()
    assert catalogue.project_root(Path("/")) == tmp_path
    monkeypatch.delenv("RUNBOOK_HOME")
    assert catalogue.project_root(deep) == tmp_path
    monkeypatch.setenv("RUNBOOK_HOME", str(deep))
    with pytest.raises(ProcedureNotFound, match="RUNBOOK_HOME"):
        catalogue.project_root()


def test_without_a_project_around_it_is_the_checkout_of_the_library(monkeypatch, tmp_path):
    monkeypatch.delenv("RUNBOOK_HOME", raising=False)
    assert (catalogue.project_root(tmp_path) / "lib" / "ons_runbook").is_dir()


def test_the_listing_links_every_procedure_and_escapes_table_bars(project, known, make_cell):
    project.write(
        "health/bar", make_cell("markdown", "# A | B\n\nOne | two."), make_cell("code", "", "parameters")
    )
    text = catalogue.listing(project.root)._repr_markdown_()
    assert "### Health checks" in text
    assert "| [A \\| B](health/bar.ipynb) | One \\| two. |" in text
    assert text.count(".ipynb)") == len(known) + 1


def test_a_hint_that_names_a_procedure_without_a_notebook_says_so(project, make_cell):
    project.write(
        "health/daily", make_cell("markdown", "# Daily"), make_cell("code", "a: int = 1", "parameters")
    )
    known = catalogue.procedures(project.root)
    assert catalogue.annotated("Next: health/daily.", known) == "Next: health/daily."
    hint = catalogue.annotated("Next: health/daily, troubleshooting/s3_failures.", known)
    assert hint.startswith("Next: health/daily, troubleshooting/s3_failures.")
    assert hint.endswith("(No notebook yet for troubleshooting/s3_failures: the old runbook has the steps.)")
    assert catalogue.annotated("Look at https://health/x or s3/objects.", known).count("yet") == 0
