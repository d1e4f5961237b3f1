"""Sandboxes for the tests: one seeded and one empty for each xdist worker, started when first asked for."""

from collections.abc import Iterator

import pytest

from ons_sandbox import Sandbox
from sandboxes import Clients, clients_of


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The seeded platform. Shared by a worker's tests: read it, or put back what you change."""
    with Sandbox(tmp_path_factory.mktemp("sandbox"), traffic=False) as running:
        yield running


@pytest.fixture(scope="session")
def clients(sandbox: Sandbox) -> Clients:
    """boto3 clients of the seeded platform: `clients("s3")`."""
    return clients_of(sandbox)


@pytest.fixture(scope="session")
def empty_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """An empty account in a second: for what an emulator or a mend does. Shared: use names of your own."""
    with Sandbox(tmp_path_factory.mktemp("empty"), platform=False) as running:
        yield running


@pytest.fixture(scope="session")
def empty_clients(empty_sandbox: Sandbox) -> Clients:
    """boto3 clients of the empty account."""
    return clients_of(empty_sandbox)
