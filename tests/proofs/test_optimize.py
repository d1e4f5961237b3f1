"""performance/optimize: functions kept warm and answers cached, with what they cost, and back again.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
"""

from typing import Any

from seven import BadInput, Case, SevenProofs

from sandboxes import Clients, clients_of

API, STAGE, FUNCTION = "ons-data-platform-api", "prod", "rag_query_processor"
PLACE = {"FunctionName": FUNCTION, "Qualifier": "LIVE"}


def api(clients: Clients) -> dict[str, str]:
    listed = clients("apigateway").get_rest_apis()["items"]
    return {"restApiId": next(one["id"] for one in listed if one["name"] == API)}


def add_method(clients: Clients, path: str, *, key: bool = False) -> None:
    """GET `path`, answered as /health is."""
    client, of = clients("apigateway"), api(clients)
    known = {one["path"]: one["id"] for one in client.get_resources(**of, limit=500)["items"]}
    health = client.get_integration(**of, resourceId=known["/health"], httpMethod="GET")
    made = client.create_resource(**of, parentId=known["/"], pathPart=path.strip("/"))["id"]
    method = {**of, "resourceId": made, "httpMethod": "GET"}
    client.put_method(**method, authorizationType="NONE", apiKeyRequired=key)
    client.put_integration(
        **method, type="AWS_PROXY", integrationHttpMethod="POST", uri=health["uri"], cacheKeyParameters=[]
    )
    client.create_deployment(**of, stageName=STAGE)


def patch(clients: Clients, path: str, value: str) -> None:
    operation = {"op": "replace", "path": path, "value": value}
    clients("apigateway").update_stage(**api(clients), stageName=STAGE, patchOperations=[operation])


def more_methods(clients: Clients) -> None:
    """With two more methods. The stage has had a cache before: API Gateway remembers its size."""
    add_method(clients, "/latest")
    add_method(clients, "/mine", key=True)
    patch(clients, "/cacheClusterSize", "0.5")


def somebody_keeps_one_warm(clients: Clients) -> None:
    clients("lambda").put_provisioned_concurrency_config(**PLACE, ProvisionedConcurrentExecutions=1)


def traffic_is_shifted(clients: Clients) -> None:
    clients("lambda").update_alias(
        FunctionName="lambda_router", Name="LIVE", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}}
    )


def little_is_reserved(clients: Clients) -> None:
    clients("lambda").put_function_concurrency(
        FunctionName="timestream_loader", ReservedConcurrentExecutions=2
    )


def stage(clients: Clients) -> Any:
    return clients("apigateway").get_stage(**api(clients), stageName=STAGE)


class TestOptimize(SevenProofs):
    case = Case(
        procedure="performance/optimize",
        parameters={"window": "1d", "function": FUNCTION, "keep_warm": 2, "cache": ["/latest"]},
        prepare=more_methods,
        drift=somebody_keeps_one_warm,
        bad_input=(
            BadInput({"function": "rag_query_procesor"}, f"Did you mean {FUNCTION}"),
            BadInput({"function": f"{FUNCTION}:LIV"}, "has no alias LIV.*There are: LIVE"),
            BadInput({"function": ":LIVE"}, "no function with an alias"),
            BadInput({"function": f"{FUNCTION}:$LATEST"}, r"\$LATEST cannot be kept warm"),
            BadInput({"function": ""}, "no function"),
            BadInput({"keep_warm": 950}, "of the account's 1000, 900 can be given away"),
            BadInput({"cache": ["/latst"]}, "Did you mean GET /latest"),
            BadInput({"cache": ["/health"]}, "hide an outage"),
            BadInput({"cache": ["POST /query"]}, "no GET"),
            BadInput({"function": "lambda_router"}, "shifts traffic", prepare=traffic_is_shifted),
            BadInput(
                {"function": "timestream_loader", "keep_warm": 3},
                "reserved concurrency is 2",
                prepare=little_is_reserved,
            ),
            BadInput({"function": "", "keep_warm": -1, "cache": []}, "nothing to change", status=None),
        ),
    )

    def test_each_step_states_its_cost_and_its_price(self, world):
        warm, cluster, method = world.run()["plan"]["actions"]
        assert warm["cost"] == (
            "+10.95 USD a month for +2 × 512 MB at 4.1667 USD per million GB-seconds (2026-11-23)"
        )
        assert cluster["cost"] == "+14.60 USD a month at 0.02 USD per hour (2026-11-23)"
        assert method["cost"] == ""

    def test_only_what_is_meant_is_cached_and_the_throttle_stays(self, world):
        clients = clients_of(world.sandbox)
        world.applied()
        settings = stage(clients)["methodSettings"]
        default, own = settings["*/*"], settings["~1latest/GET"]
        assert settings.keys() == {"*/*", "~1latest/GET"}
        assert own == {**default, "cachingEnabled": True, "cacheTtlInSeconds": 300}
        assert not default["cachingEnabled"]

    def test_what_the_stage_would_cache_besides_is_kept_out_health_first(self, world):
        clients = clients_of(world.sandbox)
        patch(clients, "/*/*/caching/enabled", "true")
        before = world.state()
        asked = {"function": "", "keep_warm": -1}
        shown = world.run(**asked)["plan"]
        done = world.run(shown["id"], **asked)["plan"]
        assert done["status"] == "applied", done
        settings = stage(clients)["methodSettings"]
        cached = {key for key, one in settings.items() if one["cachingEnabled"]}
        assert settings.keys() == {"*/*", "~1health/GET", "~1mine/GET"}
        assert cached == {"*/*"}
        assert [action["target"].split(" of ")[0] for action in done["actions"]] == [
            "GET /health",
            "GET /mine",
            "cache cluster",
        ]
        world.turned("undo", done["run"])
        assert world.state() == before

    def test_a_method_that_needs_a_key_is_cached_only_when_it_is_named_and_the_risk_says_so(self, world):
        asked = {"function": "", "keep_warm": -1, "cache": ["GET /mine"], "ttl_s": 60}
        action = world.run(**asked)["plan"]["actions"][-1]
        assert action["risk"].startswith("It needs API key: callers get each other's answers.")
        assert "up to 60 s old" in action["risk"]

    def test_a_number_kept_warm_is_changed_and_brought_back(self, world):
        clients = clients_of(world.sandbox)
        client = clients("lambda")
        client.put_provisioned_concurrency_config(**PLACE, ProvisionedConcurrentExecutions=5)
        asked = {"cache": [], "keep_warm": 0}
        while client.get_provisioned_concurrency_config(**PLACE)["Status"] != "READY":
            refused = world.run(**asked)["plan"]
            assert refused["status"] == "proposed" or "still allocating" in refused["reason"]
        before = world.state()
        shown = world.run(**asked)["plan"]
        assert [action["operation"] for action in shown["actions"]] == ["DeleteProvisionedConcurrencyConfig"]
        assert shown["actions"][0]["cost"].startswith("-27.38 USD a month for -5 × 512 MB")
        done = world.run(shown["id"], **asked)["plan"]
        assert done["status"] == "applied", done
        world.turned("undo", done["run"])
        assert world.state() == before
