"""Flux as a real server answers it: queries in `recorded/`, with the answers of InfluxDB 2.7.12.

Each file holds cases: a title after `==`, a query, `--`, the tables of the answer (see `answers`). Every
query starts with `prelude.flux` and reads a bucket that holds `points.lp`. Run with INFLUXDB_V2_URL set,
the same cases show whether a real server still answers like that.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from answers import AnsweredTable, expected, tables_of
from influxdb_client import InfluxDBClient, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from influxes import Influx

RECORDED = Path(__file__).with_name("recorded")


class Case(NamedTuple):
    """One query and its answer."""

    query: str
    answer: str


def cases() -> Iterator[object]:
    prelude = (RECORDED / "prelude.flux").read_text()
    imports, _, definitions = prelude.partition("\nstart =")
    for path in sorted(RECORDED.glob("*.txt")):
        for block in path.read_text().split("\n== "):
            title, _, rest = block.removeprefix("== ").partition("\n")
            query, _, answer = rest.partition("\n--")
            option = query.partition("\n")[0] if query.startswith("option ") else ""
            full = f"{imports}\n{option}\nstart ={definitions}{query.removeprefix(option)}"
            yield pytest.param(Case(full, answer), id=f"{path.stem}: {title}")


@pytest.fixture(scope="module")
def recorded_bucket(influx: Influx) -> Iterator[str]:
    """A bucket with the recorded points."""
    with influx.client() as client:
        bucket = client.buckets_api().create_bucket(bucket_name=f"recorded-{uuid.uuid4().hex}")
        with client.write_api(write_options=SYNCHRONOUS) as writing:
            writing.write(
                bucket.name, record=(RECORDED / "points.lp").read_text(), write_precision=WritePrecision.S
            )
        yield bucket.name
        client.buckets_api().delete_bucket(bucket.id)


@pytest.mark.parametrize("case", list(cases()))
def test_a_query_is_answered_as_by_influxdb(client: InfluxDBClient, recorded_bucket: str, case: Case) -> None:
    answer = client.query_api().query_raw(case.query, params={"bucket": recorded_bucket})
    assert tables_of(answer.read().decode()) == sorted(_written(case.answer))


def _written(answer: str) -> Iterator[AnsweredTable]:
    result = "_result"
    for block in answer.strip().split("\n\n"):
        if block.startswith("result "):
            first, _, block = block.partition("\n")
            result = first.removeprefix("result ")
        yield from expected(block, result)
