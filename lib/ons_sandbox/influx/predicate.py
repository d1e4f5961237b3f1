"""The predicate of a delete request: ``tag = "value" AND _measurement != "other"``.

The syntax, and what it does not allow (OR, regular expressions, fields), is that of "Delete predicate
syntax" in the InfluxDB OSS v2 documentation
(https://docs.influxdata.com/influxdb/v2/reference/syntax/delete-predicate/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import InfluxError
from .series import Series

TOKEN = re.compile(
    r'\s*(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<operator>!=|=~|!~|<=|>=|<>|[=<>])|(?P<paren>[()])'
    r"|(?P<word>[^\s=!<>()\"']+)|(?P<other>\S))"
)
ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the predicate; ``kind`` is the name of its group in TOKEN, or "end"."""

    kind: str
    text: str
    position: int


def parse(text: str) -> Callable[[Series], bool]:
    """A function that says whether a series is meant; an empty predicate means every one.

    Raises InfluxError for what InfluxDB does not accept either.
    """
    tokens = list(_tokens(text))
    if tokens[0].kind == "end":
        return lambda series: True
    terms, rest = _terms(tokens)
    if rest[0].kind != "end":
        raise _invalid("extra ) seen")
    return lambda series: all(term(series) for term in terms)


Term = Callable[[Series], bool]


def _tokens(text: str) -> Iterator[Token]:
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        found = match[kind]
        yield Token(kind, ESCAPED.sub(r"\1", found) if kind == "quoted" else found, match.start(kind))
    yield Token("end", "EOF", len(text))


def _terms(tokens: list[Token]) -> tuple[list[Term], list[Token]]:
    """Comparisons joined by AND, and the tokens after them."""
    terms: list[Term] = []
    while True:
        if tokens[0].text == "(" and tokens[0].kind == "paren":
            inner, tokens = _terms(tokens[1:])
            if tokens[0].text != ")":
                raise _invalid("extra ( seen")
            terms += inner
            tokens = tokens[1:]
        else:
            terms.append(_comparison(*[*tokens, tokens[-1], tokens[-1]][:3]))
            tokens = tokens[3:]
        if tokens[0].kind == "word" and tokens[0].text.upper() == "OR":
            raise _invalid(f"the logical operator OR is not supported yet at position {tokens[0].position}")
        if tokens[0].kind != "word" or tokens[0].text.upper() != "AND":
            return terms, tokens
        tokens = tokens[1:]


def _comparison(key: Token, operator: Token, value: Token) -> Term:
    if key.kind not in ("word", "quoted"):
        raise _invalid(f"bad tag key, at position {key.position}")
    if operator.text in ("=~", "!~"):
        raise _invalid(f'operator: "{operator.text}" at position: {operator.position} is not supported yet')
    if operator.text not in ("=", "!="):
        raise _invalid(f'invalid operator "{operator.text}" at position: {operator.position}')
    if value.kind not in ("word", "quoted"):
        raise _invalid(f'bad tag value: "{value.text}", at position {value.position}')
    if key.text == "_field":
        raise InfluxError("not implemented", "delete by field is not supported")
    equal = operator.text == "="
    # A series without the tag has it empty, as far as a delete is concerned.
    return lambda series: (series.labels().get(key.text, "") == value.text) == equal


def _invalid(message: str) -> InfluxError:
    return InfluxError("invalid", f"error decoding json body: {message}")
