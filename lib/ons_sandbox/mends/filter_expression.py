"""Filter patterns with a structure: selectors over JSON events, and words of an event by their position.

`{ $.latency > 500 && $.user IS NULL }` and `[ip, ..., status = 4*, bytes]`; both may hold `%regular
expressions%`.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-space-delimited-log-events.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
"""

import functools
import json
import operator
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import LarkError

Matcher = Callable[[str], bool]
Test = Callable[[Any], bool]

MAX_REGEXES = 2
MAX_WILDCARD_SELECTORS = 3

_WORD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
_SELECTOR_STEP = re.compile(r"\['([^']+)'\]|\[(\d+|\*)\]|\.([\w\-]+|\*)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# Letters, digits, blanks, and the symbols and operators that AWS lists: not parentheses, not ':'.
_REGEX_TEXT = re.compile(
    r"(?:[A-Za-z0-9_#=@/;,\- ^$?\[\]{}|*+.]|\\(?:[dDsSwW]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9()!%]))*", re.ASCII
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}


class InvalidPattern(ValueError):
    """The pattern is not one that AWS documents; the message says what is wrong with it."""


def unquoted(inside: str) -> str:
    """What stands between double quotation marks, without its backslashes."""
    return re.sub(r"\\(.)", r"\1", inside)


def compile_regex(token: str) -> re.Pattern[str]:
    """Compile `%...%`, refusing what AWS does not support. Raises InvalidPattern."""
    inside = token[1:-1]
    if not _REGEX_TEXT.fullmatch(inside):
        raise InvalidPattern(f"the regular expression {token} has characters that AWS does not support")
    try:
        return re.compile(inside, re.ASCII)
    except re.error as error:
        raise InvalidPattern(f"the regular expression {token} is not valid: {error}") from error


@functools.cache
def _grammar() -> Lark:
    return Lark(
        Path(__file__).with_suffix(".lark").read_text(encoding="utf-8"),
        start=["json", "fields"],
        parser="lalr",
    )


def _parse(text: str, start: str) -> Tree[Token]:
    try:
        tree = _grammar().parse(text, start=start)
    except LarkError as error:
        raise InvalidPattern(f"Invalid filter pattern: {str(error).splitlines()[0]}") from error
    tokens = list(tree.scan_values(lambda value: isinstance(value, Token)))
    if sum(token.type == "REGEX" for token in tokens) > MAX_REGEXES:
        raise InvalidPattern(f"a pattern holds at most {MAX_REGEXES} regular expressions")
    wild = [token.count("*") for token in tokens if token.type == "SELECTOR" and "*" in token]
    if len(wild) > MAX_WILDCARD_SELECTORS or any(count > 1 for count in wild):
        limit = f"a pattern at most {MAX_WILDCARD_SELECTORS} such selectors"
        raise InvalidPattern(f"a selector holds at most one wildcard, {limit}")
    return tree


def _combined(tree: Tree[Token], leaf: Callable[[Tree[Token]], Test]) -> Test:
    """The test for a tree of `any` and `all` over leaves."""
    if tree.data not in ("any", "all"):
        return leaf(tree)
    tests = [_combined(child, leaf) for child in tree.children if isinstance(child, Tree)]
    if tree.data == "any":
        return lambda value: any(test(value) for test in tests)
    return lambda value: all(test(value) for test in tests)


def _scalar_test(symbol: str, value: Token) -> Test:
    """The test of one string or number (from a JSON event, or a word) against the value in the pattern."""
    compare = _COMPARE[symbol]
    if value.type == "BARE" and _NUMBER.fullmatch(value):
        number = float(value)
        return lambda found: _compare_number(compare, found, number, str(value))
    if symbol not in ("=", "!="):
        raise InvalidPattern(f"{symbol} compares with a number, not with {value}")
    if value.type == "REGEX":
        matches = compile_regex(value).search
    else:
        matches = _wildcard(unquoted(value[1:-1]) if value.type == "QUOTED" else str(value)).fullmatch
    wanted = symbol == "="
    return lambda found: (matches(_text(found)) is not None) is wanted


def _compare_number(compare: Callable[[Any, Any], bool], found: Any, number: float, written: str) -> bool:
    if isinstance(found, str):
        if compare in (operator.eq, operator.ne):
            return compare(found, written)
        return False
    return compare(found, number)


def _wildcard(text: str) -> re.Pattern[str]:
    """AWS: an asterisk at the beginning or at the end stands for any text, and within for itself."""
    if text == "*":
        return re.compile(".*", re.DOTALL)
    inside = re.escape(text[text.startswith("*") : len(text) - text.endswith("*")])
    return re.compile(
        (".*" if text.startswith("*") else "") + inside + (".*" if text.endswith("*") else ""), re.DOTALL
    )


def _text(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found)


def json_matcher(text: str) -> Matcher:
    """The matcher of a pattern in braces, over events that are JSON. Raises InvalidPattern."""
    tree = _parse(text, "json")
    test = _combined(_only_tree(tree), _json_test)

    def matches(message: str) -> bool:
        if message.lstrip()[:1] not in ("{", "["):
            return False
        try:
            event = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return test(event)

    return matches


def _only_tree(tree: Tree[Token]) -> Tree[Token]:
    child = tree.children[0]
    if not isinstance(child, Tree):
        raise InvalidPattern("Invalid filter pattern: an expression is missing")
    return child


def _json_test(tree: Tree[Token]) -> Test:
    selector, *rest = (child for child in tree.children if isinstance(child, Token))
    steps = [index or name or quoted for quoted, index, name in _SELECTOR_STEP.findall(selector)]
    if tree.data == "json_absent":
        return lambda event: not any(True for _ in _selected(event, steps))
    if tree.data == "json_constant":
        constant = _CONSTANTS[rest[0]]
        return lambda event: any(found is constant for found in _selected(event, steps))
    compare = _scalar_test(rest[0], rest[1])
    # A selector that points at an array, an object, null, a boolean or nothing fits no comparison.
    return lambda event: any(
        compare(found)
        for found in _selected(event, steps)
        if isinstance(found, str | int | float) and not isinstance(found, bool)
    )


def _selected(event: Any, steps: list[str]) -> Iterator[Any]:
    """The values that a selector points at: one, none, or with a wildcard several."""
    if not steps:
        yield event
        return
    step, rest = steps[0], steps[1:]
    if step == "*":
        inner = event.values() if isinstance(event, dict) else event if isinstance(event, list) else ()
        for each in inner:
            yield from _selected(each, rest)
    elif isinstance(event, dict) and step in event:
        yield from _selected(event[step], rest)
    elif isinstance(event, list) and step.isdecimal() and int(step) < len(event):
        yield from _selected(event[int(step)], rest)


def words_matcher(text: str) -> Matcher:
    """The matcher of a pattern in brackets, over words divided by blanks. Raises InvalidPattern."""
    tree = _parse(text, "fields")
    fields = [child for child in tree.children if isinstance(child, Tree)]
    gaps = [number for number, field in enumerate(fields) if field.data == "ellipsis"]
    if len(gaps) > 1:
        raise InvalidPattern("a pattern of words holds at most one ellipsis")
    gap = gaps[0] if gaps else len(fields)
    head, tail = (
        [_field_test(each) for each in fields[:gap]],
        [_field_test(each) for each in fields[gap + 1 :]],
    )

    def matches(message: str) -> bool:
        words = [bracketed or quoted or bare for bracketed, quoted, bare in _WORD.findall(message)]
        fixed = len(head) + len(tail)
        if len(words) < fixed or (not gaps and len(words) != fixed):
            return False
        return all(test(word) for test, word in zip(head, words, strict=False)) and all(
            test(word) for test, word in zip(tail, words[len(words) - len(tail) :], strict=True)
        )

    return matches


def _field_test(field: Tree[Token]) -> Test:
    if field.data == "free_field":
        return lambda word: True
    names = set(field.scan_values(lambda each: isinstance(each, Token) and each.type == "NAME"))
    if len(names) != 1:
        raise InvalidPattern(f"one field cannot have several names: {', '.join(sorted(names))}")
    return _combined(_only_tree(field), _word_test)


def _word_test(tree: Tree[Token]) -> Test:
    _name, symbol, value = (child for child in tree.children if isinstance(child, Token))
    test = _scalar_test(symbol, value)
    if value.type != "BARE" or not _NUMBER.fullmatch(value):
        return test

    def numeric(word: str) -> bool:
        return test(float(word) if _NUMBER.fullmatch(word) else word)

    return numeric
