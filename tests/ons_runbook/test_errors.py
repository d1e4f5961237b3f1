"""The tree of exceptions."""

import pickle
import re

import pytest

from ons_runbook import errors
from ons_runbook.errors import ChangeNotApproved, ReadError, RunbookError


def tree(root: type[Exception]) -> dict[str, str]:
    return {
        name: parent
        for kind in root.__subclasses__()
        for name, parent in [(kind.__name__, root.__name__), *tree(kind).items()]
    }


def drawn() -> dict[str, str]:
    parents: dict[int, str] = {}
    found = {}
    for line in errors.__doc__.splitlines():
        match = re.match(r"^    ([│├└─ ]*)(\w+)  ", line)
        if match:
            depth = len(match[1]) // 4
            parents[depth] = match[2]
            if depth:
                found[match[2]] = parents[depth - 1]
    return found


def test_the_tree_in_the_docstring_is_the_tree():
    assert drawn() == tree(RunbookError)


def test_an_error_reads_as_what_happened_and_what_to_do_next():
    error = ReadError("Bucket raw: access denied.", "Ask for s3:ListBucket.")
    assert str(error) == "Bucket raw: access denied. Ask for s3:ListBucket."
    assert error.hint == "Ask for s3:ListBucket."


@pytest.mark.parametrize("error", [ReadError("a", "b"), ChangeNotApproved("s3", "PutObject")])
def test_errors_survive_the_way_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copy), str(copy)) == (type(error), str(error))


def test_a_change_that_was_stopped_says_which_and_that_nothing_was_sent():
    error = ChangeNotApproved("lambda", "Invoke")
    assert (error.service, error.operation) == ("lambda", "Invoke")
    assert "lambda:Invoke" in str(error)
    assert "Nothing was sent" in str(error)
