"""Text from outside made safe to keep: secrets out, control characters visible, length bounded.

Shapes of credentials: AWS access keys and session tokens
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html), InfluxDB tokens (64 random
bytes in base64, https://docs.influxdata.com/influxdb/v2/admin/tokens/), JWT (RFC 7519), PEM keys (RFC
7468), credentials in URLs (RFC 3986, 3.2.1), Slack webhooks, and `password=…` in its many spellings. Values
known to be secret (the session's own credentials) go to a `Redactor`, which finds them whatever they look
like.

Every pattern is anchored or bounded so that the time grows linearly with the text: a log line can be 1 MB
long.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import quote

MARK = "[redacted]"

# A literal shorter than this would blank out ordinary words everywhere.
_SHORTEST_LITERAL = 6
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----")
_PEM_END = "-----END"

_NAME = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret(?:[_-]?(?:access[_-]?)?key|[_-]?string)?|api[_-]?key|apikey"
    r"|private[_-]?key|access[_-]?key(?![_-]?id)|(?<!next)(?<!next[_-])(?<!continuation)(?<!continuation[_-])"
    r"(?<!page)(?<!page[_-])(?<!client)(?<!clientrequest)(?<!client[_-]request[_-])token|credentials?)"
)
# What stands after `password=`: quoted up to its quote (which may be escaped inside JSON inside a log
# line), or bare.
_VALUE = (
    r"""(?:\\["'](?P<escaped>[^"'\\]{3,})|"(?P<double>(?:[^"\\]|\\.){3,})|'(?P<single>(?:[^'\\]|\\.){3,})"""
    r"""|(?P<bare>[^\s"'\\,;&<>(){}\[\]]{3,}))"""
)
_NOT_SECRET = re.compile(
    r"null|none|true|false|missing|empty|unset|invalid|expired|required|redacted|\*+", re.I
)
_TOKEN_COUNT = re.compile(r"token\W*[0-9]{1,7}", re.I)


def _redact_named(match: re.Match[str]) -> str:
    value = match["escaped"] or match["double"] or match["single"] or match["bare"]
    if _NOT_SECRET.fullmatch(value) or value.startswith("[redacted") or _TOKEN_COUNT.fullmatch(match[0]):
        return match[0]
    return match[0][: -len(value)] + MARK


def _redact_forty(match: re.Match[str]) -> str:
    return MARK if _looks_random(match[0]) else match[0]


def _looks_random(text: str) -> bool:
    """Whether 40 characters are a secret access key rather than a hash, a path or a run of words.

    A commit's hash has one case; a path has many slashes; words in camel case change class about twice a
    word. Random base64 has both cases, a digit, few slashes, and changes class 25 times in 40 characters.
    """
    classes = ["u" if c.isupper() else "l" if c.islower() else "d" if c.isdigit() else "s" for c in text]
    changes = sum(a != b for a, b in pairwise(classes))
    return {"u", "l", "d"} <= set(classes) and text.count("/") <= 5 and changes >= 16


# Each rule: words of which one must be in the text (in small letters) for the pattern to be tried,
# since looking for a word takes a hundredth of the time; the pattern; what stands in its place. In order.
_RULES: tuple[tuple[tuple[str, ...], re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        ("authorization",),
        re.compile(
            r"""(authorization\\?["']?\s{0,4}[=:]\s{0,4}+\\?+["']?+)(?!\[redacted)[^"'\r\n\\]{3,}""", re.I
        ),
        rf"\1{MARK}",
    ),
    (
        ("signature=", "credential=", "token=", "sig="),
        re.compile(
            r"([?&;](?:x-amz-(?:signature|credential|security-token)|signature|sig)=)(?!\[redacted)[^&\s\"'<>]+",
            re.I,
        ),
        rf"\1{MARK}",
    ),
    (
        ("://",),
        re.compile(r"(://)(?!\[redacted)[^\s/@\"'<>]+(?:@[^\s/@\"'<>]+)*@"),
        rf"\1{MARK}@",
    ),
    (
        ("hooks.slack.com/",),
        re.compile(
            r"(hooks\.slack\.com/(?:services|workflows|triggers)/)(?!\[redacted)[A-Za-z0-9/_-]+", re.I
        ),
        rf"\1{MARK}",
    ),
    (
        ("bearer", "token"),
        re.compile(r"(?<![\w-])((?:[Bb]earer|BEARER|Token)\s{1,4})(?!\[redacted)[A-Za-z0-9._~+/=-]{20,}"),
        rf"\1{MARK}",
    ),
    (("==",), re.compile(r"(?<![\w+/-])[A-Za-z0-9+/_-]{86}==(?!=)"), MARK),  # InfluxDB
    (
        ("iqoj", "fwog", "fqog", "aqod"),  # AWS session tokens
        re.compile(r"(?<![\w+/-])(?:IQoJ|FwoG|FQoG|AQoD)[A-Za-z0-9+/]{80,}={0,2}"),
        MARK,
    ),
    (("eyj",), re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), MARK),  # JWT
    (("xox",), re.compile(r"(?<![\w-])xox[abeoprs]-[A-Za-z0-9-]{10,}"), MARK),  # Slack
    (("gh",), re.compile(r"(?<![\w-])gh[opsur]_[A-Za-z0-9]{30,}"), MARK),  # GitHub
    (
        ("pass", "pwd", "secret", "key", "token", "credential"),
        re.compile(rf"""{_NAME}\\?["']?\s{{0,4}}(?:=>|[=:])\s{{0,4}}{_VALUE}""", re.I),
        _redact_named,
    ),
    (
        ("akia", "asia", "abia", "acca"),
        re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12}([A-Z0-9]{4})(?![A-Za-z0-9])"),
        r"[redacted key id …\1]",
    ),
    (("",), re.compile(r"(?<![A-Za-z0-9+/=_.-])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=_-])"), _redact_forty),
)

_WHOLE_NAME = re.compile(
    rf"(?:[\w-]*[_-])?{_NAME}|[a-z0-9]*(?:Password|Secret|ApiKey|SecretString)", re.IGNORECASE
)


def redact(text: str) -> str:
    """`text` without anything that looks like a credential; ordinary ids (requests, ARNs, commits) stay.

    Of an access key id the last four characters stay, so that people can tell which key was meant.
    """
    text = _without_private_keys(text)
    small = text.lower()
    for words, pattern, instead in _RULES:
        if any(word in small for word in words):
            text = pattern.sub(instead, text)
    return text


def redact_json(value: Any) -> Any:
    """A copy of a JSON-like value, redacted: strings by their look, members by their name."""
    return Redactor().redact_json(value)


class Redactor:
    """`redact`, and besides that never lets the given literal values out.

    `secrets` are values known to be secret: they are found as they are, in base64, percent-encoded and as
    JSON writes them. Values shorter than six characters are ignored. The object's repr shows none of them.
    """

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        literals = {
            form
            for secret in secrets
            if secret and len(secret) >= _SHORTEST_LITERAL
            for form in _forms(secret)
        }
        # Longest first: a secret may contain another one.
        ordered = sorted(literals, key=len, reverse=True)
        self._literals = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        return "Redactor(…)"

    def redact(self, text: str) -> str:
        """`text` without the known secrets and without anything that looks like one."""
        if self._literals is not None:
            text = self._literals.sub(MARK, text)
        return redact(text)

    def redact_json(self, value: Any) -> Any:
        """A copy of a JSON-like value (dicts, lists, tuples, scalars), redacted, keys included."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            return {self._key(key): self._member(key, member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact_json(item) for item in value]
        return value

    def _key(self, key: Any) -> Any:
        return self.redact(key) if isinstance(key, str) else key

    def _member(self, key: Any, member: Any) -> Any:
        # A secret's *name* may be told (`influx_secret_name`): only members called like the value itself
        # are cut.
        if not (isinstance(key, str) and _WHOLE_NAME.fullmatch(key)):
            return self.redact_json(member)
        if isinstance(member, str):
            return member if not member or _NOT_SECRET.fullmatch(member) else MARK
        if isinstance(member, list | tuple):
            return [self._member(key, item) for item in member]
        return self.redact_json(member)


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        base64.b64encode(raw).decode(),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


def _without_private_keys(text: str) -> str:
    # By searching, not by one pattern: many beginnings without an end would make a pattern quadratic.
    kept, position = [], 0
    while begin := _PEM_BEGIN.search(text, position):
        kept += [text[position : begin.start()], MARK]
        end = text.find(_PEM_END, begin.end())
        if end < 0:
            return "".join(kept)
        close = text.find("-----", end + len(_PEM_END))
        position = len(text) if close < 0 else close + len("-----")
    return "".join([*kept, text[position:]])


_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
# C0 and C1 without tab and line feed, zero-width and bidirectional controls, line separators, and lone
# surrogates.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """`text` without terminal escape sequences, and with every other character that cannot be seen made
    visible.

    Bidirectional overrides and zero-width characters could make a line read as what it is not: they are
    shown as `<U+202E>`. Tab and line feed stay; CR LF becomes LF.
    """
    text = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _UNSEEN.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def shorten(text: str, limit: int = 2000, whole: int = 0) -> str:
    """`text` cut to `limit` characters, saying how much was cut. Redact first: half a secret is not found.

    `whole` is the length of the text that `text` is the beginning of, when it is only that.
    """
    whole = max(whole, len(text))
    if whole <= limit:
        return text
    return f"{text[:limit]}… [{whole - limit:,} of {whole:,} characters cut]"
