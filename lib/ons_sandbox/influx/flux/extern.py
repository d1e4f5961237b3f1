"""Query parameters: the ``extern`` of a query request, as syntax.

Clients send parameters as a Flux syntax tree in JSON: a File whose body is OptionStatements, each assigning
one literal. See "Query API / extern" in the InfluxDB OSS v2 API reference, and "Parameterized queries" of
the client libraries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ons_sandbox.influx.times import parse_rfc3339

from .errors import FluxError, NotImplementedHere
from .syntax import Array, Assignment, Expression, Literal, Unary
from .values import Duration, Time


def parse_extern(document: Mapping[str, Any]) -> list[Assignment]:
    """The assignments that the extern makes. Raises FluxError for what is no parameter."""
    imports = document.get("imports") or []
    if imports:
        paths = ", ".join(one["path"]["value"] for one in imports)
        raise NotImplementedHere(f'the package "{paths}"')
    return [_assignment(statement) for statement in document.get("body") or []]


def _assignment(statement: Mapping[str, Any]) -> Assignment:
    assignment = statement.get("assignment") if statement.get("type") == "OptionStatement" else statement
    if not assignment or assignment.get("type") != "VariableAssignment":
        raise FluxError(f"extern: expected the assignment of a variable, found {statement.get('type')}")
    return Assignment(assignment["id"]["name"], _expression(assignment["init"]))


def _expression(node: Mapping[str, Any]) -> Expression:
    match node["type"]:
        case "StringLiteral":
            return Literal(str(node["value"]))
        case "BooleanLiteral":
            return Literal(bool(node["value"]))
        case "IntegerLiteral":
            return Literal(int(node["value"]))
        case "FloatLiteral":
            return Literal(float(node["value"]))
        case "DateTimeLiteral":
            return Literal(Time(parse_rfc3339(node["value"])))
        case "DurationLiteral":
            return Literal(
                Duration.parse("".join(f"{one['magnitude']}{one['unit']}" for one in node["values"]))
            )
        case "UnaryExpression":
            return Unary(node["operator"], _expression(node["argument"]))
        case "ArrayExpression":
            return Array(tuple(_expression(element) for element in node["elements"]))
        case other:
            raise NotImplementedHere(f"{other} in extern")
