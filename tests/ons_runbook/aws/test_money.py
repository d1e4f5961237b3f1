"""Amounts as plans say them."""

import pytest

from ons_runbook.aws import money


@pytest.mark.parametrize(
    ("usd", "said"),
    [
        (0.0, "0.00"),
        (-0.0, "0.00"),
        (0.004, "under 0.01"),
        (-0.004, "less than 0.01 lost"),
        (0.01, "0.01"),
        (1234.5, "1,234.50"),
        (-3.2, "-3.20"),
    ],
)
def test_a_saving_that_is_too_small_to_say_is_not_said_to_be_none(usd, said):
    assert money.dollars(usd) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "0.977 kB"), (128 * 1024, "128 kB"), (9_407_528, "8.97 MB")],
)
def test_bytes_are_counted_as_aws_charges_them(count, said):
    assert money.size(count) == said


def test_terabytes_are_the_largest_unit():
    assert money.size(5_000 * 1024**4) == "5,000.0 TB"
