"""Text to syntax. "Flux specification": lexical elements, expressions (https://docs.influxdata.com/flux/v0/spec/)."""

import pytest

from ons_sandbox.influx.flux.errors import FluxError, NotImplementedHere
from ons_sandbox.influx.flux.parse import parse
from ons_sandbox.influx.flux.syntax import (
    Array,
    Assignment,
    Binary,
    Call,
    Conditional,
    Expression,
    Function,
    Import,
    Literal,
    Logical,
    Member,
    Name,
    Parameter,
    Record,
    Unary,
)
from ons_sandbox.influx.flux.values import Duration, Regex, Scalar, Time


def expression(text: str) -> Expression:
    (statement,) = parse(text).statements
    assert not isinstance(statement, Assignment)
    return statement


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("72.40", 72.4),
        ("072.40", 72.4),
        (".26", 0.26),
        ("0.", 0.0),
        ('"with \\" quote, \\\\ backslash, \\n line"', 'with " quote, \\ backslash, \n line'),
        ('"日本語"', "日本語"),
        ('"\\${not interpolated}"', "${not interpolated}"),
        ('"a // b"', "a // b"),
        ("1h15m", Duration(0, 75 * 60 * 10**9)),
        ("1mo5d", Duration(1, 5 * 86_400 * 10**9)),
        ("2y", Duration(24, 0)),
        ("3us", Duration(0, 3000)),
        ("1ms2µs3ns", Duration(0, 1_002_003)),
        ("2018-01-01", Time(1_514_764_800 * 10**9)),
        ("1952-01-25T12:35:51Z", Time(-565_961_049 * 10**9)),
        ("2018-08-15T13:36:23-07:00", Time(1_534_365_383 * 10**9)),
        ("2018-08-15T13:36:23.000000001Z", Time(1_534_340_183 * 10**9 + 1)),
    ],
)
def test_literals_have_the_values_that_the_specification_gives(text: str, value: Scalar) -> None:
    assert expression(text) == Literal(value)


def test_operators_bind_as_the_specification_says() -> None:
    one, two, three = Literal(1), Literal(2), Literal(3)
    assert expression("1 + 2 * 3") == Binary("+", one, Binary("*", two, three))
    assert expression("1 - 2 - 3") == Binary("-", Binary("-", one, two), three)
    assert expression("(1 + 2) * 3") == Binary("*", Binary("+", one, two), three)
    assert expression("-1 + 2") == Binary("+", Unary("-", one), two)
    assert expression("not a == 1") == Unary("not", Binary("==", Name("a"), one))
    assert expression("exists r.a and b or c") == Logical(
        "or", Logical("and", Unary("exists", Member(Name("r"), "a")), Name("b")), Name("c")
    )


def test_a_slash_divides_after_an_operand_and_opens_a_regular_expression_elsewhere() -> None:
    assert expression("a / b / c") == Binary("/", Binary("/", Name("a"), Name("b")), Name("c"))
    assert expression(r"a =~ /x\/y\d/") == Binary("=~", Name("a"), Literal(Regex(r"x/y\d")))
    assert parse("re = /^a/").statements == (Assignment("re", Literal(Regex("^a"))),)


def test_pipes_feed_calls_from_left_to_right() -> None:
    assert expression("a() |> b(x: 1) |> c.d()") == Call(
        Member(Name("c"), "d"), (), Call(Name("b"), (("x", Literal(1)),), Call(Name("a"), ()))
    )


def test_functions_have_parameters_with_defaults_and_one_that_a_pipe_feeds() -> None:
    assert expression('(tables=<-, column="_value", n) => n') == Function(
        (Parameter("tables", piped=True), Parameter("column", Literal("_value")), Parameter("n")), Name("n")
    )
    assert expression("() => 1") == Function((), Literal(1))
    assert expression("(x) => {\n  y = x\n  return y\n}") == Function(
        (Parameter("x"),), Name("y"), (Assignment("y", Name("x")),)
    )


def test_the_parenthesis_of_a_function_is_told_from_others() -> None:
    assert expression("f(fn: (r) => (r.a))") == Call(
        Name("f"), (("fn", Function((Parameter("r"),), Member(Name("r"), "a"))),)
    )
    assert expression("(r)") == Name("r")


def test_records_arrays_and_members() -> None:
    assert expression('{r with a: 1, "b c": 2, d}') == Record(
        (("a", Literal(1)), ("b c", Literal(2)), ("d", Name("d"))), Name("r")
    )
    assert expression("[1, 2,]") == Array((Literal(1), Literal(2)))
    assert expression("[]") == Array(())
    assert expression('r["a b"].c') == Member(Member(Name("r"), "a b"), "c")


def test_conditions_choose() -> None:
    assert expression("if a then 1 else if b then 2 else 3") == Conditional(
        Name("a"), Literal(1), Conditional(Name("b"), Literal(2), Literal(3))
    )


def test_a_program_is_imports_options_and_statements() -> None:
    program = parse(
        """package main
        // a comment
        import "influxdata/influxdb/schema"
        import s "strings"
        option now = () => 2020-01-01
        x = 1 // another
        x"""
    )
    assert program.imports == (Import("influxdata/influxdb/schema", "schema"), Import("strings", "s"))
    option, assignment, statement = program.statements
    assert isinstance(option, Assignment)
    assert option.option
    assert (assignment, statement) == (Assignment("x", Literal(1)), Name("x"))


def test_words_that_start_like_keywords_are_names() -> None:
    assert expression("android or orbit") == Logical("or", Name("android"), Name("orbit"))


def test_every_node_knows_where_it_stands() -> None:
    call = expression('from(bucket: "b")\n  |> range(start: -1h)')
    assert str(call.at) == "@2:6-2:23"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('from(bucket: "a"', "compilation failed: error @1:17: unexpected end of the query"),
        ("x =\n", "compilation failed: error @2:1: unexpected end of the query"),
        ("a ? b", 'compilation failed: error @1:3: unexpected "?"'),
        ("a\n |> range(start: )", 'compilation failed: error @2:18: unexpected ")"'),
        ("x |> y", "compilation failed: error @1:1-1:7: pipe destination must be a function call"),
    ],
)
def test_what_is_not_flux_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(FluxError) as error:
        parse(text)
    assert error.value.message == message


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('x = "${a}"', "string interpolation"),
        ("a[1]", "index expressions"),
        ('option task.name = "a"', "the option task.name"),
        ("f = () => { a() return 1 }", "statements without effect in a function's block"),
    ],
)
def test_flux_that_is_not_known_here_is_refused_by_name(text: str, what: str) -> None:
    with pytest.raises(NotImplementedHere, match=f"the sandbox's InfluxDB does not implement {what}"):
        parse(text)
