"""Switching the cache of a stage on.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

import pytest

from ons_runbook.aws import api_caching
from ons_runbook.aws.api_cache import METHODS
from ons_runbook.errors import ChangeRefused, NotFound
from ons_runbook.plan import Action, Changes, planned
from ons_runbook.tables import table

from .answering import valid
from .api_answers import DEFAULT, Gateway

AVAILABLE = {"cacheClusterEnabled": True, "cacheClusterSize": "1.6", "cacheClusterStatus": "AVAILABLE"}


def known(worth=None, **of_latest):
    rows = [
        {"method": "GET /health", "worth_caching": False, "reason": "health"},
        {"method": "GET /latest", "worth_caching": worth, "reason": "often", **of_latest},
        {"method": "GET /mine", "needs": "API key", "worth_caching": False, "reason": "needs a key"},
        {"method": "POST /query", "worth_caching": False, "reason": "no GET"},
    ]
    return table(rows, METHODS)


@pytest.fixture
def gateway(session):
    made = Gateway()
    made.on(session)
    return made


@pytest.fixture
def changes(gateway, session):
    def build(*named, methods=None, stage="prod", **more):
        return api_caching.changes(
            session, known() if methods is None else methods, api="api", stage=stage, health_path="/health",
            named=named, **more,
        )  # fmt: skip

    return build


def patches(action):
    return [(one["op"], one["path"], one.get("value")) for one in action.parameters["patchOperations"]]


def test_first_the_cluster_then_the_methods_that_are_meant(changes, session):
    cluster, method = changes("/latest", ttl_s=60).actions
    assert patches(cluster) == [
        ("replace", "/cacheClusterEnabled", "true"),
        ("replace", "/cacheClusterSize", "0.5"),
    ]
    assert cluster.before == {"cluster": False, "size": None, "status": "NOT_AVAILABLE"}
    assert cluster.after == {"cluster": True, "size": "0.5", "status": "AVAILABLE"}
    assert patches(cluster.undo[0]) == [("replace", "/cacheClusterEnabled", "false")]
    assert (cluster.undo[0].before, cluster.undo[0].after) == (cluster.after, cluster.before)
    assert cluster.wait_s >= 2 * 240
    assert method.state.of == {"api": "id1", "stage": "prod", "path": "/latest", "verb": "GET"}
    for action in (cluster, method):
        valid(session, "apigateway", action.operation, action.parameters)
        valid(session, "apigateway", action.undo[0].operation, action.undo[0].parameters)
        assert action.state.read(session).items() >= action.before.items()
        assert {"api", "prod"} <= set(action.resources)
        assert action.parameters.items() >= {"restApiId": "id1", "stageName": "prod"}.items()
    made = planned(session, "performance/optimize", Changes([cluster, method]))
    assert tuple(Action.from_dict(action.as_dict()) for action in made.actions) == made.actions


def test_settings_of_its_own_keep_the_throttle_that_counted_before(changes):
    """They replace those of all methods: a method that is cached must not lose its limits by that."""
    _, method = changes("/latest", ttl_s=60).actions
    place = "/~1latest/GET"
    assert patches(method) == [
        ("replace", f"{place}/throttling/rateLimit", "100.0"),
        ("replace", f"{place}/throttling/burstLimit", "200"),
        ("replace", f"{place}/logging/loglevel", "OFF"),
        ("replace", f"{place}/logging/dataTrace", "false"),
        ("replace", f"{place}/metrics/enabled", "false"),
        ("replace", f"{place}/caching/enabled", "true"),
        ("replace", f"{place}/caching/ttlInSeconds", "60"),
    ]
    limits = {
        "rate_limit": 100.0,
        "burst_limit": 200,
        "log_level": "OFF",
        "data_trace": False,
        "metrics": False,
    }
    assert method.before == {**limits, "own_settings": False, "cached": False, "ttl_s": 300}
    assert method.after == {**limits, "own_settings": True, "cached": True, "ttl_s": 60}
    assert patches(method.undo[0]) == [("remove", place, None)]
    assert method.undo[0].after == method.before
    assert "no longer" in method.risk or "does not reach it" in method.risk


def test_a_stage_without_settings_for_all_has_nothing_to_copy(changes, gateway):
    gateway.settings = {}
    _, method = changes("/latest").actions
    assert [path for _, path, _ in patches(method)] == [
        "/~1latest/GET/caching/enabled",
        "/~1latest/GET/caching/ttlInSeconds",
    ]


def test_own_settings_are_changed_where_they_stand_and_brought_back(changes, gateway):
    gateway.settings["latest/GET"] = {**DEFAULT, "cacheTtlInSeconds": 30}
    _, method = changes("/latest").actions
    assert patches(method) == [
        ("replace", "/latest/GET/caching/enabled", "true"),
        ("replace", "/latest/GET/caching/ttlInSeconds", "300"),
    ]
    assert patches(method.undo[0]) == [
        ("replace", "/latest/GET/caching/enabled", "false"),
        ("replace", "/latest/GET/caching/ttlInSeconds", "30"),
    ]
    assert method.before == {"own_settings": True, "cached": False, "ttl_s": 30}
    assert "does not reach it" not in method.risk


def test_what_is_cached_so_already_is_left_alone_and_a_cluster_keeps_its_size(changes, gateway):
    gateway.cluster = AVAILABLE
    gateway.settings["~1latest/GET"] = {**DEFAULT, "cachingEnabled": True}
    same = changes("/latest")
    assert same.actions == []
    assert {one.target for one in same.left_alone} == {
        "GET /health", "GET /latest", "GET /mine", "POST /query", "cache of stage prod"}  # fmt: skip
    assert "1.6 GB" in same.left_alone[-1].why
    (other,) = changes("/latest", ttl_s=60).actions
    assert (other.before["ttl_s"], other.after["ttl_s"]) == (300, 60)
    assert [one.target for one in changes("/latest", size="1.6").left_alone][-1] == "POST /query"


def test_without_a_name_only_what_is_worth_it_is_cached(changes):
    assert changes().actions == []
    assert changes(methods=known(worth=False)).actions == []
    worth = changes(methods=known(worth=True))
    assert [action.name for action in worth.actions] == [
        "cache cluster of 0.5 GB",
        "GET /latest cached for 300 s",
    ]
    assert [one.target for one in worth.left_alone] == ["GET /health", "GET /mine", "POST /query"]


def test_what_the_stage_caches_by_default_is_kept_out_before_the_cluster_is_made(changes, gateway):
    gateway.settings["*/*"]["cachingEnabled"] = True
    made = changes("/latest")
    assert [action.name for action in made.actions] == [
        "GET /health not cached",
        "GET /mine not cached",
        "cache cluster of 0.5 GB",
    ]
    health = made.actions[0]
    assert patches(health)[-1] == ("replace", "/~1health/GET/caching/enabled", "false")
    assert (health.before["cached"], health.after["cached"]) == (True, False)
    assert "ttl_s" not in health.after
    assert [one.target for one in made.left_alone] == ["POST /query"]
    assert changes().actions == [], "as long as there is no cluster nothing is cached"


def test_of_what_has_been_cached_so_far_health_alone_is_taken_out(changes, gateway):
    gateway.settings["*/*"]["cachingEnabled"] = True
    gateway.cluster = AVAILABLE
    assert [action.name for action in changes().actions] == ["GET /health not cached"]


def test_an_api_without_a_health_method_has_none_to_keep_out(changes, gateway):
    gateway.settings["*/*"]["cachingEnabled"] = True
    gateway.cluster = AVAILABLE
    frame = known()
    assert changes(methods=frame[frame["method"] != "GET /health"]).actions == []


def test_the_risk_names_the_key_and_what_tells_answers_apart(changes):
    risk = changes("GET /mine").actions[1].risk
    assert risk.startswith("It needs API key: callers get each other's answers. Answers are up to 300 s old;")
    assert "tell them apart: none." in risk
    with_key = known(cache_key="querystring.region")
    assert "apart: querystring.region." in changes("/latest", methods=with_key).actions[1].risk


@pytest.mark.parametrize(
    ("size", "cost"),
    [("0.5", "+14.60 USD a month at 0.02 USD per hour"), ("237", "+2,774.00 USD a month at 3.8")],
)
def test_the_cost_is_of_the_size_and_names_its_price(changes, size, cost):
    cluster, method = changes("/latest", size=size).actions
    assert cluster.cost.startswith(cost)
    assert method.cost == ""


def test_every_size_that_api_gateway_has_has_a_price(changes, session):
    for size in session.client("apigateway").meta.service_model.shape_for("CacheClusterSize").enum:
        assert "USD a month" in changes("/latest", size=size).actions[0].cost


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "FLUSH_IN_PROGRESS"])
def test_while_the_cluster_is_made_or_deleted_nothing_is_planned(changes, gateway, status):
    gateway.cluster["cacheClusterStatus"] = status
    with pytest.raises(ChangeRefused, match=status):
        changes("/latest")


@pytest.mark.parametrize(
    ("named", "more", "said"),
    [
        ("/latst", {}, r"no method GET /latst\. Did you mean GET /latest\?"),
        ("/health", {}, "hide an outage"),
        ("GET /health", {}, "hide an outage"),
        ("POST /query", {}, "no GET"),
        ("/latest", {"size": "7"}, r"no cache of 7 GB\. There are: 0\.5, 1\.6"),
        ("/latest", {"ttl_s": 0}, "cannot be kept for 0 s"),
        ("/latest", {"ttl_s": 3601}, "cannot be kept for 3601 s"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, named, more, said):
    with pytest.raises(ChangeRefused, match=said):
        changes(named, **more)


def test_a_stage_that_is_not_there_is_told(changes):
    with pytest.raises(NotFound, match="no stage test; there is: prod"):
        changes("/latest", stage="test")
