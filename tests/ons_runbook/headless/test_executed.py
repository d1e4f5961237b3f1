"""What of an executed notebook is kept: its result, no secrets, and not too much."""

import json

import pytest

from ons_runbook.headless import executed
from ons_runbook.redaction import Redactor
from ons_runbook.result import RESULT_MIME

# Built, so that scanners of source code find no key here.
KEY_ID = "AKIA" + "Z7Q2" * 4
WORD = "correct-horse-battery"


def code(*outputs: dict, source: str = "", **metadata: object) -> dict:
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": list(outputs)}


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def displayed(data: dict, **metadata: object) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def result(**changes: object) -> dict:
    now = "2026-11-23T03:00:00Z"
    fields = {"procedure": "a/b", "platform": "sandbox", "run_id": "r", "started": now, "finished": now}
    return {"schema": 1, "verdict": "pass", "checks": []} | fields | changes


def kept(*cells: dict, secrets: tuple[str, ...] = (WORD,), **metadata: object) -> dict:
    notebook = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return executed.fit_to_keep(notebook, Redactor(secrets))


def test_the_last_result_counts():
    first, last = (displayed({RESULT_MIME: result(verdict=v)}) for v in ("fail", "warn"))
    assert executed.emitted_result({"cells": [code(first), code(stream("x"), last)]}).verdict == "warn"
    assert executed.emitted_result({"cells": [code(stream("x"))]}) is None


def test_a_result_that_does_not_fit_the_schema_is_named_by_its_fields():
    wrong = code(displayed({RESULT_MIME: result(verdict="splendid")}))
    with pytest.raises(executed.InvalidResult, match="verdict"):
        executed.emitted_result({"cells": [wrong]})


def test_secrets_leave_sources_outputs_and_metadata():
    traceback = {"output_type": "error", "ename": "E", "evalue": WORD, "traceback": ["a " + KEY_ID, WORD]}
    whole = kept(
        code(
            stream(KEY_ID),
            displayed({"text/html": f"<b>{WORD}</b>"}, note=WORD),
            traceback,
            source=f"x = '{WORD}'",
        ),
        {"cell_type": "markdown", "source": KEY_ID, "metadata": {}},
        papermill={"parameters": {"approve": WORD, "nested": [{"deep": KEY_ID}]}, WORD: 1},
    )
    text = json.dumps(whole)
    assert WORD not in text
    assert KEY_ID not in text
    assert "Z7Q2]" in text  # the last four say which key was meant


def test_a_secret_that_was_printed_in_two_pieces_is_found():
    text = json.dumps(kept(code(stream(WORD[:9]), stream(WORD[9:]))))
    assert WORD[:9] not in text


def test_streams_of_one_name_are_joined_and_others_keep_their_place():
    (cell,) = kept(code(stream("a"), stream("b"), stream("c", "stderr"), stream("d")))["cells"]
    assert [(o["name"], o["text"]) for o in cell["outputs"]] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_a_private_key_across_the_lines_of_a_traceback_is_cut_out():
    begin, end = (f"-----{word} PRIVATE KEY-----" for word in ("BEGIN", "END"))
    error = {
        "output_type": "error",
        "ename": "E",
        "evalue": "",
        "traceback": [begin, "abcdef" * 9, end, "after"],
    }
    (cell,) = kept(code(error))["cells"]
    text = "\n".join(cell["outputs"][0]["traceback"])
    assert "abcdef" not in text
    assert "after" in text


def test_binary_data_is_left_alone_because_anything_in_it_can_look_like_a_token():
    numbers = "Ab3" * 28 + "xy=="
    assert Redactor().redact(numbers) != numbers
    figure = {"data": [{"y": {"dtype": "f8", "bdata": numbers}}], "layout": {"title": WORD}}
    bundle = {"image/png": numbers, "application/vnd.plotly.v1+json": figure, "text/plain": numbers}
    (cell,) = kept(code(displayed(bundle)))["cells"]
    data = cell["outputs"][0]["data"]
    assert data["image/png"] == numbers
    assert data["application/vnd.plotly.v1+json"]["data"][0]["y"]["bdata"] == numbers
    assert data["application/vnd.plotly.v1+json"]["layout"]["title"] != WORD
    assert data["text/plain"] != numbers


def test_long_outputs_are_cut_and_say_so():
    many = "\n".join(f"line {n}" for n in range(100_000))
    (cell,) = kept(code(stream("x" * 1_000_000), displayed({"text/plain": many})))["cells"]
    line, lines = cell["outputs"][0]["text"], cell["outputs"][1]["data"]["text/plain"]
    assert len(line) < 70_000
    assert "characters cut" in line
    assert lines.startswith("line 0\n")
    assert lines.endswith("line 99999")
    assert "99,000 of 100,000 lines cut" in lines


def test_markup_and_data_that_cannot_be_cut_are_left_out_with_a_word():
    huge = {"text/html": "<b>" * 200_000, "application/json": {"a": "b" * 5_000_000}}
    (cell,) = kept(code(*[displayed({mime: value}) for mime, value in huge.items()]))["cells"]
    assert [list(o["data"]) for o in cell["outputs"]] == [["text/plain"]] * 2
    assert "600,000 characters of text/html was left out" in cell["outputs"][0]["data"]["text/plain"]


def test_a_result_loses_secrets_and_length_and_stays_valid():
    check = {"name": "n", "verdict": "fail", "observed": f"{WORD} " + "z" * 1_000_000, "expected": "e"}
    parsed = executed.emitted_result({"cells": [code(displayed({RESULT_MIME: result(checks=[check])}))]})
    safe = executed.safe_result(parsed, Redactor([WORD]))
    assert WORD not in safe.to_json()
    assert len(safe.to_json()) < 10_000


def test_code_cells_are_counted_as_a_reader_of_the_notebook_counts():
    injected = code(tags=[executed.INJECTED])
    prose = {"cell_type": "markdown", "source": "", "metadata": {}}
    cells = [prose, code(), injected, prose, code()]
    assert executed.code_cell_number(cells, 1) == 1
    assert executed.code_cell_number(cells, 4) == 2


def test_the_original_stays_as_it_is():
    cell = code(stream("a"), stream("b"))
    before = json.dumps(cell)
    kept(cell)
    assert json.dumps(cell) == before
