"""Text to syntax tree, by the grammar in ``grammar.lark``."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError
from lark.tree import Meta

from ons_sandbox.influx.times import parse_rfc3339

from .errors import FluxError, Location, NotImplementedHere
from .syntax import (
    Array,
    Assignment,
    Binary,
    Call,
    Conditional,
    Expression,
    Function,
    Import,
    Literal,
    Logical,
    Member,
    Name,
    Parameter,
    Program,
    Record,
    Unary,
)
from .values import Duration, Regex, Time

ESCAPE = re.compile(r'\\(x[0-9a-fA-F]{2}|\$\{|[nrt"\\])')
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "${": "${"}
INTERPOLATION = re.compile(r"(?<!\\)\$\{")


def parse(text: str) -> Program:
    """The syntax tree of a query. Raises FluxError where the text is not Flux, or not Flux as known here."""
    try:
        program: Program = _Builder().transform(_parser().parse(text))
    except UnexpectedInput as error:
        raise FluxError(f"compilation failed: {_described(error, text)}") from error
    except VisitError as error:
        raise error.orig_exc from error
    return program


def prepare() -> None:
    """Build the parser now (0.1 s), so that the first query does not wait for it."""
    _parser()


@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text()
    return Lark(grammar, start="program", parser="lalr", propagate_positions=True, maybe_placeholders=True)


def _described(error: UnexpectedInput, text: str) -> str:
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        lines = text.split("\n")
        return f"error @{len(lines)}:{len(lines[-1]) + 1}: unexpected end of the query"
    found = str(token) if token is not None else text[error.pos_in_stream or 0]
    return f'error @{error.line}:{error.column}: unexpected "{found}"'


def _location(meta: Meta) -> Location:
    return Location(meta.line, meta.column, meta.end_line, meta.end_column)


@v_args(inline=True, meta=True)
class _Builder(Transformer[Token, Any]):
    """Makes each rule's node of the nodes of its parts."""

    def program(self, meta: Meta, package: Token | None, *parts: Any) -> Program:
        imports = tuple(part for part in parts if isinstance(part, Import))
        return Program(imports, tuple(part for part in parts if part and not isinstance(part, Import)))

    def package(self, meta: Meta, name: Token) -> None:
        return None

    def import_(self, meta: Meta, name: Token | None, path: Token) -> Import:
        text = _unquoted(path)
        return Import(text, str(name or text.rpartition("/")[2]), _location(meta))

    def assignment(self, meta: Meta, name: Token, value: Expression) -> Assignment:
        return Assignment(str(name), value, False, _location(meta))

    def option(self, meta: Meta, name: Token, member: Token | None, value: Expression) -> Assignment:
        if member is not None:
            raise NotImplementedHere(f"the option {name}.{member}", _location(meta))
        return Assignment(str(name), value, True, _location(meta))

    def expression_statement(self, meta: Meta, expression: Expression) -> Expression:
        return expression

    # Expressions

    def conditional(
        self, meta: Meta, test: Expression, then: Expression, otherwise: Expression
    ) -> Conditional:
        return Conditional(test, then, otherwise, _location(meta))

    def logical(self, meta: Meta, left: Expression, operator: Token, right: Expression) -> Logical:
        return Logical(str(operator), left, right, _location(meta))

    def unary(self, meta: Meta, operator: Token, operand: Expression) -> Unary:
        return Unary(str(operator), operand, _location(meta))

    def binary(self, meta: Meta, left: Expression, operator: Token, right: Expression) -> Binary:
        return Binary(str(operator), left, right, _location(meta))

    def pipe(self, meta: Meta, piped: Expression, call: Expression) -> Call:
        if not isinstance(call, Call):
            raise FluxError(
                "compilation failed: error " + f"{_location(meta)}: pipe destination must be a function call"
            )
        return Call(call.function, call.arguments, piped, call.at)

    def call(self, meta: Meta, function: Expression, arguments: Any) -> Call:
        return Call(function, arguments or (), None, _location(meta))

    def arguments(self, meta: Meta, *properties: tuple[str, Expression] | None) -> Any:
        return tuple(one for one in properties if one)

    def member(self, meta: Meta, record: Expression, name: Token) -> Member:
        return Member(record, _unquoted(name) if name.type == "STRING" else str(name), _location(meta))

    def index(self, meta: Meta, array: Expression, index: Expression) -> None:
        raise NotImplementedHere("index expressions", _location(meta))

    def name(self, meta: Meta, name: Token) -> Name:
        return Name(str(name), _location(meta))

    def array(self, meta: Meta, *elements: Expression | None) -> Array:
        return Array(tuple(one for one in elements if one is not None), _location(meta))

    def record(self, meta: Meta, base: Token | None, with_: Token | None, *properties: Any) -> Record:
        base_name = None if base is None else Name(str(base), _location(meta))
        return Record(tuple(one for one in properties if one), base_name, _location(meta))

    def property(self, meta: Meta, name: Token, value: Expression | None) -> tuple[str, Expression]:
        label = _unquoted(name) if name.type == "STRING" else str(name)
        return label, Name(label, _location(meta)) if value is None else value

    def function(self, meta: Meta, opening: Token, *parts: Any) -> Function:
        parameters = tuple(part for part in parts[:-1] if part is not None)
        result, assignments = parts[-1] if isinstance(parts[-1], tuple) else (parts[-1], ())
        return Function(parameters, result, assignments, _location(meta))

    def parameter(self, meta: Meta, name: Token, default: Expression | Token | None) -> Parameter:
        if isinstance(default, Token):
            return Parameter(str(name), None, True)
        return Parameter(str(name), default)

    def block(self, meta: Meta, *parts: Any) -> tuple[Expression, tuple[Assignment, ...]]:
        if not all(isinstance(part, Assignment) for part in parts[:-1]):
            raise NotImplementedHere("statements without effect in a function's block", _location(meta))
        return parts[-1], tuple(parts[:-1])

    # Literals

    def string(self, meta: Meta, text: Token) -> Literal:
        if INTERPOLATION.search(text):
            raise NotImplementedHere("string interpolation", _location(meta))
        return Literal(_unquoted(text), _location(meta))

    def integer(self, meta: Meta, text: Token) -> Literal:
        return Literal(int(text), _location(meta))

    def float(self, meta: Meta, text: Token) -> Literal:
        return Literal(float(text), _location(meta))

    def duration(self, meta: Meta, text: Token) -> Literal:
        return Literal(Duration.parse(text), _location(meta))

    def time(self, meta: Meta, text: Token) -> Literal:
        return Literal(Time(parse_rfc3339(text)), _location(meta))

    def regex(self, meta: Meta, text: Token) -> Literal:
        return Literal(Regex(text[1:-1].replace(r"\/", "/")), _location(meta))


def _unquoted(token: Token) -> str:
    def replaced(match: re.Match[str]) -> str:
        found = match[1]
        return chr(int(found[1:], 16)) if found.startswith("x") else ESCAPED[found]

    return ESCAPE.sub(replaced, token[1:-1])
