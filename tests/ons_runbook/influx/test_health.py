"""InfluxDB's health, readiness and answer.

https://docs.influxdata.com/influxdb/v2/api/v2/ (`/health`: status pass or fail, 200 or 503; `/ready`:
status ready)
"""

import pytest

from ons_runbook import influx
from ons_runbook.tables import table
from ons_runbook.thresholds import Thresholds

HEALTHY = (
    '{"name": "influxdb", "message": "ready for queries and writes", "status": "pass", "version": "v2.7.11"}'
)
READY = '{"status": "ready", "started": "2026-11-20T00:00:00Z", "up": "72h0m0s"}'
ROWS = (
    "#datatype,string,long,double\r\n#group,false,false,false\r\n#default,_result,,\r\n"
    ",result,table,_value\r\n,,0,1\r\n,,1,2\r\n"
)
PAGES = {"/health": (200, HEALTHY), "/ready": (200, READY), "/api/v2/query": (200, ROWS)}


@pytest.fixture
def status_of(make_session, serve):
    def ask(**pages):
        answers = {**PAGES, **{f"/{name}": answer for name, answer in pages.items()}}
        url, _ = serve(lambda _, path, __: answers[path.partition("?")[0]])
        return influx.status(make_session(influx_url=url)).set_index("probe")

    return ask


def checks_of(status):
    return {check.name: check for check in influx.judge(status.reset_index(), Thresholds())}


def test_a_healthy_one_passes_every_check(status_of):
    status = status_of()
    assert status["ok"].tolist() == [True, True, True]
    assert status.loc["health", "answer"] == "200 pass: ready for queries and writes"
    assert status.loc["query", "rows"] == 2
    assert {name: str(check.verdict) for name, check in checks_of(status).items()} == {
        "influxdb.health": "pass",
        "influxdb.ready": "pass",
        "influxdb.query": "pass",
    }


def test_an_answer_that_is_bad_fails(status_of):
    checks = checks_of(
        status_of(health=(503, HEALTHY.replace('"pass"', '"fail"')), ready=(503, '{"status": "starting"}'))
    )
    assert checks["influxdb.health"].verdict == "fail"
    assert "503 fail" in checks["influxdb.health"].observed
    assert checks["influxdb.ready"].verdict == "fail"
    assert "influxdb_write_failures" in checks["influxdb.ready"].hint


def test_a_page_of_something_else_is_unknown(status_of):
    checks = checks_of(status_of(health=(200, "<html>nginx</html>")))
    assert checks["influxdb.health"].verdict == "unknown"
    assert "INFLUXDB_V2_URL" in checks["influxdb.health"].observed


def test_a_wrong_token_makes_the_query_unknown_and_nothing_else(status_of):
    status = status_of(
        **{"api/v2/query": (401, '{"code": "unauthorized", "message": "unauthorized access"}')}
    )
    verdicts = {name: str(check.verdict) for name, check in checks_of(status).items()}
    assert verdicts == {"influxdb.health": "pass", "influxdb.ready": "pass", "influxdb.query": "unknown"}
    assert "INFLUXDB_V2_TOKEN" in status.loc["query", "problem"]


def test_nobody_there_is_unknown_throughout(session):
    checks = influx.judge(influx.status(session), Thresholds())
    assert [str(check.verdict) for check in checks] == ["unknown"] * 3
    assert "nothing answers" in checks[0].observed


@pytest.mark.parametrize(
    ("latency", "verdict"), [(1999, "pass"), (2000, "warn"), (9999, "warn"), (10000, "fail")]
)
def test_a_slow_query_warns_and_then_fails(latency, verdict, status_of):
    status = status_of()
    status.loc["query", "latency_ms"] = latency
    assert checks_of(status)["influxdb.query"].verdict == verdict


def test_the_rule_covers_what_it_gives():
    rows = [{"probe": name, "problem": "x"} for name in ("health", "ready", "query")]
    made = influx.judge(table(rows, {"probe": "string", "problem": "string"}), Thresholds())
    assert [check.name for check in made] == influx.judge.covers
