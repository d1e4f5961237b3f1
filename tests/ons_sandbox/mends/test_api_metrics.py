"""Metrics and execution logs of REST APIs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from typing import Any

import pytest
from lambda_functions import deploy, metric
from rest_apis import STAGE, Api, deploy_api

from ons_sandbox.mends.api_metrics import method_settings

FAILS_WHEN_ASKED = """
def handler(event, context):
    if event["queryStringParameters"]:
        raise ValueError("bad thing")
    return {"statusCode": 200, "body": "{}"}
"""


@pytest.fixture(scope="module")
def function(emulator: Any) -> str:
    return deploy(emulator, FAILS_WHEN_ASKED)


@pytest.fixture
def api(emulator: Any, function: str) -> Api:
    return deploy_api(emulator, function)


def measured(emulator: Any, api: Api, name: str, statistic: str = "Sum", **dimensions: str) -> Any:
    return metric(emulator, "AWS/ApiGateway", name, statistic, ApiName=api.name, **dimensions)


def log_lines(emulator: Any, api: Api) -> list[str]:
    groups = emulator.client("logs").describe_log_groups(
        logGroupNamePrefix=f"API-Gateway-Execution-Logs_{api.id}/{STAGE}"
    )["logGroups"]
    if not groups:
        return []
    events = emulator.client("logs").filter_log_events(logGroupName=groups[0]["logGroupName"])["events"]
    return [event["message"] for event in events]


@pytest.mark.parametrize("stage", [{}, {"Stage": STAGE}])
def test_every_request_counts_once_and_as_what_it_came_to(
    emulator: Any, api: Api, stage: dict[str, str]
) -> None:
    assert [api.call("/open").status, api.call("/open?fail=1").status] == [200, 502]
    assert [api.call("/locked", "POST").status, api.call("/nothing").status] == [403, 403]

    assert measured(emulator, api, "Count", **stage) == 4
    assert measured(emulator, api, "Count", "SampleCount", **stage) == 4
    assert measured(emulator, api, "4XXError", **stage) == 2
    assert measured(emulator, api, "4XXError", "Average", **stage) == 0.5
    assert measured(emulator, api, "5XXError", **stage) == 1
    assert measured(emulator, api, "Latency", "SampleCount", **stage) == 4
    assert measured(emulator, api, "IntegrationLatency", "SampleCount", **stage) == 2


def test_latency_is_never_less_than_the_integration_s(emulator: Any, api: Api) -> None:
    api.call("/open")

    latency = measured(emulator, api, "Latency", "Maximum")

    assert latency >= measured(emulator, api, "IntegrationLatency", "Maximum") > 0


def test_methods_have_metrics_of_their_own_once_detailed_metrics_are_on(emulator: Any, api: Api) -> None:
    method = {"Stage": STAGE, "Method": "GET", "Resource": "/open"}
    api.call("/open")
    assert measured(emulator, api, "Count", **method) is None

    api.set_stage(metrics_enabled="true")
    api.call("/open")

    assert measured(emulator, api, "Count", **method) == 1


def test_nothing_is_logged_unless_logging_is_on(emulator: Any, api: Api) -> None:
    api.call("/open")

    assert log_lines(emulator, api) == []


def test_at_info_each_request_is_logged_under_its_id(emulator: Any, api: Api) -> None:
    api.set_stage(logging_loglevel="INFO")

    request_id = api.call("/open").headers["x-amzn-requestid"]

    assert log_lines(emulator, api) == [
        f"({request_id}) Starting execution for request: {request_id}",
        f"({request_id}) HTTP Method: GET, Resource Path: /open",
        f"({request_id}) Successfully completed execution",
        f"({request_id}) Method completed with status: 200",
    ]


def test_at_error_only_what_went_wrong_is_logged_and_why(emulator: Any, api: Api) -> None:
    api.set_stage(logging_loglevel="ERROR")
    api.call("/open")

    request_id = api.call("/open?fail=1").headers["x-amzn-requestid"]

    assert log_lines(emulator, api) == [
        f"({request_id}) Lambda execution failed with status 200 due to customer function error: bad thing",
        f"({request_id}) Method completed with status: 502",
    ]


def test_a_method_s_own_settings_come_before_the_stage_s() -> None:
    stage = {"methodSettings": {"/open/GET": {"loggingLevel": "ERROR"}, "*/*": {"loggingLevel": "INFO"}}}

    assert method_settings(stage, "/open", "GET") == {"loggingLevel": "ERROR"}
    assert method_settings(stage, "/locked", "POST") == {"loggingLevel": "INFO"}
    assert method_settings({}, "/open", "GET") == {}
