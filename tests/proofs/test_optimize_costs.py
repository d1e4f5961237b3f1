"""The seven proofs for cost/optimize_costs.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html (replaces all) ·
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html (numbers are never used again)
"""

import json

from seven import BadInput, Case, SevenProofs

from ons_runbook.aws import lifecycle
from ons_sandbox.environment import OPERATOR
from ons_sandbox.platform import names
from ons_sandbox.platform.build.buckets import RAW_RULES
from sandboxes import Clients, clients_of

BUCKET = f"bucket {names.RAW_BUCKET}"


def an_object_that_is_large_enough(clients: Clients) -> None:
    # Nobody is to process it: it is there to be stored.
    clients("events").disable_rule(Name=names.PROCESSING_RULE)
    clients("s3").put_object(Bucket=names.RAW_BUCKET, Key="archive/2026-10.csv", Body=bytes(200_000))


def somebody_adds_a_rule(clients: Clients) -> None:
    rule = {
        "ID": "expire-trials",
        "Status": "Enabled",
        "Filter": {"Prefix": "trials/"},
        "Expiration": {"Days": 7},
    }
    clients("s3").put_bucket_lifecycle_configuration(
        Bucket=names.RAW_BUCKET, LifecycleConfiguration={"Rules": [*RAW_RULES, rule]}
    )


def may_not_list_the_raw_bucket(clients: Clients) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{names.RAW_BUCKET}",
        },
    }
    clients("iam").put_user_policy(
        UserName=OPERATOR, PolicyName="no-listing", PolicyDocument=json.dumps(document)
    )


class TestOptimizeCosts(SevenProofs):
    case = Case(
        procedure="cost/optimize_costs",
        parameters={"functions": [names.ROUTER.name], "keep": 4},
        prepare=an_object_that_is_large_enough,
        drift=somebody_adds_a_rule,
        leaves={f"lambda/version/{names.ROUTER.name}:": "a number is never used again"},
        bad_input=(
            BadInput({"storage_class": "GLACIER-IRR"}, r"Did you mean GLACIER_IR\?"),
            BadInput(
                {"storage_class": "STANDARD_IA", "after_days": 10}, r"after 30 days or more, not after 10"
            ),
            BadInput({"retention_days": 31}, r"cannot keep events for 31 days.*30 or 60 days"),
            BadInput({"keep": 0}, r"nothing to go back to"),
            BadInput({"functions": ["lambda_routr"]}, r"lambda_router"),
            BadInput({"buckets": ["rew"]}, r"no bucket 'rew'; it has raw, processed"),
            BadInput({"functions": [], "keep": 1}, r"platform 'sandbox' allows 25 at once"),
        ),
    )

    def test_rules_of_others_are_kept_exactly(self, world):
        s3 = clients_of(world.sandbox)("s3")
        before = s3.get_bucket_lifecycle_configuration(Bucket=names.RAW_BUCKET)
        world.applied()
        after = s3.get_bucket_lifecycle_configuration(Bucket=names.RAW_BUCKET)
        others = [rule for rule in after["Rules"] if rule["ID"] != lifecycle.RULE]
        assert others == before["Rules"]
        assert [rule["ID"] for rule in after["Rules"]].count(lifecycle.RULE) == 1
        assert after["TransitionDefaultMinimumObjectSize"] == before["TransitionDefaultMinimumObjectSize"]

    def test_one_plan_holds_all_three_and_its_saving_is_said_in_one_sum(self, world):
        result = world.run()
        assert {action["service"] for action in result["plan"]["actions"]} == {"s3", "logs", "lambda"}
        total = next(check for check in result["checks"] if check["name"] == "savings.total")
        assert total["verdict"] == "pass"
        assert f"{len(result['plan']['actions'])} changes would save" in total["observed"]

    def test_a_bucket_that_may_not_be_listed_is_unknown_and_left_alone(self, world):
        may_not_list_the_raw_bucket(clients_of(world.sandbox))
        result = world.run()
        verdicts = {check["name"]: check for check in result["checks"]}
        assert verdicts["storage.raw"]["verdict"] == "unknown"
        assert "The identity needs the permission s3:ListBucket" in verdicts["storage.raw"]["observed"]
        assert verdicts["storage.processed"]["verdict"] == "pass"
        assert verdicts["savings.total"]["verdict"] == "unknown"
        alone = {one["target"]: one["why"] for one in result["plan"]["left_alone"]}
        assert "s3:ListBucket" in alone[BUCKET]
        assert "s3" not in {action["service"] for action in result["plan"]["actions"]}
