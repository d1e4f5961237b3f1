"""Whose log groups are: by name, by tag, and never ours by chance.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html (names of execution logs) ·
https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html (/aws/vendedlogs/states/) ·
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html (no :*)
"""

import pytest

from ons_runbook.aws import log_groups
from ons_runbook.errors import AccessDenied

NOT_OURS = "neither its name nor a tag Project says that it is the platform's"


def described(name, **more):
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{name}"
    return {
        "logGroupName": name, "arn": f"{arn}:*", "logGroupArn": arn, "creationTime": 1_700_000_000_000,
        "storedBytes": 7, "logGroupClass": "STANDARD", **more,
    }  # fmt: skip


@pytest.fixture
def look(session, stub):
    """`look({name: tags, or an error code}, apis=…)`: the groups of such an account, as rows by name."""

    def look(tags, apis=("ons-data-platform-api",), **more):
        logs = stub("logs")
        logs.add_response("describe_log_groups", {"logGroups": [described(name, **more) for name in tags]})
        items = [{"id": f"id{number}", "name": name} for number, name in enumerate(apis)]
        stub("apigateway").add_response("get_rest_apis", {"items": items})
        for name, tagged in tags.items():
            where = {"resourceArn": described(name)["logGroupArn"]}
            if isinstance(tagged, str):
                logs.add_client_error("list_tags_for_resource", tagged, "no", 400, expected_params=where)
            elif tagged is not None:
                logs.add_response("list_tags_for_resource", {"tags": tagged}, where)
        found = log_groups.groups(session)
        return {row["log_group"]: row for _, row in found.iterrows()}

    return look


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/aws/lambda/lambda_router", "log group of function lambda_router"),
        ("API-Gateway-Execution-Logs_id0/prod", "execution log of API ons-data-platform-api"),
        ("/aws/vendedlogs/states/ons-data-platform-processing", "log of state machine"),
        ("/aws/vendedlogs/states/ons-data-platform-processing-Logs", "log of state machine"),
    ],
)
def test_a_group_of_a_function_the_api_or_the_state_machine_is_the_platforms(look, name, why):
    row = look({name: {}})[name]
    assert row["owner"] == "platform"
    assert row["why"].startswith(why)


@pytest.mark.parametrize(
    "name",
    [
        "/aws/lambda/lambda_router_copy",
        "/aws/lambda/billing-export",
        "API-Gateway-Execution-Logs_id1/prod",
        "API-Gateway-Execution-Logs_id0x/prod",
        "/aws/vendedlogs/states/ons-data-platform-processing-of-another-team",
        "ons-data-platform-something",
    ],
)
def test_a_name_that_is_only_alike_is_of_another_owner(look, name):
    row = look({name: {}}, apis=("ons-data-platform-api", "another"))[name]
    assert (row["owner"], row["why"]) == ("other", NOT_OURS)


def test_a_tag_makes_a_group_ours_and_another_tag_makes_it_not_ours(look):
    rows = look({"/x": {"Project": "ons-data-platform"}})
    assert (rows["/x"]["owner"], rows["/x"]["why"]) == ("platform", "its tag Project is ons-data-platform")


def test_a_tag_of_another_project_outweighs_the_name(look):
    name = "/aws/lambda/lambda_router"
    row = look({name: {"Project": "finance"}})[name]
    assert (row["owner"], row["why"]) == ("other", "its tag Project is finance")


def test_tags_that_may_not_be_read_leave_the_owner_unknown(look):
    name = "/aws/lambda/lambda_router"
    row = look({name: "AccessDeniedException"})[name]
    assert row["owner"] == "not known"
    assert "logs:ListTagsForResource" in row["problem"]


def test_without_the_api_its_logs_are_nobodys(look):
    name = "API-Gateway-Execution-Logs_/prod"
    assert look({name: {}}, apis=())[name]["owner"] == "other"


def test_a_group_with_a_retention_that_is_not_called_like_ours_is_not_asked_for_its_tags(look):
    row = look({"/x": None}, retentionInDays=30)["/x"]
    assert (row["owner"], row["why"]) == ("other", "by its name; its tags were not asked for")


def test_no_more_groups_than_the_bound_are_asked_for_their_tags_and_ours_come_first(look, monkeypatch):
    monkeypatch.setattr(log_groups, "MOST_ASKED", 1)
    rows = look({"/a": None, "/aws/lambda/lambda_router": {}})
    assert rows["/a"]["owner"] == "other"
    assert rows["/aws/lambda/lambda_router"]["owner"] == "platform"


def test_the_platforms_name_is_the_prefix_of_its_alarms(look, make_platform):
    assert log_groups.project(make_platform(alarm_prefix="grid-")) == "grid"


def test_kept_for_ever_is_a_missing_retention(look):
    row = look({"/x": {}})["/x"]
    assert row["log_class"] == "STANDARD"
    assert row["stored_bytes"] == 7
    assert row[["retention_days", "problem"]].isna().all()


def test_groups_that_may_not_be_listed_are_an_error(session, stub):
    stub("logs").add_client_error("describe_log_groups", "AccessDeniedException", "no", 400)
    with pytest.raises(AccessDenied, match="logs:DescribeLogGroups"):
        log_groups.groups(session)


def test_without_groups_the_table_is_typed(look):
    assert look({}) == {}
