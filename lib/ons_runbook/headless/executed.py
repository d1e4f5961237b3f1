"""An executed notebook made fit to keep: its result taken out, its secrets redacted, its long outputs cut.

Everything in an output may come from a log line that somebody else wrote. Output types:
https://nbformat.readthedocs.io/en/latest/format_description.html#code-cell-outputs
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ons_runbook.redaction import Redactor
from ons_runbook.result import RESULT_MIME, Result

# Of one output, in the notebook that is kept: enough to see what it was, too little to fill a disk.
LONGEST_TEXT = 60_000
MOST_LINES = 1_000
# Markup, charts and pictures cannot be cut in the middle: beyond this they are left out.
LARGEST_MARKUP = 400_000
LARGEST_DATA = 4_000_000


# How papermill tags the cells that it puts in.
INJECTED = "injected-parameters"
ERROR_MARKER = "papermill-error-cell-tag"


def is_injected(cell: Mapping[str, Any]) -> bool:
    """Whether this cell holds the parameters that came from outside."""
    return INJECTED in cell["metadata"].get("tags", ())


def is_marker(cell: Mapping[str, Any]) -> bool:
    """Whether papermill put this cell in to point at a failure."""
    return ERROR_MARKER in cell["metadata"].get("tags", ())


def code_cell_number(cells: Sequence[Mapping[str, Any]], index: int) -> int:
    """The number of the code cell at `index` as a reader of the notebook counts, without the injected one."""
    own = [cell for cell in cells[: index + 1] if cell["cell_type"] == "code" and not is_injected(cell)]
    return max(1, len(own))


@dataclass(frozen=True)
class Failure:
    """Why a run ended early: exception type, message, and the number of its code cell, from 1."""

    type: str
    message: str
    cell: int | None = None


@dataclass(frozen=True)
class Limits:
    """Seconds that one cell, and the whole run, may take; 0 is no limit."""

    cell: float = 300
    run: float = 1800


class InvalidResult(ValueError):
    """The notebook emitted a result that does not fit the schema."""


def emitted_result(notebook: Mapping[str, Any]) -> Result | None:
    """The last result that the notebook emitted, None when it emitted none.

    Raises:
        InvalidResult: what was emitted is not a result; the message names the fields.
    """
    found = None
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            found = output.get("data", {}).get(RESULT_MIME, found)
    if found is None:
        return None
    try:
        return Result.model_validate(found)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise InvalidResult(fields) from error


def fit_to_keep(notebook: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """A copy without secrets (sources, outputs and metadata alike) and with long outputs cut, saying so."""
    whole = {**notebook, "cells": [_in_one_piece(cell) for cell in notebook["cells"]]}
    kept: dict[str, Any] = _bare(redactor.redact_json(_shielded(whole)))
    for cell in kept["cells"]:
        for output in cell.get("outputs", ()):
            _cut(output)
    return kept


def _in_one_piece(cell: Mapping[str, Any]) -> dict[str, Any]:
    """The cell with what it printed joined: a stream arrives in pieces, and a secret can lie across two.

    Not left to nbclient's `coalesce_streams`, whose patterns take minutes for a line of a megabyte.
    """
    joined: list[dict[str, Any]] = []
    for output in cell.get("outputs", ()):
        if output["output_type"] != "stream":
            joined.append(output)
        elif joined and joined[-1]["output_type"] == "stream" and joined[-1]["name"] == output["name"]:
            joined[-1]["pieces"].append(_text(output["text"]))
        else:
            joined.append(
                {"output_type": "stream", "name": output["name"], "pieces": [_text(output["text"])]}
            )
    for output in joined:
        if "pieces" in output:
            output["text"] = "".join(output.pop("pieces"))
    return {**cell, "outputs": joined} if "outputs" in cell else dict(cell)


def safe_result(result: Result, redactor: Redactor) -> Result:
    """The result without secrets, and with every text of a bounded length."""
    return Result.model_validate(_shortened(redactor.redact_json(result.to_dict())))


@dataclass(frozen=True)
class _Binary:
    """Base64 of a picture or of numbers, in which anything can look like a token: redaction passes it by."""

    text: Any


def _shielded(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        binary = {"bdata"} if "dtype" in value else set()  # plotly's typed arrays
        binary |= {k for k in value if k.startswith("image/") and not k.endswith("+xml")}
        return {k: _Binary(v) if k in binary else _shielded(v, k) for k, v in value.items()}
    if isinstance(value, list):
        # Lines of one text: a secret, such as a private key, can lie across them.
        return "\n".join(value) if key == "traceback" else [_shielded(part) for part in value]
    return value


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_bare(part) for part in value]
    return value.text if isinstance(value, _Binary) else value


def _cut(output: dict[str, Any]) -> None:
    if output["output_type"] == "stream":
        output["text"] = cut(_text(output["text"]))
    elif output["output_type"] == "error":
        output["evalue"] = cut(output["evalue"])
        output["traceback"] = cut(output["traceback"]).split("\n")
    else:
        output["data"] = dict(_cut_member(mime, value) for mime, value in output["data"].items())


def _cut_member(mime: str, value: Any) -> tuple[str, Any]:
    if mime in {"text/html", "text/markdown", "image/svg+xml", "text/latex", "application/javascript"}:
        text = _text(value)
        return (mime, text) if len(text) <= LARGEST_MARKUP else _left_out(mime, len(text))
    if mime.startswith("text/"):
        return mime, cut(_text(value))
    if mime == RESULT_MIME:
        return mime, _shortened(value)
    size = len(value if isinstance(value, str) else json.dumps(value))
    return (mime, value) if size <= LARGEST_DATA else _left_out(mime, size)


def _left_out(mime: str, size: int) -> tuple[str, str]:
    return "text/plain", f"[an output of {size:,} characters of {mime} was left out]"


def cut(text: str, longest: int = LONGEST_TEXT, most_lines: int = MOST_LINES) -> str:
    """The text, or its beginning and end with a line between them that says how much is missing."""
    lines = text.split("\n")
    if len(lines) > most_lines:
        head = most_lines * 2 // 3
        tail = most_lines - head
        note = f"… [{len(lines) - most_lines:,} of {len(lines):,} lines cut] …"
        text = "\n".join([*lines[:head], note, *lines[-tail:]])
    if len(text) > longest:
        head = longest * 2 // 3
        tail = longest - head
        note = f"… [{len(text) - longest:,} of {len(text):,} characters cut] …"
        text = f"{text[:head]}\n{note}\n{text[-tail:]}"
    return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shortened(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return cut(value, 4_000, 100) if isinstance(value, str) else value
