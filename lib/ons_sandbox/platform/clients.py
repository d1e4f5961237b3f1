"""boto3 clients of the sandbox's own endpoint, each made once and shared by every thread."""

import functools
import os
import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from ons_sandbox.platform import names


def share_service_models() -> None:
    """Let every botocore session of this process read the description of a service only once.

    Each of MiniStack's services opens a session of its own to look something up, and our clients another:
    without this, the same large files are searched for, read and kept many times over while the platform is
    built.
    """
    if not hasattr(botocore.session.create_loader, "cache_info"):
        botocore.session.create_loader = functools.cache(botocore.session.create_loader)


class Clients:
    """Clients by service name: `aws("s3")`.

    Credentials are the sandbox's own and explicit, so that nothing in the machine's configuration is used.
    """

    def __init__(self, aws_url: str, env: dict[str, str]) -> None:
        """aws_url: where AWS answers; env: the sandbox's variables (AWS_ACCESS_KEY_ID, …)."""
        no_profile = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
        self._session = boto3.Session(
            botocore_session=botocore.session.Session(session_vars=no_profile),
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=names.REGION,
        )
        self._settings: dict[str, Any] = {
            "endpoint_url": aws_url,
            "config": Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"total_max_attempts": 2},
                s3={"addressing_style": "path"},
                # A checksum of each upload costs more than the upload here.
                request_checksum_calculation="when_required",
            ),
        }
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> Any:
        """The client of a service. Making one is not thread-safe in boto3, using one is."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._session.client(service, **self._settings)
            return self._made[service]
