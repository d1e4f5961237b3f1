"""The API's health over HTTP.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetRestApis.html: in pages by `position`; names are
not unique
"""

import pytest

from ons_runbook.aws import api
from ons_runbook.aws.api import ApiHealth
from ons_runbook.errors import NotFound, UnexpectedAnswer, Unreachable
from ons_runbook.thresholds import Thresholds

NAME = "ons-data-platform-api"


def apis(**names):
    return {"items": [{"id": identifier, "name": name} for identifier, name in names.items()]}


class TestWhere:
    def test_its_id_is_found_by_name_on_any_page(self, stub, session):
        stub("apigateway").add_response("get_rest_apis", {**apis(a="other"), "position": "p"}, {"limit": 500})
        stub("apigateway").add_response("get_rest_apis", apis(b=NAME), {"limit": 500, "position": "p"})
        assert api.api_id(session, NAME) == "b"

    def test_none_of_that_name_is_not_found(self, stub, session):
        stub("apigateway").add_response("get_rest_apis", apis(a=NAME + "-old"))
        with pytest.raises(NotFound, match="no REST API called"):
            api.api_id(session, NAME)

    def test_several_of_that_name_are_ambiguous_and_named(self, stub, session):
        stub("apigateway").add_response("get_rest_apis", apis(b=NAME, a=NAME))
        with pytest.raises(UnexpectedAnswer, match=r"2 REST APIs are called .*: a, b"):
            api.api_id(session, NAME)

    def test_the_url_is_made_from_the_template(self, stub, session):
        stub("apigateway").add_response("get_rest_apis", apis(abc=NAME))
        assert api.endpoint(session, session.platform) == ("abc", "http://127.0.0.1:9/abc/prod")

    def test_a_template_without_the_id_needs_no_look_up(self, session, make_platform):
        platform = make_platform(api_endpoint="http://127.0.0.1:1/{stage}/")
        assert api.endpoint(session, platform) == ("", "http://127.0.0.1:1/prod")


class TestHealth:
    def test_it_is_asked_three_times_and_the_worst_status_stands(self, session, make_platform, serve):
        statuses = iter([200, 503, 200])
        url, seen = serve(lambda *_: (next(statuses), '{"status":\n "degraded"}'))
        health = api.health(session, make_platform(api_endpoint=url))
        assert (health.status, health.samples, health.body) == (503, 3, '{"status": "degraded"}')
        assert [path for _, path, _ in seen] == ["/health"] * 3
        assert health.latency_ms > 0

    def test_nobody_there_is_unreachable(self, session, make_platform):
        with pytest.raises(Unreachable):
            api.health(session, make_platform(api_endpoint="http://127.0.0.1:9"))

    def test_a_huge_or_hostile_body_is_cut_and_made_plain(self, session, make_platform, serve):
        url, _ = serve(lambda *_: (500, "<script>\x1b[31m" + "x" * 1_000_000))
        body = api.health(session, make_platform(api_endpoint=url)).body
        assert body.startswith("<script>xxx")
        assert len(body) < 300


def judged(status=200, latency=50.0, body="x"):
    health = ApiHealth("a", "http://127.0.0.1:9/health", status, latency, 3, body)
    return {check.name: check for check in api.judge(health, Thresholds())}


class TestJudge:
    @pytest.mark.parametrize(
        ("latency", "verdict"), [(1499, "pass"), (1500, "warn"), (4999, "warn"), (5000, "fail")]
    )
    def test_it_should_answer_in_good_time(self, latency, verdict):
        checks = judged(latency=latency)
        assert (checks["api.status"].verdict, checks["api.latency"].verdict) == ("pass", verdict)

    @pytest.mark.parametrize(
        ("status", "next_step"),
        [
            (500, "lambda_errors"),
            (502, "lambda_errors"),
            (504, "api_timeouts"),
            (429, "throttles"),
            (403, "api_stage"),
            (301, "lambda_errors"),
        ],
    )
    def test_another_status_fails_and_its_latency_says_nothing(self, status, next_step):
        checks = judged(status, body="Internal server error")
        assert checks["api.status"].verdict == "fail"
        assert checks["api.status"].observed == f"HTTP {status}: Internal server error"
        assert next_step in checks["api.status"].hint
        assert checks["api.latency"].verdict == "unknown"

    def test_the_rule_covers_what_it_gives(self):
        assert list(judged()) == api.judge.covers
