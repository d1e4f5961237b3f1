"""Which hosts are this machine. RFC 6890, RFC 6761; `127.1` and whole numbers as inet_aton(3) reads them."""

import pytest

from ons_runbook.endpoints import check_endpoint, is_loopback
from ons_runbook.errors import PlatformError


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "api.localhost",
        "127.1",
        "2130706433",
    ],
)
def test_these_are_this_machine(host):
    assert is_loopback(f"http://{host}:4566/x")


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "amazonaws.com", "localhost.evil.com", "127.0.0.1.evil.com", "[::2]", "0.0.0.0"],  # noqa: S104
)
def test_these_are_not(host):
    assert not is_loopback(f"http://{host}:4566/x")


@pytest.mark.parametrize("url", ["127.0.0.1:4566", "ftp://127.0.0.1", "http://", ""])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(PlatformError, match="not a URL"):
        check_endpoint(url, "sandbox", "endpoint_url")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])  # noqa: S104 - refused
def test_every_interface_of_this_machine_is_no_real_platform(host):
    with pytest.raises(PlatformError, match="does not answer on this machine"):
        check_endpoint(f"http://{host}:4566", "aws", "endpoint_url")
