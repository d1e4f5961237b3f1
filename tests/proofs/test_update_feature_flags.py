"""maintenance/update_feature_flags: flags switched by a new version and its deployment, and back again.

https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StopDeployment.html
"""

import json
from typing import Any

import pytest
from seven import BadInput, Case, SevenProofs

from ons_runbook import journal
from ons_runbook.plan import told
from sandboxes import Clients, clients_of, wait_until

NEW, ENHANCED, MAINTENANCE = (
    "enable_new_api_endpoint",
    "enable_enhanced_processing",
    "enable_maintenance_mode",
)
SLOW = "AppConfig.Canary10Percent20Minutes"


def place(clients: Clients) -> dict[str, str]:
    client = clients("appconfig")
    application = client.list_applications()["Items"][0]["Id"]
    environment = client.list_environments(ApplicationId=application)["Items"][0]["Id"]
    return {"ApplicationId": application, "EnvironmentId": environment}


def profile(clients: Clients) -> dict[str, str]:
    application = place(clients)["ApplicationId"]
    found = clients("appconfig").list_configuration_profiles(ApplicationId=application)["Items"][0]["Id"]
    return {"ApplicationId": application, "ConfigurationProfileId": found}


def deploy(clients: Clients, version: str, strategy: str = "") -> None:
    client = clients("appconfig")
    known = {one["Name"]: one["Id"] for one in client.list_deployment_strategies()["Items"]}
    client.start_deployment(
        **place(clients),
        ConfigurationProfileId=profile(clients)["ConfigurationProfileId"],
        ConfigurationVersion=version,
        DeploymentStrategyId=known[strategy or "ons-data-platform-all-at-once"],
    )


def an_older_version(clients: Clients) -> None:
    deploy(clients, "2")


def served(clients: Clients) -> Any:
    data, at = clients("appconfigdata"), {**place(clients), **profile(clients)}
    token = data.start_configuration_session(
        **{name.replace("Id", "Identifier"): v for name, v in at.items()}
    )
    answer = data.get_latest_configuration(ConfigurationToken=token["InitialConfigurationToken"])
    return json.loads(answer["Configuration"].read())


def document(clients: Clients, version: int) -> Any:
    answer = clients("appconfig").get_hosted_configuration_version(**profile(clients), VersionNumber=version)
    return json.loads(answer["Content"].read())


def state(clients: Clients, number: int) -> str:
    return clients("appconfig").get_deployment(**place(clients), DeploymentNumber=number)["State"]


class TestUpdateFeatureFlags(SevenProofs):
    case = Case(
        procedure="maintenance/update_feature_flags",
        parameters={"flags": [f"{NEW}=off", f"{ENHANCED}=off"], "reason": "answers are slow"},
        drift=an_older_version,
        leaves={"appconfig/version/": "a stored version stays in the history"},
        history=("appconfig/deployment/",),
        bad_input=(
            BadInput({"flags": ["enable_new_api_endpont=off"]}, f"Did you mean {NEW}"),
            BadInput({"flags": ["enable_thing=on"]}, "to add a flag, say create"),
            BadInput({"flags": ["Enable thing=on"], "create": True}, "cannot be a flag's name"),
            BadInput({"flags": [NEW]}, "does not say on or off"),
            BadInput({"flags": [f"{NEW}=on", f"{NEW}=off"]}, "asked to be on and off"),
            BadInput({"strategy": "AppConfig.AllAtOnc"}, "Did you mean AppConfig.AllAtOnce"),
            BadInput({"flags": []}, "nothing to change", status=None),
            BadInput({"flags": [f"{NEW}=on"]}, "nothing to change", status=None),
        ),
    )

    def test_while_a_deployment_goes_on_nothing_is_planned(self, world):
        world.sandbox.set_clock(1)
        try:
            deploy(clients_of(world.sandbox), "3", SLOW)
        finally:
            world.sandbox.set_clock(self.case.clock)
        before = world.state()
        plan = world.run()["plan"]
        assert plan["status"] == "refused"
        assert "Deployment 4 to production is under way" in plan["reason"]
        assert world.state() == before

    def test_only_the_named_flags_change_and_all_else_stays_to_the_letter(self, world):
        clients = clients_of(world.sandbox)
        given = document(clients, 3)
        given["flags"][NEW]["attributes"] = {"limit": {"constraints": {"type": "number", "required": True}}}
        given["flags"][NEW]["_deprecation"] = {"status": "planned"}
        given["values"][NEW] |= {"limit": 1.5, "_createdAt": "2026-01-01T00:00:00Z"}
        given["flags"][ENHANCED]["description"] = "geração acreditável"
        clients("appconfig").create_hosted_configuration_version(
            **profile(clients), Content=json.dumps(given).encode(), ContentType="application/json"
        )
        deploy(clients, "4")
        shown = world.run(flags=[f"{MAINTENANCE}=on"])["plan"]
        assert "turns callers away" in shown["actions"][1]["risk"]
        done = world.run(shown["id"], flags=[f"{MAINTENANCE}=on"])["plan"]
        assert done["status"] == "applied", done
        given["values"][MAINTENANCE]["enabled"] = True
        assert document(clients, 5) == given
        assert served(clients)[NEW] == {"enabled": True, "limit": 1.5}

    def test_a_flag_is_added_when_asked_and_gone_after_an_undo(self, world):
        clients = clients_of(world.sandbox)
        before = served(clients)
        asked = {"flags": ["enable_thing=on"], "create": True}
        done = world.run(world.run(**asked)["plan"]["id"], **asked)["plan"]
        assert done["status"] == "applied", done
        assert served(clients) == {**before, "enable_thing": {"enabled": True}}
        world.turned("undo", done["run"])
        assert served(clients) == before

    def test_what_was_stored_before_is_deployed_again_and_not_stored_twice(self, world):
        run = world.applied()["plan"]["run"]
        world.turned("undo", run)
        plan = world.run()["plan"]
        assert [action["operation"] for action in plan["actions"]] == ["StartDeployment"]
        assert world.run(plan["id"])["plan"]["status"] == "applied"
        assert served(clients_of(world.sandbox))[NEW] == {"enabled": False}

    def test_a_version_that_is_stored_and_not_live_is_not_what_the_plan_starts_from(self, world):
        clients = clients_of(world.sandbox)
        stray = document(clients, 3)
        stray["values"][MAINTENANCE]["enabled"] = True
        clients("appconfig").create_hosted_configuration_version(
            **profile(clients), Content=json.dumps(stray).encode(), ContentType="application/json"
        )
        plan = world.run()["plan"]
        assert {"target": "version 4", "why": "it is newer than version 3 but not live: the plan starts from "
                "what is live"} in plan["left_alone"]  # fmt: skip
        assert world.run(plan["id"])["plan"]["status"] == "applied"
        assert served(clients)[MAINTENANCE] == {"enabled": False}

    def test_an_alarm_takes_the_deployment_back_and_nothing_is_left_to_undo(self, world):
        clients = clients_of(world.sandbox)
        before = served(clients)
        alarms = clients("cloudwatch").describe_alarms(AlarmNames=["ons-data-platform-api-5xx"])
        arn = alarms["MetricAlarms"][0]["AlarmArn"]
        clients("appconfig").update_environment(**place(clients), Monitors=[{"AlarmArn": arn}])
        world.sandbox.set_clock(60)
        try:
            shown = world.run(strategy=SLOW)["plan"]
            assert "an alarm watches it" in shown["actions"][1]["risk"]
            running = world.start(shown["id"], strategy=SLOW)
            wait_until(lambda: len(self.deployments(clients)) == 4, "it is deployed")
            clients("cloudwatch").set_alarm_state(
                AlarmName="ons-data-platform-api-5xx", StateValue="ALARM", StateReason="tested"
            )
            plan = running.wait()["plan"]
        finally:
            world.sandbox.set_clock(self.case.clock)
        assert [action["status"] for action in plan["actions"]] == ["done", "taken back"]
        assert "AppConfig took deployment 4 back" in plan["reason"]
        assert served(clients) == before
        assert world.back("undo", plan["run"])["plan"] is None

    @pytest.mark.parametrize("direction", ["undo", "resume"])
    def test_killed_while_it_is_deployed_it_is_stopped_or_comes_to_its_end(self, world, direction):
        clients = clients_of(world.sandbox)
        before = served(clients)
        world.sandbox.set_clock(60 if direction == "undo" else 600)
        try:
            shown = world.run(strategy=SLOW)["plan"]
            running = world.start(shown["id"], strategy=SLOW)
            wait_until(lambda: len(self.deployments(clients)) == 4, "it is deployed")
            running.kill()
            run = world.newest_run()
            record = journal.read(run, world.reports / "journal")
            assert [one.status for one in told(record)] == ["done", "begun"]
            if direction == "undo":
                proposed = world.back("undo", run)["plan"]
                assert [action["operation"] for action in proposed["actions"]] == ["StopDeployment"]
                take = f"{record.begun['owner']}: it was killed by a test"
                done = world.back("undo", run, proposed["id"], take)["plan"]
                assert done["status"] == "applied", done
                assert state(clients, 4) == "ROLLED_BACK"
                assert served(clients) == before
            else:
                wait_until(lambda: state(clients, 4) == "COMPLETE", "it completes by itself")
                assert world.back("resume", run)["plan"] is None
                assert served(clients)[NEW] == {"enabled": False}
        finally:
            world.sandbox.set_clock(self.case.clock)

    def test_a_document_that_appconfig_refuses_changes_nothing(self, world):
        """A flag whose attribute is required cannot go on without it."""
        clients = clients_of(world.sandbox)
        given = document(clients, 3)
        given["flags"]["enable_limit"] = {
            "name": "enable_limit",
            "attributes": {"limit": {"constraints": {"type": "number", "required": True}}},
        }
        clients("appconfig").create_hosted_configuration_version(
            **profile(clients), Content=json.dumps(given).encode(), ContentType="application/json"
        )
        deploy(clients, "4")
        before = world.state()
        shown = world.run(flags=["enable_limit=on"])["plan"]
        plan = world.run(shown["id"], flags=["enable_limit=on"])["plan"]
        assert plan["status"] == "failed"
        assert "The attribute limit is required" in plan["reason"]
        assert world.state() == before

    def deployments(self, clients: Clients) -> list[Any]:
        return clients("appconfig").list_deployments(**place(clients))["Items"]
