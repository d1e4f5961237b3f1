"""Line protocol. "Line protocol reference" of the InfluxDB OSS v2 documentation: syntax, escapes, types."""

import pytest

from ons_sandbox.influx.errors import InfluxError
from ons_sandbox.influx.line_protocol import parse
from ons_sandbox.influx.series import FieldType, Point


def only(text: str, precision: str = "ns") -> Point:
    (point,) = parse(text, precision)
    return point


def test_a_line_is_a_measurement_tags_fields_and_a_time() -> None:
    assert only("weather,season=summer,location=us temperature=82,humid=t 1465839830100400200") == Point(
        "weather",
        (("location", "us"), ("season", "summer")),
        (("temperature", FieldType.FLOAT, 82.0), ("humid", FieldType.BOOLEAN, True)),
        1465839830100400200,
    )


def test_tags_and_time_may_be_missing() -> None:
    assert only("weather temperature=82") == Point(
        "weather", (), (("temperature", FieldType.FLOAT, 82.0),), None
    )


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("1", FieldType.FLOAT, 1.0),
        ("1.0", FieldType.FLOAT, 1.0),
        ("-.5", FieldType.FLOAT, -0.5),
        ("-1.234456e+78", FieldType.FLOAT, -1.234456e78),
        ("12485903i", FieldType.INTEGER, 12485903),
        ("-9223372036854775808i", FieldType.INTEGER, -(2**63)),
        ("18446744073709551615u", FieldType.UNSIGNED, 2**64 - 1),
        ('"too warm"', FieldType.STRING, "too warm"),
        ('""', FieldType.STRING, ""),
        ('"a, b=c 1"', FieldType.STRING, "a, b=c 1"),
        (r'"say \"hello\" \\ \n"', FieldType.STRING, 'say "hello" \\ \\n'),
        ('"two\nlines"', FieldType.STRING, "two\nlines"),
        ("TRUE", FieldType.BOOLEAN, True),
        ("f", FieldType.BOOLEAN, False),
    ],
)
def test_a_value_has_the_type_that_it_is_written_as(text: str, type_: FieldType, value: object) -> None:
    ((_, found_type, found),) = only(f"m f={text} 1").fields
    assert (found_type, found) == (type_, value)


def test_escaped_commas_spaces_and_equal_signs_belong_to_names() -> None:
    point = only(r"my\ measure\,ment,ta\=g\ key=va\,l\ ue f\,ie\=ld\ key=1i")
    assert point.measurement == "my measure,ment"
    assert point.tags == (("ta=g key", "va,l ue"),)
    assert point.fields == (("f,ie=ld key", FieldType.INTEGER, 1),)


def test_a_backslash_before_anything_else_is_a_backslash() -> None:
    assert only(r"C:\logs,path=a\b f=1").tags == (("path", r"a\b"),)


@pytest.mark.parametrize(("precision", "unit"), [("ns", 1), ("us", 10**3), ("ms", 10**6), ("s", 10**9)])
def test_precision_is_the_unit_of_timestamps(precision: str, unit: int) -> None:
    assert only("m f=1 -12", precision).time == -12 * unit


def test_comments_and_empty_lines_hold_no_points() -> None:
    points = parse("# a comment\n\n  \nm f=1 1\n  # another\nm f=2 2\n")
    assert [point.time for point in points] == [1, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("b", "missing fields"),
        ("b ", "missing fields"),
        (",a=1 f=1", "missing measurement"),
        ("c f=2 x", "bad timestamp"),
        ("c f=2 1 2", "point is invalid"),
        ("d,=1 f=1", "missing tag key"),
        ("d,a=1, f=1", "missing tag key"),
        ("e,x= f=1", "missing tag value"),
        ("e,x f=1", "missing tag value"),
        ("e,x=a=b f=1", "invalid tag format"),
        ("e,x=1,x=2 f=1", "duplicate tags"),
        ("e,time=1 f=1", 'cannot use reserved tag key "time"'),
        ("e,_field=1 f=1", 'cannot use reserved tag key "_field"'),
        ("f f=", "missing field value"),
        ("f =1", "missing field key"),
        ("f f=1,g", "invalid field format"),
        ('f "x"', "invalid field format"),
        ('f f="abc', "unbalanced quotes"),
        ("f f=tr", "invalid boolean"),
        ("f f=+1", "invalid boolean"),
        ("f f=1-2", "invalid number"),
        ("f f=NaN", "invalid number"),
        ("f f=1i2", "invalid number"),
        ("f f=1e400", "invalid float"),
    ],
)
def test_a_malformed_line_is_quoted_with_the_reason(line: str, reason: str) -> None:
    with pytest.raises(InfluxError) as error:
        parse(line)
    assert (error.value.code, error.value.message) == ("invalid", f"unable to parse '{line}': {reason}")


@pytest.mark.parametrize("line", ["m f=9223372036854775808i", "m f=-1u", "m f=1 9223372036854775808"])
def test_numbers_that_do_not_fit_are_refused(line: str) -> None:
    with pytest.raises(InfluxError, match=r"out of range|outside range"):
        parse(line)


def test_every_malformed_line_of_a_batch_is_named() -> None:
    with pytest.raises(InfluxError) as error:
        parse("m f=1\nb\nm f=2\nc f=tr")
    assert (
        error.value.message
        == "unable to parse 'b': missing fields\nunable to parse 'c f=tr': invalid boolean"
    )


def test_a_quote_that_never_closes_takes_the_rest_of_the_batch_with_it() -> None:
    with pytest.raises(InfluxError) as error:
        parse('m f=1\nm s="open\nm f=2')
    assert error.value.message == "unable to parse 'm s=\"open\nm f=2': unbalanced quotes"


def test_a_quote_in_a_tag_is_a_character_like_others() -> None:
    points = parse('m,t="a f=1 1\nm f=2 2')
    assert [point.tags for point in points] == [(("t", '"a'),), ()]


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InfluxError, match="invalid precision; valid precision units are ns, us, ms, and s"):
        parse("m f=1", "h")
