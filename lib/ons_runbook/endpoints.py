"""Where a platform may be talked to: a sandbox on this machine only, a real one anywhere else.

Loopback: RFC 6890 (127.0.0.0/8, ::1) and RFC 6761 (localhost) · variables:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from ons_runbook.errors import PlatformError
from ons_runbook.redaction import redact


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, in any of the ways to write that."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            # `127.1` and `2130706433` are addresses for the system's resolver, though not for ipaddress.
            address = ipaddress.ip_address(socket.inet_aton(host))
        except (OSError, UnicodeError):
            return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback


def check_endpoint(url: str, kind: str, what: str) -> None:
    """Raise PlatformError when a platform of this `kind` may not talk to `url`; `what` names the setting."""
    host = urlsplit(url).hostname
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise PlatformError(f"{what} is not a URL: {redact(url)!r}.", "Write http:// or https:// and a host.")
    if kind == "sandbox" and not is_loopback(url):
        raise PlatformError(
            f"{what} is {host}: a sandbox talks to this machine only (127.0.0.0/8, ::1, localhost).",
            "See the right variables: runbook sandbox env. For a real account choose another platform.",
        )
    if kind != "sandbox" and (is_loopback(url) or host in ("0.0.0.0", "::")):  # noqa: S104 - refused here
        raise PlatformError(
            f"{what} is {host}: a real platform does not answer on this machine.",
            "Unset AWS_ENDPOINT_URL…, INFLUXDB_V2_URL and RUNBOOK_API_ENDPOINT, or use platform sandbox.",
        )


def refuse_loopback_variables(given: Mapping[str, str]) -> None:
    """Raise PlatformError when a variable would lead boto3 of a real platform to this machine."""
    if given.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return
    for name, value in given.items():
        if name == "AWS_ENDPOINT_URL" or name.startswith("AWS_ENDPOINT_URL_"):
            check_endpoint(value, "aws", f"Environment variable {name}")
