"""What a feature flag document must be like, and what is served of it.

https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-creating-configuration-and-profile-feature-flags.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

KEY = re.compile(r"[a-z][a-zA-Z\d_-]{0,63}")
NAME = re.compile(r"[^\n]{1,64}")
MAX_TEXT, MAX_ATTRIBUTES = 1024, 25
PASSING = ("_createdAt", "_updatedAt")
CONSTRAINTS = {
    "string": {"type", "required", "pattern", "enum"},
    "number": {"type", "required", "minimum", "maximum"},
    "array": {"type", "required", "elements"},
    "boolean": {"type", "required"},
}


@dataclass(frozen=True)
class Problem:
    """One reason to refuse a document, as InvalidConfigurationDetail tells it."""

    location: str
    reason: str


class UnknownToSandbox(Exception):
    """A document that AWS takes and the sandbox cannot serve."""


def problems(content: bytes) -> list[Problem]:
    """Everything that is wrong with a document; empty when AppConfig would take it.

    Raises UnknownToSandbox for variants: which one a caller gets is decided by rules that are not done here.
    """
    try:
        document = json.loads(content)
    except ValueError as error:
        return [Problem("", f"Error parsing the configuration as JSON: {error}")]
    return list(_document(document))


def served(content: bytes) -> bytes:
    """What GetLatestConfiguration gives: the values, with the attributes of those that are enabled."""
    values = json.loads(content).get("values", {})
    shown = {
        name: {
            key: found
            for key, found in {"enabled": False, **value}.items()
            if key == "enabled" or (value.get("enabled") and key not in PASSING)
        }
        for name, value in values.items()
    }
    return json.dumps(shown).encode()


def _document(document: Any) -> Iterator[Problem]:
    yield from _members(document, "", {"version", "flags", "values"})
    if not isinstance(document, dict):
        return
    if document.get("version") != "1":
        yield Problem("/version", 'The version is required and must be the string "1"')
    flags, values = document.get("flags", {}), document.get("values", {})
    yield from _map(flags, "/flags")
    yield from _map(values, "/values")
    if not isinstance(flags, dict) or not isinstance(values, dict):
        return
    for name, flag in flags.items():
        yield from _flag(flag, f"/flags/{name}")
    for name, value in values.items():
        if name not in flags:
            yield Problem(f"/values/{name}", f"The flag {name} is not defined in flags")
        definitions = flags.get(name)
        attributes = definitions.get("attributes", {}) if isinstance(definitions, dict) else {}
        yield from _value(value, attributes if isinstance(attributes, dict) else {}, f"/values/{name}")


def _members(value: Any, place: str, allowed: set[str]) -> Iterator[Problem]:
    """That something is an object with none but these members."""
    if not isinstance(value, dict):
        yield Problem(place, "An object is expected")
        return
    for name in value.keys() - allowed:
        yield Problem(f"{place}/{name}", f"The key {name} is not allowed here")


def _map(value: Any, place: str, most: int | None = None) -> Iterator[Problem]:
    """That something is an object whose keys are keys of flags or attributes."""
    if not isinstance(value, dict):
        yield Problem(place, "An object is expected")
        return
    for name in value:
        if not KEY.fullmatch(name):
            yield Problem(f"{place}/{name}", f"The key {name} does not match the pattern ^{KEY.pattern}$")
    if most is not None and len(value) > most:
        yield Problem(place, f"At most {most} are allowed")


def _flag(flag: Any, place: str) -> Iterator[Problem]:
    yield from _members(flag, place, {"name", "description", "attributes", "_deprecation", *PASSING})
    if not isinstance(flag, dict):
        return
    name = flag.get("name", "-")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield Problem(f"{place}/name", "A name has 1 to 64 characters in one line")
    yield from _text(flag.get("description", ""), f"{place}/description")
    if "_deprecation" in flag:
        yield from _members(flag["_deprecation"], f"{place}/_deprecation", {"status", "date"})
        if (
            isinstance(flag["_deprecation"], dict)
            and flag["_deprecation"].get("status", "planned") != "planned"
        ):
            yield Problem(f"{place}/_deprecation/status", "The status of a deprecation is planned")
    attributes = flag.get("attributes", {})
    yield from _map(attributes, f"{place}/attributes", MAX_ATTRIBUTES)
    for attribute, definition in attributes.items() if isinstance(attributes, dict) else ():
        yield from _definition(definition, f"{place}/attributes/{attribute}")


def _definition(definition: Any, place: str) -> Iterator[Problem]:
    yield from _members(definition, place, {"description", "constraints"})
    if not isinstance(definition, dict):
        return
    yield from _text(definition.get("description", ""), f"{place}/description")
    if "constraints" not in definition:
        return
    found, place = definition["constraints"], f"{place}/constraints"
    kind = found.get("type") if isinstance(found, dict) else None
    if kind not in CONSTRAINTS:
        yield Problem(f"{place}/type", f"The type is one of {', '.join(CONSTRAINTS)}")
        return
    yield from _members(found, place, CONSTRAINTS[kind])
    if not isinstance(found.get("required", False), bool):
        yield Problem(f"{place}/required", "A boolean is expected")
    if "pattern" in found and "enum" in found:
        yield Problem(place, "A pattern and an enum exclude each other")


def _text(text: Any, place: str) -> Iterator[Problem]:
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        yield Problem(place, f"A string of at most {MAX_TEXT} characters is expected")


def _value(value: Any, attributes: Mapping[str, Any], place: str) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(place, "An object is expected")
        return
    if "_variants" in value:
        raise UnknownToSandbox(f"the variants of {place}")
    if not isinstance(value.get("enabled", False), bool):
        yield Problem(f"{place}/enabled", "A boolean is expected")
    given = {key: found for key, found in value.items() if key not in ("enabled", *PASSING)}
    yield from _map(given, place, MAX_ATTRIBUTES)
    for name, found in given.items():
        if name not in attributes:
            yield Problem(f"{place}/{name}", f"The attribute {name} is not defined for this flag")
            continue
        yield from _attribute(found, _limits(attributes[name]), f"{place}/{name}")
    for name, definition in attributes.items():
        if _limits(definition).get("required") and name not in given:
            yield Problem(f"{place}/{name}", f"The attribute {name} is required")


def _limits(definition: Any) -> dict[str, Any]:
    found = definition.get("constraints") if isinstance(definition, dict) else None
    return found if isinstance(found, dict) else {}


def _attribute(value: Any, limits: Mapping[str, Any], place: str) -> Iterator[Problem]:
    kind = _kind(value)
    if kind is None:
        yield Problem(
            place, "A string, a number, a boolean, or an array of strings or of numbers is expected"
        )
        return
    wanted = limits.get("type")
    if wanted is not None and wanted != kind:
        yield Problem(place, f"The attribute is a {kind} and must be a {wanted}")
        return
    if kind == "array":
        for number, item in enumerate(value):
            yield from _attribute(item, limits.get("elements") or {}, f"{place}/{number}")
        return
    if isinstance(value, str) and len(value) > MAX_TEXT:
        yield Problem(place, f"At most {MAX_TEXT} characters are allowed")
    if isinstance(value, str) and "pattern" in limits and not re.search(str(limits["pattern"]), value):
        yield Problem(place, f"The value does not match the pattern {limits['pattern']}")
    if "enum" in limits and value not in limits["enum"]:
        yield Problem(place, f"The value is none of {limits['enum']}")
    if kind == "number" and not limits.get("minimum", value) <= value <= limits.get("maximum", value):
        yield Problem(place, "The value is out of its range")


def _kind(value: Any) -> str | None:
    """The type of an attribute's value; None when there is no such one."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    kinds = {_kind(item) for item in value} if isinstance(value, list) else {None}
    return "array" if kinds in (set(), {"string"}, {"number"}) else None
