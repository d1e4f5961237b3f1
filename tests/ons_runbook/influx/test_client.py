"""The guarded InfluxDB client.

Paths and answers: https://docs.influxdata.com/influxdb/v2/api/v2/; what writes in Flux:
https://docs.influxdata.com/flux/v0/stdlib/influxdata/influxdb/to/
"""

import json
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from influxdb_client.client.write_api import SYNCHRONOUS

from ons_runbook import influx
from ons_runbook.calls import recording
from ons_runbook.errors import (
    ChangeNotApproved,
    CredentialsError,
    NotFound,
    PlatformError,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)
from ons_runbook.guard import PLAN_KEY
from ons_runbook.influx.client import may_write, reads

CSV = (
    "#datatype,string,long,dateTime:RFC3339,double\r\n#group,false,false,false,false\r\n#default,_result,,,\r\n"
    ",result,table,_time,_value\r\n,,0,2026-11-23T02:30:00Z,1.5\r\n,,0,2026-11-23T03:00:00Z,2.5\r\n\r\n"
)


@pytest.fixture
def database(make_session, serve):
    """A session whose InfluxDB gives one answer, and what it was asked."""

    def start(status=200, body=CSV, **settings):
        url, seen = serve(lambda *_: (status, body), "text/csv")
        return make_session(influx_url=url, **settings), seen

    return start


class TestWhatReads:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/v2/buckets"),
            ("GET", "/health"),
            ("GET", "/ready"),
            ("HEAD", "/ping"),
            ("GET", "/metrics"),
        ],
    )
    def test_getting_reads(self, method, path):
        assert reads(method, path)

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/api/v2/write"),
            ("POST", "/api/v2/delete"),
            ("PATCH", "/api/v2/buckets/1"),
            ("POST", "/api/v2/buckets"),
            ("DELETE", "/api/v2/buckets/1"),
            ("PUT", "/api/v2/anything"),
            ("POST", "/write"),
            ("GET", "/query"),
            ("POST", "/api/v2/unknown"),
        ],
    )
    def test_everything_else_changes(self, method, path):
        assert not reads(method, path, {"query": "x"})

    @pytest.mark.parametrize(
        "flux",
        [
            'from(bucket: "b") |> range(start: -1h)',
            'from(bucket: "to(bucket)") |> range(start: -1h) // |> to(bucket: "x")',
            'import "strings"\nfrom(bucket: "b") |> range(start: -1h) |> map(fn: (r) => ({r with a: r.to}))',
            'from(bucket: "b") |> range(start: -1h) |> filter(fn: (r) => r.to_region == "Sul") |> toFloat()',
        ],
    )
    def test_a_query_that_only_reads(self, flux):
        assert not may_write(flux)
        assert reads("POST", "/api/v2/query", {"query": flux})

    @pytest.mark.parametrize(
        "flux",
        [
            'from(bucket: "a") |> range(start: -1h) |> to(bucket: "b")',
            'from(bucket: "a") |> range(start: -1h) |>to (bucket: "b")',
            "store = to\nfrom(bucket: x) |> store(bucket: y)",
            'import "experimental"\nfrom(bucket: "a") |> experimental.to(bucket: "b")',
            'import e "experimental"\nfrom(bucket: "a") |> e.to(bucket: "b")',
            'import "http"\nhttp.post(url: "https://x")',
            'from(bucket: "a") |> wideTo(bucket: "b")',
        ],
    )
    def test_a_query_that_could_write_changes(self, flux):
        assert may_write(flux)
        assert not reads("POST", "/api/v2/query", {"query": flux})

    @pytest.mark.parametrize("body", [None, "", {"query": "x", "type": "influxql"}])
    def test_a_query_that_is_not_known_to_be_flux_changes(self, body):
        assert not reads("POST", "/api/v2/query", body)


class TestGuard:
    CHANGES: ClassVar = {
        "a write": lambda c: c.write_api(write_options=SYNCHRONOUS).write(bucket="b", record="m f=1"),
        "a delete": lambda c: c.delete_api().delete(
            "1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "", bucket="b"
        ),
        "a new bucket": lambda c: c.buckets_api().create_bucket(bucket_name="b", org="0" * 16),
        "a query that writes": lambda c: c.query_api().query('from(bucket: "a") |> to(bucket: "b")'),
    }

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    def test_nothing_that_changes_leaves_the_machine(self, change, database):
        session, seen = database()
        with pytest.raises(ChangeNotApproved, match="influxdb:"):
            change(influx.client(session))
        assert seen == []

    def test_an_approved_change_leaves(self, database):
        session, seen = database(204, "")
        with session.gate.open(PLAN_KEY, ["influxdb:POST /api/v2/write"]):
            self.CHANGES["a write"](influx.client(session))
        assert [(method, path.partition("?")[0]) for method, path, _ in seen] == [("POST", "/api/v2/write")]


class TestQuery:
    def test_rows_come_with_their_types_and_parameters_are_bound_not_pasted(self, database):
        session, seen = database()
        flux = "from(bucket: _bucket) |> range(start: _start)"
        evil = 'x") |> to(bucket: "y'
        rows = list(influx.query(session, flux, _bucket=evil, _start=datetime(2026, 11, 23, tzinfo=UTC)))
        assert [row["_value"] for row in rows] == [1.5, 2.5]
        assert rows[0]["_time"] == datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
        sent = json.loads(seen[0][2])
        assert sent["query"] == flux
        bound = {
            part["assignment"]["id"]["name"]: part["assignment"]["init"] for part in sent["extern"]["body"]
        }
        assert bound["_bucket"]["value"] == evil
        assert bound["_start"]["type"] == "DateTimeLiteral"

    def test_it_is_recorded(self, database):
        session, _ = database()
        with recording() as calls:
            list(influx.query(session, "from(bucket: _b)", _b="b"))
        assert str(calls) == "influxdb:POST /api/v2/query"

    @pytest.mark.parametrize(
        ("status", "kind", "hint"),
        [
            (401, CredentialsError, "INFLUXDB_V2_TOKEN"),
            (404, NotFound, "influx_bucket"),
            (429, Throttled, "influxdb_write_failures"),
            (503, Throttled, "influxdb_write_failures"),
            (400, UnexpectedAnswer, "InfluxDB 2"),
        ],
    )
    def test_what_it_complains_of_says_what_to_do_next(self, status, kind, hint, database):
        session, _ = database(status, '{"code": "x", "message": "said the database"}')
        with recording() as calls, pytest.raises(kind, match="said the database") as caught:
            list(influx.query(session, "from(bucket: _b)", _b="b"))
        assert hint in caught.value.hint
        assert str(calls) == f"influxdb:POST /api/v2/query (1 failed: {status})"

    def test_nobody_there_is_unreachable(self, session):
        with pytest.raises(Unreachable, match=r"InfluxDB at 127\.0\.0\.1:9"):
            list(influx.query(session, "from(bucket: _b)", _b="b"))


class TestToken:
    @pytest.mark.parametrize(
        "value", ["token-in-the-secret", '{"token": "token-in-the-secret", "user": "x"}']
    )
    def test_it_can_come_from_secrets_manager_and_is_never_shown(self, value, make_session):
        session = make_session(influx_token=None, influx_secret_name="ons/influxdb")
        session.cached("client:secretsmanager", lambda: FakeSecrets(value))
        assert influx.client(session).token == "token-in-the-secret"
        assert session.redactor().redact("it is token-in-the-secret") == "it is [redacted]"

    def test_a_wrong_one_from_there_names_the_secret(self, make_session, serve):
        url, _ = serve(lambda *_: (401, '{"code": "unauthorized", "message": "unauthorized access"}'))
        session = make_session(influx_url=url, influx_token=None, influx_secret_name="ons/influxdb")
        session.cached("client:secretsmanager", lambda: FakeSecrets("wrong-token"))
        with pytest.raises(CredentialsError, match="secret ons/influxdb"):
            list(influx.query(session, "from(bucket: _b)", _b="b"))

    def test_a_secret_without_a_token_is_named(self, make_session):
        session = make_session(influx_token=None, influx_secret_name="ons/influxdb")
        session.cached("client:secretsmanager", lambda: FakeSecrets('{"user": "x"}'))
        with pytest.raises(PlatformError, match="ons/influxdb holds no InfluxDB token"):
            influx.client(session)

    def test_without_any_it_says_where_to_put_one(self, make_session):
        with pytest.raises(PlatformError, match="INFLUXDB_V2_TOKEN"):
            influx.client(make_session(influx_token=None))


class FakeSecrets:
    def __init__(self, value):
        self.value = value

    def get_secret_value(self, SecretId):
        assert SecretId == "ons/influxdb"
        return {"SecretString": self.value}


def test_a_time_is_always_bounded():
    """Every Flux script of the library has a range with a start and a stop."""
    from ons_runbook.influx import freshness, health

    scripts = [freshness._NEWEST, health._PROBE]
    assert all("range(start: _start, stop: _stop)" in script for script in scripts)
