"""The guarded InfluxDB 2 client, and queries in Flux with parameters.

Writes, deletes and bucket updates ask the session's gate like any AWS change, and so does a query that
could write (`to()`, https://docs.influxdata.com/flux/v0/stdlib/influxdata/influxdb/to/). HTTP API:
https://docs.influxdata.com/influxdb/v2/api/v2/ · parameters:
https://influxdb-client.readthedocs.io/en/stable/usage.html#queries
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from ons_runbook import web
from ons_runbook.calls import Call, record
from ons_runbook.errors import (
    CredentialsError,
    NotFound,
    PlatformError,
    ReadError,
    RunbookError,
    Throttled,
    UnexpectedAnswer,
)
from ons_runbook.failures import reading
from ons_runbook.guard import Gate
from ons_runbook.session import Session

#: The procedure that goes on from a bad verdict.
NEXT = "troubleshooting/influxdb_write_failures"

_READING_PATHS = re.compile(r"/(?:api/v2/.*|health|ready|ping|metrics|api/v2)")
_QUERY_PATHS = {"/api/v2/query", "/api/v2/query/ast", "/api/v2/query/analyze"}
# Flux packages without a function that writes or calls out.
_HARMLESS_PACKAGES = {"array", "date", "join", "math", "regexp", "strings", "timezone", "types"}
_HARMLESS_PACKAGES |= {"influxdata/influxdb/schema", "influxdata/influxdb/tasks"}
_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*')
_IMPORT = re.compile(r'\bimport\b\s*(?:\w+\s*)?"([^"]*)"')
_WRITER = re.compile(r"(?<!\.)\b(?:to|wideTo)\b(?!\s*:)")


def may_write(flux: str) -> bool:
    """Whether a Flux script could change something: it names `to`, or imports a package that might."""
    if not {match[1] for match in _IMPORT.finditer(flux)} <= _HARMLESS_PACKAGES:
        return True
    return _WRITER.search(_STRING_OR_COMMENT.sub('""', flux)) is not None


def reads(method: str, path: str, body: Any = None) -> bool:
    """Whether a request to InfluxDB's HTTP API reads; whatever is not known to read, changes."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return _READING_PATHS.fullmatch(path) is not None
    if method == "POST" and path in _QUERY_PATHS and isinstance(body, dict):
        return body.get("type") in (None, "flux") and not may_write(str(body.get("query", "")))
    return False


class GuardedClient(InfluxDBClient):
    """influxdb-client, unchanged but that each request is recorded and asks the gate before it leaves."""

    def __init__(self, gate: Gate, **settings: Any) -> None:
        super().__init__(**settings)
        send = self.api_client.rest_client.request

        def guarded(method: str, url: str, *args: Any, **more: Any) -> Any:
            operation = f"{method} {urlsplit(url).path}"
            if not reads(method, urlsplit(url).path, more.get("body")):
                gate.check("influxdb", operation)
            started, failed = time.monotonic(), ""
            try:
                return send(method, url, *args, **more)
            except Exception as error:
                failed = str(getattr(error, "status", "") or type(error).__name__)
                raise
            finally:
                record(Call("influxdb", operation, time.monotonic() - started, error=failed))

        self.api_client.rest_client.request = guarded  # type: ignore[method-assign]


def client(session: Session) -> GuardedClient:
    """The session's InfluxDB client. Raises PlatformError when the platform has no URL or token for it."""
    return session.cached("influxdb", lambda: _connect(session))


def _connect(session: Session) -> GuardedClient:
    platform = session.platform
    return GuardedClient(
        session.gate,
        url=base_url(session),
        token=_token(session),
        org=platform.influx_org,
        timeout=(web.CONNECT_SECONDS * 1000, web.READ_SECONDS * 1000),
        proxy=web.proxy_for(base_url(session), direct=platform.is_sandbox),
    )


def base_url(session: Session) -> str:
    """InfluxDB's URL without a slash at its end; PlatformError when the platform has none."""
    if not session.platform.influx_url:
        raise PlatformError(
            "The platform has no InfluxDB URL.", "Set INFLUXDB_V2_URL, or influx_url in its file."
        )
    return session.platform.influx_url.rstrip("/")


def _token(session: Session) -> str:
    platform = session.platform
    if platform.influx_token is not None:
        return platform.influx_token.get_secret_value()
    name = platform.influx_secret_name
    if not name:
        raise PlatformError(
            "There is no InfluxDB token.", "Set INFLUXDB_V2_TOKEN, or influx_secret_name to a secret's name."
        )
    with reading(f"Secrets Manager secret {name}", "secretsmanager"):
        answer = session.client("secretsmanager").get_secret_value(SecretId=name)
    value = str(answer.get("SecretString") or "")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    found = parsed.get("token") if isinstance(parsed, dict) else value
    if not found:
        raise PlatformError(
            f"The secret {name} holds no InfluxDB token.", "Store it as text, or as JSON with `token`."
        )
    session.keep_secret(str(found))
    return str(found)


@contextmanager
def _asking(session: Session) -> Iterator[None]:
    resource = f"InfluxDB at {urlsplit(base_url(session)).netloc.rpartition('@')[2]}"
    try:
        with reading(resource):
            yield
    except ApiException as error:
        raise _explain(error, resource, session) from error


def _explain(error: ApiException, resource: str, session: Session) -> RunbookError:
    message = f"{resource} answered {error.status}: {error.message or error.reason}"
    if error.status in (401, 403):
        secret = session.platform.influx_secret_name
        given_by_variable = session.platform.influx_token is not None
        where = "INFLUXDB_V2_TOKEN" if given_by_variable else f"the Secrets Manager secret {secret}"
        return CredentialsError(message, f"Look at {where}: the token is wrong, or may not read this bucket.")
    if error.status == 404:
        return NotFound(
            message, "Check influx_bucket and influx_org, and that the token may read the bucket."
        )
    if error.status in (429, 503):
        return Throttled(message, f"It is busy or starting; go on with {NEXT}.")
    if error.status in (400, 422):
        return UnexpectedAnswer(message, "The query does not suit this server: is it InfluxDB 2?")
    return ReadError(message, f"Go on with {NEXT}.")


def query(session: Session, flux: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    """Rows of a Flux query, streamed, each a dict by column; `parameters` are bound by name, never pasted in.

    Raises CredentialsError (401, with the variable or secret to look at), NotFound (no such bucket),
    ReadError.
    """
    with _asking(session):
        for row in client(session).query_api().query_stream(flux, params=parameters):
            yield row.values
