"""One bounded HTTP GET: for what answers over HTTP and not through an SDK (the platform's API, InfluxDB's
health).

https://urllib3.readthedocs.io/en/stable/user-guide.html
"""

import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from ons_runbook.calls import Call, record
from ons_runbook.failures import reading

CONNECT_SECONDS = 5
READ_SECONDS = 20
# More of a body than this is never looked at: a health answer is a line.
_BODY_BYTES = 64 * 1024


@dataclass(frozen=True)
class Response:
    """What came back: HTTP status, the first 64 KiB of the body, milliseconds until it was read."""

    status: int
    body: str
    milliseconds: float


def get(
    url: str, resource: str, *, headers: Mapping[str, str] | None = None, direct: bool = False
) -> Response:
    """GET `url` once, without following redirects; `resource` is what people call what answers there.

    `direct` ignores this machine's proxy settings. Raises Unreachable, NoAnswerInTime or UnexpectedAnswer.
    """
    started = time.monotonic()
    failed = ""
    try:
        with reading(resource):
            return _get(url, dict(headers or {}), direct)
    except Exception as error:
        failed = type(error).__name__
        raise
    finally:
        record(Call("http", f"GET {urlsplit(url).path or '/'}", time.monotonic() - started, error=failed))


def _get(url: str, headers: dict[str, str], direct: bool) -> Response:
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    with _pool(url, direct) as pool:
        started = time.monotonic()
        response = pool.request(
            "GET", url, headers=headers, timeout=timeout, retries=False, redirect=False, preload_content=False
        )
        body = response.read(_BODY_BYTES, decode_content=True)
        milliseconds = (time.monotonic() - started) * 1000
        response.close()
    return Response(response.status, body.decode("utf-8", "replace"), milliseconds)


def _pool(url: str, direct: bool) -> urllib3.PoolManager:
    proxy = proxy_for(url, direct=direct)
    return urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()


def proxy_for(url: str, *, direct: bool = False) -> str | None:
    """The proxy that this machine's settings (HTTPS_PROXY, NO_PROXY …) name for `url`; None when `direct`."""
    parts = urlsplit(url)
    proxy = None if direct else urllib.request.getproxies().get(parts.scheme)
    return proxy if proxy and not urllib.request.proxy_bypass(parts.hostname or "") else None
