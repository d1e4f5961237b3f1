"""Query parameters, as `influxdb-client` sends them ("Parameterized queries" of its documentation)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from influxdb_client import InfluxDBClient
from influxdb_client.client._base import _BaseQueryApi

from ons_sandbox.influx.flux.errors import FluxError, NotImplementedHere
from ons_sandbox.influx.flux.extern import parse_extern
from ons_sandbox.influx.flux.syntax import Array, Assignment, Literal, Unary
from ons_sandbox.influx.flux.values import Duration, Time


def sent(parameters: dict[str, Any] | None, profilers: list[str] | None = None) -> dict[str, Any]:
    """What the client puts into the request for these parameters."""
    tree = _BaseQueryApi._build_flux_ast(parameters, profilers)
    document: dict[str, Any] = InfluxDBClient("http://localhost", "t").api_client.sanitize_for_serialization(
        tree
    )
    return document


@pytest.mark.parametrize(
    ("value", "expression"),
    [
        ('te"xt ${a}', Literal('te"xt ${a}')),
        (-3, Literal(-3)),
        (2**63 - 1, Literal(2**63 - 1)),
        (1.5, Literal(1.5)),
        (True, Literal(True)),
        (datetime(2020, 1, 1, 0, 0, 0, 5, UTC), Literal(Time(1_577_836_800_000_005_000))),
        (timedelta(hours=1), Literal(Duration(0, 3600 * 10**9))),
        (timedelta(minutes=-1), Unary("-", Literal(Duration(0, 60 * 10**9)))),
        (["a", "b"], Array((Literal("a"), Literal("b")))),
    ],
)
def test_a_parameter_becomes_a_literal(value: Any, expression: object) -> None:
    assert parse_extern(sent({"p": value})) == [Assignment("p", expression)]  # type: ignore[arg-type]


def test_without_parameters_nothing_is_assigned() -> None:
    assert parse_extern(sent(None)) == []
    assert parse_extern({}) == []


def test_what_is_no_parameter_is_refused() -> None:
    with pytest.raises(NotImplementedHere, match='the package "profiler"'):
        parse_extern(sent(None, ["query"]))
    init = {"type": "CallExpression"}
    assignment = {"type": "VariableAssignment", "id": {"name": "p"}, "init": init}
    with pytest.raises(NotImplementedHere, match="CallExpression in extern"):
        parse_extern({"body": [{"type": "OptionStatement", "assignment": assignment}]})
    with pytest.raises(FluxError, match="expected the assignment of a variable"):
        parse_extern({"body": [{"type": "ExpressionStatement"}]})
