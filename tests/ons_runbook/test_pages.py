"""Every page, once.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html (NextPageToken) ·
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBucketMetricsConfigurations.html (other names)
"""

import pytest

from ons_runbook.errors import ChangeNotApproved, UnexpectedAnswer


def page(*names, token=None):
    functions = [{"FunctionName": name} for name in names]
    return {"Functions": functions} | ({"NextMarker": token} if token else {})


def test_every_page_is_asked_for(stub, session):
    lambda_ = stub("lambda")
    lambda_.add_response("list_functions", page("a", token="1"), {})
    lambda_.add_response("list_functions", page(token="2"), {"Marker": "1"})
    lambda_.add_response("list_functions", page("b"), {"Marker": "2"})
    pages = list(session.pages("lambda", "ListFunctions"))
    assert [f["FunctionName"] for page in pages for f in page["Functions"]] == ["a", "b"]


def test_so_are_those_of_a_service_without_a_paginator_of_its_own(stub, session):
    period = {"TimePeriod": {"Start": "2026-11-22", "End": "2026-11-23"}, "Granularity": "DAILY"}
    asked = {**period, "Metrics": ["BlendedCost"]}
    assert not session.client("ce").can_paginate("get_cost_and_usage")
    day = [{"Estimated": False}]
    stub("ce").add_response("get_cost_and_usage", {"ResultsByTime": day, "NextPageToken": "1"}, asked)
    stub("ce").add_response("get_cost_and_usage", {"ResultsByTime": []}, {**asked, "NextPageToken": "1"})
    pages = list(session.pages("ce", "GetCostAndUsage", **asked))
    assert [len(page["ResultsByTime"]) for page in pages] == [1, 0]


def test_so_are_those_that_take_the_token_under_another_name(stub, session):
    method = "list_bucket_metrics_configurations"
    assert not session.client("s3").can_paginate(method)
    stub("s3").add_response(method, {"NextContinuationToken": "1"}, {"Bucket": "b"})
    stub("s3").add_response(method, {}, {"Bucket": "b", "ContinuationToken": "1"})
    assert len(list(session.pages("s3", "ListBucketMetricsConfigurations", Bucket="b"))) == 2


@pytest.mark.parametrize("tokens", [["1", "1"], ["1", "2", "1"]])
def test_a_token_that_comes_again_ends_in_an_error_and_not_never(tokens, stub, session):
    for token in tokens:
        stub("lambda").add_response("list_functions", page("a", token=token))
    with pytest.raises(UnexpectedAnswer, match="same page token twice"):
        list(session.pages("lambda", "ListFunctions"))


def test_the_guard_holds_for_pages_too(session):
    with pytest.raises(ChangeNotApproved):
        list(session.pages("sqs", "ReceiveMessage", QueueUrl="http://127.0.0.1/q"))
