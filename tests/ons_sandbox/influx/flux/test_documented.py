"""Flux as its reference documents it: the examples of "Flux standard library / universe", in and out.

Each test names its page, https://docs.influxdata.com/flux/v0/stdlib/universe/<name>/. The input of most is
the package "sampledata" (https://docs.influxdata.com/flux/v0/stdlib/sampledata/), written down here.
"""

from collections.abc import Callable

import pytest
from answers import AnsweredTable, expected, tables_of
from influxdb_client import InfluxDBClient

INTS = {"t1": (-2, 10, 7, 17, 15, 4), "t2": (19, 4, -3, 19, 13, 1)}
INTS_AND_NULLS = {"t1": (-2, None, 7, None, None, 4), "t2": (None, 4, -3, 19, None, 1)}
FLOATS = {"t1": (-2.18, 10.92, 7.35, 17.53, 15.23, 4.43), "t2": (19.85, 4.97, -3.75, 19.77, 13.86, 1.86)}

Ask = Callable[..., list[AnsweredTable]]


def rows(samples: dict[str, tuple[object, ...]]) -> str:
    """One record a sample, ten seconds apart; a null is a record of another column."""
    return ",".join(
        f'{{_time: 2021-01-01T00:00:{second}0Z, tag: "{tag}", '
        f'into: "{"_value" if value is not None else "nothing"}", v: {0 if value is None else value}}}'
        for tag, values in samples.items()
        for second, value in enumerate(values)
    )


@pytest.fixture
def ask(client: InfluxDBClient) -> Ask:
    """Tables that a pipeline makes of samples."""

    def answered(samples: dict[str, tuple[object, ...]], pipeline: str) -> list[AnsweredTable]:
        answer = client.query_api().query_raw(
            f"""import "array"
            array.from(rows: [{rows(samples)}])
                |> pivot(rowKey: ["_time", "tag"], columnKey: ["into"], valueColumn: "v")
                |> drop(columns: ["nothing"])
                |> group(columns: ["tag"])
                {pipeline}"""
        )
        return tables_of(answer.read().decode())

    return answered


BOUNDED = "|> range(start: 2021-01-01T00:00:00Z, stop: 2021-01-01T00:01:00Z)"


def test_limit(ask: Ask) -> None:
    """…/limit/"""
    assert ask(INTS, "|> limit(n: 3, offset: 2)") == expected("""
        | _time                | _value:int | *tag |
        | 2021-01-01T00:00:20Z | 7          | t1   |
        | 2021-01-01T00:00:30Z | 17         | t1   |
        | 2021-01-01T00:00:40Z | 15         | t1   |

        | _time                | _value:int | *tag |
        | 2021-01-01T00:00:20Z | -3         | t2   |
        | 2021-01-01T00:00:30Z | 19         | t2   |
        | 2021-01-01T00:00:40Z | 13         | t2   |
    """)


def test_tail(ask: Ask) -> None:
    """…/tail/"""
    assert ask(INTS, "|> tail(n: 3, offset: 1)") == expected("""
        | _time                | _value:int | *tag |
        | 2021-01-01T00:00:20Z | 7          | t1   |
        | 2021-01-01T00:00:30Z | 17         | t1   |
        | 2021-01-01T00:00:40Z | 15         | t1   |

        | _time                | _value:int | *tag |
        | 2021-01-01T00:00:20Z | -3         | t2   |
        | 2021-01-01T00:00:30Z | 19         | t2   |
        | 2021-01-01T00:00:40Z | 13         | t2   |
    """)


def test_group_by_two_columns(ask: Ask) -> None:
    """…/group/, "Group by specific columns": a table for each time and tag."""
    tables = ask(INTS, '|> group(columns: ["_time", "tag"])')
    assert len(tables) == 12
    assert (
        expected("""
        | *_time               | _value:int | *tag |
        | 2021-01-01T00:00:30Z | 17         | t1   |
    """)[0]
        in tables
    )


def test_ungroup(ask: Ask) -> None:
    """…/group/, "Ungroup data": one table, no key."""
    (table,) = ask(INTS, "|> limit(n: 1) |> group()")
    assert (table,) == tuple(
        expected("""
        | _time                | _value:int | tag |
        | 2021-01-01T00:00:00Z | -2         | t1  |
        | 2021-01-01T00:00:00Z | 19         | t2  |
    """)
    )


def test_pivot(ask: Ask) -> None:
    """…/pivot/, "Associate values to tags by time"."""
    assert ask(INTS, '|> pivot(rowKey: ["_time"], columnKey: ["tag"], valueColumn: "_value")') == expected("""
        | _time                | t1:int | t2:int |
        | 2021-01-01T00:00:00Z | -2     | 19     |
        | 2021-01-01T00:00:10Z | 10     | 4      |
        | 2021-01-01T00:00:20Z | 7      | -3     |
        | 2021-01-01T00:00:30Z | 17     | 19     |
        | 2021-01-01T00:00:40Z | 15     | 13     |
        | 2021-01-01T00:00:50Z | 4      | 1      |
    """)


def test_aggregate_window(ask: Ask) -> None:
    """…/aggregatewindow/, "Use an aggregate function with default parameters"."""
    assert ask(FLOATS, f"{BOUNDED} |> aggregateWindow(every: 20s, fn: mean)") == expected("""
        | _time                | *_start              | *_stop               | *tag | _value:float       |
        | 2021-01-01T00:00:20Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t1   | 4.37               |
        | 2021-01-01T00:00:40Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t1   | 12.440000000000001 |
        | 2021-01-01T00:01:00Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t1   | 9.83               |

        | _time                | *_start              | *_stop               | *tag | _value:float      |
        | 2021-01-01T00:00:20Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t2   | 12.41             |
        | 2021-01-01T00:00:40Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t2   | 8.01              |
        | 2021-01-01T00:01:00Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t2   | 7.859999999999999 |
    """)


def test_aggregate_window_with_a_function_of_its_own(ask: Ask) -> None:
    """…/aggregatewindow/, "Specify parameters of the aggregate function"."""
    pipeline = f"""{BOUNDED}
        |> aggregateWindow(
            column: "_value",
            every: 20s,
            fn: (column, tables=<-) => tables |> quantile(q: 0.99, column: column),
        )"""
    assert ask(FLOATS, pipeline) == expected("""
        | _time                | *_start              | *_stop               | *tag | _value:float |
        | 2021-01-01T00:00:20Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t1   | 10.92        |
        | 2021-01-01T00:00:40Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t1   | 17.53        |
        | 2021-01-01T00:01:00Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t1   | 15.23        |

        | _time                | *_start              | *_stop               | *tag | _value:float |
        | 2021-01-01T00:00:20Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t2   | 19.85        |
        | 2021-01-01T00:00:40Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t2   | 19.77        |
        | 2021-01-01T00:01:00Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t2   | 13.86        |
    """)


def test_aggregate_window_by_month(ask: Ask) -> None:
    """…/aggregatewindow/, "Downsample by calendar month"."""
    assert ask(FLOATS, f"{BOUNDED} |> aggregateWindow(every: 1mo, fn: mean)") == expected("""
        | _time                | *_start              | *_stop               | *tag | _value:float |
        | 2021-01-01T00:01:00Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t1   | 8.88         |

        | _time                | *_start              | *_stop               | *tag | _value:float      |
        | 2021-01-01T00:01:00Z | 2021-01-01T00:00:00Z | 2021-01-01T00:01:00Z | t2   | 9.426666666666668 |
    """)


def test_windows_that_overlap(ask: Ask) -> None:
    """…/window/, "Window every 20 seconds covering 40 second periods"."""
    tables = ask(INTS, f"{BOUNDED} |> window(every: 20s, period: 40s)")
    assert len(tables) == 8
    assert (
        expected("""
        | *_start              | *_stop               | _time                | _value:int | *tag |
        | 2021-01-01T00:00:00Z | 2021-01-01T00:00:40Z | 2021-01-01T00:00:00Z | -2         | t1   |
        | 2021-01-01T00:00:00Z | 2021-01-01T00:00:40Z | 2021-01-01T00:00:10Z | 10         | t1   |
        | 2021-01-01T00:00:00Z | 2021-01-01T00:00:40Z | 2021-01-01T00:00:20Z | 7          | t1   |
        | 2021-01-01T00:00:00Z | 2021-01-01T00:00:40Z | 2021-01-01T00:00:30Z | 17         | t1   |
    """)[0]
        in tables
    )


def test_difference_with_nulls(ask: Ask) -> None:
    """…/difference/, "Calculate the difference between subsequent values with null values"."""
    assert ask(INTS_AND_NULLS, "|> difference()") == expected("""
        | _time                | _value:int | *tag |
        | 2021-01-01T00:00:10Z |            | t1   |
        | 2021-01-01T00:00:20Z | 9          | t1   |
        | 2021-01-01T00:00:30Z |            | t1   |
        | 2021-01-01T00:00:40Z |            | t1   |
        | 2021-01-01T00:00:50Z | -3         | t1   |

        | _time                | _value:int | *tag |
        | 2021-01-01T00:00:10Z |            | t2   |
        | 2021-01-01T00:00:20Z | -7         | t2   |
        | 2021-01-01T00:00:30Z | 22         | t2   |
        | 2021-01-01T00:00:40Z |            | t2   |
        | 2021-01-01T00:00:50Z | -18        | t2   |
    """)


def test_derivative(ask: Ask) -> None:
    """…/derivative/, "Calculate the non-negative rate of change per second"."""
    assert ask(INTS, "|> derivative(nonNegative: true)") == expected("""
        | _time                | _value:float | *tag |
        | 2021-01-01T00:00:10Z | 1.2          | t1   |
        | 2021-01-01T00:00:20Z |              | t1   |
        | 2021-01-01T00:00:30Z | 1            | t1   |
        | 2021-01-01T00:00:40Z |              | t1   |
        | 2021-01-01T00:00:50Z |              | t1   |

        | _time                | _value:float | *tag |
        | 2021-01-01T00:00:10Z |              | t2   |
        | 2021-01-01T00:00:20Z |              | t2   |
        | 2021-01-01T00:00:30Z | 2.2          | t2   |
        | 2021-01-01T00:00:40Z |              | t2   |
        | 2021-01-01T00:00:50Z |              | t2   |
    """)


def test_derivative_with_nulls(ask: Ask) -> None:
    """…/derivative/, "Calculate the rate of change per second with null values"."""
    assert ask(INTS_AND_NULLS, "|> derivative()") == expected("""
        | _time                | _value:float | *tag |
        | 2021-01-01T00:00:10Z |              | t1   |
        | 2021-01-01T00:00:20Z | 0.45         | t1   |
        | 2021-01-01T00:00:30Z |              | t1   |
        | 2021-01-01T00:00:40Z |              | t1   |
        | 2021-01-01T00:00:50Z | -0.1         | t1   |

        | _time                | _value:float | *tag |
        | 2021-01-01T00:00:10Z |              | t2   |
        | 2021-01-01T00:00:20Z | -0.7         | t2   |
        | 2021-01-01T00:00:30Z | 2.2          | t2   |
        | 2021-01-01T00:00:40Z |              | t2   |
        | 2021-01-01T00:00:50Z | -0.9         | t2   |
    """)


def test_distinct_with_nulls(ask: Ask) -> None:
    """…/distinct/, "Return distinct values from data with null values"."""
    assert ask(INTS_AND_NULLS, "|> distinct()") == expected("""
        | *tag | _value:int |
        | t1   | -2         |
        | t1   |            |
        | t1   | 7          |
        | t1   | 4          |

        | *tag | _value:int |
        | t2   |            |
        | t2   | 4          |
        | t2   | -3         |
        | t2   | 19         |
        | t2   | 1          |
    """)


def test_elapsed(ask: Ask) -> None:
    """…/elapsed/"""
    assert ask(INTS, "|> limit(n: 3) |> elapsed(unit: 1s)") == expected("""
        | _time                | _value:int | *tag | elapsed:int |
        | 2021-01-01T00:00:10Z | 10         | t1   | 10          |
        | 2021-01-01T00:00:20Z | 7          | t1   | 10          |

        | _time                | _value:int | *tag | elapsed:int |
        | 2021-01-01T00:00:10Z | 4          | t2   | 10          |
        | 2021-01-01T00:00:20Z | -3         | t2   | 10          |
    """)


def test_fill_with_the_value_before(ask: Ask) -> None:
    """…/fill/, "Fill null values with the previous non-null value"."""
    filled = ask(INTS_AND_NULLS, '|> fill(usePrevious: true) |> filter(fn: (r) => r.tag == "t2")')
    assert filled == expected("""
        | _time                | _value:int | *tag |
        | 2021-01-01T00:00:00Z |            | t2   |
        | 2021-01-01T00:00:10Z | 4          | t2   |
        | 2021-01-01T00:00:20Z | -3         | t2   |
        | 2021-01-01T00:00:30Z | 19         | t2   |
        | 2021-01-01T00:00:40Z | 19         | t2   |
        | 2021-01-01T00:00:50Z | 1          | t2   |
    """)


@pytest.mark.parametrize(
    ("page", "samples", "pipeline", "first", "second"),
    [
        ("spread", INTS, "spread()", "19", "22"),
        ("stddev", INTS, "stddev()", "7.063993204979744", "9.474527252938094"),
        ("median", FLOATS, "median()", "9.135", "9.415"),
        ("quantile", FLOATS, 'quantile(q: 0.99, method: "estimate_tdigest")', "17.53", "19.85"),
    ],
)
def test_aggregates(
    ask: Ask, page: str, samples: dict[str, tuple[object, ...]], pipeline: str, first: str, second: str
) -> None:
    """…/spread/, …/stddev/, …/median/, …/quantile/"""
    assert [(table.columns[1], table.rows) for table in ask(samples, f"|> {pipeline}")] == [
        ("*tag", ((first, "t1"),)),
        ("*tag", ((second, "t2"),)),
    ]


def test_quantile_as_a_selector(ask: Ask) -> None:
    """…/quantile/, "Quantile as a selector"; …/median/ has the same output."""
    wanted = expected("""
        | _time                | *tag | _value:float |
        | 2021-01-01T00:00:20Z | t1   | 7.35         |

        | _time                | *tag | _value:float |
        | 2021-01-01T00:00:10Z | t2   | 4.97         |
    """)
    assert ask(FLOATS, '|> quantile(q: 0.5, method: "exact_selector")') == wanted
    assert ask(FLOATS, '|> median(method: "exact_selector")') == wanted


def test_unique(ask: Ask) -> None:
    """…/unique/: of two rows with 19, the first."""
    (_, table) = ask(INTS, '|> unique() |> keep(columns: ["_value", "tag"])')
    assert [value for value, _ in table.rows] == ["19", "4", "-3", "13", "1"]


def test_rename(ask: Ask) -> None:
    """…/rename/, "Explicitly map column names to new column names"."""
    tables = ask(INTS, '|> limit(n: 1) |> rename(columns: {tag: "uid", _value: "val"})')
    assert tables == expected("""
        | _time                | val:int | *uid |
        | 2021-01-01T00:00:00Z | -2      | t1   |

        | _time                | val:int | *uid |
        | 2021-01-01T00:00:00Z | 19      | t2   |
    """)
