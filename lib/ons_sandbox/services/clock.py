"""Time in the services that take their time: what takes minutes on AWS takes seconds here.

A deployment that shifts traffic for ten minutes, or a database that is modified for twenty, would make every
exercise and every test wait. The factor is one for all, so that what overlaps on AWS overlaps here.
"""

import time

DEFAULT_FACTOR = 60.0

_factor = DEFAULT_FACTOR


def set_factor(factor: float) -> None:
    """How many seconds of AWS go by in a second here (60: a minute a second). For what begins from now on."""
    global _factor
    if factor <= 0:
        raise ValueError(f"time can only go forward, not by the factor {factor}")
    _factor = factor


def real_seconds(aws_seconds: float) -> float:
    """How long (seconds, here) it takes what takes `aws_seconds` on AWS."""
    return aws_seconds / _factor


def now() -> float:
    """The time, in seconds since the epoch (UTC), to the millisecond as AWS tells it."""
    return round(time.time(), 3)
