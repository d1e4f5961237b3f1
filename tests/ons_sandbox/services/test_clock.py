"""The clock of the services that take their time."""

import math
from collections.abc import Iterator

import pytest

from ons_sandbox.services import clock


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    factor = clock.factor()
    yield
    clock.set_factor(factor)


def test_what_takes_a_minute_takes_a_second_at_sixty() -> None:
    clock.set_factor(60)
    assert clock.real_seconds(60) == 1.0


def test_at_one_it_takes_as_long_as_on_aws() -> None:
    clock.set_factor(1)
    assert clock.real_seconds(90) == 90.0


@pytest.mark.parametrize("factor", [0, -1, math.inf, math.nan])
def test_time_goes_forward_and_does_not_jump(factor: float) -> None:
    before = clock.factor()
    with pytest.raises(ValueError, match="forward"):
        clock.set_factor(factor)
    assert clock.factor() == before


def test_skipping_lets_nothing_take_time_and_ends_with_its_block() -> None:
    clock.set_factor(1)

    def fail() -> None:
        with clock.skipping():
            assert clock.real_seconds(90) == 0.0
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert clock.real_seconds(90) == 90.0
