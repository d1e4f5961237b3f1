"""UpdateStage and the cache of a stage.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html (UpdateStage)
https://docs.aws.amazon.com/apigateway/latest/api/API_Stage.html (cacheClusterSize, cacheClusterStatus)
https://docs.aws.amazon.com/cli/latest/reference/apigateway/update-stage.html (the key of a method's settings)
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from lambda_functions import deploy
from rest_apis import STAGE, Api, deploy_api

OK = 'def handler(e, c): return {"statusCode": 200, "body": "{}"}'


@pytest.fixture(scope="module")
def api(emulator: Any) -> Api:
    return deploy_api(emulator, deploy(emulator, OK))


def patch(api: Api, path: str, value: str | None = None, op: str = "replace") -> Any:
    operation = {"op": op, "path": path, **({} if value is None else {"value": value})}
    return api.emulator.client("apigateway").update_stage(
        restApiId=api.id, stageName=STAGE, patchOperations=[operation]
    )


def stage(api: Api) -> Any:
    return api.emulator.client("apigateway").get_stage(restApiId=api.id, stageName=STAGE)


def test_a_cache_cluster_is_created_and_deleted_in_time(api: Api) -> None:
    assert stage(api)["cacheClusterStatus"] == "NOT_AVAILABLE"
    made = patch(api, "/cacheClusterEnabled", "true")
    assert (made["cacheClusterStatus"], made["cacheClusterSize"]) == ("CREATE_IN_PROGRESS", "0.5")

    def status(wanted: str) -> Any:
        return api.emulator.eventually(lambda: stage(api)["cacheClusterStatus"] == wanted)

    assert status("AVAILABLE")
    assert patch(api, "/cacheClusterEnabled", "false")["cacheClusterStatus"] == "DELETE_IN_PROGRESS"
    assert status("NOT_AVAILABLE")


def test_the_settings_of_a_method_stand_under_its_key(api: Api) -> None:
    told = patch(api, "/~1open/GET/caching/enabled", "true")["methodSettings"]["~1open/GET"]
    assert (told["cachingEnabled"], told["cacheTtlInSeconds"]) == (True, 300)
    patch(api, "/~1open/GET/caching/ttlInSeconds", "60")
    patch(api, "/*/*/throttling/rateLimit", "12.5")
    settings = stage(api)["methodSettings"]
    assert settings["~1open/GET"]["cacheTtlInSeconds"] == 60
    assert settings["*/*"]["throttlingRateLimit"] == 12.5
    assert "~1open/GET" not in patch(api, "/~1open/GET", op="remove")["methodSettings"]


def test_a_method_throttled_to_zero_answers_429_and_the_others_do_not(api: Api) -> None:
    assert api.call("/open").status == 200
    patch(api, "/~1open/GET/throttling/rateLimit", "0")
    patch(api, "/~1open/GET/throttling/burstLimit", "0")
    assert api.call("/open").status == 429
    patch(api, "/~1open/GET", op="remove")
    assert api.call("/open").status == 200


@pytest.mark.parametrize(
    ("path", "value", "op"),
    [
        ("/throttle/rateLimit", "0", "replace"),
        ("/*/*/throttling/rate", "0", "replace"),
        ("/~1nowhere/GET/caching/enabled", "true", "replace"),
        ("/~1open/FETCH/caching/enabled", "true", "replace"),
        ("/cacheClusterSize", "7", "replace"),
        ("/cacheClusterEnabled", "maybe", "replace"),
        ("/cacheClusterEnabled", "true", "add"),
        ("/*/*/throttling/rateLimit", "fast", "replace"),
        ("/deploymentId", "nosuch", "replace"),
    ],
)
def test_what_is_not_documented_is_refused_and_changes_nothing(
    api: Api, path: str, value: str, op: str
) -> None:
    before = stage(api)
    with pytest.raises(ClientError) as raised:
        patch(api, path, value, op)
    assert raised.value.response["Error"]["Code"] == "BadRequestException"
    after = stage(api)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
