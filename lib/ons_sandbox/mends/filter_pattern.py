"""The filter patterns of CloudWatch Logs: of metric filters, subscription filters and FilterLogEvents.

Four kinds: terms (`ERROR -"timed out"`, `?ERROR ?WARN`), one regular expression (`%4\\d\\d%`), selectors
over JSON events and words by position (both in filter_expression).
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-unstructured-log-events.html
"""

import functools
import re

from ons_sandbox.mends.filter_expression import (
    InvalidPattern,
    Matcher,
    compile_regex,
    json_matcher,
    unquoted,
    words_matcher,
)

MAX_LENGTH = 1024

_TERM = re.compile(r'([-?]?)(?:"((?:\\.|[^"\\])*)"|([^\s"%]+))(?:\s+|$)')


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Matcher:
    """Make a function that says of one log message whether `pattern` matches it.

    An empty pattern matches everything. Compiled patterns are remembered. Raises InvalidPattern.
    """
    if len(pattern) > MAX_LENGTH:
        raise InvalidPattern(f"the pattern has {len(pattern)} characters, at most {MAX_LENGTH} are allowed")
    text = pattern.strip()
    if not text or re.fullmatch(r'"\s*"', text):  # AWS: a quoted blank matches everything
        return lambda message: True
    if text.startswith("{"):
        return json_matcher(text)
    if text.startswith("["):
        return words_matcher(text)
    if text.startswith("%"):
        return _regex_matcher(text)
    return _terms_matcher(text)


def _terms_matcher(text: str) -> Matcher:
    wanted, unwanted, optional = _terms(text)
    if wanted or unwanted:
        # AWS: next to other terms, those with a question mark are ignored.
        if len(wanted) == 1 and not unwanted:
            term = wanted[0]
            return lambda message: term in message
        return lambda message: (
            all(term in message for term in wanted) and not any(term in message for term in unwanted)
        )
    return lambda message: any(term in message for term in optional)


def _terms(text: str) -> tuple[list[str], list[str], list[str]]:
    """The terms to be there, not to be there, and of which any is to be there."""
    found: dict[str, list[str]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise InvalidPattern(f"cannot read the term that starts at: {text[position : position + 40]}")
        sign, quoted, bare = term.groups()
        if bare is not None and not all(char.isalnum() or char == "_" for char in bare):
            raise InvalidPattern(f"Invalid character(s) in term '{bare}'; put it in double quotation marks")
        found[sign].append(bare if bare is not None else unquoted(quoted))
        position = term.end()
    return found[""], found["-"], found["?"]


def _regex_matcher(text: str) -> Matcher:
    if len(text) < 3 or not text.endswith("%") or "%" in text[1:-1]:
        raise InvalidPattern("a regular expression stands alone, between two % signs")
    search = compile_regex(text).search
    return lambda message: search(message) is not None
