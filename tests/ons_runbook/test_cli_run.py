"""`runbook run`, `undo` and `resume`: where an approval may come from, and what reaches the run."""

import pytest

from ons_runbook import cli, cli_run
from ons_runbook.errors import ParameterError
from ons_runbook.headless import catalogue
from ons_runbook.journal import Journal

RUN = "20261123T031400Z-rollback_lambda_function-ab12"


@pytest.fixture
def asked(monkeypatch):
    """What would be run, instead of running it."""
    calls = []
    monkeypatch.setattr(cli_run, "_run", lambda *given: calls.append(given))
    return calls


@pytest.fixture
def journal(tmp_path):
    book = Journal(RUN, tmp_path / "journal")
    book.begin(plan={"platform": "prod", "follows": None, "id": "p-1"}, owner="me", procedure="p")
    return tmp_path


def refused(capsys, *arguments):
    assert cli.run_command(arguments) == 64
    return capsys.readouterr().err


def test_an_approval_reaches_the_procedure_that_showed_the_plan(asked):
    assert cli.run_command(["run", "undo", "--approve", "p-1234abcd", "--take-lock", "ana@x: dead"]) == 0
    names, given, take_lock, _, limits, _ = asked[0]
    assert (names, given["approve"], take_lock) == (["undo"], "p-1234abcd", "ana@x: dead")
    # A rollout may take half an hour, and is one cell.
    assert limits == (1800, 1800)


def test_without_an_approval_a_cell_has_its_usual_time(asked):
    cli.run_command(["run", "undo"])
    assert asked[0][4] == (300, 1800)
    assert "approve" not in asked[0][1]


def test_a_file_never_approves(asked, capsys, tmp_path):
    file = tmp_path / "nightly.yaml"
    file.write_text("approve: p-1234abcd\n")
    assert "An approval comes from --approve only" in refused(capsys, "run", "undo", "-f", str(file))
    assert asked == []


def test_nor_does_a_parameter(asked, capsys):
    assert "An approval comes from --approve only" in refused(capsys, "run", "undo", "-p", "approve=p-1")
    assert asked == []


def test_one_approval_is_for_one_procedure(asked, capsys):
    assert "one procedure" in refused(capsys, "run", "undo", "kpi_dashboard", "--approve", "p-1")
    assert asked == []


def test_a_procedure_that_reads_has_nothing_to_approve(capsys):
    assert "only reads" in refused(capsys, "run", "daily_health_check", "--approve", "p-1")


@pytest.mark.parametrize("direction", ["undo", "resume"])
def test_undo_and_resume_are_runs_on_the_platform_of_the_journal(asked, journal, direction):
    assert cli.run_command([direction, RUN, "--reports", str(journal)]) == 0
    assert asked[0][0] == [cli_run.UNDO]
    assert asked[0][1] == {"run": RUN, "direction": direction, "platform": "prod"}
    cli.run_command([direction, RUN, "--reports", str(journal), "--approve", "p-7", "--platform", "sandbox"])
    assert asked[1][1] == {"run": RUN, "direction": direction, "platform": "sandbox", "approve": "p-7"}


def test_a_run_without_a_journal_is_told(asked, journal, capsys):
    assert cli.run_command(["undo", "no-such-run", "--reports", str(journal)]) == 2
    assert "There is no journal of a run 'no-such-run'" in capsys.readouterr().err


def test_the_procedure_behind_undo_takes_what_the_commands_give():
    procedure = catalogue.find(cli_run.UNDO, catalogue.procedures(catalogue.project_root()))
    values = cli_run._values(procedure, {"run": RUN, "direction": "resume", "approve": "p-1"})
    assert values == {"run": RUN, "direction": "resume", "approve": "p-1"}
    with pytest.raises(ParameterError, match="direction"):
        cli_run._values(procedure, {"direction": "sideways"})
