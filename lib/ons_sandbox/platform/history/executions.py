"""The past in Step Functions: the executions of the last days, each with its history of events.

Written into the emulator's state, in the form that its own executions have.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ons_sandbox.mends import mended
from ons_sandbox.platform import files, names
from ons_sandbox.platform.history.invocations import Invocation
from ons_sandbox.platform.history.pipeline import ROWS, Run

RESOURCE = "arn:aws:states:::lambda:invoke"


def write(runs: Sequence[Run], objects: Mapping[str, tuple[int, str]]) -> int:
    """Write the executions of these runs; gives their number.

    objects: size and ETag of the raw object of each run, by the execution's name. A run whose object is no
    longer known is left out.
    """
    states: Any = mended("ministack.services.stepfunctions", "_executions", "_state_machines")
    machine = states._state_machines[names.STATE_MACHINE_ARN]
    known = [run for run in runs if run.name in objects]
    for run in known:
        record = _record(run, machine, *objects[run.name])
        states._executions[record["executionArn"]] = record
    return len(known)


def iso(ms: int) -> str:
    """ms since the epoch as the emulator writes times."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def _record(run: Run, machine: Mapping[str, Any], size: int, etag: str) -> dict[str, Any]:
    asked = json.dumps(_event(run, size, etag))
    history = _History(run, asked, machine["roleArn"])
    record: dict[str, Any] = {
        "executionArn": f"{names.STATE_MACHINE_ARN.replace('stateMachine', 'execution')}:{run.name}",
        "stateMachineArn": names.STATE_MACHINE_ARN,
        "name": run.name,
        "status": "RUNNING",
        "startDate": iso(run.started),
        "stopDate": iso(run.ended),
        "input": asked,
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": {"included": True},
        "testCase": "",
        "mockAttempts": {},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        "events": history.events,
    }
    failed = run.failed
    if failed and failed.fault:
        error, cause = failed.fault.kind, failed.fault.cause(failed.request_id)
        history.fail(failed, error, cause)
        output = json.dumps({"Error": error, "Cause": cause})
        return record | {"status": "FAILED", "error": error, "cause": cause, "output": output}
    return record | {"status": "SUCCEEDED", "output": history.succeed()}


def _event(run: Run, size: int, etag: str) -> dict[str, Any]:
    """What EventBridge handed to the state machine."""
    request = run.invocations[0].request_id
    return {
        "version": "0",
        "id": request,
        "source": "aws.s3",
        "account": names.ACCOUNT,
        "time": iso(run.arrived),
        "region": names.REGION,
        "resources": [f"arn:aws:s3:::{names.RAW_BUCKET}"],
        "detail-type": "Object Created",
        "detail": {
            "version": "0",
            "event-version": "1.0",
            "bucket": {"name": names.RAW_BUCKET},
            "object": {"key": run.key, "size": size, "etag": etag, "sequencer": f"{run.arrived:018X}"},
            "request-id": request,
            "requester": names.ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }


class _History:
    """The events of one execution, as they happened."""

    def __init__(self, run: Run, asked: str, role: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._run = run
        started = {"input": asked, "roleArn": role}
        self._add("ExecutionStarted", run.started, executionStartedEventDetails=started)
        self._input = asked

    def succeed(self) -> str:
        """Both states did their work; gives the execution's output."""
        router, processor = self._run.invocations[:2]
        routed, processed = _answers(self._run)
        self._task("Route", router, routed)
        self._task("Process", processor, processed)
        output = json.dumps(processed)
        self._add("ExecutionSucceeded", self._run.ended, executionSucceededEventDetails={"output": output})
        return output

    def fail(self, failed: Invocation, error: str, cause: str) -> None:
        """A state failed, was caught, and ended in the state that fails."""
        state = "Route"
        if failed.function is names.PROCESSOR:
            self._task("Route", self._run.invocations[0], _answers(self._run)[0])
            state = "Process"
        reason = {"error": error, "cause": cause}
        self._enter(state, failed.at)
        self._add("TaskFailed", failed.end, taskFailedEventDetails={**reason, "resource": RESOURCE})
        caught = json.dumps({**json.loads(self._input), "failure": {"Error": error, "Cause": cause}})
        self._exit(state, failed.end, caught)
        entered = {"name": "Failed", "input": caught}
        self._add("FailStateEntered", self._run.ended, stateEnteredEventDetails=entered)
        self._add("ExecutionFailed", self._run.ended, executionFailedEventDetails=reason)

    def _task(self, state: str, invocation: Invocation, answer: dict[str, Any]) -> None:
        self._enter(state, invocation.at)
        whole = json.dumps({"StatusCode": 200, "Payload": answer})
        done = {"output": whole, "resource": RESOURCE}
        self._add("TaskSucceeded", invocation.end, taskSucceededEventDetails=done)
        self._exit(state, invocation.end, json.dumps(answer))

    def _enter(self, state: str, at: int) -> None:
        entered = {"name": state, "input": self._input}
        self._add("TaskStateEntered", at, stateEnteredEventDetails=entered)
        scheduled = {"resourceType": "lambda", "resource": RESOURCE}
        self._add("TaskScheduled", at, taskScheduledEventDetails=scheduled)

    def _exit(self, state: str, at: int, output: str) -> None:
        self._add("TaskStateExited", at, stateExitedEventDetails={"name": state, "output": output})
        self._input = output

    def _add(self, kind: str, at: int, **details: dict[str, Any]) -> None:
        self.events.append({"id": len(self.events) + 1, "type": kind, "timestamp": iso(at), **details})


def _answers(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the router and the processor gave back."""
    if run.dataset is None or run.instant is None:
        return {}, {}
    key, dataset = files.processed_key(run.dataset, run.instant), run.dataset.name
    routed = {
        "bucket": names.RAW_BUCKET,
        "key": run.key,
        "version_id": None,
        "dataset": dataset,
        "processor": names.PROCESSOR.name,
        "processed_key": key,
    }
    rows = ROWS[run.dataset]
    return routed, {"bucket": names.PROCESSED_BUCKET, "key": key, "dataset": dataset, "rows": rows}
