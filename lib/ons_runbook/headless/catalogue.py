"""The procedures there are: every notebook under notebooks/, found by looking, described by its own cells.

A notebook is a procedure unless its name starts with `_` or is `index`. Its first Markdown cell gives the
title (first heading), the summary (first paragraph) and a two-column table of facts: When, When not, Reads
or changes, Minutes, Permissions, Whom to tell. Its cell tagged `parameters` gives the parameters.

Notebook format: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ons_runbook import checkout
from ons_runbook.errors import ParameterError, ProcedureNotFound
from ons_runbook.headless import parameters
from ons_runbook.headless.parameters import Parameter

# Folders in the order of the source runbook, so that someone who knows it finds the notebook.
SECTIONS = {
    "health": "Health checks",
    "maintenance": "Maintenance",
    "troubleshooting": "Troubleshooting",
    "emergency": "Emergency",
    "performance": "Performance",
    "cost": "Cost",
    "security": "Security",
    "maintenance_window": "Maintenance windows",
    "incident": "Incident",
}

_NAMED = re.compile(rf"(?<![\w/.])(?:{'|'.join(SECTIONS)})/[a-z0-9_]+(?![\w/])")


@dataclass(frozen=True)
class Procedure:
    """One notebook as the catalogue shows it.

    `name` is its path under notebooks/ without suffix; `kind` is `reads` or `changes`, empty when its table
    does not say; `problem` says why it cannot be run, empty when it can.
    """

    name: str
    path: Path
    title: str
    summary: str = ""
    kind: str = ""
    minutes: str = ""
    when: str = ""
    when_not: str = ""
    permissions: str = ""
    whom_to_tell: str = ""
    parameters: tuple[Parameter, ...] = ()
    problem: str = ""

    @property
    def section(self) -> str:
        """The folder, empty at the top."""
        return self.name.rpartition("/")[0]

    @property
    def section_title(self) -> str:
        """The folder as people call it."""
        return SECTIONS.get(self.section, self.section.replace("_", " ").capitalize() or "Other")

    @property
    def tail(self) -> str:
        """The last part of the name: what reports are called after."""
        return self.name.rpartition("/")[2]

    def as_dict(self) -> dict[str, Any]:
        """The procedure as `runbook list --json` shows it."""
        return {
            "name": self.name,
            "title": self.title,
            "section": self.section_title,
            "summary": self.summary,
            "kind": self.kind,
            "minutes": self.minutes,
            "when": self.when,
            "when_not": self.when_not,
            "permissions": self.permissions,
            "whom_to_tell": self.whom_to_tell,
            "parameters": [parameter.as_dict() for parameter in self.parameters],
            "path": str(self.path),
            "problem": self.problem,
        }


def project_root(start: Path | None = None) -> Path:
    """The project's folder: `RUNBOOK_HOME`, else the nearest one upwards with notebooks/, else this checkout.

    Raises:
        ProcedureNotFound: none of them has a notebooks/ folder.
    """
    if named := os.environ.get("RUNBOOK_HOME"):
        if (Path(named) / "notebooks").is_dir():
            return Path(named).resolve()
        raise ProcedureNotFound(f"RUNBOOK_HOME is {named}, and there is no notebooks folder in it.")
    if (found := checkout.project_root(start)) is not None:
        return found
    raise ProcedureNotFound(
        f"No notebooks folder found from {(start or Path.cwd()).resolve()} upwards.",
        "Run this inside the project, or set RUNBOOK_HOME to it.",
    )


def procedures(root: Path) -> list[Procedure]:
    """Every procedure under `root`/notebooks, by section in the source's order, then by name."""
    base = root / "notebooks"
    found = [
        _read(path, base)
        for path in base.rglob("*.ipynb")
        if not path.name.startswith("_")
        and path.relative_to(base) != Path("index.ipynb")
        and ".ipynb_checkpoints" not in path.parts
    ]
    order = list(SECTIONS)
    return sorted(
        found, key=lambda p: (order.index(p.section) if p.section in order else len(order), p.section, p.name)
    )


def find(name: str, known: Sequence[Procedure]) -> Procedure:
    """The procedure of that name, or of that last part when only one has it.

    Raises:
        ProcedureNotFound: with the nearest names, or with all that the last part could mean.
    """
    wanted = name.removeprefix("notebooks/").removesuffix(".ipynb").strip("/")
    exact = [p for p in known if p.name == wanted] or [p for p in known if p.tail == wanted]
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise ProcedureNotFound(f"{name!r} is ambiguous: {', '.join(p.name for p in exact)}.")
    words = {word: p.name for p in known for word in (p.tail, p.name)}
    close = list(
        dict.fromkeys(words[word] for word in difflib.get_close_matches(wanted, words, n=3, cutoff=0.5))
    )
    hint = f"Did you mean {' or '.join(close)}?" if close else "`runbook list` shows all."
    raise ProcedureNotFound(f"There is no procedure {name!r}.", hint)


def annotated(hint: str, known: Iterable[Procedure]) -> str:
    """A check's hint, saying of each procedure it names that has no notebook where to look instead.

    Hints name the procedure that goes on from there whether or not it is in this catalogue; at three in the
    morning nobody should search for one that is not.
    """
    names = {procedure.name for procedure in known}
    missing = [name for name in dict.fromkeys(_NAMED.findall(hint)) if name not in names]
    if not missing:
        return hint
    return f"{hint} (No notebook yet for {', '.join(missing)}: the old runbook has the steps.)"


def _read(path: Path, base: Path) -> Procedure:
    name = path.relative_to(base).with_suffix("").as_posix()
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = [("".join(cell["source"]), cell) for cell in cells]
        title_cell = next((text for text, cell in texts if cell["cell_type"] == "markdown"), "")
        tagged = [text for text, cell in texts if "parameters" in cell.get("metadata", {}).get("tags", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Procedure(
            name, path, name, problem=f"not readable as a notebook: {type(error).__name__}: {error}"
        )
    facts = _facts(title_cell)
    try:
        declared = parameters.parse(tagged[0]) if tagged else ()
        problem = "" if tagged else "it has no cell tagged `parameters`"
    except ParameterError as error:
        declared, problem = (), str(error)
    return Procedure(
        name=name,
        path=path,
        title=_title(title_cell) or name,
        summary=_summary(title_cell),
        kind=_kind(facts.get("reads or changes", "")),
        minutes=facts.get("minutes", ""),
        when=facts.get("when", ""),
        when_not=facts.get("when not", ""),
        permissions=facts.get("permissions", ""),
        whom_to_tell=facts.get("whom to tell", ""),
        parameters=declared,
        problem=problem,
    )


def _title(text: str) -> str:
    heading = re.search(r"^#\s+(.+?)\s*#*\s*$", text, re.MULTILINE)
    return heading[1] if heading else ""


def _summary(text: str) -> str:
    blocks = (block.strip() for block in re.split(r"\n\s*\n", text))
    # The heading may stand directly above its paragraph.
    bodies = ("\n".join(line for line in block.splitlines() if not line.startswith("#")) for block in blocks)
    return next((" ".join(body.split()) for body in bodies if body and not body.startswith("|")), "")


def _facts(text: str) -> dict[str, str]:
    facts = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())]
        if len(cells) >= 4 and cells[0] == "" and cells[1].strip("-: "):
            facts[cells[1].strip("* ").lower()] = cells[2].replace("\\|", "|")
    return facts


def _kind(fact: str) -> str:
    word = fact.strip("*_` ").lower()
    return "changes" if word.startswith("change") else "reads" if word.startswith("read") else ""


class Listing:
    """The catalogue as a notebook shows it: by section, each procedure a link with what it does."""

    def __init__(self, known: Iterable[Procedure]) -> None:
        self.procedures = list(known)

    def _repr_markdown_(self) -> str:
        lines: list[str] = []
        section = None
        for procedure in self.procedures:
            if procedure.section_title != section:
                section = procedure.section_title
                lines += [
                    "",
                    f"### {section}",
                    "",
                    "| procedure | what it does | | minutes |",
                    "|---|---|---|---|",
                ]
            link = f"[{_cell(procedure.title)}]({quote(procedure.name)}.ipynb)"
            about = _cell((procedure.problem and f"cannot be run: {procedure.problem}") or procedure.summary)
            lines.append(f"| {link} | {about} | {procedure.kind} | {_cell(procedure.minutes)} |")
        return "\n".join(lines).strip() or "There is no procedure yet."

    def __repr__(self) -> str:
        return "\n".join(f"{p.name}: {p.summary or p.title}" for p in self.procedures) or "no procedures"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def listing(root: Path | None = None) -> Listing:
    """The catalogue of this project, ready to be the last line of a notebook cell."""
    return Listing(procedures(root or project_root()))
