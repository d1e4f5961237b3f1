"""Running queries: what is refused, and how; what is handed down to storage gives what is not handed down."""

import pytest

from ons_sandbox.influx import Store
from ons_sandbox.influx.annotated_csv import Dialect, encode
from ons_sandbox.influx.errors import InfluxError
from ons_sandbox.influx.flux import Query, run
from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.line_protocol import parse

NOW = 1_577_847_600 * 10**9  # 2020-01-01T03:00:00Z
READ = 'from(bucket: "energy_data") |> range(start: -3h)'
SAMPLE = (
    'import "array"\nd = array.from(rows: [{_time: 2020-01-01T00:00:00Z, _value: 1.5, tag: "a", n: 1}])\n'
)


@pytest.fixture(scope="module")
def store() -> Store:
    """Four series over three hours, of several types; the last point of each is at another time."""
    store = Store(clock=lambda: NOW)
    store.create_bucket("energy_data")
    lines = [
        f"{name},region={region} f={7 * step % 11}.5{f',n={step}i' if step % 3 else ''} {time}"
        for name in ("a", "b")
        for region in ("Sul", "Norte")
        for step in range(9 if region == "Sul" else 7)
        for time in [1_577_836_800 + 1200 * step + len(region)]
    ]
    store.write("energy_data", parse("\n".join(lines), "s"))
    return store


def answer(store: Store, text: str) -> str:
    """The answer in annotated CSV."""
    dialect = Dialect(("datatype", "group", "default"))
    results = run(Query(text), store, "0" * 16)
    return b"".join(piece for result in results for piece in encode(result, dialect)).decode()


def rows(store: Store, text: str) -> list[dict[str, object]]:
    """The rows of all tables of all results."""
    return [
        row
        for result in run(Query(text), store, "0" * 16)
        for table in result.tables
        for row in table.rows.to_pylist()
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("foo", "error @1:1-1:4: undefined identifier foo"),
        (f"{READ} |> lst()", "error @1:53-1:56: undefined identifier lst"),
        (f"{READ} |> filter(fn: (r) => r.x == y)", "error @1:78-1:79: undefined identifier y"),
        (
            f"{READ} |> holtWinters(n: 1)",
            "error @1:53-1:64: the sandbox's InfluxDB does not implement holtWinters()",
        ),
        (
            'import "date"\n' + READ,
            'error @1:1-1:14: the sandbox\'s InfluxDB does not implement the package "date"',
        ),
        ('import "foo"\n' + READ, "error @1:1-1:13: invalid import path foo"),
        ("x = 1\nx = 2\n" + READ, 'error @2:1-2:6: variable "x" reassigned'),
        (f"{READ} |> limit()", "error @1:53-1:60: missing required argument n"),
        (f'{READ} |> limit(n: "a")', "error @1:53-1:66: expected int but found string (argument n)"),
        (f"{READ} |> limit(n: 1.5)", "expected int but found float (argument n)"),
        (f"{READ} |> limit(n: 1, m: 2)", "found unexpected argument m (the sandbox expects `n`, `offset`)"),
        (f"{READ} |> keep(columns: [1])", "expected string but found int (argument columns)"),
        ("1 |> limit(n: 1)", "expected stream but found int (argument tables)"),
        (f"{READ} |> now()", "function now does not take a pipe argument"),
        ("x = 1\nx()", "error @2:1-2:2: expected function but found int"),
        ("f = (x) => x\nf()", "missing required argument x"),
        ("f = (x) => x\nf(x: 1, y: 2)", "found unexpected argument y"),
        (
            "x = 1",
            "this Flux script returns no streaming data",
        ),
        (f"{READ} |> yield()\n{READ}", 'tried to produce more than one result with the name "_result"'),
        (
            'from(bucket: "energy_data")',
            "cannot submit unbounded read to \"energy_data\"; try bounding 'from'",
        ),
        ('from(bucket: "energy_data") |> range(start: 10, stop: 5)', "cannot query an empty range"),
        ("from()", 'error calling function "from" @1:1-1:7: must specify bucket or bucketID'),
        (f'{READ} |> group(mode: "x")', 'invalid group mode: must be "by" or "except"'),
        (f'{READ} |> filter(fn: (r) => true, onEmpty: "x")', 'onEmpty must be keep or drop, was "x"'),
        (f"{READ} |> filter(fn: (x) => true)", "found unexpected argument x (Expected `r`)"),
        (f"{READ} |> group()", "schema collision: cannot group float and"),
        (f"{SAMPLE}d |> filter(fn: (r) => r.tag == 1)", "unsupported binary expression string == int"),
        (f'{SAMPLE}d |> filter(fn: (r) => "a")', "expected bool but found string"),
        (f"{SAMPLE}d |> map(fn: (r) => ({{r with x: r.n * 2.0}}))", "type conflict: int != float"),
        (f"{SAMPLE}d |> map(fn: (r) => ({{r with x: r.n / 0}}))", "cannot divide by zero"),
        (f"{SAMPLE}d |> map(fn: (r) => r._value)", "map: map function must return an object, got float"),
        (
            f"{SAMPLE}d |> map(fn: (r) => ({{x: 1h}}))",
            'object property "x" is duration type which is not supported',
        ),
        (f"{SAMPLE}d |> filter(fn: (r) => r.tag =~ /(/)", "invalid regular expression /(/"),
        (f'{SAMPLE}d |> sum(column: "tag")', "unsupported input type for sum aggregate: string"),
        (f'{SAMPLE}d |> max(column: "tag")', "max has no implementation for type string"),
        (f'{SAMPLE}d |> sum(column: "nope")', 'column "nope" does not exist'),
        (f'{SAMPLE}d |> group(columns: ["tag"]) |> sum(column: "tag")', "part of the group key"),
        (f'{SAMPLE}d |> unique(column: "nope")', 'no column "nope" exists'),
        (f'{SAMPLE}d |> rename(columns: {{nope: "x"}})', 'rename error: column "nope" doesn\'t exist'),
        (f'{SAMPLE}d |> duplicate(column: "nope", as: "x")', 'duplicate error: column "nope" doesn\'t exist'),
        (f"{SAMPLE}d |> quantile(q: 2.0)", "quantile must be between 0 and 1"),
        (f'{SAMPLE}d |> quantile(q: 0.5, method: "x")', "unknown method x"),
        (
            f'{SAMPLE}d |> quantile(q: 0.5, method: "exact_mean", column: "n")',
            "unsupported aggregate column type int",
        ),
        (f'{SAMPLE}d |> stddev(mode: "x")', '"x" is not a valid standard deviation mode'),
        (f"{SAMPLE}d |> window(every: 1m)", "nil bounds passed to window; use range to set the window range"),
        (f"{READ} |> window(every: -1m)", 'parameter "every" must be non-negative'),
        (f"{READ} |> window()", 'requires at least one of "every" or "period" to be set and non-zero'),
        (f"{READ} |> window(every: 1mo1h)", "must be in months or in fixed units, not in both"),
        (f"{READ} |> window(every: 1ns, createEmpty: true)", "the sandbox makes at most"),
        (
            f'{READ} |> pivot(rowKey: ["_time"], columnKey: ["nope"], valueColumn: "_value")',
            "pivot: specified column does not exist in table: nope",
        ),
        (f"{SAMPLE}union(tables: [d])", "union must have at least two streams as input"),
        (f"{SAMPLE}d |> fill(value: 1)", "fill column type mismatch: float/int"),
        (f"{SAMPLE}d |> elapsed(unit: 1mo)", "unit must be a positive duration without months or years"),
        ('import "influxdata/influxdb/schema"\nschema.nope()', "record is missing label nope"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(store: Store, query: str, message: str) -> None:
    with pytest.raises(FluxError) as error:
        answer(store, query)
    assert message in error.value.message
    assert error.value.code == "invalid"


def test_an_unknown_bucket_is_not_found(store: Store) -> None:
    with pytest.raises(InfluxError) as error:
        answer(store, 'from(bucket: "nope") |> range(start: -1h)')
    assert (error.value.status, error.value.message) == (
        404,
        'failed to initialize execute state: could not find bucket "nope"',
    )


def test_names_are_checked_where_nothing_would_run(store: Store) -> None:
    with pytest.raises(FluxError, match="undefined identifier nope"):
        answer(
            store, f'{READ} |> filter(fn: (r) => r._field == "none") |> filter(fn: (r) => nope(v: r._value))'
        )


# Storage gives what functions over all points give: after `keep`, nothing is handed down.

WHOLE = "|> keep(fn: (column) => true)"


@pytest.mark.parametrize("function", ["count()", "first()", "last()", "min()", "max()", "sum()", "mean()"])
@pytest.mark.parametrize(
    "filters",
    [
        'r._field == "f"',
        'r._field == "n"',
        'r._field == "f" and r._value > 5.0',
        'r._measurement == "a" and r._field == "f"',
    ],
)
def test_what_storage_folds_is_what_functions_make_of_all_points(
    store: Store, filters: str, function: str
) -> None:
    read = f"{READ} |> filter(fn: (r) => {filters})"
    handed_down = rows(store, f"{read} |> {function}")
    assert handed_down
    assert handed_down == rows(store, f"{read} {WHOLE} |> {function}")


@pytest.mark.parametrize(("edge", "by_time"), [("first", "false"), ("last", "true")])
def test_first_and_last_of_a_group_in_storage_go_by_time(store: Store, edge: str, by_time: str) -> None:
    read = f'{READ} |> filter(fn: (r) => r._field == "f") |> group(columns: ["_measurement"])'
    found = rows(store, f"{read} |> {edge}()")
    assert found == rows(store, f'{read} |> sort(columns: ["_time"], desc: {by_time}) |> limit(n: 1)')
    assert [row["region"] for row in found] == [{"first": "Sul", "last": "Sul"}[edge]] * 2


@pytest.mark.parametrize(
    "function", ["count", "sum", "mean", "min", "max", "first", "last", "spread", "median", "stddev"]
)
@pytest.mark.parametrize("every", ["every: 50m", "every: 1h, period: 90m, offset: 7m", "every: 1mo"])
@pytest.mark.parametrize("empty", ["true", "false"])
def test_all_windows_at_once_give_what_each_window_gives(
    store: Store, function: str, every: str, empty: str
) -> None:
    read = f'{READ} |> filter(fn: (r) => r._field == "f") {WHOLE}'
    own = f"(tables=<-, column) => tables |> {function}(column: column)"

    def windows(fn: str) -> list[str]:
        pipeline = f"aggregateWindow({every}, fn: {fn}, createEmpty: {empty})"
        found = rows(store, f"{read} |> {pipeline}")
        return [str(row) for row in found if row["_value"] is not None]  # a selector drops an empty table

    assert windows(function)
    assert windows(function) == windows(own)


def test_a_read_is_done_when_it_is_asked_for_and_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    read = store.read

    def counted(*arguments: object) -> object:
        reads.append(arguments)
        return read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "read", counted)
    answer(
        store,
        f"""data = {READ} |> filter(fn: (r) => r._field == "f")
        data |> sum() |> yield(name: "a")
        data |> mean() |> yield(name: "b")""",
    )
    assert len(reads) == 1


def test_a_condition_on_names_decides_which_series_are_read_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    read = store.read

    def noted(bucket: str, series: list[object], *arguments: object) -> object:
        asked.append(len(series))
        return read(bucket, series, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "read", noted)
    answer(
        store, f'{READ} |> filter(fn: (r) => r._measurement == "a" and r.region =~ /^S/ and r._field == "f")'
    )
    assert asked == [1]


def test_the_time_of_a_query_can_be_told(store: Store) -> None:
    (result,) = run(
        Query('from(bucket: "energy_data") |> range(start: -1h)', None, NOW - 2 * 3600 * 10**9), store, "o"
    )
    assert {str(table.key["_start"]) for table in result.tables} == {"2020-01-01T00:00:00Z"}
    assert {str(table.key["_stop"]) for table in result.tables} == {"2020-01-01T01:00:00Z"}
