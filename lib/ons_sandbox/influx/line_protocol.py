"""Line protocol: text to points.

The syntax is that of "Line protocol reference" in the InfluxDB OSS v2 documentation
(https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/). As InfluxDB OSS does, one
malformed line refuses the whole batch, and the error quotes every malformed line with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from .errors import InfluxError
from .series import FieldType, FieldValue, Point, TagSet

NANOSECONDS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
RESERVED_TAG_KEYS = ("_measurement", "_field", "time")
BOOLEANS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}

SERIES_KEY = re.compile(r"(?:\\.|[^ ])+")
MEASUREMENT = re.compile(r"(?:\\.|[^,])+")
TAG = re.compile(r"(?P<key>(?:\\.|[^,=])*)=?(?P<value>(?:\\.|[^,=])*)")
FIELD = re.compile(r'(?P<key>(?:\\.|[^,= ])*)(?P<equals>=?)(?P<value>"(?:\\[\s\S]|[^"\\])*"|[^, ]*)')
FLOAT = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
INTEGER = re.compile(r"(?P<digits>-?\d+)(?P<suffix>[iu])")
TIMESTAMP = re.compile(r"-?\d+")
QUOTE = re.compile(r'\\.|"')
ESCAPED = re.compile(r"\\([,= ])")
ESCAPED_IN_STRING = re.compile(r'\\(["\\])')


class MalformedLine(ValueError):
    """A line that is not line protocol, with the reason in InfluxDB's words."""


def parse(text: str, precision: str = "ns") -> list[Point]:
    """The points of a batch; ``precision`` (ns, us, ms, s) is the unit of its timestamps.

    Raises InfluxError, naming every malformed line, when there is one.
    """
    if precision not in NANOSECONDS:
        raise InfluxError("invalid", "invalid precision; valid precision units are ns, us, ms, and s")
    points: list[Point] = []
    failures: list[str] = []
    known_keys: dict[str, tuple[str, TagSet]] = {}
    for line in _lines(text):
        try:
            points.append(_point(line, NANOSECONDS[precision], known_keys))
        except MalformedLine as reason:
            failures.append(f"unable to parse '{line}': {reason}")
    if failures:
        raise InfluxError("invalid", "\n".join(failures))
    return points


def _lines(text: str) -> Iterator[str]:
    """Lines that hold a point; a newline inside a quoted string ends none."""
    pieces: list[str] = []
    for piece in text.split("\n"):
        pieces.append(piece)
        searched = piece if len(pieces) > 1 else piece[_fields_start(piece) :]
        quotes = sum(1 for found in QUOTE.findall(searched) if found == '"') if '"' in searched else 0
        if (len(pieces) > 1) == (quotes % 2 == 0):
            continue  # an open quote stays open
        line = "\n".join(pieces).lstrip()
        pieces = []
        if line and not line.startswith("#"):
            yield line
    if pieces:
        yield "\n".join(pieces)


def _fields_start(line: str) -> int:
    key = SERIES_KEY.match(line.lstrip())
    return key.end() if key else 0


def _point(line: str, unit: int, known_keys: dict[str, tuple[str, TagSet]]) -> Point:
    match = SERIES_KEY.match(line)
    key = match.group() if match else ""
    if key not in known_keys:
        known_keys[key] = _series_key(key)
    measurement, tags = known_keys[key]
    fields, rest = _fields(line[len(key) :].lstrip(" "))
    return Point(measurement, tags, fields, _time(rest.strip(" "), unit))


def _series_key(key: str) -> tuple[str, TagSet]:
    measurement = MEASUREMENT.match(key)
    if measurement is None:
        raise MalformedLine("missing measurement")
    tags: dict[str, str] = {}
    position = measurement.end() + 1
    while position <= len(key):
        tag = TAG.match(key, position)
        if tag is None or not tag["key"]:
            raise MalformedLine("missing tag key")
        if not tag["value"]:
            raise MalformedLine("missing tag value")
        if key[tag.end() : tag.end() + 1] == "=":
            raise MalformedLine("invalid tag format")
        name = _unescaped(tag["key"])
        if name in RESERVED_TAG_KEYS:
            raise MalformedLine(f'cannot use reserved tag key "{name}"')
        if name in tags:
            raise MalformedLine("duplicate tags")
        tags[name] = _unescaped(tag["value"])
        position = tag.end() + 1
    return _unescaped(measurement.group()), tuple(sorted(tags.items()))


def _fields(text: str) -> tuple[tuple[tuple[str, FieldType, FieldValue], ...], str]:
    """The fields at the start of the text, and what follows them."""
    if not text:
        raise MalformedLine("missing fields")
    fields: list[tuple[str, FieldType, FieldValue]] = []
    position = 0
    while True:
        field = FIELD.match(text, position)
        if field is None or not field["equals"]:
            raise MalformedLine("invalid field format")
        if not field["key"]:
            raise MalformedLine("missing field key")
        fields.append((_unescaped(field["key"]), *_field_value(field["value"])))
        position = field.end()
        if text[position : position + 1] != ",":
            break
        position += 1
    rest = text[position:]
    if rest and not rest.startswith(" "):
        raise MalformedLine("invalid field format")
    return tuple(fields), rest


def _field_value(text: str) -> tuple[FieldType, FieldValue]:
    if not text:
        raise MalformedLine("missing field value")
    if text.startswith('"'):
        if len(text) < 2 or not text.endswith('"'):
            raise MalformedLine("unbalanced quotes")
        return FieldType.STRING, ESCAPED_IN_STRING.sub(r"\1", text[1:-1])
    if text in BOOLEANS:
        return FieldType.BOOLEAN, BOOLEANS[text]
    if integer := INTEGER.fullmatch(text):
        return _integer(integer["digits"], integer["suffix"])
    if text[0] not in "-.0123456789":
        raise MalformedLine("invalid number" if text[0] in "Nn" else "invalid boolean")
    if not FLOAT.fullmatch(text):
        raise MalformedLine("invalid number")
    value = float(text)
    if math.isinf(value):
        raise MalformedLine("invalid float")
    return FieldType.FLOAT, value


def _integer(digits: str, suffix: str) -> tuple[FieldType, FieldValue]:
    value = int(digits)
    signed = suffix == "i"
    smallest, largest = (-(2**63), 2**63 - 1) if signed else (0, 2**64 - 1)
    if not smallest <= value <= largest:
        kind = "integer" if signed else "unsigned"
        raise MalformedLine(f"unable to parse {kind} {digits}: value out of range")
    return (FieldType.INTEGER if signed else FieldType.UNSIGNED), value


def _time(text: str, unit: int) -> int | None:
    if not text:
        return None
    if " " in text:
        raise MalformedLine("point is invalid")
    if not TIMESTAMP.fullmatch(text):
        raise MalformedLine("bad timestamp")
    time = int(text) * unit
    if not -(2**63) < time < 2**63 - 1:
        raise MalformedLine(f"time outside range {-(2**63) + 2} - {2**63 - 2}")
    return time


def _unescaped(text: str) -> str:
    return ESCAPED.sub(r"\1", text) if "\\" in text else text
