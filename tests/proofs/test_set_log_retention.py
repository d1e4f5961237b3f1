"""The seven proofs for maintenance/set_log_retention.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""

from datetime import timedelta

from seven import BadInput, Case, SevenProofs

from ons_runbook.window import utc_now
from ons_sandbox.platform import names
from ons_sandbox.platform.build.logs import OF_OTHERS
from sandboxes import Clients, clients_of

ABANDONED = f"/{names.PROJECT}/migration"


def somebody_sets_another_retention(clients: Clients) -> None:
    clients("logs").put_retention_policy(logGroupName=names.LOADER.log_group, retentionInDays=90)


def a_group_that_nobody_writes_to_any_more(clients: Clients) -> None:
    logs = clients("logs")
    logs.create_log_group(logGroupName=ABANDONED, tags={"Project": names.PROJECT})
    logs.create_log_stream(logGroupName=ABANDONED, logStreamName="once")
    moment = round((utc_now() - timedelta(days=10)).timestamp() * 1000)
    events = [{"timestamp": moment, "message": "moved"}]
    logs.put_log_events(logGroupName=ABANDONED, logStreamName="once", logEvents=events)


class TestSetLogRetention(SevenProofs):
    case = Case(
        procedure="maintenance/set_log_retention",
        parameters={"days": 7},
        drift=somebody_sets_another_retention,
        bad_input=(
            BadInput({"days": 31}, r"cannot keep events for 31 days.*30 or 60 days"),
            BadInput({"groups": ["/aws/lambda/lambda_routr"]}, r"Did you mean /aws/lambda/lambda_router\?"),
            BadInput({"groups": [OF_OTHERS[0]]}, r"left to its owner: its tag Project is finance"),
            BadInput(
                {"days": 1, "groups": [ABANDONED]},
                r"nothing to change",
                a_group_that_nobody_writes_to_any_more,
                status=None,
            ),
        ),
    )

    def test_what_is_of_others_is_listed_and_left_alone(self, world):
        plan = world.run()["plan"]
        alone = {one["target"]: one["why"] for one in plan["left_alone"]}
        assert {f"log group {group}" for group in OF_OTHERS} <= alone.keys()
        assert not {one["target"] for one in plan["actions"]} & alone.keys()

    def test_what_would_be_deleted_is_said_before_it_is_asked_for(self, world):
        actions = {one["target"]: one for one in world.run()["plan"]["actions"]}
        risk = actions[f"log group {names.LOADER.log_group}"]["risk"]
        assert "Deletes for good" in risk
        assert "older than 7 days: about" in risk
        assert "USD at most" in actions[f"log group {names.LOADER.log_group}"]["cost"]

    def test_a_group_that_would_be_emptied_needs_to_be_asked_for(self, world):
        a_group_that_nobody_writes_to_any_more(clients_of(world.sandbox))
        assert world.run(days=1, groups=[ABANDONED])["plan"] is None
        plan = world.run(days=1, groups=[ABANDONED], delete_everything=True)["plan"]
        assert [one["target"] for one in plan["actions"]] == [f"log group {ABANDONED}"]
