"""What a service's model allows: https://smithy.io/2.0/spec/constraint-traits.html"""

import pytest

from ons_sandbox import constraints

UPDATE = constraints.model("timestream-influxdb").operation_model("UpdateDbInstance").input_shape


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"identifier": "abc", "port": 8086}, []),
        ({}, ["Value null at 'identifier' failed to satisfy constraint: Member must not be null"]),
        (
            {"identifier": "abc", "port": 80},
            [
                "Value '80' at 'port' failed to satisfy constraint: Member must have value greater than or "
                "equal to 1024"
            ],
        ),
        (
            {"identifier": "a-b-c"},
            [
                "Value 'a-b-c' at 'identifier' failed to satisfy constraint: Member must satisfy regular "
                "expression pattern: [a-zA-Z0-9]+"
            ],
        ),
    ],
)
def test_what_is_broken_is_told_in_aws_words(parameters: dict[str, object], told: list[str]) -> None:
    assert constraints.problems(UPDATE, parameters) == told


def test_several_problems_are_one_message() -> None:
    assert constraints.message(["a", "b"]) == "2 validation errors detected: a; b"
