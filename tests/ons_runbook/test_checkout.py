"""Which commit is running. https://git-scm.com/docs/git-describe"""

import subprocess

import pytest

from ons_runbook.checkout import commit


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.delenv("RUNBOOK_COMMIT", raising=False)

    def git(*command):
        who = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "v1.0")
    return tmp_path


def test_it_is_the_short_hash_even_when_there_is_a_tag(checkout):
    assert set(commit(checkout)) <= set("0123456789abcdef")


def test_a_file_that_differs_makes_it_dirty(checkout):
    clean = commit(checkout)
    (checkout / "file").write_text("two")
    assert commit(checkout) == f"{clean}+dirty"


def test_what_the_environment_says_wins_and_nothing_said_is_none(checkout, monkeypatch):
    monkeypatch.setenv("RUNBOOK_COMMIT", "abc1234")
    assert commit(checkout) == "abc1234"
    monkeypatch.setenv("RUNBOOK_COMMIT", "")
    assert commit(checkout) is None


def test_without_git_or_a_commit_there_is_none(tmp_path, monkeypatch):
    monkeypatch.delenv("RUNBOOK_COMMIT", raising=False)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert commit(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) is None
