"""The emulator of the mends' tests, with moto and the sandbox's own services in it, seeded with nothing."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError


def _load(path: Path, name: str) -> ModuleType:
    """A conftest of another folder under a name of its own."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


emulator = _load(Path(__file__).parents[1] / "mends" / "conftest.py", "mended_emulator").emulator


@pytest.fixture(scope="session")
def services(emulator: Any) -> Any:
    """The emulator with the services in front of moto's. Shared: use names of your own."""
    # So that `ledgers` can be called in there.
    emulator.call("site:addsitedir", sitedir=str(Path(__file__).parent))
    emulator.call("ons_sandbox.moto_bridge:install", endpoint=emulator.url)
    emulator.call("ons_sandbox.services:install")
    return emulator


@pytest.fixture
def pace(services: Any) -> Iterator[Callable[[float], None]]:
    """Sets how much faster than on AWS time goes; as it was after the test."""
    yield lambda factor: services.call("ons_sandbox.services.clock:set_factor", factor=factor)
    services.call("ons_sandbox.services.clock:set_factor", factor=60)


def error_of(call: Any, **parameters: Any) -> dict[str, Any]:
    """The error with which a call is refused."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error: dict[str, Any] = raised.value.response["Error"]
    return error


@pytest.fixture
def refused() -> Callable[..., dict[str, Any]]:
    """`refused(client.operation, …)`: the error of a call that is refused."""
    return error_of
