"""What tests of the sandbox share: clients of a running one, and waiting without luck."""

import os
import time
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from ons_sandbox import Sandbox

Clients = Callable[[str], Any]


def clients_of(sandbox: Sandbox) -> Clients:
    """boto3 clients of one sandbox by service name; nothing of the caller's own AWS configuration is used."""
    env = sandbox.env()
    no_profile = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    session = boto3.Session(
        botocore_session=botocore.session.Session(session_vars=no_profile),
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_REGION"],
    )
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            # A test that waits for retries of a broken sandbox tells nothing sooner or better.
            config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
            made[service] = session.client(service, endpoint_url=env["AWS_ENDPOINT_URL"], config=config)
        return made[service]

    return client


def wait_until(true: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Poll until `true()` is; fail with `what` when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
