"""A notebook's parameters: read from its parameters cell, and values from outside made to fit them.

The cell is parsed, never executed: one line a parameter, `name: type = literal  # [constraint] help`. Types
are `str`, `int`, `float`, `bool`, `list[str]`, and each of them `| None`. The optional constraint is a
range for numbers (`[1..168]`, either end may be missing) or a list of choices (`[a|b|c]`).

Papermill takes whatever YAML makes of a word on the command line, so that `-p dry_run false` can reach a
notebook as a true string: https://papermill.readthedocs.io/en/latest/usage-parameterize.html. Here the
annotation decides.
"""

from __future__ import annotations

import ast
import difflib
import io
import math
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ons_runbook.errors import ParameterError

SCALARS = ("str", "int", "float", "bool")
TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})
NUMBER = r"[+-]?\d+(?:\.\d+)?"
RANGE = re.compile(rf"\[({NUMBER})?\.\.({NUMBER})?\]\s*")
CHOICES = re.compile(r"\[([^\[\]|]*(?:\|[^\[\]|]*)+)\]\s*")


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell.

    `type` is the annotation without `| None`, which is `optional`; `low`, `high`, `choices` are the
    constraint.
    """

    name: str
    type: str
    default: Any
    help: str = ""
    optional: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def annotation(self) -> str:
        """The type as the notebook writes it."""
        return f"{self.type} | None" if self.optional else self.type

    @property
    def constraint(self) -> str:
        """The constraint as a person reads it: `1 to 168`, `at least 1`, `a, b or c`, or nothing."""
        if self.choices:
            return ", ".join(self.choices[:-1]) + " or " + self.choices[-1]
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if self.high is not None else ""

    def as_dict(self) -> dict[str, Any]:
        """The parameter as `runbook help NAME --json` shows it."""
        return {
            "name": self.name,
            "type": self.annotation,
            "default": self.default,
            "constraint": self.constraint,
            "help": self.help,
        }

    def convert(self, value: object) -> Any:
        """The value in the declared type.

        Args:
            value: a word from the command line or a parameter file, or an already typed value.

        Raises:
            ValueError: with a reason that reads well after the parameter's name.
        """
        if value is None or (
            self.optional and isinstance(value, str) and value.lower() in {"", "none", "null"}
        ):
            if not self.optional:
                raise ValueError(f"needs a value of type {self.type}")
            return None
        if self.type == "list[str]":
            converted: Any = _texts(value)
        else:
            converted = {"str": _text, "int": _integer, "float": _decimal, "bool": _truth}[self.type](value)
        self._hold_constraint(converted)
        return converted

    def _hold_constraint(self, value: Any) -> None:
        if self.choices:
            wrong = [v for v in (value if isinstance(value, list) else [value]) if str(v) not in self.choices]
            if wrong:
                raise ValueError(
                    f"must be {self.constraint}, not {wrong[0]!r}{_nearest(str(wrong[0]), self.choices)}"
                )
        too_low = self.low is not None and value < self.low
        too_high = self.high is not None and value > self.high
        if too_low or too_high:
            raise ValueError(f"must be {self.constraint}, not {value}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"must be text, not {value!r}: put it in quotes")


def _integer(value: object) -> int:
    # Without the length, Python itself refuses above 4,300 digits with a message about its own settings.
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,30}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"must be a whole number, not {value!r}")


def _decimal(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(
        r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", value
    ):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError(f"must be a number, not {value!r}")


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in TRUE | FALSE:
        return value.lower() in TRUE
    raise ValueError(f"must be true or false, not {value!r}")


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, Sequence) and all(isinstance(part, str) for part in value):
        return list(value)
    raise ValueError(f"must be a list of texts (a,b,c), not {value!r}")


def _nearest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def parse(source: str) -> tuple[Parameter, ...]:
    """The parameters that a parameters cell declares, in its order.

    Args:
        source: the cell's text. It is parsed, never executed.

    Raises:
        ParameterError: naming every line that is not `name: type = literal  # help`.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes in the source
        raise ParameterError(f"the parameters cell is not Python: {error}") from error
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    problems = []
    for statement in tree.body:
        try:
            parameter = _declared(statement, comments.get(statement.end_lineno or 0, ""))
            if parameter.name in found:
                raise ValueError(f"{parameter.name} is declared twice")
            found[parameter.name] = parameter
        except ValueError as error:
            problems.append(f"line {statement.lineno} of the parameters cell: {error}")
    if problems:
        raise ParameterError("; ".join(problems))
    return tuple(found.values())


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("#").strip() for t in tokens if t.type == tokenize.COMMENT}


def _declared(statement: ast.stmt, comment: str) -> Parameter:
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        raise ValueError("every line must read `name: type = literal`, with its type")
    name = statement.target.id
    kind, optional = _annotation(name, ast.unparse(statement.annotation))
    if statement.value is None:
        raise ValueError(f"{name} needs a default")
    try:
        default = ast.literal_eval(statement.value)
    except ValueError as error:
        raise ValueError(f"the default of {name} must be a literal: derived values go stale here") from error
    low, high, choices, help_text = _constraint(name, kind, comment)
    parameter = Parameter(name, kind, default, help_text, optional, low, high, choices)
    if default is not None and type(default).__name__ != kind.partition("[")[0]:
        raise ValueError(f"the default of {name} is not of type {kind}")
    try:
        parameter.convert(default)
    except ValueError as error:
        raise ValueError(f"the default of {name} {error}") from error
    return parameter


def _annotation(name: str, written: str) -> tuple[str, bool]:
    parts = [part.strip() for part in written.split("|")]
    optional = "None" in parts
    kinds = [part for part in parts if part != "None"]
    if len(kinds) != 1 or kinds[0] not in (*SCALARS, "list[str]"):
        raise ValueError(
            f"{name} has the type {written}; known are {', '.join(SCALARS)}, list[str], each with | None"
        )
    return kinds[0], optional


def _constraint(
    name: str, kind: str, comment: str
) -> tuple[float | None, float | None, tuple[str, ...], str]:
    if (span := RANGE.match(comment)) and (span[1] or span[2]):
        if kind not in {"int", "float"}:
            raise ValueError(f"{name} is {kind}: only numbers have a range")
        low, high = (float(end) if end else None for end in span.groups())
        return low, high, (), comment[span.end() :]
    if listed := CHOICES.match(comment):
        return None, None, tuple(word.strip() for word in listed[1].split("|")), comment[listed.end() :]
    return None, None, (), comment


def validate(known: Sequence[Parameter], given: Mapping[str, object]) -> dict[str, Any]:
    """The given values in their declared types; what was not given is not in the answer.

    Args:
        known: what the notebook declares.
        given: name to value, words or typed values.

    Raises:
        ParameterError: naming everything that is wrong at once: unknown names with the nearest known one,
            wrong types, values out of range.
    """
    by_name = {parameter.name: parameter for parameter in known}
    values: dict[str, Any] = {}
    problems = []
    for name, value in given.items():
        if name not in by_name:
            hint = _nearest(name, tuple(by_name)) or f"; known are {', '.join(by_name) or 'none'}"
            problems.append(f"unknown parameter {name!r}{hint}")
            continue
        try:
            values[name] = by_name[name].convert(value)
        except ValueError as error:
            problems.append(f"parameter {name} {error}")
    if problems:
        raise ParameterError("; ".join(problems))
    return values


def from_words(words: Sequence[str]) -> dict[str, str]:
    """`name=value` words of the command line as a mapping; the last of a name wins.

    Raises:
        ParameterError: naming every word without a name or an equals sign.
    """
    wrong = [word for word in words if not word.partition("=")[0] or "=" not in word]
    if wrong:
        raise ParameterError(f"parameters are written name=value, not {', '.join(map(repr, wrong))}")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def from_file(path: Path) -> dict[str, object]:
    """The mapping in a YAML (or JSON) file, its scalars as they are written.

    The annotation decides what they become: YAML's own reading would turn `012345671234` into an octal
    number and `no` into False first.

    Raises:
        ParameterError: the file is missing, is not YAML, holds no mapping, or names a parameter twice.
    """
    import yaml

    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ParameterError(f"the parameter file {path} cannot be read: {reason}") from error
    if node is None:
        return {}
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    if not pairs or not all(isinstance(key, yaml.ScalarNode) for key, _ in pairs):
        raise ParameterError(f"the parameter file {path} must hold one mapping of names to values")
    names = [key.value for key, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"the parameter file {path} names {', '.join(twice)} twice")
    return {key.value: _as_written(value, path) for key, value in pairs}


def _as_written(node: Any, path: Path) -> object:
    if node.id == "sequence" and all(item.id == "scalar" for item in node.value):
        return [item.value for item in node.value]
    if node.id != "scalar":
        raise ParameterError(f"the parameter file {path} nests values deeper than any parameter takes")
    return None if node.tag == "tag:yaml.org,2002:null" else node.value
