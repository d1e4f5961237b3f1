"""The steps that switch feature flags: how fast, who watches, and what is said of them.

https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_CreateHostedConfigurationVersion.html
"""

import pytest

from ons_runbook.aws import flag_changes
from ons_runbook.errors import ChangeRefused

from .flag_answers import NAMES, AppConfig, document, strategy


@pytest.fixture
def appconfig(session):
    made = AppConfig(document(a=True))
    made.on(session)
    return made


@pytest.fixture
def changes(appconfig, session):
    return lambda *flags, **more: flag_changes.changes(session, list(flags), **NAMES, **more)


def test_the_strategy_is_that_of_the_last_deployment_or_the_one_named(changes, appconfig):
    appconfig.strategies += [strategy("slow123", "slowly", 20, 10), strategy("twin123", "at-once")]
    deploy = changes("a=off", strategy="slowly").actions[1]
    assert deploy.parameters["DeploymentStrategyId"] == "slow123"
    assert deploy.undo[0].parameters["DeploymentStrategyId"] == "slow123"
    assert deploy.wait_s >= 30 * 60
    assert "over 20 min, then 10 min of baking" in deploy.risk
    assert changes("a=off", strategy="twin123").actions[1].parameters["DeploymentStrategyId"] == "twin123"
    assert changes("a=off").actions[1].risk.startswith("Callers get it at once, each at its next poll")
    with pytest.raises(
        ChangeRefused, match=r"called slowy\. Did you mean slowly\?.*There are: at-once, slowly"
    ):
        changes("a=off", strategy="slowy")
    with pytest.raises(ChangeRefused, match="Several deployment strategies are called at-once"):
        changes("a=off", strategy="at-once")


def test_the_risk_says_who_watches_and_what_maintenance_means(changes, appconfig):
    assert "no alarm watches it" in changes("a=off").actions[1].risk
    appconfig.monitors = [{"AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"}]
    asked = {"create": True}
    on = changes("enable_maintenance_mode=on", **asked).actions[1].risk
    assert "an alarm watches it" in on
    assert "enable_maintenance_mode turns callers away on purpose" in on
    assert "on purpose" not in changes("enable_maintenance_mode=off", **asked).actions[1].risk


def test_descriptions_are_one_line_of_ascii(changes):
    said = changes("a=off", reason="geração\nlenta " + "x" * 2000).actions[0].parameters["Description"]
    assert said.startswith("a off: geracao lenta xxx")
    assert (len(said), said.isascii()) == (1024, True)
    assert changes("a=off").actions[0].parameters["Description"] == "a off"
