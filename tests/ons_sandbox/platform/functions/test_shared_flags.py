"""Feature flags as the functions read them.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_GetLatestConfiguration.html: a
token is good for one call, and the configuration is empty when nothing changed.
"""

import io
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError


class AppConfig:
    """An AppConfigData client that serves these flags."""

    def __init__(self) -> None:
        self.flags: dict[str, Any] = {"enable_x": {"enabled": True}, "enable_y": {"enabled": False}}
        self.changed = True
        self.broken = False
        self.calls = self.sessions = 0
        self.token = ""

    def start_configuration_session(self, **_: str) -> dict[str, str]:
        self.sessions += 1
        self.token = "first"
        return {"InitialConfigurationToken": self.token}

    def get_latest_configuration(self, ConfigurationToken: str) -> dict[str, Any]:
        self.calls += 1
        if self.broken:
            raise EndpointConnectionError(endpoint_url="http://gone")
        assert ConfigurationToken == self.token, "a token is good for one call"
        self.token = f"token {self.calls}"
        document = json.dumps(self.flags).encode() if self.changed else b""
        self.changed = False
        return {"NextPollConfigurationToken": self.token, "Configuration": io.BytesIO(document)}


@pytest.fixture
def appconfig() -> AppConfig:
    return AppConfig()


@pytest.fixture
def flags(
    load: Callable[[str], ModuleType], appconfig: AppConfig, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    module = load("shared_utils.flags")
    monkeypatch.setattr(module.aws, "client", lambda service: appconfig)
    return module


def test_a_flag_is_on_off_or_unknown(flags: ModuleType) -> None:
    assert flags.enabled("enable_x")
    assert not flags.enabled("enable_y")
    assert not flags.enabled("enable_z")


def test_flags_are_asked_for_once_in_a_while(flags: ModuleType, appconfig: AppConfig) -> None:
    for _ in range(5):
        flags.enabled("enable_x")
    assert appconfig.calls == 1


def test_an_empty_answer_means_that_nothing_changed(
    flags: ModuleType, appconfig: AppConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flags, "CACHE_SECONDS", -1.0)
    assert flags.enabled("enable_x")
    assert flags.enabled("enable_x")
    appconfig.flags, appconfig.changed = {"enable_x": {"enabled": False}}, True
    assert not flags.enabled("enable_x")
    assert (appconfig.calls, appconfig.sessions) == (3, 1)


def test_flags_that_cannot_be_read_stay_as_they_were(
    flags: ModuleType, appconfig: AppConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flags, "CACHE_SECONDS", -1.0)
    assert flags.enabled("enable_x")
    appconfig.broken = True
    assert flags.enabled("enable_x")
    appconfig.broken = False
    assert flags.enabled("enable_x")


def test_flags_that_were_never_read_are_off(flags: ModuleType, appconfig: AppConfig) -> None:
    appconfig.broken = True
    assert not flags.enabled("enable_x")
