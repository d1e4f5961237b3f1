"""The report as text; how it looks and behaves in a browser is in tests/browser."""

import base64
import gzip
import re
from datetime import UTC, datetime

import pytest

from ons_runbook.headless import report
from ons_runbook.result import Result

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
ATTACK = "<script>alert(1)</script>\u202e"


def result(**changes: object) -> Result:
    fields = {
        "procedure": "health/daily",
        "title": "Daily health check",
        "platform": "sandbox",
        "run_id": "run-1",
    }
    times = {"started": NOON, "finished": NOON}
    return Result(**(fields | times | {"verdict": "pass"} | changes))


def check(verdict: str = "fail", **changes: str) -> dict[str, str]:
    fields = {
        "name": "influx.freshness",
        "verdict": verdict,
        "observed": "3 h 12 min old",
        "expected": "under 90 min",
    }
    return (
        fields
        | {"evidence": "since 03:50 UTC", "hint": "Run troubleshooting/influxdb_write_failures."}
        | changes
    )


def notebook(*cells: dict) -> dict:
    return {"cells": list(cells), "metadata": {}}


def code(*shown: dict) -> dict:
    return {"cell_type": "code", "source": "rb.finish()", "metadata": {}, "outputs": list(shown)}


def chart(words: str = "grows") -> dict:
    figure = {"data": [{"y": [1, 2]}], "layout": {"title": {"text": "</script><b>x"}}}
    data = {"application/vnd.plotly.v1+json": figure, "text/plain": words}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def test_verdict_and_failures_come_before_everything_else():
    checks = [check("pass", name="api.health"), check("warn", name="logs.noise"), check("fail")]
    html = report.render(notebook(code()), result(verdict="fail", checks=checks))
    assert "<title>FAIL · Daily health check · 2026-11-23 12:00 UTC</title>" in html
    assert re.search(r"<h1>Daily health check — .*fail.*: 1 of 3 pass</h1>", html)
    places = [
        html.index(part) for part in ("</h1>", "influx.freshness", "logs.noise", "All checks", "api.health")
    ]
    assert places == sorted(places)
    for part in ("3 h 12 min old", "under 90 min", "since 03:50 UTC"):
        assert html.index(part) < html.index("All checks")
    assert "<code>troubleshooting/<wbr>influxdb_write_failures</code>" in html


def test_whom_to_tell_is_said_when_it_is_bad_and_only_then():
    contact = [{"role": "Operations", "slack": "#ops-alerts"}]
    assert "#ops-alerts" in report.render(notebook(), result(verdict="fail", whom_to_tell=contact))
    assert "#ops-alerts" not in report.render(notebook(), result(verdict="pass", whom_to_tell=contact))


def test_an_error_stands_first_with_its_traceback_in_plain_text():
    trace = {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\x1b[31mline <9>\x1b[0m"]}
    error = {"type": "ValueError", "message": ATTACK, "cell": 1}
    html = report.render(notebook(code(trace)), result(verdict="error", error=error, checks=[check()]))
    assert html.index("ValueError") < html.index("line &lt;9&gt;") < html.index("influx.freshness")
    assert "stopped by ValueError in code cell 1" in html
    assert "unknown, not healthy" in html


def test_nothing_in_a_result_is_obeyed():
    hostile = result(
        title=ATTACK,
        platform=ATTACK,
        account=ATTACK,
        region=ATTACK,
        identity=ATTACK,
        run_id=ATTACK,
        commit=ATTACK,
        parameters={ATTACK: ATTACK, "list": [ATTACK]},
        verdict="fail",
        checks=[check(name=ATTACK, observed=ATTACK, expected=ATTACK, evidence=ATTACK, hint=ATTACK)],
        causes=[
            {
                "id": ATTACK,
                "title": ATTACK,
                "score": 1,
                "for": [ATTACK],
                "against": [ATTACK],
                "remedy": ATTACK,
            }
        ],
        plan={
            "id": ATTACK,
            "status": "proposed",
            "actions": [{"service": ATTACK, "operation": ATTACK, "target": ATTACK, "before": ATTACK}],
        },
        error={"type": ATTACK, "message": ATTACK},
        whom_to_tell=[{"role": ATTACK, "email": ATTACK, "slack": ATTACK, "phone": ATTACK}],
    )
    html = report.render(notebook(), hostile)
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert html.count("&lt;script&gt;alert(1)") > 20


def test_causes_and_plan_are_told_when_there_are_any():
    cause = {
        "id": "recent_deployment",
        "title": "Version 14",
        "score": 0.9,
        "for": ["312 of 318"],
        "remedy": "back",
    }
    action = {
        "service": "lambda",
        "operation": "UpdateAlias",
        "target": "x",
        "before": {"v": 14},
        "after": {"v": 13},
        "change": "version: 14 → 13",
        "undo": ["lambda:UpdateAlias"],
    }
    alone = [{"target": "alias of y", "why": "it is another's"}]
    plan = {"id": "p-5c1e", "status": "proposed", "actions": [action], "left_alone": alone}
    html = report.render(notebook(), result(verdict="fail", causes=[cause], plan=plan))
    assert "Most likely causes" in html
    assert "312 of 318" in html
    assert "p-5c1e" in html
    assert "version: 14 → 13" in html
    assert "it is another&#39;s" in html
    assert "--approve p-5c1e" in html
    assert "Plan" not in report.render(notebook(), result())


def test_a_plan_that_was_stopped_says_why_and_both_ways_on():
    plan = {"id": "p-5c1e", "status": "failed", "actions": [], "run": "run-1", "reason": "It broke."}
    html = report.render(notebook(), result(verdict="fail", plan=plan))
    for part in ("It broke.", "runbook undo run-1", "runbook resume run-1"):
        assert part in html
    assert "--approve" not in html


def test_only_scripts_that_are_named_by_their_hash_may_run():
    html = report.render(notebook(code(chart())), result())
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    named = set(re.findall(r"sha256-[^&]+", policy))
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    packed = dict(re.findall(r'<script type="text/plain" id="(\S+)">(.*?)</script>', html))
    library = gzip.decompress(base64.b64decode(packed["plotly-packed"])).decode()
    assert named == {report.script_hash(script), report.script_hash(library)}
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert b"</script><b>x" in gzip.decompress(base64.b64decode(packed["figures-packed"]))


def test_the_chart_library_comes_once_and_only_with_charts():
    without = report.render(notebook(code()), result())
    assert "plotly" not in without
    assert len(without) < 300_000
    with_charts = report.render(notebook(code(chart()), code(chart(), chart("words for it"))), result())
    assert with_charts.count('id="plotly-packed"') == 1
    assert [f'id="chart-{n}"' in with_charts for n in range(4)] == [True, True, True, False]
    assert '<pre class="text">words for it</pre>' in with_charts
    assert len(with_charts) < 2_500_000


def test_without_the_chart_library_the_words_remain(monkeypatch):
    monkeypatch.setattr(report, "_plotly", lambda: None)
    html = report.render(notebook(code(chart("words for it"))), result())
    assert '<pre class="text">words for it</pre>' in html
    assert "figures-packed" not in html


def test_many_long_checks_stay_within_the_size_of_a_report():
    checks = [check(name=f"c{n}", observed="x" * 4000, evidence="y" * 4000) for n in range(80)]
    assert len(report.render(notebook(), result(verdict="fail", checks=checks))) < 300_000


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (6.24, "6.2 s"), (60, "1 min 0 s"), (200, "3 min 20 s")]
)
def test_durations_read_well(seconds, said):
    assert report.duration(seconds) == said


def test_every_verdict_has_an_icon_of_its_own():
    icons = {report.icon(verdict) for verdict in ("pass", "warn", "fail", "unknown")}
    assert len(icons) == 4
    assert all(icon.startswith("data:image/svg+xml,") and "<" not in icon for icon in icons)
