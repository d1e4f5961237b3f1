"""AppConfig with one application and flags in it, as its answers tell."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from ons_runbook.session import Session

from .answering import Asked, answer, body

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
APP, ENV, PROFILE, STRATEGY = "appl123", "envi123", "prof123", "strt123"
NAMES = {"application": "ons", "environment": "production", "profile": "flags"}


def document(**values: Any) -> dict[str, Any]:
    """Flags with these values; a bare True or False is a flag that is on or off."""
    full = {name: {"enabled": one} if isinstance(one, bool) else one for name, one in values.items()}
    return {"version": "1", "flags": {name: {"name": name} for name in full}, "values": full}


def deployment(number: int, state: str = "COMPLETE", version: str = "", **more: Any) -> dict[str, Any]:
    return {
        "DeploymentNumber": number,
        "ConfigurationProfileId": PROFILE,
        "ConfigurationName": "flags",
        "ConfigurationVersion": version or str(number),
        "State": state,
        "PercentageComplete": 100.0,
        "StartedAt": NOW - timedelta(days=10 - number),
        "EventLog": [],
        "DeploymentStrategyId": STRATEGY,
        **more,
    }


def strategy(identifier: str, name: str, minutes: float = 0, bake: float = 0) -> dict[str, Any]:
    times = {"DeploymentDurationInMinutes": minutes, "FinalBakeTimeInMinutes": bake}
    return {"Id": identifier, "Name": name, **times}


class AppConfig:
    """Stored versions, deployments (oldest first), strategies; changed at will before it is asked."""

    def __init__(self, *versions: dict[str, Any]) -> None:
        self.versions = dict(enumerate(versions, 1))
        self.deployments = [deployment(number) for number in self.versions]
        self.strategies = [strategy(STRATEGY, "at-once")]
        self.profile = {
            "Id": PROFILE,
            "Name": "flags",
            "LocationUri": "hosted",
            "Type": "AWS.AppConfig.FeatureFlags",
        }
        self.monitors: list[dict[str, str]] = []
        self.served: Any = None
        self.asked: Asked = []

    def on(self, session: Session) -> Asked:
        """Answer the session's calls; the calls of the control plane are noted."""
        answer(
            session,
            "appconfigdata",
            StartConfigurationSession={"InitialConfigurationToken": "token"},
            GetLatestConfiguration=lambda **_: {"Configuration": body(json.dumps(self._served()).encode())},
        )
        return answer(
            session,
            "appconfig",
            ListApplications={"Items": [{"Id": APP, "Name": "ons"}]},
            ListEnvironments=lambda **_: {
                "Items": [{"Id": ENV, "Name": "production", "Monitors": self.monitors}]
            },
            ListConfigurationProfiles=lambda **_: {"Items": [self.profile]},
            ListDeployments=lambda **_: {"Items": self.deployments[::-1]},
            GetDeployment=lambda DeploymentNumber, **_: next(
                one for one in self.deployments if one["DeploymentNumber"] == DeploymentNumber
            ),
            ListDeploymentStrategies=lambda **_: {"Items": self.strategies},
            ListHostedConfigurationVersions=lambda **_: {
                "Items": [{"VersionNumber": number} for number in self.versions]
            },
            GetHostedConfigurationVersion=lambda VersionNumber, **_: {
                "Content": body(json.dumps(self.versions[VersionNumber]).encode()),
                "ContentType": "application/json",
            },
        )

    def _served(self) -> Any:
        if self.served is not None:
            return self.served
        live = next(one for one in self.deployments[::-1] if one["State"] == "COMPLETE")
        return self.versions[int(live["ConfigurationVersion"])]["values"]
