"""A stage as its cache needs it.

https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html
"""

import pytest

from ons_runbook.aws import api_cache_states as states
from ons_runbook.errors import NotFound

from .api_answers import DEFAULT, Gateway

AT = {"api": "id1", "stage": "prod"}


@pytest.fixture
def gateway(session):
    made = Gateway()
    made.on(session)
    return made


@pytest.mark.parametrize(
    ("path", "key"),
    [("/health", "~1health/GET"), ("/a/{b}", "~1a~1{b}/GET"), ("/a~b", "~1a~0b/GET"), ("/", "~1/GET")],
)
def test_a_methods_key_is_its_path_escaped_and_its_verb(path, key):
    assert states.method_key(path, "GET") == key


def test_own_settings_are_found_however_the_path_was_written_and_those_of_all_are_the_rest():
    assert states.own_key({"~1a/GET": {}, "*/*": {}}, "/a", "GET") == "~1a/GET"
    assert states.own_key({"a/GET": {}}, "/a", "GET") == "a/GET"
    assert states.own_key({"~1a/POST": {}, "*/*": {}}, "/a", "GET") is None
    settings = {"~1a/GET": {"cachingEnabled": True}, "*/*": {"cachingEnabled": False}}
    assert states.effective(settings, "/a", "GET") == {"cachingEnabled": True}
    assert states.effective(settings, "/b", "GET") == {"cachingEnabled": False}
    assert states.effective({}, "/b", "GET") == {}


def test_a_stage_that_is_not_there_is_told_with_those_that_are(gateway, session):
    with pytest.raises(NotFound, match="has no stage test; there is: prod"):
        states.stage(session, "id1", "test")


def test_the_size_of_a_cluster_that_is_not_there_does_not_count(gateway, session):
    gateway.cluster |= {"cacheClusterSize": "0.5"}
    assert states.cluster(session, **AT) == {"cluster": False, "size": None, "status": "NOT_AVAILABLE"}
    gateway.cluster |= {"cacheClusterEnabled": True, "cacheClusterStatus": "AVAILABLE"}
    assert states.cluster(session, **AT) == {"cluster": True, "size": "0.5", "status": "AVAILABLE"}


def test_a_method_is_told_by_what_counts_for_it(gateway, session):
    of = {**AT, "path": "/a", "verb": "GET"}
    inherited = states.method(session, **of)
    assert inherited == {
        "own_settings": False, "cached": False, "ttl_s": 300, "rate_limit": 100.0, "burst_limit": 200,
        "log_level": "OFF", "data_trace": False, "metrics": False,
    }  # fmt: skip
    gateway.settings["~1a/GET"] = {**DEFAULT, "cachingEnabled": True, "cacheTtlInSeconds": 60}
    assert states.method(session, **of) == {**inherited, "own_settings": True, "cached": True, "ttl_s": 60}
    gateway.settings = {}
    bare = states.method(session, **of)
    assert (bare["cached"], bare["ttl_s"], bare["rate_limit"]) == (False, 300, None)
