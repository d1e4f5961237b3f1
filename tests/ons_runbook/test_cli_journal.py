"""`runbook journal`: the list, one run, and whether something was edited."""

import json

import pytest

from ons_runbook import cli
from ons_runbook.journal import Journal

RUN = "20261123T031400Z-rollback_lambda_function-ab12"


@pytest.fixture
def reports(tmp_path):
    book = Journal(RUN, tmp_path / "journal")
    plan = {"platform": "prod", "follows": None, "id": "p-1"}
    book.begin(plan=plan, owner="ana@here", procedure="maintenance/rollback_lambda_function", approved="p-1")
    book.write("doing", action="point it at 2")
    book.write("done", action="point it at 2", state={"version": "2"})
    book.write("ended", status="applied")
    return tmp_path


@pytest.fixture
def run(reports, capsys):
    def runs(*arguments):
        code = cli.run_command(["journal", *arguments, "--reports", str(reports)])
        return code, capsys.readouterr().out

    return runs


def test_the_list_says_who_changed_what_and_what_became_of_it(run):
    code, out = run()
    assert code == 0
    for part in ("ana@here", "p-1", "applied", "prod"):
        assert part in out
    assert json.loads(run("--json")[1])[0]["run"] == RUN


def test_one_run_is_told_line_by_line(run):
    code, out = run(RUN)
    assert code == 0
    for part in ("doing", "done", "point it at 2", "applied"):
        assert part in out
    assert [line["event"] for line in json.loads(run(RUN, "--json")[1])] == [
        "begun",
        "doing",
        "done",
        "ended",
    ]


def test_an_edit_is_found_and_is_exit_code_1(run, reports):
    assert run("verify")[0] == 0
    path = reports / "journal" / f"{RUN}.jsonl"
    path.write_text(path.read_text().replace("ana@here", "bea@here"))
    code, out = run("verify")
    assert code == 1
    assert RUN in out
    assert json.loads(run("verify", "--json")[1])[RUN]


def test_where_nothing_was_changed_it_says_so(tmp_path, capsys):
    for word in ([], ["verify"]):
        assert cli.run_command(["journal", *word, "--reports", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Nothing was changed from here yet" in out
    assert "no journals" in out
