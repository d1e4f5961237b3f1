"""What a service's model in botocore allows for a parameter, in the words of AWS's validation.

botocore itself checks types and what is required, and lowest values; lengths, highest values, patterns and
enumerations are left to the service, and the emulators leave them out.
https://smithy.io/2.0/spec/constraint-traits.html
"""

import functools
import re
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape, StringShape


@functools.cache
def model(name: str) -> ServiceModel:
    """The model of a service by botocore's name; reading one takes a tenth of a second."""
    return botocore.session.Session().get_service_model(name)


def problems(shape: Shape, value: Any, path: str = "") -> list[str]:
    """Every constraint of `shape` that `value` breaks, as AWS words it; empty when all hold."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        found = [
            f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
            for name in shape.required_members
            if value.get(name) is None
        ]
        for name, member in shape.members.items():
            if value.get(name) is not None:
                found += problems(member, value[name], _join(path, name))
        return found
    if shape.type_name == "list" and isinstance(value, list):
        return [
            problem
            for number, item in enumerate(value, start=1)
            for problem in problems(shape.member, item, f"{path}.{number}.member")
        ]
    broken = _broken(shape, value)
    if broken is None:
        return []
    return [f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {broken}"]


def message(found: list[str]) -> str:
    """The message of a ValidationException for these problems."""
    return f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: " + "; ".join(found)


def _broken(shape: Shape, value: Any) -> str | None:
    """The constraint that a plain value breaks."""
    limits = shape.metadata
    if isinstance(shape, StringShape) and isinstance(value, str):
        if shape.enum and value not in shape.enum:
            return f"satisfy enum value set: [{', '.join(shape.enum)}]"
        if len(value) < limits.get("min", 0):
            return f"have length greater than or equal to {limits['min']}"
        if len(value) > limits.get("max", len(value)):
            return f"have length less than or equal to {limits['max']}"
        pattern = limits.get("pattern", "")
        # \p{…} is Java's, and of no field that matters here.
        if pattern and "\\p" not in pattern and not re.fullmatch(pattern, value):
            return f"satisfy regular expression pattern: {pattern}"
    elif isinstance(value, int):
        if value < limits.get("min", value):
            return f"have value greater than or equal to {limits['min']}"
        if value > limits.get("max", value):
            return f"have value less than or equal to {limits['max']}"
    return None


def _join(path: str, name: str) -> str:
    camel = name[:1].lower() + name[1:]
    return f"{path}.{camel}" if path else camel
