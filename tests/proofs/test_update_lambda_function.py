"""The seven proofs for maintenance/update_lambda_function, and that a worse version goes back by itself.

https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-lambda.html ·
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from seven import BadInput, Case, SevenProofs, World

from ons_runbook import journal
from ons_sandbox.platform import names, packages
from sandboxes import Clients, clients_of, wait_until

ROUTER = names.ROUTER.name
#: What has been live so far, in the sandbox's own sources; relative to the project's folder.
SOURCE = f"lib/ons_sandbox/platform/functions/{ROUTER}"
ROOT = Path(__file__).parents[2]
ALIAS = f"lambda/alias/{ROUTER}:{names.ALIAS}"
GROUP = {
    "applicationName": f"{names.PROJECT}-lambda-app",
    "deploymentGroupName": f"{ROUTER}-deployment-group",
}
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
LIMIT = 250 * 1024 * 1024


def settled(clients: Clients) -> None:
    def successful() -> bool:
        found = clients("lambda").get_function_configuration(FunctionName=ROUTER)
        return bool(found["LastUpdateStatus"] == "Successful")

    wait_until(successful, f"the update of {ROUTER} is over")


def an_older_version_is_live(clients: Clients) -> None:
    """Version 5 behind the alias and in $LATEST, so that the source is new."""
    settled(clients)
    old = packages.packages(ROUTER)[4].content
    clients("lambda").update_function_code(FunctionName=ROUTER, ZipFile=old)
    settled(clients)
    clients("lambda").update_alias(FunctionName=ROUTER, Name=names.ALIAS, FunctionVersion="5")


def somebody_changes_a_setting(clients: Clients) -> None:
    """Which would go live with the code."""
    clients("lambda").update_function_configuration(FunctionName=ROUTER, MemorySize=640)
    settled(clients)


def somebody_shares_the_traffic(clients: Clients) -> None:
    routing = {"AdditionalVersionWeights": {"4": 0.5}}
    clients("lambda").update_alias(FunctionName=ROUTER, Name=names.ALIAS, RoutingConfig=routing)


def somebody_deletes_the_alias(clients: Clients) -> None:
    clients("lambda").delete_alias(FunctionName=ROUTER, Name=names.ALIAS)


class TestUpdateLambdaFunction(SevenProofs):
    case = Case(
        procedure="maintenance/update_lambda_function",
        parameters={"function": ROUTER, "source": SOURCE, "description": "proof", "minimum_calls": 0},
        prepare=an_older_version_is_live,
        drift=somebody_changes_a_setting,
        history=("codedeploy/deployment/",),
        bad_input=(
            BadInput({"function": "lambda_routr"}, r"no function 'lambda_routr'.*mean lambda_router\?"),
            BadInput({"function": ""}, r"no function ''.*It has: lambda_router,"),
            BadInput({"function": f"{ROUTER}:LIVE"}, r"is a version or an alias.*lambda_router"),
            BadInput({"function": f"{ROUTER}:7"}, r"is a version or an alias.*lambda_router"),
            BadInput({"source": f"{SOURCE}s"}, r"There is no folder .*Did you mean lambda_router\?"),
            BadInput({"source": f"{SOURCE}/{ROUTER}.py"}, r"is a file, not a folder"),
            BadInput({"source": "docs/decisions"}, r"has no lambda_router\.py.*handler is lambda_router\."),
            BadInput({"deployment_config": CANARY[:-1]}, rf"no deployment configuration .*mean {CANARY}\?"),
            BadInput({"description": "x" * 257}, r"257 characters, and Lambda takes 256"),
            BadInput({}, r"points at 5 and version 4 \(50 %\)", somebody_shares_the_traffic),
            BadInput({}, r"has no alias LIVE.*It has: none", somebody_deletes_the_alias),
        ),
    )  # fmt: skip

    def test_the_same_files_in_another_package_need_nothing(self, world):
        world.applied()
        clients = clients_of(world.sandbox)
        compressed = packages.packages(ROUTER)[-1].content
        clients("lambda").update_function_code(FunctionName=ROUTER, ZipFile=compressed)
        settled(clients)
        assert world.run()["plan"] is None
        assert world.run(source="")["plan"] is None

    def test_code_that_lies_in_latest_goes_live_without_a_source(self, world):
        clients = clients_of(world.sandbox)
        newest = packages.packages(ROUTER)[-1].content
        clients("lambda").update_function_code(FunctionName=ROUTER, ZipFile=newest)
        settled(clients)
        # Version 6 is made of just this.
        plan = world.run(source="")["plan"]
        assert [action["operation"] for action in plan["actions"]] == ["CreateDeployment"]
        done = world.run(plan["id"], source="")["plan"]
        assert done["status"] == "applied", done
        assert world.state()[ALIAS]["FunctionVersion"] == "6"

    def test_killed_while_traffic_moves_it_can_be_taken_back(self, world):
        before = world.state()
        given = {"deployment_config": CANARY}
        identifier = world.run(**given)["plan"]["id"]
        world.sandbox.set_clock(4)
        clients = clients_of(world.sandbox)

        def shared() -> bool:
            alias = clients("lambda").get_alias(FunctionName=ROUTER, Name=names.ALIAS)
            return bool(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights"))

        try:
            operator = world.start(identifier, **given)
            wait_until(shared, "some of the traffic has moved", 60)
            operator.kill()
            run = world.newest_run()
            owner = journal.read(run, world.reports / "journal").begun["owner"]
            refused = world.back("resume", run)["plan"]
            resumed = world.back("resume", run, refused["id"], f"{owner}: it was killed by a test")["plan"]
            assert resumed["status"] == "refused"
            assert "deployment is d-" in resumed["reason"]
            done = world.turned("undo", run)["plan"]
        finally:
            world.sandbox.set_clock(self.case.clock)
        calls = [action["operation"] for action in done["actions"]]
        assert calls == ["StopDeployment", "DeleteFunction", "UpdateFunctionCode"]
        assert self.unlike(before, world.state()) == []

    def test_an_empty_folder_is_refused(self, world, tmp_path):
        source = tmp_path / "source"
        (source / "tests").mkdir(parents=True)
        (source / "tests" / "test_it.py").touch()
        plan = world.run(source=str(source))["plan"]
        assert plan["status"] == "refused"
        assert "There is nothing to package in" in plan["reason"]

    def test_a_package_over_the_limit_is_refused_with_the_limit(self, world, tmp_path):
        source = copied(tmp_path)
        with (source / "model.bin").open("wb") as large:
            large.truncate(LIMIT)
        plan = world.run(source=str(source))["plan"]
        assert plan["status"] == "refused"
        assert "250.0 MB, and Lambda takes 250 MB unzipped" in plan["reason"]

    def test_while_a_deployment_is_under_way_there_is_no_other(self, world):
        clients = clients_of(world.sandbox)
        world.sandbox.set_clock(1)
        try:
            made = clients("codedeploy").create_deployment(**GROUP, revision=revision("5", "4"))
            result = world.run()
            assert result["plan"]["status"] == "refused"
            assert f"Deployment {made['deploymentId']} of {ROUTER} is under way" in result["plan"]["reason"]
            assert {check["name"]: check["verdict"] for check in result["checks"]}[
                "deployment_group"
            ] == "fail"
        finally:
            clients("codedeploy").stop_deployment(deploymentId=made["deploymentId"])
            world.sandbox.set_clock(self.case.clock)

    @pytest.mark.parametrize("configuration", [CANARY, ""], ids=["while_it_moves", "all_at_once"])
    def test_a_worse_version_goes_back_by_itself(self, world, tmp_path, configuration):
        source = copied(tmp_path)
        program = source / f"{ROUTER}.py"
        broken = program.read_text().replace("    detail =", '    raise RuntimeError("broken")\n    detail =')
        program.write_text(broken)
        given = {"source": str(source), "deployment_config": configuration, "minimum_calls": 10}
        before = world.state()
        with slowly(world), calling(clients_of(world.sandbox)) as answers:
            identifier = world.run(**given)["plan"]["id"]
            plan = world.run(identifier, **given)["plan"]
            wait_until(lambda: answers[-50:] == [True] * 50, "callers are well again")
        assert plan["status"] == "failed", plan
        assert [action["status"] for action in plan["actions"]] == ["done", "done", "taken back"]
        assert "It was taken back by itself" in plan["reason"]
        assert answers.count(False) > 0
        assert (
            world.state()[f"lambda/alias/{ROUTER}:{names.ALIAS}"]
            == before[f"lambda/alias/{ROUTER}:{names.ALIAS}"]
        )
        events = [line["event"] for line in journal.read(plan["run"], world.reports / "journal").lines]
        assert events[-3:] == ["taking_back", "taken_back", "ended"]
        world.turned("undo", plan["run"])
        assert self.unlike(before, world.state()) == []

    def test_a_good_version_goes_through_when_it_had_the_calls(self, world):
        given = {"deployment_config": CANARY, "minimum_calls": 10}
        with slowly(world), calling(clients_of(world.sandbox)) as answers:
            identifier = world.run(**given)["plan"]["id"]
            plan = world.run(identifier, **given)["plan"]
        assert plan["status"] == "applied", plan
        assert False not in answers
        assert "100 % on version 7; 0 errors in" in plan["actions"][-1]["details"]


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / SOURCE, tmp_path / "source"))


def revision(current: str, target: str) -> dict[str, object]:
    properties = {"Name": ROUTER, "Alias": names.ALIAS, "CurrentVersion": current, "TargetVersion": target}
    resources = [{ROUTER: {"Type": "AWS::Lambda::Function", "Properties": properties}}]
    content = json.dumps({"version": 0.0, "Resources": resources})
    return {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}


@contextmanager
def slowly(world: World) -> Iterator[None]:
    """Slowly enough for hundreds of calls while a tenth of them goes to the new version."""
    world.sandbox.set_clock(15)
    try:
        yield
    finally:
        world.sandbox.set_clock(world.case.clock)


@contextmanager
def calling(clients: Clients) -> Iterator[list[bool]]:
    """Call the alias again and again; which of the calls were well."""
    key = "generation/2026/11/23/generation_20261123T0000Z.csv"
    event = {"detail": {"bucket": {"name": "raw"}, "object": {"key": key, "size": 5}}}
    answers: list[bool] = []
    stop = threading.Event()
    function = clients("lambda")

    def call() -> None:
        while not stop.wait(0.01):
            answer = function.invoke(
                FunctionName=ROUTER, Qualifier=names.ALIAS, Payload=json.dumps(event).encode()
            )
            answers.append("FunctionError" not in answer)

    callers = [threading.Thread(target=call, daemon=True) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        yield answers
    finally:
        stop.set()
        for caller in callers:
            caller.join(30)
