"""The two environments of a sandbox: what its clients need to reach it, and what its server process may know.

The server's whole environment leaks into the Lambda functions that it runs: it is given a clean one.
Client variables: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html and
https://github.com/influxdata/influxdb-client-python#environment-properties
"""

import os
from pathlib import Path

ACCOUNT = "123456789012"
REGION = "us-east-1"
ORG = "ons"
HOST = "127.0.0.1"

# The IAM user that clients are. The key opens nothing but a sandbox on this machine.
OPERATOR = "runbook-operator"
ACCESS_KEY = "sandbox-operator"
SECRET_KEY = "sandbox-has-no-secrets"  # noqa: S105

# Lambda calls in flight at once, each in a process of some 35 MB; beyond them is throttling, as on AWS.
CONCURRENCY = 16


def url(port: int) -> str:
    """The URL of a listener of this machine."""
    return f"http://{HOST}:{port}"


def influx_token(seed: int) -> str:
    """The operator token of the InfluxDB stand-in: worthless, and known to everybody who knows the seed."""
    return f"sandbox-token-{seed}"


def client_environment(aws_port: int, influx_port: int, seed: int) -> dict[str, str]:
    """The variables with which an AWS SDK, the AWS CLI and influxdb-client use the sandbox.

    RUNBOOK_API_ENDPOINT is a template: `{api_id}` and `{stage}` are left in it.
    """
    return {
        "AWS_ENDPOINT_URL": url(aws_port),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "INFLUXDB_V2_URL": url(influx_port),
        "INFLUXDB_V2_ORG": ORG,
        "INFLUXDB_V2_TOKEN": influx_token(seed),
        "RUNBOOK_API_ENDPOINT": f"{url(aws_port)}/_aws/execute-api/{{api_id}}/{{stage}}",
    }


def server_environment(home: Path, aws_port: int) -> dict[str, str]:
    """Everything that the server process may know. MiniStack reads it once, when it is imported."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home / "tmp"),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(aws_port),
        "AWS_ENDPOINT_URL": url(aws_port),
        # MiniStack's root; functions are given the credentials of their roles instead.
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        # MiniStack and moto must agree on whose resources these are, whatever key signs the call.
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MOTO_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        # Keys, policies and roles are checked, as on AWS.
        "AUTH": "true",
        # Listeners that would open ports of their own, two of them on every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Never talk to a Docker daemon that happens to run here.
        "DOCKER_HOST": f"unix://{home / 'tmp' / 'no-docker.sock'}",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ACCOUNT_CONCURRENCY": str(CONCURRENCY),
        "CLOUDTRAIL_RECORDING": "1",
        "CLOUDTRAIL_MAX_EVENTS": "50000",
        "PERSIST_STATE": "0",
        "STATE_DIR": str(home / "state" / "ministack"),
        "S3_PERSIST": "0",
        "S3_DATA_DIR": str(home / "state" / "s3"),
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        "LOG_LEVEL": "WARNING",
    }
