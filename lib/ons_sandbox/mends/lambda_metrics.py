"""AWS/Lambda metrics of every invocation, whoever made it.

MiniStack publishes them for the Invoke API only, counts a throttled call as an invocation, and knows no
other dimension than FunctionName. Here they are published where each invocation runs: Invocations, Errors,
Duration and ConcurrentExecutions; Throttles where one is refused. Dimensions: none (the whole account),
FunctionName, Resource (`function:alias`), and ExecutedVersion beside it, which is how the two versions
behind a weighted alias are compared.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
"""

import inspect
import time
from typing import Any

from ons_sandbox.mends import mended, require
from ons_sandbox.mends.lambda_invocation import Invocation

Config = dict[str, Any]
Dimensions = dict[str, str]


def install() -> None:
    """Publish where invocations run and are refused, and nowhere else."""
    service: Any = mended(
        "ministack.services.lambda_svc",
        *("_execute_function_dispatch", "_acquire_execution_slot", "_emit_lambda_metrics"),
        *("executions_in_flight", "_inflight_key"),
    )
    cloudwatch: Any = mended("ministack.services.cloudwatch", "record_metric")
    require(
        list(inspect.signature(service._execute_function_dispatch).parameters)
        == ["func", "config", "event", "request_id", "started"],
        "_execute_function_dispatch takes func, config, event, request_id and started",
    )
    run, acquire = service._execute_function_dispatch, service._acquire_execution_slot

    def publish(name: str, value: float, unit: str, dimensions: list[Dimensions]) -> None:
        for one in dimensions:
            cloudwatch.record_metric("AWS/Lambda", name, value, unit, one)

    def execute(func: Config, config: Config, event: Any, request_id: str, started: float) -> dict[str, Any]:
        name = config["FunctionName"]
        total, running = service.executions_in_flight()
        result: dict[str, Any] = run(func, config, event, request_id, started)
        dimensions = dimensions_of(config)
        publish("Invocations", 1, "Count", dimensions)
        publish("Errors", 1 if result.get("error") else 0, "Count", dimensions)
        publish("Throttles", 0, "Count", dimensions)
        publish("Duration", _duration(result, started), "Milliseconds", dimensions)
        publish("ConcurrentExecutions", total, "Count", [{}])
        of_function = running.get(service._inflight_key(config), 1)
        publish("ConcurrentExecutions", of_function, "Count", [{"FunctionName": name}])
        return result

    def acquire_slot(func: Config, config: Config) -> tuple[str | None, str | None]:
        slot, limit = acquire(func, config)
        if slot is None:
            publish("Throttles", 1, "Count", dimensions_of(config))
        return slot, limit

    service._execute_function_dispatch = execute
    service._acquire_execution_slot = acquire_slot
    service._emit_lambda_metrics = lambda *_, **__: None


def dimensions_of(config: Config) -> list[Dimensions]:
    """The sets of dimensions under which an invocation is published.

    config: the executed version's configuration, with FunctionArn as the caller named the function.
    """
    name, version = config["FunctionName"], config.get("Version", "$LATEST")
    qualifier = ":".join(config.get("FunctionArn", "").split(":")[7:])
    resource = {"FunctionName": name, "Resource": f"{name}:{qualifier}" if qualifier else name}
    found = [{}, {"FunctionName": name}, resource]
    if qualifier not in ("", version):
        found.append({**resource, "ExecutedVersion": version})
    return found


def _duration(result: dict[str, Any], started: float) -> float:
    """What the handler took, in ms: without the environment's start, where that is known."""
    invocation = result.get("log_source")
    if isinstance(invocation, Invocation):
        return invocation.duration
    return (time.time() - started) * 1000
