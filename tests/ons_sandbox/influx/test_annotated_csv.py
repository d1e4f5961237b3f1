"""Annotated CSV. "Annotated CSV" of the InfluxDB OSS v2 documentation; quotes as RFC 4180 has them."""

import pyarrow as pa
import pytest

from ons_sandbox.influx.annotated_csv import Dialect, encode
from ons_sandbox.influx.errors import InfluxError
from ons_sandbox.influx.flux import Result
from ons_sandbox.influx.flux.tables import Table
from ons_sandbox.influx.flux.values import FluxType, Scalar, Time, column

ALL = Dialect(("datatype", "group", "default"))


def table(key: dict[str, Scalar], **columns: tuple[FluxType, list[Scalar]]) -> Table:
    return Table.of(key, {name: column(values, type_) for name, (type_, values) in columns.items()})


def encoded(*tables: Table, dialect: Dialect = ALL) -> list[str]:
    text = b"".join(encode(Result("_result", list(tables)), dialect)).decode()
    assert text.endswith("\r\n")
    return text.split("\r\n")[:-1]


def test_tables_of_the_same_columns_stand_under_one_head() -> None:
    first = table({"t": "a"}, t=(FluxType.STRING, ["a", "a"]), v=(FluxType.INT, [1, 2]))
    second = table({"t": "b"}, t=(FluxType.STRING, ["b"]), v=(FluxType.INT, [3]))
    other = table({}, v=(FluxType.INT, [4]))
    assert encoded(first, second, other) == [
        "#datatype,string,long,string,long",
        "#group,false,false,true,false",
        "#default,_result,,,",
        ",result,table,t,v",
        ",,0,a,1",
        ",,0,a,2",
        ",,1,b,3",
        "",
        "#datatype,string,long,long",
        "#group,false,false,false",
        "#default,_result,,",
        ",result,table,v",
        ",,2,4",
        "",
    ]


def test_a_table_without_rows_has_its_key_as_default() -> None:
    empty = table({"t": "a"}, t=(FluxType.STRING, []), v=(FluxType.INT, []))
    full = table({"t": "b"}, t=(FluxType.STRING, ["b"]), v=(FluxType.INT, [3]))
    assert encoded(empty, full) == [
        "#datatype,string,long,string,long",
        "#group,false,false,true,false",
        "#default,_result,0,a,",
        ",result,table,t,v",
        "",
        "#datatype,string,long,string,long",
        "#group,false,false,true,false",
        "#default,_result,,,",
        ",result,table,t,v",
        ",,1,b,3",
        "",
    ]


def test_no_tables_are_an_empty_line() -> None:
    assert encoded() == [""]


@pytest.mark.parametrize(
    ("type_", "value", "cell"),
    [
        (FluxType.FLOAT, 12.0, "12"),
        (FluxType.FLOAT, 1 / 3, "0.3333333333333333"),
        (FluxType.FLOAT, 1e23, "100000000000000000000000"),
        (FluxType.FLOAT, 1e-7, "0.0000001"),
        (FluxType.FLOAT, float("inf"), "+Inf"),
        (FluxType.FLOAT, float("-inf"), "-Inf"),
        (FluxType.FLOAT, float("nan"), "NaN"),
        (FluxType.INT, -(2**63), "-9223372036854775808"),
        (FluxType.UINT, 2**64 - 1, "18446744073709551615"),
        (FluxType.BOOL, True, "true"),
        (FluxType.TIME, Time(0), "1970-01-01T00:00:00Z"),
        (FluxType.TIME, Time(1), "1970-01-01T00:00:00.000000001Z"),
        (FluxType.TIME, Time(1_500_000_000), "1970-01-01T00:00:01.5Z"),
        (FluxType.TIME, Time(-1), "1969-12-31T23:59:59.999999999Z"),
        (FluxType.STRING, "plain; text", "plain; text"),
        (FluxType.STRING, 'a "b", c', '"a ""b"", c"'),
        (FluxType.STRING, " leading", '" leading"'),
        (FluxType.STRING, "", ""),
        (FluxType.STRING, None, ""),
        (FluxType.FLOAT, None, ""),
        (FluxType.TIME, None, ""),
    ],
)
def test_a_value_is_written_as_flux_writes_it(type_: FluxType, value: Scalar, cell: str) -> None:
    assert encoded(table({}, v=(type_, [value])), dialect=Dialect(header=False)) == [f",_result,0,{cell}", ""]


def test_times_of_different_precision_stand_in_one_column() -> None:
    times = table({}, v=(FluxType.TIME, [Time(0), Time(10**8), None]))
    assert encoded(times, dialect=Dialect(header=False)) == [
        ",_result,0,1970-01-01T00:00:00Z",
        ",_result,0,1970-01-01T00:00:00.1Z",
        ",_result,0,",
        "",
    ]


def test_a_text_with_line_ends_is_one_cell() -> None:
    text = b"".join(encode(Result("r", [table({}, v=(FluxType.STRING, ["a\r\nb"]))]), Dialect(header=False)))
    assert text == b',r,0,"a\r\nb"\r\n\r\n'


def test_another_delimiter_is_what_needs_quotes() -> None:
    found = encoded(table({}, v=(FluxType.STRING, ["a,b", "a|b"])), dialect=Dialect(delimiter="|"))
    assert found == ["|result|table|v", "|_result|0|a,b", '|_result|0|"a|b"', ""]


def test_a_dialect_that_there_is_not_is_refused() -> None:
    for document in ({"annotations": ["x"]}, {"delimiter": ",,"}, {"dateTimeFormat": "x"}):
        with pytest.raises(InfluxError):
            Dialect.from_document(document)
    assert Dialect.from_document({}) == Dialect((), True, ",")


def test_a_column_of_the_key_that_is_null_is_empty() -> None:
    with_null = Table.of({"t": None}, {"t": pa.nulls(2, pa.string()), "v": column([1, 2], FluxType.INT)})
    assert encoded(with_null, dialect=Dialect(header=False)) == [",_result,0,,1", ",_result,0,,2", ""]
