"""Columns as text, as Flux writes values: numbers without exponent, times in RFC 3339."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .values import FluxType

SPELT_OUT = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


def of_column(values: pa.Array, fraction_digits: int | None = None) -> pa.Array:
    """A column of text; null stays null. ``fraction_digits`` is of seconds, None as many as are needed."""
    match FluxType.of_arrow(values.type):
        case FluxType.STRING:
            return values
        case FluxType.FLOAT:
            return _floats(values)
        case FluxType.TIME:
            return _times(values, fraction_digits)
        case _:
            return values.cast(pa.string())


def _floats(values: pa.Array) -> pa.Array:
    texts = values.cast(pa.string())
    unusual = pc.match_substring_regex(texts, "[einf]")
    if not pc.any(unusual).as_py():
        return texts
    rows = pc.fill_null(unusual, False).to_pylist()
    return pa.array(
        [
            _float(value) if odd else usual
            for value, usual, odd in zip(values.to_pylist(), texts.to_pylist(), rows, strict=True)
        ],
        pa.string(),
    )


def _float(value: float) -> str:
    if math.isfinite(value):
        return np.format_float_positional(value, trim="-")
    return SPELT_OUT[str(value)]


def _times(values: pa.Array, fraction_digits: int | None) -> pa.Array:
    nanoseconds = values.cast(pa.int64())
    whole = not pc.any(pc.not_equal(_remainder(nanoseconds, 1_000_000_000), 0)).as_py()
    if whole and fraction_digits is None:
        seconds = pc.divide(nanoseconds, 1_000_000_000).cast(pa.timestamp("s", "UTC"))
        return pc.strftime(seconds, "%Y-%m-%dT%H:%M:%SZ")
    texts = pc.strftime(values, "%Y-%m-%dT%H:%M:%SZ")
    return texts if fraction_digits else pc.replace_substring_regex(texts, r"\.?0+Z$", "Z")


def _remainder(values: pa.Array, divisor: int) -> pa.Array:
    return pc.subtract(values, pc.multiply(pc.divide(values, divisor), divisor))
