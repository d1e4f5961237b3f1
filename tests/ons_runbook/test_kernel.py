"""What leaves a real kernel.

https://jupyter-client.readthedocs.io/en/stable/messaging.html: stream, display_data, execute_result, error
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from ons_runbook import kernel, show

SECRET = "harmless-looking-value"
BEGIN = f"""
from ons_runbook import kernel, show
from ons_runbook.redaction import Redactor
kernel.protect(Redactor([{SECRET!r}]))
secret = "harmless-" + "looking-value"
"""


class Kernel:
    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, code: str) -> list[dict[str, Any]]:
        """Everything that the kernel said in answer to a cell."""
        asked = self.client.execute(code)
        said: list[dict[str, Any]] = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return said
            if message["msg_type"] not in ("status", "execute_input"):
                said.append({"type": message["msg_type"], **message["content"]})


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    manager = KernelManager(transport="ipc", ip=str(tmp_path_factory.mktemp("kernel") / "k"))
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        running = Kernel(client)
        assert running.run(BEGIN) == []
        yield running
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


LEAKS = {
    "print": "print('it is', secret)",
    "standard error": "import sys; print(secret, file=sys.stderr)",
    "the value of a cell": "{'a': secret}",
    "display": "display(secret)",
    "a table": "import pandas; pandas.DataFrame({'a': [secret]})",
    "HTML": "from IPython.display import HTML; HTML(f'<b>{secret}</b>')",
    "an error": "raise ValueError(f'bad {secret}')",
    "a chain of errors": "try:\n    1 / 0\nexcept Exception as e:\n    raise ValueError(secret) from e",
    "what the library shows": "kernel.display(show.note(secret))",
}


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
def test_a_secret_does_not_leave_by(code, notebook):
    said = notebook.run(code)
    assert said != []
    assert SECRET not in json.dumps(said)
    assert "[redacted]" in json.dumps(said)


def test_everything_else_leaves_as_it_is(notebook):
    assert notebook.run("print('plain', 1)") == [{"type": "stream", "name": "stdout", "text": "plain 1\n"}]
    assert notebook.run("6 * 7")[0]["data"]["text/plain"] == "42"
    assert notebook.run("raise KeyError('a')")[0]["ename"] == "KeyError"


def test_protecting_again_does_not_wrap_twice(notebook):
    again = f"kernel.protect(Redactor([{SECRET!r}]))"
    notebook.run(f"{again}\nkernel.protect(Redactor(['another-secret']))\ncounted = []")
    assert notebook.run("print('another-secret', 1)")[0]["text"] == "[redacted] 1\n"
    notebook.run("redact = kernel.redact; kernel.redact = lambda text: counted.append(text) or redact(text)")
    notebook.run("counted.clear()")
    notebook.run("'on' + 'ce'")
    assert notebook.run("print(counted.count(repr('once')))")[0]["text"] == "1\n"
    notebook.run(f"kernel.redact = redact\n{again}")


def test_a_display_is_a_bundle_marked_as_ours(notebook):
    [said] = notebook.run("kernel.display(show.note('fine'))")
    assert said["type"] == "display_data"
    assert said["data"]["text/plain"] == "fine"
    assert said["metadata"] == {"ons_runbook": {"trusted": True}}


def test_outside_of_a_notebook_the_words_are_printed(capsys):
    kernel.display(show.note("fine"))
    assert capsys.readouterr().out == "fine\n"
