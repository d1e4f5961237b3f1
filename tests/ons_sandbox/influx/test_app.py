"""The HTTP API. InfluxDB OSS v2 API reference (https://docs.influxdata.com/influxdb/v2/api/)."""

import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from influxes import Influx

HTTP = urllib3.PoolManager(timeout=10)


class Api:
    """The API of one server, asked over HTTP."""

    def __init__(self, influx: Influx, token: str | None = None) -> None:
        self._influx = influx
        self._authorization = {"Authorization": f"Token {token or influx.token}"}
        self.org = influx.org

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **query: str
    ) -> urllib3.BaseHTTPResponse:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        url = f"{self._influx.url}{path}?{urlencode(query)}"
        kind = {"Content-Type": "application/json"} if isinstance(body, dict) else {}
        return HTTP.request(
            method, url, body=data, headers={**self._authorization, **kind, **(headers or {})}
        )


@pytest.fixture
def api(influx: Influx) -> Api:
    return Api(influx)


@pytest.fixture
def id_of(api: Api) -> Iterator[str]:
    """The id of a bucket of this test's own."""
    document = {"orgID": org_id(api), "name": f"test-{uuid.uuid4().hex}", "description": "Of a test"}
    id_ = api("POST", "/api/v2/buckets", document).json()["id"]
    yield id_
    api("DELETE", f"/api/v2/buckets/{id_}")


def org_id(api: Api) -> str:
    found: str = api("GET", "/api/v2/orgs", org=api.org).json()["orgs"][0]["id"]
    return found


def error(response: urllib3.BaseHTTPResponse) -> tuple[int, str, str]:
    """Status, code and message; the code is in a header as well."""
    document = response.json()
    assert response.headers["X-Platform-Error-Code"] == document["code"]
    return response.status, document["code"], document["message"]


# Is it there?


def test_health_ready_and_ping_need_no_token(influx: Influx) -> None:
    api = Api(influx, token="wrong")
    health = api("GET", "/health").json()
    assert {key: health[key] for key in ("name", "status", "message", "checks")} == {
        "name": "influxdb",
        "status": "pass",
        "message": "ready for queries and writes",
        "checks": [],
    }
    assert api("GET", "/ready").json()["status"] == "ready"
    for method in ("GET", "HEAD"):
        ping = api(method, "/ping")
        assert (ping.status, ping.data) == (204, b"")
        assert ping.headers["X-Influxdb-Build"] == "OSS"
        assert "X-Influxdb-Version" in ping.headers


@pytest.mark.parametrize("header", ["", "Token wrong", "Token ", "Basic abc", "worthless-dev-token"])
def test_without_a_token_that_is_known_nothing_is_answered(api: Api, header: str) -> None:
    for path in ("/api/v2/buckets", "/api/v2/query", "/api/v2/nothing-like-this"):
        answer = api("GET", path, headers={"Authorization": header})
        assert error(answer) == (401, "unauthorized", "unauthorized access")


def test_a_bearer_token_is_a_token(api: Api, influx: Influx) -> None:
    answer = api("GET", "/api/v2/orgs", headers={"Authorization": f"Bearer {influx.token}"})
    assert answer.status == 200


def test_a_deactivated_token_is_refused(stand_in: Influx) -> None:
    from ons_sandbox.influx.app import Server
    from ons_sandbox.influx.errors import InfluxError
    from ons_sandbox.influx.exchange import Request
    from ons_sandbox.influx.store import Store

    server = Server(Store(), "ons", "revoked")
    headers = {"authorization": "Token revoked"}
    listed = server.answer(Request("GET", "/api/v2/authorizations", {}, headers, b""))
    (authorization,) = json.loads(b"".join(listed.body))["authorizations"]
    assert (authorization["status"], authorization["token"]) == ("active", "revoked")
    path = f"/api/v2/authorizations/{authorization['id']}"
    server.answer(Request("PATCH", path, {}, headers, b'{"status": "inactive"}'))
    with pytest.raises(InfluxError, match="unauthorized access"):
        server.answer(Request("GET", path, {}, headers, b""))


def test_what_is_not_there_is_not_found(api: Api) -> None:
    assert error(api("GET", "/api/v2/nothing-like-this")) == (404, "not found", "path not found")


def test_a_method_that_a_path_has_not_is_not_allowed(api: Api) -> None:
    assert error(api("DELETE", "/api/v2/write")) == (405, "method not allowed", "allow: OPTIONS, POST")


# Points


def write(api: Api, bucket: str, lines: str | bytes, precision: str = "s", **more: Any) -> Any:
    return api("POST", "/api/v2/write", lines, org=api.org, bucket=bucket, precision=precision, **more)


def read(api: Api, bucket: str) -> str:
    """Time and value of all points, one a line."""
    query = f"""from(bucket: "{bucket}") |> range(start: 2019-12-01, stop: 2020-12-01)
        |> keep(columns: ["_time", "_value"]) |> group() |> sort(columns: ["_time"])"""
    answer = api("POST", "/api/v2/query", {"query": query, "dialect": {"header": False}}, org=api.org)
    assert answer.status == 200, answer.data
    return "\n".join(line.split(",", 3)[3] for line in answer.data.decode().split("\r\n") if line)


def test_points_written_are_there_for_the_next_query(api: Api, bucket: str) -> None:
    assert write(api, bucket, "m f=1 1577836800\nm f=2.5 1577836801").status == 204
    assert read(api, bucket) == "2020-01-01T00:00:00Z,1\n2020-01-01T00:00:01Z,2.5"


def test_a_batch_may_come_compressed(api: Api, bucket: str) -> None:
    packed = gzip.compress(b"m f=1 1577836800")
    assert write(api, bucket, packed, headers={"Content-Encoding": "gzip"}).status == 204
    assert read(api, bucket) == "2020-01-01T00:00:00Z,1"


@pytest.mark.parametrize(
    ("precision", "time"), [("ns", 1577836800 * 10**9), ("us", 1577836800 * 10**6), ("ms", 1577836800_000)]
)
def test_a_write_says_in_which_unit_its_times_are(api: Api, bucket: str, precision: str, time: int) -> None:
    assert write(api, bucket, f"m f=1 {time}", precision).status == 204
    assert read(api, bucket) == "2020-01-01T00:00:00Z,1"


def test_a_malformed_line_refuses_the_batch(api: Api, bucket: str) -> None:
    answer = write(api, bucket, "m f=1 1577836800\nm f=\nm")
    assert error(answer) == (
        400,
        "invalid",
        "unable to parse 'm f=': missing field value\nunable to parse 'm': missing fields",
    )
    assert read(api, bucket) == ""


def test_a_field_of_another_type_is_a_partial_write(api: Api, bucket: str) -> None:
    write(api, bucket, "m f=1 1577836800")
    answer = write(api, bucket, 'm f="text" 1577836801\nm f=3 1577836802')
    assert error(answer) == (
        422,
        "unprocessable entity",
        "failure writing points to database: partial write: field type conflict: input field "
        '"f" on measurement "m" is type string, already exists as type float dropped=1',
    )
    assert read(api, bucket) == "2020-01-01T00:00:00Z,1\n2020-01-01T00:00:02Z,3"


def test_points_older_than_the_retention_period_are_a_partial_write(api: Api, id_of: str) -> None:
    rule = {"type": "expire", "everySeconds": 7 * 86_400, "shardGroupDurationSeconds": 86_400}
    assert api("PATCH", f"/api/v2/buckets/{id_of}", {"retentionRules": [rule]}).status == 200
    status, code, message = error(write(api, id_of, "m f=1 1577836800\nm f=2"))
    assert (status, code) == (422, "unprocessable entity")
    assert "partial write: dropped 1 points outside retention policy of duration 168h0m0s" in message


def test_a_field_named_time_is_not_a_field(api: Api, bucket: str) -> None:
    status, _, message = error(write(api, bucket, "m time=1 1577836800"))
    assert status == 422
    assert 'invalid field name: input field "time" on measurement "m" is invalid dropped=1' in message


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"org": "nobody"}, (404, "not found", 'organization name "nobody" not found')),
        ({"bucket": "nothing"}, (404, "not found", 'bucket "nothing" not found')),
        (
            {"precision": "h"},
            (400, "invalid", "invalid precision; valid precision units are ns, us, ms, and s"),
        ),
    ],
)
def test_a_write_to_what_is_not_there_is_refused(
    api: Api, bucket: str, query: dict[str, str], message: tuple[int, str, str]
) -> None:
    asked = {"org": api.org, "bucket": bucket, "precision": "s", **query}
    assert error(api("POST", "/api/v2/write", "m f=1", **asked)) == message


def delete(api: Api, bucket: str, **body: str) -> urllib3.BaseHTTPResponse:
    document = {"start": "2020-01-01T00:00:00Z", "stop": "2020-01-02T00:00:00Z", **body}
    return api("POST", "/api/v2/delete", document, org=api.org, bucket=bucket)


def test_a_delete_takes_what_the_predicate_means_from_start_to_stop_included(api: Api, bucket: str) -> None:
    write(
        api, bucket, "m,r=a f=1 1577836800\nm,r=a f=2 1577836801\nm,r=a f=3 1577836802\nm,r=b f=4 1577836800"
    )
    answer = delete(api, bucket, stop="2020-01-01T00:00:01Z", predicate='_measurement="m" AND r="a"')
    assert answer.status == 204
    assert read(api, bucket) == "2020-01-01T00:00:00Z,4\n2020-01-01T00:00:02Z,3"


def test_a_delete_without_predicate_takes_everything(api: Api, bucket: str) -> None:
    write(api, bucket, "m,r=a f=1 1577836800\nn f=2 1577836801")
    assert delete(api, bucket).status == 204
    assert read(api, bucket) == ""


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"start": "yesterday"}, 400, "invalid RFC3339Nano for field start"),
        ({"predicate": 'a="x" OR b="y"'}, 400, "the logical operator OR is not supported yet"),
        ({"predicate": '_field="f"'}, 501, "delete by field is not supported"),
    ],
)
def test_a_delete_that_influxdb_cannot_do_is_refused(
    api: Api, bucket: str, body: dict[str, str], status: int, message: str
) -> None:
    answer = delete(api, bucket, **body)
    assert answer.status == status
    assert message in answer.json()["message"]


# Queries


def test_flux_may_come_as_it_is_and_is_answered_without_annotations(api: Api, bucket: str) -> None:
    write(api, bucket, "m,r=a f=1 1577836800")
    query = f'from(bucket: "{bucket}") |> range(start: 2020-01-01, stop: 2020-01-02) |> drop(columns: ["r"])'
    answer = api("POST", "/api/v2/query", query, {"Content-Type": "application/vnd.flux"}, org=api.org)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.data.decode() == (
        ",result,table,_start,_stop,_time,_value,_field,_measurement\r\n"
        ",_result,0,2020-01-01T00:00:00Z,2020-01-02T00:00:00Z,2020-01-01T00:00:00Z,1,f,m\r\n\r\n"
    )


def test_a_dialect_says_how_the_answer_is_written(api: Api, bucket: str) -> None:
    write(api, bucket, 'm s="a;b" 1577836800')
    query = f'from(bucket: "{bucket}") |> range(start: 2020-01-01) |> keep(columns: ["_field", "_value"])'
    dialect = {"delimiter": ";", "annotations": ["group", "datatype"], "header": True}
    answer = api("POST", "/api/v2/query", {"query": query, "dialect": dialect}, org=api.org)
    assert answer.data.decode() == (
        "#group;false;false;false;true\r\n#datatype;string;long;string;string\r\n;result;table;_value;_field\r\n"
        ';_result;0;"a;b";s\r\n\r\n'
    )


def test_the_answer_is_compressed_for_a_client_that_asks(stand_in: Influx) -> None:
    api = Api(stand_in)
    body = {"query": "buckets()"}
    answer = HTTP.request(
        "POST",
        f"{stand_in.url}/api/v2/query?org=ons",
        body=json.dumps(body),
        headers={"Authorization": f"Token {stand_in.token}", "Accept-Encoding": "gzip"},
        decode_content=False,
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = api("POST", "/api/v2/query", body, org="ons")
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(answer.data) == plain.data


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"query": ""}, "request body requires either query or AST"),
        ({"query": "x", "type": "influxql"}, "unknown query type: influxql"),
        ({"query": "x", "dialect": {"annotations": ["title"]}}, "unknown dialect annotation type: title"),
        ({"query": "x", "dialect": {"delimiter": "ab"}}, "invalid dialect delimeter: must be length 1"),
        ({"query": "x", "dialect": {"dateTimeFormat": "ISO"}}, "unknown dialect date time format: ISO"),
    ],
)
def test_a_request_that_is_no_query_is_refused(api: Api, body: dict[str, Any], message: str) -> None:
    answer = api("POST", "/api/v2/query", body, org=api.org)
    assert error(answer) == (400, "invalid", f"failed to decode request body: {message}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"org": "nobody"}, 'organization name "nobody" not found'),
        ({}, "Please provide either orgID or org"),
    ],
)
def test_a_query_for_another_organization_is_refused(api: Api, query: dict[str, str], message: str) -> None:
    answer = api("POST", "/api/v2/query", {"query": "buckets()"}, **query)
    assert error(answer) == (400, "invalid", f"failed to decode request body: {message}")


def test_flux_sent_as_something_else_is_told_how_to_send_it(api: Api) -> None:
    _, _, message = error(api("POST", "/api/v2/query", "buckets()", org=api.org))
    assert "set 'Content-Type: application/vnd.flux' in your request headers" in message


# Buckets and organization


def test_there_is_one_organization(api: Api) -> None:
    (organization,) = api("GET", "/api/v2/orgs").json()["orgs"]
    assert organization["name"] == api.org
    assert error(api("GET", "/api/v2/orgs", org="nobody"))[0] == 404


def test_a_bucket_is_made_changed_and_deleted(api: Api) -> None:
    name = f"test-{uuid.uuid4().hex}"
    rules = [{"type": "expire", "everySeconds": 30 * 86_400}]
    made = api("POST", "/api/v2/buckets", {"orgID": org_id(api), "name": name, "retentionRules": rules})
    assert made.status == 201
    bucket = made.json()
    assert bucket["type"] == "user"
    assert bucket["retentionRules"] == [
        {"type": "expire", "everySeconds": 30 * 86_400, "shardGroupDurationSeconds": 86_400}
    ]
    path = f"/api/v2/buckets/{bucket['id']}"
    changed = api(
        "PATCH", path, {"description": "d", "retentionRules": [{"everySeconds": 60 * 86_400}]}
    ).json()
    assert changed["description"] == "d"
    assert changed["retentionRules"][0]["everySeconds"] == 60 * 86_400
    assert api("GET", path).json()["retentionRules"] == changed["retentionRules"]
    assert api("DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        assert error(api(method, path)) == (404, "not found", "bucket not found")


def test_buckets_are_found_by_name_and_come_in_pages(api: Api, id_of: str) -> None:
    name = api("GET", f"/api/v2/buckets/{id_of}").json()["name"]
    found = api("GET", "/api/v2/buckets", name=name, org=api.org).json()["buckets"]
    assert [bucket["id"] for bucket in found] == [id_of]
    assert api("GET", "/api/v2/buckets", name="nothing").json()["buckets"] == []
    listed = [bucket["id"] for bucket in api("GET", "/api/v2/buckets", limit="100").json()["buckets"]]
    paged, page = [], api("GET", "/api/v2/buckets", limit="1").json()
    while True:
        paged += [bucket["id"] for bucket in page["buckets"]]
        if "next" not in page["links"]:
            break
        page = api("GET", "/api/v2/buckets", limit="1", offset=str(len(paged))).json()
    assert paged[: len(listed)] == listed
    after = api("GET", "/api/v2/buckets", after=listed[0], limit="100").json()["buckets"]
    assert [bucket["id"] for bucket in after] == listed[1:]


@pytest.mark.parametrize(
    ("document", "status", "message"),
    [
        ({"name": "_hidden"}, 400, "bucket name _hidden is invalid. Buckets may not start with underscore"),
        (
            {"name": "x", "retentionRules": [{"everySeconds": 60}]},
            500,
            "retention policy duration must be at least 1h0m0s",
        ),
    ],
)
def test_a_bucket_that_cannot_be_is_refused(
    api: Api, document: dict[str, Any], status: int, message: str
) -> None:
    answer = api("POST", "/api/v2/buckets", {"orgID": org_id(api), **document})
    assert (answer.status, answer.json()["message"]) == (status, message)


def test_a_name_is_taken_once(api: Api, bucket: str) -> None:
    answer = api("POST", "/api/v2/buckets", {"orgID": org_id(api), "name": bucket})
    assert error(answer) == (422, "conflict", f"bucket with name {bucket} already exists")


def test_a_retention_period_shorter_than_a_shard_group_is_refused(api: Api, id_of: str) -> None:
    answer = api("PATCH", f"/api/v2/buckets/{id_of}", {"retentionRules": [{"everySeconds": 3600}]})
    assert error(answer) == (
        422,
        "unprocessable entity",
        "shard-group duration must also be updated to be smaller than new retention duration",
    )


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/api/v2/buckets/xyz", {}, "id must have a length of 16 bytes"),
        ("/api/v2/buckets", {"limit": "0"}, "limit must be between 1 and 100"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    api: Api, path: str, query: dict[str, str], message: str
) -> None:
    assert error(api("GET", path, **query)) == (400, "invalid", message)


def test_system_buckets_stay(stand_in: Influx) -> None:
    api = Api(stand_in)  # a real server refuses as well, but has deleted the bucket's storage by then
    (tasks,) = api("GET", "/api/v2/buckets", name="_tasks").json()["buckets"]
    assert tasks["type"] == "system"
    answer = api("DELETE", f"/api/v2/buckets/{tasks['id']}")
    assert error(answer) == (400, "invalid", "system buckets cannot be deleted")
