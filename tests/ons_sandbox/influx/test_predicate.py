"""Delete predicates. "Delete predicate syntax" of the InfluxDB OSS v2 documentation."""

import pytest

from ons_sandbox.influx.errors import InfluxError
from ons_sandbox.influx.predicate import parse
from ons_sandbox.influx.series import FieldType, Series

SERIES = Series(
    0, "b", "generation_data", (("energy_source", "hydro"), ("region", "Sul")), "f", FieldType.FLOAT
)


@pytest.mark.parametrize(
    ("predicate", "meant"),
    [
        ("", True),
        ('_measurement="generation_data"', True),
        ('_measurement="other"', False),
        ('_measurement != "other"', True),
        ('region="Sul" AND energy_source="hydro"', True),
        ('region="Sul" and energy_source="wind"', False),
        ('region = Sul AND (energy_source != "wind" AND _measurement = "generation_data")', True),
        ('"region"="Sul"', True),
        ('host=""', True),
        ('host != "a"', True),
        ('region="with \\"quotes\\""', False),
    ],
)
def test_a_predicate_says_which_series_are_meant(predicate: str, meant: bool) -> None:
    assert parse(predicate)(SERIES) is meant


@pytest.mark.parametrize(
    ("predicate", "code", "message"),
    [
        ("a=1 or b=2", "invalid", "the logical operator OR is not supported yet at position 4"),
        ("a=~/x/", "invalid", 'operator: "=~" at position: 1 is not supported yet'),
        ("a > 1", "invalid", 'invalid operator ">" at position: 2'),
        ("a", "invalid", 'invalid operator "EOF" at position: 1'),
        ("a='x'", "invalid", "bad tag value"),
        ('(a="x"', "invalid", "extra ( seen"),
        ('a="x")', "invalid", "extra ) seen"),
        ('= "x"', "invalid", "bad tag key, at position 0"),
        ('_field="x"', "not implemented", "delete by field is not supported"),
    ],
)
def test_what_influxdb_does_not_support_is_refused(predicate: str, code: str, message: str) -> None:
    with pytest.raises(InfluxError) as error:
        parse(predicate)
    assert error.value.code == code
    assert message in error.value.message
