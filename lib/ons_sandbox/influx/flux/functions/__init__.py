"""The functions of Flux that are implemented here; importing this package makes them known."""

from ons_sandbox.influx.flux.values import INFINITE

from . import (
    aggregates,
    columns,
    conversions,
    grouping,
    mapping,
    pivoting,
    results,
    schema,
    selectors,
    sequences,
    sources,
    windows,
)

CONSTANTS = {"true": True, "false": False, "inf": INFINITE}

__all__ = [
    "CONSTANTS",
    "aggregates",
    "columns",
    "conversions",
    "grouping",
    "mapping",
    "pivoting",
    "results",
    "schema",
    "selectors",
    "sequences",
    "sources",
    "windows",
]
