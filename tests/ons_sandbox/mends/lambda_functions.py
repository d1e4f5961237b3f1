"""Small Python functions for the tests of the Lambda and API Gateway mends."""

import io
import json
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/function"


def archive(source: str, module: str = "app") -> bytes:
    """A deployment package with one module in it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        # A time of its own would make another package of the same source two seconds later.
        package.writestr(zipfile.ZipInfo(f"{module}.py"), source)
    return content.getvalue()


def deploy(emulator: Any, source: str, **configuration: Any) -> str:
    """Create a function of its own name from `source` (handler `app.handler`) and give its name back."""
    name = f"f-{uuid.uuid4().hex[:8]}"
    client = emulator.client("lambda")
    wanted = {"Handler": "app.handler", "Timeout": 10, "MemorySize": 256, **configuration}
    client.create_function(
        FunctionName=name, Runtime="python3.11", Role=ROLE, Code={"ZipFile": archive(source)}, **wanted
    )
    settle(emulator, name)
    return name


def settle(emulator: Any, name: str) -> None:
    """Wait until a function's creation or update is over."""
    client = emulator.client("lambda")

    def over() -> bool:
        status = client.get_function_configuration(FunctionName=name)["LastUpdateStatus"]
        return bool(status != "InProgress")

    assert emulator.eventually(over), f"{name} is still being updated"


def publish(emulator: Any, name: str, source: str) -> str:
    """Update a function's code, publish it, and give the version back."""
    client = emulator.client("lambda")
    client.update_function_code(FunctionName=name, ZipFile=archive(source))
    settle(emulator, name)
    version: str = client.publish_version(FunctionName=name)["Version"]
    return version


def invoke(emulator: Any, name: str, event: Any = None, **arguments: Any) -> dict[str, Any]:
    """Invoke it and wait; "Payload" is decoded."""
    payload = json.dumps({} if event is None else event)
    answer: dict[str, Any] = emulator.client("lambda").invoke(FunctionName=name, Payload=payload, **arguments)
    answer["Payload"] = json.loads(answer["Payload"].read())
    return answer


def arn(name: str) -> str:
    """The ARN of a function, `name` or `name:qualifier`."""
    return f"arn:aws:lambda:us-east-1:123456789012:function:{name}"


def run_task(emulator: Any, resource: str, **fields: Any) -> dict[str, Any]:
    """Run a state machine of one task and a place for what it catches; the execution when it is over."""
    client = emulator.client("stepfunctions")
    states = {
        "Work": {"Type": "Task", "Resource": resource, "End": True, **fields},
        "Caught": {"Type": "Pass", "End": True},
    }
    machine = client.create_state_machine(
        name=f"m-{uuid.uuid4().hex[:8]}",
        definition=json.dumps({"StartAt": "Work", "States": states}),
        roleArn=ROLE,
    )
    started = client.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")

    def over() -> Any:
        execution = client.describe_execution(executionArn=started["executionArn"])
        return execution if execution["status"] != "RUNNING" else None

    execution: dict[str, Any] = emulator.eventually(over)
    return execution


def log_events(emulator: Any, name: str) -> list[str]:
    """Every message in a function's log group, oldest first within each stream."""
    logs = emulator.client("logs")
    group = f"/aws/lambda/{name}"
    return [
        event["message"]
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
        for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]


def metric(
    emulator: Any, namespace: str, name: str, statistic: str = "Sum", **dimensions: str
) -> float | None:
    """One statistic of one metric over the last hour; None when it has no data."""
    now = datetime.now(UTC)
    answer = emulator.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=7200,
        Statistics=[statistic],
    )
    points = answer["Datapoints"]
    if not points:
        return None
    values = [point[statistic] for point in points]  # two, when a period begins within the window
    return float(sum(values) if statistic in ("Sum", "SampleCount") else max(values))
