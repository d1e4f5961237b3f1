"""The part of the Logs Insights query language that the sandbox answers: raw events, chosen and in order.

Everything else (`stats`, `parse`, other commands, fields that AWS discovers in messages, garbage) is
refused with the place in the query and what the sandbox does instead.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
"""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

Record = dict[str, str]
Test = Callable[[Record], bool]

DEFAULT_ROWS = 10_000
MAX_ROWS = 100_000
FIELDS = ("@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@ptr")
TEXT_FIELDS = ("@message", "@logStream", "@log")
ANSWERED = (
    "The sandbox answers fields, display, filter, sort @timestamp and limit over system fields of raw events"
)


class MalformedQuery(ValueError):
    """A query that is not answered: what is wrong, and from which to which character of it."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


@dataclass
class Query:
    """A query that can be answered."""

    fields: list[str] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    ascending: bool = False
    limit: int = DEFAULT_ROWS


def parse(text: str) -> Query:
    """Read a query. Raises MalformedQuery for what AWS or the sandbox does not answer."""
    try:
        tree = _grammar().parse(text)
    except UnexpectedInput as error:
        raise _unexpected(text, error) from error
    query = Query()
    displayed: list[str] = []
    for command in (child for child in tree.children if isinstance(child, Tree)):
        tokens = list(command.scan_values(lambda each: isinstance(each, Token)))
        if command.data == "filter":
            _check_fields((token for token in tokens if token.type == "FIELD"), TEXT_FIELDS)
            query.tests.append(_test(command.children[0]))
        elif command.data == "sort":
            _check_fields(tokens[:1], ("@timestamp",))
            query.ascending = tokens[1] == "asc"
        elif command.data == "limit":
            query.limit = _limit(tokens[0])
        else:
            _check_fields(tokens, FIELDS)
            displayed = [str(token) for token in tokens] if command.data == "display" else displayed
            query.fields += [str(token) for token in tokens] if command.data == "fields" else []
    query.fields = displayed or query.fields or ["@timestamp", "@message"]
    return query


@functools.cache
def _grammar() -> Lark:
    return Lark(Path(__file__).with_suffix(".lark").read_text(encoding="utf-8"), parser="lalr")


def _unexpected(text: str, error: UnexpectedInput) -> MalformedQuery:
    position = error.pos_in_stream
    start = len(text) if position is None or position < 0 else position
    word = re.match(r"\w+|\S?", text[start:])
    found = word.group() if word and word.group() else "end of query"
    line = text.count("\n", 0, start) + 1
    return MalformedQuery(
        f"unexpected symbol found {found} at line {line}. {ANSWERED}.", start, start + len(found)
    )


def _check_fields(fields: Iterable[Token], known: tuple[str, ...]) -> None:
    for name in fields:
        if name not in known:
            start, end = name.start_pos or 0, name.end_pos or 0
            raise MalformedQuery(f"{ANSWERED}; here it knows {', '.join(known)}, not {name}.", start, end)


def _limit(token: Token) -> int:
    if not 1 <= int(token) <= MAX_ROWS:
        message = f"limit must be between 1 and {MAX_ROWS}."
        raise MalformedQuery(message, token.start_pos or 0, token.end_pos or 0)
    return int(token)


def _test(node: Any) -> Test:
    """The test of one event's record that a filter's expression describes."""
    children = node.children
    if node.data in ("any", "all"):
        together, tests = (any if node.data == "any" else all), [_test(child) for child in children]
        return lambda record: together(test(record) for test in tests)
    if node.data == "negated":
        inner = _test(children[0])
        return lambda record: not inner(record)
    name, value = str(children[0]), children[-1]
    if value.type == "REGEX":
        search = _regex(value).search
        found: Test = lambda record: search(record[name]) is not None  # noqa: E731
    else:
        text = re.sub(r"\\(.)", r"\1", value[1:-1])
        if node.data in ("equal", "not_equal"):
            found = lambda record: record[name] == text  # noqa: E731
        else:
            found = lambda record: text in record[name]  # noqa: E731
    if node.data.startswith("not_"):
        return lambda record: not found(record)
    return found


def _regex(token: Token) -> re.Pattern[str]:
    try:
        return re.compile(token[1:-1])
    except re.error as error:
        message = f"the regular expression {token} is not valid: {error}"
        raise MalformedQuery(message, token.start_pos or 0, token.end_pos or 0) from error
