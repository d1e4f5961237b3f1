"""What callers of a REST API get when something is wrong.

https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lambda_functions import deploy
from rest_apis import STAGE, Api, deploy_api

from ons_sandbox.mends import api_gateway

ANSWERS = """
import json, time
def handler(event, context):
    wanted = json.loads(event["headers"].get("x-wanted") or event["headers"].get("X-wanted") or "{}")
    if "raise" in wanted:
        raise ValueError(wanted["raise"])
    time.sleep(wanted.get("sleep", 0))
    return wanted.get("return", {"statusCode": 200, "body": json.dumps({"ok": True})})
"""


@pytest.fixture(scope="module")
def function(emulator: Any) -> str:
    """A function that does what the header X-Wanted says."""
    return deploy(emulator, ANSWERS)


@pytest.fixture
def api(emulator: Any, function: str) -> Api:
    """An API in front of it, of the test's own."""
    return deploy_api(emulator, function)


def wanted(**what: Any) -> dict[str, str]:
    return {"X-Wanted": json.dumps(what)}


def test_a_healthy_call_answers_what_the_function_says_and_has_a_request_id(api: Api) -> None:
    answer = api.call("/open", **wanted())

    assert (answer.status, answer.body) == (200, {"ok": True})
    assert len(answer.headers["x-amzn-requestid"]) == 36


def test_a_function_s_exception_is_a_502_that_tells_nothing(api: Api) -> None:
    answer = api.call("/open", **wanted(**{"raise": "secret detail"}))

    assert (answer.status, answer.body) == (502, {"message": "Internal server error"})


@pytest.mark.parametrize(
    "returned",
    ["text", 7, None, [1], {"ok": True}, {"statusCode": 200, "body": {"a": 1}}, {"statusCode": "fine"}],
)
def test_what_is_no_proxy_response_is_a_502(api: Api, returned: Any) -> None:
    answer = api.call("/open", **wanted(**{"return": returned}))

    assert (answer.status, answer.body) == (502, {"message": "Internal server error"})


@pytest.mark.parametrize(
    ("returned", "status"), [({"statusCode": 204}, 204), ({"statusCode": "404", "body": "{}"}, 404)]
)
def test_the_function_chooses_its_status(api: Api, returned: Any, status: int) -> None:
    assert api.call("/open", **wanted(**{"return": returned})).status == status


def test_a_function_that_takes_longer_than_the_integration_waits_is_a_504(
    emulator: Any, function: str
) -> None:
    api = deploy_api(emulator, function, timeoutInMillis=200)

    answer = api.call("/open", **wanted(sleep=1))

    assert (answer.status, answer.body) == (504, {"message": "Endpoint request timed out"})


def test_no_integration_waits_longer_than_29_seconds() -> None:
    assert api_gateway.MAX_INTEGRATION_SECONDS == 29.0


def test_a_throttled_function_is_a_500(emulator: Any) -> None:
    name = deploy(emulator, ANSWERS)
    emulator.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)

    answer = deploy_api(emulator, name).call("/open", **wanted())

    assert (answer.status, answer.body) == (500, {"message": "Internal server error"})


def test_a_method_that_needs_a_key_takes_a_key_of_its_stage_s_plan_only(api: Api) -> None:
    forbidden = (403, {"message": "Forbidden"})
    for headers in ({}, {"x-api-key": "no-such-key-at-all-here"}):
        answer = api.call("/locked", "POST", **headers)
        assert (answer.status, answer.body) == forbidden

    assert api.call("/locked", "POST", **{"x-api-key": api.key()["value"]}, **wanted()).status == 200


def test_a_disabled_key_is_forbidden_until_it_is_enabled_again(emulator: Any, api: Api) -> None:
    client, key = emulator.client("apigateway"), api.key()

    def set_enabled(value: str) -> bool:
        change = [{"op": "replace", "path": "/enabled", "value": value}]
        client.update_api_key(apiKey=key["id"], patchOperations=change)
        return bool(client.get_api_key(apiKey=key["id"])["enabled"])

    assert set_enabled("false") is False
    refused = api.call("/locked", "POST", **{"x-api-key": key["value"]}, **wanted())
    assert (refused.status, refused.body) == (403, {"message": "Forbidden"})
    assert set_enabled("true") is True
    assert api.call("/locked", "POST", **{"x-api-key": key["value"]}, **wanted()).status == 200


@pytest.mark.parametrize("limit", ["throttling_rateLimit", "throttling_burstLimit"])
def test_a_stage_limit_of_zero_lets_nothing_pass(api: Api, limit: str) -> None:
    api.set_stage(**{limit: "0"})

    answer = api.call("/open", **wanted())

    assert (answer.status, answer.body) == (429, {"message": "Too Many Requests"})


def test_a_limit_that_is_put_back_lets_calls_pass_again(emulator: Any, api: Api) -> None:
    api.set_stage(throttling_rateLimit="0")
    assert api.call("/open", **wanted()).status == 429

    api.set_stage(throttling_rateLimit="100")

    assert emulator.eventually(lambda: api.call("/open", **wanted()).status == 200)


def test_minus_one_is_no_limit(api: Api) -> None:
    api.set_stage(throttling_rateLimit="-1", throttling_burstLimit="-1")

    assert [api.call("/open", **wanted()).status for _ in range(3)] == [200, 200, 200]


def test_a_burst_is_served_up_to_its_limit(api: Api) -> None:
    api.set_stage(throttling_rateLimit="0.001", throttling_burstLimit="3")

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: api.call("/open", **wanted()).status, range(8)))

    assert sorted(statuses) == [200] * 3 + [429] * 5


def test_a_stage_that_does_not_exist_is_forbidden_and_an_unknown_path_needs_a_token(
    emulator: Any, api: Api
) -> None:
    unknown = api.call("/no-such-path")

    assert (unknown.status, unknown.body) == (403, {"message": "Missing Authentication Token"})
    emulator.client("apigateway").delete_stage(restApiId=api.id, stageName=STAGE)
    assert api.call("/open").status == 403
