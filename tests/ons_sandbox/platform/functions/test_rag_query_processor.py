"""The API's function.

Lambda proxy integration:
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

ROWS = [
    {"_time": "2026-11-23T03:00:00Z", "_value": "100.0", "region": "Sul"},
    {"_time": "2026-11-23T03:30:00Z", "_value": "110.5", "region": "Sul"},
    {"_time": "2026-11-23T03:30:00Z", "_value": "200.0", "region": "Norte"},
]


class Platform:
    """What the function sees of the platform."""

    def __init__(self, rag: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rag = rag
        self.flags: set[str] = set()
        self.rows = ROWS
        self.database = {"status": "pass", "latency_ms": 2.0}
        self.asked: list[str] = []
        monkeypatch.setattr(rag.flags, "enabled", lambda name: name in self.flags)
        monkeypatch.setattr(rag.influxdb, "query", self._query)
        monkeypatch.setattr(rag.influxdb, "health", lambda timeout: self.database)

    def _query(self, flux: str) -> list[dict[str, str]]:
        self.asked.append(flux)
        return self.rows

    def call(self, route: str, body: object = None) -> tuple[int, dict[str, Any]]:
        method, path = route.split()
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        answer = self.rag.handler({"httpMethod": method, "resource": path, "body": text}, None)
        assert answer["headers"]["Content-Type"] == "application/json"
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def platform(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Platform:
    return Platform(load("rag_query_processor"), monkeypatch)


def test_health_is_healthy_when_the_database_answers(platform: Platform) -> None:
    status, body = platform.call("GET /health")
    assert (status, body["status"]) == (200, "healthy")
    assert body["checks"]["influxdb"]["status"] == "pass"


def test_health_is_503_when_the_database_does_not(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.database = {"status": "fail", "latency_ms": 2000.0, "detail": "ConnectTimeoutError"}
    status, body = platform.call("GET /health")
    assert (status, body["status"]) == (503, "unhealthy")
    assert caplog.messages[-1].startswith("ERROR GET /health 503")


def test_a_question_is_answered_with_the_newest_values(platform: Platform) -> None:
    status, body = platform.call("POST /query", {"question": "What is the load?"})
    assert status == 200
    assert body["dataset"] == "consumption"
    assert body["time"] == "2026-11-23T03:30:00Z"
    assert body["values_mw"] == {"Sul": 110.5, "Norte": 200.0}
    assert "310.5 MW" in body["answer"]


@pytest.mark.parametrize(
    ("question", "dataset", "region"),
    [
        ("Quanto se gera? geração no Sul", "generation", "Sul"),
        ("load of the nordeste please", "consumption", "Nordeste"),
        ("carga no Norte", "consumption", "Norte"),
        ("transmission from Sudeste", "transmission", "Sudeste/Centro-Oeste"),
        ("hello", "generation", None),
    ],
)
def test_a_question_is_understood_in_two_languages(
    platform: Platform, question: str, dataset: str, region: str | None
) -> None:
    assert platform.rag.understand({"body": json.dumps({"question": question})}) == (dataset, region)


def test_nothing_of_the_question_reaches_the_query(platform: Platform) -> None:
    platform.call("POST /query", {"question": 'load") or (true', "region": "Sul"})
    assert "true" not in platform.asked[0]
    assert "Sul" not in platform.asked[0]


@pytest.mark.parametrize("body", ["", "[]", "no json", {"dataset": "prices"}, {"region": "Acre"}], ids=str)
def test_a_bad_question_is_400_with_the_reason(platform: Platform, body: object) -> None:
    status, answer = platform.call("POST /query", body)
    assert status == 400
    assert answer["message"]


def test_query_language_in_a_question_is_refused_and_told_to_security(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    status, _ = platform.call("POST /query", {"question": "load |> drop(columns: [])"})
    assert status == 400
    assert caplog.messages[0].startswith("SECURITY ")
    assert not platform.asked


def test_maintenance_mode_answers_503_and_leaves_health_alone(platform: Platform) -> None:
    platform.flags = {"enable_maintenance_mode"}
    assert platform.call("POST /query", {"question": "load"})[0] == 503
    status, body = platform.call("GET /health")
    assert (status, body["maintenance"]) == (200, True)


def test_the_new_endpoint_adds_the_series(platform: Platform) -> None:
    assert "series" not in platform.call("POST /query", {"dataset": "consumption"})[1]
    platform.flags = {"enable_new_api_endpoint"}
    series = platform.call("POST /query", {"dataset": "consumption"})[1]["series"]
    assert series == [
        {"time": "2026-11-23T03:00:00Z", "mw": 100.0},
        {"time": "2026-11-23T03:30:00Z", "mw": 310.5},
    ]


def test_no_data_is_404(platform: Platform) -> None:
    platform.rows = []
    assert platform.call("POST /query", {"question": "load"})[0] == 404
