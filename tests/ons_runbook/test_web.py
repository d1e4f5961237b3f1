"""One bounded GET."""

import pytest

from ons_runbook import web
from ons_runbook.calls import recording
from ons_runbook.errors import Unreachable


def test_it_brings_status_body_and_time(serve):
    url, seen = serve(lambda *_: (503, '{"status": "fail"}'))
    answer = web.get(f"{url}/health?deep=1", "InfluxDB", direct=True)
    assert (answer.status, answer.body) == (503, '{"status": "fail"}')
    assert answer.milliseconds > 0
    assert seen == [("GET", "/health?deep=1", b"")]


def test_redirects_are_an_answer_and_are_not_followed(serve):
    url, seen = serve(lambda *_: (302, ""))
    assert web.get(url, "API", direct=True).status == 302
    assert len(seen) == 1


def test_of_a_huge_body_only_the_beginning_is_read(serve):
    url, _ = serve(lambda *_: (200, "x" * 1_000_000))
    assert len(web.get(url, "API", direct=True).body) == 64 * 1024


def test_bytes_that_are_no_text_are_no_error(serve):
    url, _ = serve(lambda *_: (200, b"\xff\xfe"))
    assert web.get(url, "API", direct=True).body == "\ufffd\ufffd"


def test_nobody_there_is_unreachable_at_once():
    with recording() as calls, pytest.raises(Unreachable) as raised:
        web.get("http://127.0.0.1:9/health", "API ons", direct=True)
    # The address, and not the representation of an object that holds it.
    assert raised.value.message.startswith("API ons: nothing answers (127.0.0.1:9: Failed to establish")
    assert str(calls) == "http:GET /health (1 failed: Unreachable)"


def test_a_proxy_is_used_unless_told_to_go_directly(clean_environment):
    clean_environment.setenv("HTTPS_PROXY", "http://proxy.internal:3128")
    clean_environment.setenv("NO_PROXY", "db.internal")
    assert web.proxy_for("https://api.example.com/x") == "http://proxy.internal:3128"
    assert web.proxy_for("https://db.internal/x") is None
    assert web.proxy_for("http://api.example.com/x") is None
    assert web.proxy_for("https://api.example.com/x", direct=True) is None
