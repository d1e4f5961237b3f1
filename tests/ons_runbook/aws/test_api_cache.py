"""What of an API is worth caching.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
"""

from datetime import UTC, datetime

import pytest

from ons_runbook.aws import api_cache, metrics
from ons_runbook.checks import names_covered
from ons_runbook.errors import NotFound
from ons_runbook.window import Window

from .api_answers import DEFAULT, Gateway, method

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DAY = Window.parse("1d", now=NOW)
# Two in five minutes.
OFTEN = 576


@pytest.fixture
def gateway(session, monkeypatch):
    """The API, and `counted`: requests and p95 latency (ms) by resource, of the GET methods of prod."""
    made = Gateway()
    made.on(session)

    def series(_, wanted, window, period=None):
        found = {}
        for name, one in wanted.items():
            dimensions = dict(one.dimensions)
            assert (dimensions["ApiName"], dimensions["Stage"], one.namespace) == (
                "api",
                "prod",
                "AWS/ApiGateway",
            )
            known = made.counted.get(dimensions["Resource"]) if dimensions["Method"] == "GET" else None
            place = {("Count", "SampleCount"): 0, ("Latency", "p95"): 1}[one.name, one.statistic]
            found[name] = {window.start: known[place]} if known else {}
        return found

    monkeypatch.setattr(metrics, "series", series)
    return made


@pytest.fixture
def methods(gateway, session):
    def read(stage="prod", ttl_s=300):
        return api_cache.methods(session, "api", stage, DAY, health_path="/health", ttl_s=ttl_s)

    return read


def row(frame, name):
    return frame.set_index("method").loc[name]


def test_every_method_of_every_page_has_a_row_and_health_and_posts_are_never_worth_it(methods):
    found = methods()
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == api_cache.METHODS
    assert list(found["method"]) == ["GET /health", "POST /query"]
    assert not found["worth_caching"].any()
    assert row(found, "POST /query")["needs"] == "API key"
    assert "never what was" in row(found, "GET /health")["reason"]
    assert "no GET" in row(found, "POST /query")["reason"]


@pytest.mark.parametrize(
    ("how", "counted", "worth", "said"),
    [
        (
            method(cache_key=("querystring.region",)),
            (OFTEN, 200.0),
            True,
            "2 requests while an answer is kept",
        ),
        (method(cache_key=("querystring.region",)), (OFTEN - 1, 900.0), False, "too few"),
        (method(cache_key=("querystring.region",)), (OFTEN, 199.0), False, "answers in 199 ms"),
        (method(), (OFTEN, 900.0), None, "no parameter is in its cache key"),
        (method(cache_key=("querystring.region",)), None, None, "not counted by themselves"),
        (method(key=True, cache_key=("path.a",)), (OFTEN, 900.0), False, "needs API key"),
        (method(authorizer="AWS_IAM", key=True), (OFTEN, 900.0), False, "needs authorizer AWS_IAM, API key"),
    ],
)
def test_a_get_method_is_worth_it_when_it_is_asked_often_and_slow(
    gateway, methods, how, counted, worth, said
):
    gateway.methods["/latest"] = {"GET": how}
    gateway.counted["/latest"] = counted
    found = row(methods(), "GET /latest")
    assert said in found["reason"]
    assert (None if found.isna()["worth_caching"] else bool(found["worth_caching"])) is worth


def test_how_often_is_often_depends_on_how_long_an_answer_is_kept(gateway, methods):
    gateway.methods["/latest"] = {"GET": method(cache_key=("querystring.region",))}
    gateway.counted["/latest"] = (OFTEN, 900.0)
    assert not row(methods(ttl_s=60), "GET /latest")["worth_caching"]
    assert row(methods(), "GET /latest")["cache_key"] == "querystring.region"


def test_a_method_is_cached_only_with_a_cluster(gateway, methods):
    gateway.methods["/latest"] = {"GET": method(key=True)}
    gateway.settings["~1latest/GET"] = {**DEFAULT, "cachingEnabled": True, "cacheTtlInSeconds": 60}
    assert not row(methods(), "GET /latest")["cached"]
    gateway.cluster = {"cacheClusterEnabled": True, "cacheClusterStatus": "AVAILABLE"}
    found = row(methods(), "GET /latest")
    assert (found["cached"], found["ttl_s"], found["reason"]) == (
        True,
        60,
        "is cached for 60 s, and needs API key",
    )


def test_a_stage_or_an_api_that_is_not_there_is_an_error(methods, session):
    with pytest.raises(NotFound, match="no stage test"):
        methods(stage="test")
    with pytest.raises(NotFound, match="no REST API called other"):
        api_cache.methods(session, "other", "prod", DAY, health_path="/health", ttl_s=300)


def test_health_from_a_cache_fails_and_what_is_worth_caching_warns(gateway, methods):
    def check():
        return api_cache.judge(methods(), "/health")

    assert (check().verdict, check().observed) == ("pass", "no method is worth caching")
    gateway.methods["/latest"] = {"GET": method(cache_key=("querystring.region",))}
    assert check().verdict == "unknown"
    assert check().observed.startswith("GET /latest: its requests are not counted by themselves")
    gateway.counted["/latest"] = (OFTEN, 900.0)
    assert check().verdict == "warn"
    assert check().observed.startswith("GET /latest: 2 requests")
    gateway.cluster = {"cacheClusterEnabled": True, "cacheClusterStatus": "AVAILABLE"}
    gateway.settings["~1latest/GET"] = {**DEFAULT, "cachingEnabled": True}
    assert (check().verdict, check().observed) == ("pass", "cached: GET /latest")
    gateway.settings["*/*"]["cachingEnabled"] = True
    assert (check().verdict, check().observed) == ("fail", "GET /health is cached")
    assert api_cache.judge(methods(), "/health", ["/health"]).verdict == "fail"
    assert names_covered(api_cache.judge, {"health_path": "/health"}) == [check().name]


@pytest.mark.parametrize("named", ["/latest", "GET /latest"])
def test_of_what_is_named_somebody_decided_already(gateway, methods, named):
    gateway.methods["/latest"] = {"GET": method()}
    assert api_cache.judge(methods(), "/health").verdict == "unknown"
    assert api_cache.judge(methods(), "/health", [named]).verdict == "pass"
