"""The guarded way to AWS: one boto3 session a platform, every client of it watched.

A sandbox session has credentials of its own and talks to loopback only; a real one uses the ordinary chain
and stops in any other account than the platform's. Timeouts, bounded adaptive retries, a name in the user
agent: https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html ·
https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html ·
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.loaders import Loader, create_loader

from ons_runbook import guard
from ons_runbook.calls import Call, record
from ons_runbook.endpoints import check_endpoint
from ons_runbook.errors import AccountMismatch, RunbookError
from ons_runbook.failures import error_code, reading
from ons_runbook.pages import pages
from ons_runbook.platform import Platform
from ons_runbook.redaction import Redactor

Made = TypeVar("Made")

CONNECT_SECONDS = 5
READ_SECONDS = 20
_ATTEMPTS = 4
# When nothing is at the other end, one retry tells a blip from an outage; four would only delay the verdict.
_ATTEMPTS_AT_DEAD_ENDPOINT = 2
_DEAD = (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError)

#: Services that the procedures use; `preload` reads their models.
SERVICES = ("sts", "lambda", "cloudwatch", "logs", "s3", "apigateway", "secretsmanager", "ssm")

# The sandbox checks neither key nor secret, but a request must be signed with something.
_SANDBOX_KEY = ("sandbox-operator", "sandbox-has-no-secrets")
_NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}

# Models are read-only once parsed, and parsing them is most of what making a client costs: one loader for
# all.
_loader: Loader = create_loader()


def preload() -> None:
    """Read the service models that the procedures use, so that a forked process makes clients quickly."""
    for service in SERVICES:
        for kind in ("service-2", "paginators-1", "endpoint-rule-set-1"):
            _loader.load_service_model(service, kind)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        _loader.load_data(name)


@dataclass(frozen=True)
class Identity:
    """Who is calling: the account's id and the caller's ARN."""

    account: str
    arn: str


class Session:
    """Guarded clients of one platform. Safe to use from several threads."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.region = platform.region
        self.gate = guard.Gate()
        self._lock = threading.RLock()
        self._made: dict[str, Any] = {}
        self._secrets: list[str] = []
        self._verified: Identity | RunbookError | None = None
        with reading("AWS credentials"):
            self._boto = _boto_session(platform)

    def __repr__(self) -> str:
        return f"Session({self.platform.name!r}, {self.region!r})"

    def client(self, service: str) -> Any:
        """The low-level client of an AWS service, guarded and recorded; one a session."""
        return self.cached(f"client:{service}", lambda: self._make_client(service))

    def changing_client(self, service: str) -> Any:
        """A client that sends each call once: nobody but who knows the change may decide to send it again."""
        return self.cached(f"changing:{service}", lambda: self._make_client(service, attempts=1))

    def cached(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` made the first time it was asked for under this name."""
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: Made = self._made[name]
            return made

    @property
    def identity(self) -> Identity:
        """Who is calling, asked once.

        Raises CredentialsError, AccountMismatch when it is not the platform's account, or ReadError when it
        cannot be asked; every other call of the session is refused with the same error, since nobody knows
        which account it would read.
        """
        with self._lock:
            if self._verified is None:
                try:
                    self._verified = self._ask_identity()
                except RunbookError as error:
                    self._verified = error
            if isinstance(self._verified, RunbookError):
                raise self._verified.with_traceback(None)
            return self._verified

    @property
    def account(self) -> str:
        """The account's id; see `identity` for what it raises."""
        return self.identity.account

    def pages(self, service: str, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page of `operation` (as the API calls it: "FilterLogEvents"), one after the other.

        Raises UnexpectedAnswer when the service gives the same token twice, which would never end.
        """
        return pages(self.client(service), service, operation, parameters)

    def redactor(self, *more: str | None) -> Redactor:
        """A redactor that knows the credentials in use, the InfluxDB token, and `more`."""
        token = self.platform.influx_token
        secrets = [token.get_secret_value() if token else None, *self._secrets, *more]
        if not self.platform.is_sandbox:
            try:
                keys = self._boto.get_credentials()
                frozen = keys.get_frozen_credentials() if keys else None
            except BotoCoreError:
                # Credentials that cannot be had cannot leak either.
                frozen = None
            if frozen:
                secrets += [frozen.access_key, frozen.secret_key, frozen.token]
        return Redactor(secrets)

    def keep_secret(self, value: str) -> None:
        """Remember a value that was read and must never be shown."""
        self._secrets.append(value)

    def _ask_identity(self) -> Identity:
        with reading("AWS identity", "sts"):
            answer = self.client("sts").get_caller_identity()
        identity = Identity(str(answer["Account"]), str(answer["Arn"]))
        expected = self.platform.expected_account
        if expected and identity.account != expected:
            raise AccountMismatch(
                f"These credentials belong to account {identity.account}, and platform "
                f"{self.platform.name!r} is account {expected}.",
                "Nothing was read. Switch AWS_PROFILE or the role, or choose another platform.",
            )
        return identity

    def _make_client(self, service: str, attempts: int = _ATTEMPTS) -> Any:
        config = _config(self.platform, service, attempts)
        with reading(f"AWS client for {service}"):
            client = self._boto.client(service, endpoint_url=self.platform.endpoint_url, config=config)
        where = f"Endpoint of {service}"
        check_endpoint(client.meta.endpoint_url, self.platform.kind, where)
        events = client.meta.events
        guard.attach(client, service, self.gate)  # first: it stops a call before anything else is asked
        events.register("before-call", _note_start)
        events.register("after-call", lambda **event: _note_end(service, **event))
        events.register("after-call-error", lambda **event: _note_end(service, **event))
        events.register_first("needs-retry", _give_up_early)
        events.register_first("before-send", lambda request, **_: self._check_address(request.url, where))
        if service != "sts":
            events.register_first("provide-client-params", lambda **_: self._check_account())
        return client

    def _check_address(self, url: str, where: str) -> None:
        # The endpoint was checked, but redirects and endpoint discovery can lead elsewhere.
        check_endpoint(url, self.platform.kind, where)

    def _check_account(self) -> None:
        _ = self.identity


def _boto_session(platform: Platform) -> boto3.Session:
    core = botocore.session.Session(session_vars=_NO_PROFILE if platform.is_sandbox else None)
    core.register_component("data_loader", _loader)
    key, secret = _SANDBOX_KEY if platform.is_sandbox else (None, None)
    return boto3.Session(key, secret, region_name=platform.region, botocore_session=core)


def _config(platform: Platform, service: str, attempts: int) -> Config:
    # Who is asking is asked first, and everything waits for it.
    hurry = service == "sts"
    common = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS // 2 if hurry else READ_SECONDS,
        retries={"mode": "adaptive", "total_max_attempts": attempts},
        max_pool_connections=16,
        user_agent_extra=f"ons-runbook/{version('ons-runbook')}",
    )
    if not platform.is_sandbox:
        return common
    return common.merge(
        Config(
            proxies={},  # a proxy of this machine must not see, or break, calls to this machine
            s3={"addressing_style": "path"},
            use_fips_endpoint=False,
            use_dualstack_endpoint=False,
            endpoint_discovery_enabled=False,
        )
    )


def _note_start(context: dict[str, Any], **_: Any) -> None:
    context["ons_runbook_started"] = time.monotonic()


def _note_end(
    service: str,
    *,
    event_name: str,
    context: dict[str, Any],
    parsed: dict[str, Any] | None = None,
    exception: Exception | None = None,
    **_: Any,
) -> None:
    parsed = parsed or {}
    failed = error_code(exception) if exception else str(parsed.get("Error", {}).get("Code", ""))
    record(
        Call(
            service=service,
            operation=event_name.rpartition(".")[2],
            seconds=time.monotonic() - context.get("ons_runbook_started", time.monotonic()),
            attempts=1 + parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0),
            error=failed,
        )
    )


def _give_up_early(attempts: int, caught_exception: Exception | None = None, **_: Any) -> None:
    if isinstance(caught_exception, _DEAD) and attempts >= _ATTEMPTS_AT_DEAD_ENDPOINT:
        raise caught_exception
