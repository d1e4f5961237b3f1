"""Time in the services that take their time: what takes minutes on AWS takes seconds here.

A deployment that shifts traffic for ten minutes, or a database that is modified for twenty, would make every
exercise and every test wait. The factor is one for all, so that what overlaps on AWS overlaps here. Only such
durations are scaled: the time of day, periods of metrics, and when files arrive are this machine's.
"""

import contextlib
import math
import time
from collections.abc import Iterator

DEFAULT_FACTOR = 60.0

_factor = DEFAULT_FACTOR
_skipping = False


def set_factor(factor: float) -> None:
    """How many seconds of AWS go by in a second here (60: a minute a second). For what begins from now on.

    Raises ValueError for what is no positive number.
    """
    global _factor
    if not (factor > 0 and math.isfinite(factor)):
        raise ValueError(f"time can only go forward, not by the factor {factor}")
    _factor = factor


def factor() -> float:
    """How many seconds of AWS go by in a second here."""
    return _factor


@contextlib.contextmanager
def skipping() -> Iterator[None]:
    """Let what begins meanwhile take no time at all, whatever the factor: the platform is built like this."""
    global _skipping
    _skipping = True
    try:
        yield
    finally:
        _skipping = False


def real_seconds(aws_seconds: float) -> float:
    """How long (seconds, here) it takes what takes `aws_seconds` on AWS."""
    return 0.0 if _skipping else aws_seconds / _factor


def now() -> float:
    """The time, in seconds since the epoch (UTC), to the millisecond as AWS tells it."""
    return round(time.time(), 3)
