"""The pipeline: raw bucket -> rule -> state machine, and processed bucket -> rule -> loader.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html (Retry of Lambda's service errors)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from typing import Any

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients

# What AWS recommends to retry: the service's own trouble, never the function's.
SERVICE_ERRORS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]


def create(aws: Clients) -> None:
    """Create the state machine and both rules with their targets."""
    aws("stepfunctions").create_state_machine(
        name=names.STATE_MACHINE,
        definition=json.dumps(definition(), indent=2),
        roleArn=f"arn:aws:iam::{names.ACCOUNT}:role/{names.STATE_MACHINE_ROLE}",
        type="STANDARD",
        tags=[{"key": "Project", "value": names.PROJECT}],
    )
    role = {"RoleArn": f"arn:aws:iam::{names.ACCOUNT}:role/{names.EVENTS_ROLE}"}
    _rule(
        aws,
        names.PROCESSING_RULE,
        "A raw file arrived: process it",
        names.RAW_BUCKET,
        {"Id": "processing", "Arn": names.STATE_MACHINE_ARN, **role},
    )
    _rule(
        aws,
        names.LOADER_RULE,
        "A processed file arrived: load it into InfluxDB",
        names.PROCESSED_BUCKET,
        {
            "Id": "loader",
            "Arn": names.LOADER.live_arn,
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
        },
    )
    aws("lambda").add_permission(
        FunctionName=names.LOADER.name,
        Qualifier=names.ALIAS,
        StatementId="loader-rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=f"arn:aws:events:{names.REGION}:{names.ACCOUNT}:rule/{names.LOADER_RULE}",
    )


def definition() -> dict[str, Any]:
    """The state machine in Amazon States Language."""
    return {
        "Comment": "Processes one raw file of ONS",
        "StartAt": "Route",
        "States": {
            "Route": _task(names.ROUTER, {"Next": "Process"}),
            "Process": _task(names.PROCESSOR, {"End": True}),
            "Failed": {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
        },
    }


def _task(function: names.Function, onward: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function.live_arn, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "TimeoutSeconds": function.timeout + 5,
        "Retry": [{"ErrorEquals": SERVICE_ERRORS, "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Failed"}],
        **onward,
    }


def _rule(aws: Clients, name: str, purpose: str, bucket: str, target: dict[str, Any]) -> None:
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}},
    }
    events = aws("events")
    events.put_rule(Name=name, Description=purpose, EventPattern=json.dumps(pattern), State="ENABLED")
    answer = events.put_targets(Rule=name, Targets=[target])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"rule {name}: {answer['FailedEntries']}")
