"""Names and shapes of function errors.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html (the error document)
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html (what Catch and Retry match)
"""

import importlib
import json
from typing import Any

import pytest
from lambda_functions import arn, deploy, invoke, log_events, run_task

from ons_sandbox.mends import MendError

RAISES = """
class Rejected(Exception):
    pass

def handler(event, context):
    check(event)

def check(event):
    if event.get("rejected"):
        raise Rejected("no, thanks")
    raise ValueError("bad thing")
"""


def test_an_exception_comes_back_with_its_class_its_message_and_its_stack(emulator: Any) -> None:
    name = deploy(emulator, RAISES)

    answer = invoke(emulator, name)

    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    error = answer["Payload"]
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "bad thing")
    assert log_events(emulator, name)[0] == f"START RequestId: {error['requestId']} Version: $LATEST\n"
    assert error["stackTrace"] == [
        '  File "/var/task/app.py", line 6, in handler\n    check(event)\n',
        '  File "/var/task/app.py", line 11, in check\n    raise ValueError("bad thing")\n',
    ]
    assert set(error) == {"errorType", "errorMessage", "requestId", "stackTrace"}


@pytest.mark.parametrize(
    ("source", "handler", "kind", "message"),
    [
        (
            "import missing_library",
            "app.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'missing_library'",
        ),
        (
            "x = 1",
            "other.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'other': No module named 'other'",
        ),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        (
            "def handler(:",
            "app.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': invalid syntax (app.py, line 1)",
        ),
        ("raise KeyError('SETTING')", "app.handler", "KeyError", "'SETTING'"),
        (
            "def handler(event, context): return {1, 2}",
            "app.handler",
            "Runtime.MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
        (
            "def handler(event, context): return 1",
            "handler",
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
    ],
)
def test_the_runtime_s_own_errors_have_the_runtime_s_names(
    emulator: Any, source: str, handler: str, kind: str, message: str
) -> None:
    answer = invoke(emulator, deploy(emulator, source, Handler=handler))

    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == kind
    assert answer["Payload"]["errorMessage"] == message


def test_a_catch_by_the_exception_s_name_takes_it_and_gets_the_error_document(emulator: Any) -> None:
    name = deploy(emulator, RAISES)
    catch = [
        {"ErrorEquals": ["Rejected", "Runtime.HandlerError"], "Next": "Work"},
        {"ErrorEquals": ["ValueError"], "Next": "Caught", "ResultPath": "$.error"},
    ]

    execution = run_task(emulator, arn(name), Catch=catch)

    assert execution["status"] == "SUCCEEDED"
    caught = json.loads(execution["output"])["error"]
    assert caught["Error"] == "ValueError"
    assert json.loads(caught["Cause"])["errorMessage"] == "bad thing"


def test_states_task_failed_takes_every_exception(emulator: Any) -> None:
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}]

    execution = run_task(emulator, arn(deploy(emulator, RAISES)), Catch=catch)

    assert json.loads(execution["output"])["Error"] == "ValueError"


def test_a_retry_by_name_runs_the_function_again(emulator: Any) -> None:
    name = deploy(emulator, RAISES)
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1.0}]

    execution = run_task(emulator, arn(name), Retry=retry)

    assert (execution["status"], execution["error"]) == ("FAILED", "ValueError")
    assert sum(message.startswith("START ") for message in log_events(emulator, name)) == 2


def test_a_timeout_is_caught_as_sandbox_timedout(emulator: Any) -> None:
    source = "import time\ndef handler(event, context): time.sleep(60)"
    catch = [{"ErrorEquals": ["Sandbox.Timedout"], "Next": "Caught"}]

    execution = run_task(emulator, arn(deploy(emulator, source, Timeout=1)), Catch=catch)

    assert json.loads(execution["output"])["Error"] == "Sandbox.Timedout"


def test_a_throttled_task_fails_as_too_many_requests(emulator: Any) -> None:
    name = deploy(emulator, "def handler(event, context): return 1")
    emulator.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    catch = [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "Next": "Caught"}]

    execution = run_task(emulator, arn(name), Catch=catch)

    assert json.loads(execution["output"])["Error"] == "Lambda.TooManyRequestsException"


@pytest.mark.parametrize("value", [None, 0, False, "text", [1], {"a": None}])
def test_what_a_function_returns_comes_back_as_it_is(emulator: Any, value: Any) -> None:
    answer = invoke(emulator, deploy(emulator, f"def handler(event, context): return {value!r}"))

    assert answer["Payload"] == value
    assert "FunctionError" not in answer


@pytest.mark.parametrize(
    ("mend", "part"),
    [
        ("lambda_errors", "core.lambda_runtime._worker_class_for"),
        ("lambda_logs", "services.lambda_svc._emit_lambda_logs"),
        ("lambda_concurrency", "services.lambda_svc._reserved_concurrency"),
        ("lambda_metrics", "services.lambda_svc._acquire_execution_slot"),
        ("alias_routing", "services.lambda_svc._get_func_record_for_ref"),
        ("api_gateway", "services.apigateway_v1._take_token"),
        ("api_metrics", "services.apigateway_v1._execute_in_scope"),
    ],
)
def test_a_mend_whose_part_is_missing_stops_before_it_changes_anything(
    monkeypatch: pytest.MonkeyPatch, mend: str, part: str
) -> None:
    monkeypatch.delattr(f"ministack.{part}")

    with pytest.raises(MendError, match=part.rpartition(".")[2]):
        importlib.import_module(f"ons_sandbox.mends.{mend}").install()
