"""Rolling a function back: the seven proofs, and a deployment that is stopped half-way.

https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html
"""

import json
from typing import Any

from seven import BadInput, Case, SevenProofs

from sandboxes import Clients, clients_of, wait_until

FUNCTION = "structured_data_processor"
GROUP = {
    "applicationName": "ons-data-platform-lambda-app",
    "deploymentGroupName": f"{FUNCTION}-deployment-group",
}
LIVE = {"FunctionName": FUNCTION, "Name": "LIVE"}


def somebody_tries_another_version(clients: Clients) -> None:
    clients("lambda").update_alias(**LIVE, RoutingConfig={"AdditionalVersionWeights": {"5": 0.1}})


def without_an_alias(clients: Clients) -> None:
    clients("lambda").delete_alias(FunctionName="lambda_router", Name="LIVE")


def only_one_version(clients: Clients) -> None:
    for version in ("1", "2", "3", "4", "5", "6"):
        clients("lambda").delete_function(FunctionName="timestream_loader", Qualifier=version)


class TestRollback(SevenProofs):
    case = Case(
        procedure="maintenance/rollback_lambda_function",
        parameters={"function": FUNCTION},
        drift=somebody_tries_another_version,
        bad_input=(
            BadInput({"version": "99"}, f"{FUNCTION} has no version 99. There are: 7, 6, 5, 4, 3, 2, 1"),
            BadInput({"version": "$LATEST"}, r"must not point at \$LATEST"),
            BadInput({"version": "the one before"}, "'the one before' is no version of"),
            BadInput({"version": "7"}, "nothing to change", status=None),
            BadInput({"function": "lambda_rooter"}, "no function lambda_rooter. Did you mean lambda_router"),
            BadInput({"function": "lambda_router"}, "lambda_router has no alias LIVE", without_an_alias),
            BadInput(
                {"function": "timestream_loader"},
                r"no good version before 7 \(version 6: deleted; .*\). Name one. There are: 7",
                only_one_version,
            ),
        ),
    )

    def test_a_named_version_gets_all_calls_and_undo_gives_them_back(self, world):
        done = world.run(world.run(version="3")["plan"]["id"], version="3")["plan"]
        assert done["status"] == "applied", done
        client = clients_of(world.sandbox)("lambda")
        assert client.get_alias(**LIVE)["FunctionVersion"] == "3"
        world.turned("undo", done["run"])
        assert client.get_alias(**LIVE)["FunctionVersion"] == "7"

    def test_once_taken_back_it_does_not_go_further_back_by_itself(self, world):
        world.applied()
        again = world.run()
        assert again["plan"] is None
        (check,) = [check for check in again["checks"] if check["name"] == "version.before"]
        assert check["verdict"] == "pass"
        assert "LIVE is at version 6 already" in check["observed"]

    def test_right_after_the_change_too_few_calls_are_a_warning_and_no_failure(self, world):
        done = world.applied()
        (check,) = [check for check in done["checks"] if check["name"] == "version.live"]
        assert check["verdict"] == "warn"
        assert "version 6: no calls known since" in check["observed"]

    def test_a_deployment_under_way_is_stopped_and_all_calls_go_to_the_old_version(self, world):
        clients = clients_of(world.sandbox)
        deployment = self.half_way(world, clients)
        shown = world.run()["plan"]
        assert [(action["operation"], action["target"]) for action in shown["actions"]] == [
            ("StopDeployment", f"deployment {deployment} of {FUNCTION}"),
            ("UpdateAlias", f"alias LIVE of {FUNCTION}"),
        ]
        done = world.run(shown["id"])["plan"]
        assert done["status"] == "applied", done
        found = clients("codedeploy").get_deployment(deploymentId=deployment)["deploymentInfo"]
        assert found["status"] == "Stopped"
        alias = clients("lambda").get_alias(**LIVE)
        assert (alias["FunctionVersion"], alias.get("RoutingConfig", {})) == ("7", {})
        assert world.run()["plan"] is None, "what was stopped is not taken back once more"

    def test_a_deployment_that_was_over_before_the_approval_is_another_plan(self, world):
        clients = clients_of(world.sandbox)
        deployment = self.half_way(world, clients)
        shown = world.run()["plan"]
        clients("codedeploy").stop_deployment(deploymentId=deployment, autoRollbackEnabled=False)
        refused = world.run(shown["id"])["plan"]
        assert refused["status"] == "refused"
        assert "is no longer the plan" in refused["reason"]
        weights = clients("lambda").get_alias(**LIVE)["RoutingConfig"]["AdditionalVersionWeights"]
        assert weights == {"8": 0.1}

    def half_way(self, world: Any, clients: Clients) -> str:
        """A canary of version 8 that has a tenth of the calls, and will have for long."""
        world.sandbox.set_clock(20)
        client = clients("lambda")
        client.update_function_configuration(FunctionName=FUNCTION, Timeout=61)
        client.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
        assert client.publish_version(FunctionName=FUNCTION)["Version"] == "8"
        target = {"Name": FUNCTION, "Alias": "LIVE", "CurrentVersion": "7", "TargetVersion": "8"}
        resource = {FUNCTION: {"Type": "AWS::Lambda::Function", "Properties": target}}
        content = json.dumps({"version": 0.0, "Resources": [resource]})
        revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}
        made: str = clients("codedeploy").create_deployment(**GROUP, revision=revision)["deploymentId"]
        wait_until(lambda: client.get_alias(**LIVE).get("RoutingConfig"), "traffic moves")
        return made
