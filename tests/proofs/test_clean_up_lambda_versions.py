"""Cleaning up versions: the seven proofs, what is never deleted, and what an undo brings back.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

import json
from collections.abc import Mapping
from typing import Any

from seven import BadInput, Case, SevenProofs

from platform_state import State, differences
from sandboxes import Clients, clients_of

FUNCTION = "structured_data_processor"
PLACE = {"FunctionName": FUNCTION}


def an_alias_needs_it(clients: Clients) -> None:
    client = clients("lambda")
    client.update_alias(**PLACE, Name="LIVE", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})


def by_content(state: State) -> State:
    """The state with each version called by what it is: its number is never used again, as its undo says."""
    named: State = {}
    for name, found in state.items():
        if name.startswith("lambda/version/"):
            plain = {key: value for key, value in found.items() if key not in ("Version", "FunctionArn")}
            name = f"{name.rpartition(':')[0]}:{json.dumps(plain, sort_keys=True)}"
            found = plain
        assert name not in named, "two versions of the same content: one would hide the other"
        named[name] = found
    return named


def published(clients: Clients) -> dict[str, Mapping[str, Any]]:
    listed = clients("lambda").list_versions_by_function(**PLACE)["Versions"]
    return {found["Version"]: found for found in listed}


def content(found: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("CodeSha256", "Description", "Timeout", "MemorySize", "Handler", "Environment")
    return tuple(found[name] for name in names)


class TestCleanUp(SevenProofs):
    case = Case(
        procedure="maintenance/clean_up_lambda_versions",
        parameters={"function": FUNCTION, "keep": 5},
        drift=an_alias_needs_it,
        bad_input=(
            BadInput({"function": "structured_data_procesor"}, "Did you mean structured_data_processor"),
            BadInput({"keep": 0}, "keep=0 would leave nothing to go back to"),
            BadInput({"keep": 7}, "nothing to change", status=None),
        ),
    )

    def unlike(self, before: State, after: State) -> list[str]:
        return differences(by_content(before), by_content(after))

    def test_undo_publishes_the_same_content_in_the_old_order_and_leaves_latest_as_it_was(self, world):
        clients = clients_of(world.sandbox)
        before = published(clients)
        run = world.applied()["plan"]["run"]
        assert published(clients).keys() == before.keys() - {"1", "2"}
        world.turned("undo", run)
        after = published(clients)
        assert after.keys() == (before.keys() - {"1", "2"}) | {"8", "9"}
        assert content(after["8"]) == content(before["1"])
        assert content(after["9"]) == content(before["2"])
        assert content(after["$LATEST"]) == content(before["$LATEST"])

    def test_a_version_with_another_configuration_comes_back_with_it_and_no_journal_has_its_variables(
        self, world
    ):
        clients = clients_of(world.sandbox)
        client = clients("lambda")
        old = {"Timeout": 17, "MemorySize": 1024, "Environment": {"Variables": {"GREETING": "olá, operador"}}}
        now = {name: published(clients)["7"][name] for name in old}
        for settings in (old, now):
            client.update_function_configuration(**PLACE, **settings)
            client.get_waiter("function_updated_v2").wait(**PLACE, WaiterConfig={"Delay": 1})
            client.publish_version(**PLACE, Description=f"timeout {settings['Timeout']}")
        before = published(clients)
        assert content(before["8"])[2:4] == (17, 1024)
        client.update_alias(**PLACE, Name="LIVE", FunctionVersion="9")

        shown = world.run(keep=1)["plan"]
        assert [action["target"].split()[1] for action in shown["actions"]] == list("87654321")
        done = world.run(shown["id"], keep=1)["plan"]
        assert done["status"] == "applied", done
        journal = (world.reports / "journal" / f"{done['run']}.jsonl").read_text()
        assert "operador" not in journal
        world.turned("undo", done["run"])
        after = published(clients)
        # 7 has the content of 9, which stayed.
        assert [content(after[number]) for number in ("10", "11", "12", "13", "14", "15", "16")] == [
            content(before[number]) for number in ("1", "2", "3", "4", "5", "6", "8")
        ]
        assert after.keys() == {"$LATEST", "9", "10", "11", "12", "13", "14", "15", "16"}
        assert content(after["$LATEST"]) == content(before["$LATEST"])

    def test_work_in_latest_that_is_newer_than_the_clean_up_is_not_lost_by_an_undo(self, world):
        run = world.applied()["plan"]["run"]
        client = clients_of(world.sandbox)("lambda")
        client.update_function_configuration(**PLACE, Timeout=42)
        client.get_waiter("function_updated_v2").wait(**PLACE, WaiterConfig={"Delay": 1})
        before = world.state()
        shown = world.back("undo", run)["plan"]
        refused = world.back("undo", run, shown["id"])["plan"]
        assert refused["status"] == "refused"
        assert "configuration is" in refused["reason"]
        assert before == world.state()

    def test_what_something_uses_stays_whatever_its_age(self, world):
        clients = clients_of(world.sandbox)
        client = clients("lambda")
        client.create_alias(**PLACE, Name="canary", FunctionVersion="6",
                            RoutingConfig={"AdditionalVersionWeights": {"1": 0.01}})  # fmt: skip
        client.put_provisioned_concurrency_config(**PLACE, Qualifier="2", ProvisionedConcurrentExecutions=1)
        client.add_permission(**PLACE, Qualifier="3", StatementId="s", Action="lambda:InvokeFunction",
                              Principal="events.amazonaws.com")  # fmt: skip
        client.invoke(**PLACE, Qualifier="4", Payload=b"{}")
        plan = world.run(keep=1)["plan"]
        assert [action["target"].split()[1] for action in plan["actions"]] == ["5"]
        alone = {one["target"]: one["why"] for one in plan["left_alone"]}
        assert alone == {
            f"version 1 of {FUNCTION}": "alias canary (1%)",
            f"version 2 of {FUNCTION}": "provisioned concurrency 1",
            f"version 3 of {FUNCTION}": "it has a permission of its own: something may call it",
            f"version 4 of {FUNCTION}": "called 1 times by its number in the last 30 days",
            f"version 6 of {FUNCTION}": "alias canary (99%)",
        }
