"""The functions as modules, found as Lambda finds them: their folder and what they share on the path."""

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from ons_sandbox.platform import packages

ENVIRONMENT = {
    "PROCESSED_BUCKET": "processed",
    "INFLUXDB_URL": "http://127.0.0.1:1",
    "INFLUXDB_ORG": "ons",
    "INFLUXDB_BUCKET": "energy_data",
    "INFLUXDB_SECRET": "influxdb",
    "APPCONFIG_APPLICATION": "application",
    "APPCONFIG_ENVIRONMENT": "environment",
    "APPCONFIG_PROFILE": "profile",
}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a function or a shared module freshly: `load("lambda_router")`, `load("shared_utils.flags")`."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    before = set(sys.modules)

    def module(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(packages.FUNCTIONS))
        monkeypatch.syspath_prepend(str(packages.FUNCTIONS / name))
        return importlib.import_module(name)

    yield module
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {"shared_utils", *(path.name for path in packages.FUNCTIONS.iterdir())}:
            del sys.modules[name]
