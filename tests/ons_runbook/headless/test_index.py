"""The list of runs, from the files beside the reports."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ons_runbook.headless import archive, index
from ons_runbook.result import ErrorResult, Result

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def result(minute: int = 0, **changes: object) -> Result:
    started = NOON + timedelta(minutes=minute)
    check = {
        "name": "api.health",
        "verdict": changes.get("verdict", "pass"),
        "observed": "said 200",
        "expected": "200",
    }
    fields = {"procedure": "health/daily", "title": "Daily", "platform": "sandbox", "run_id": f"run-{minute}"}
    times = {"started": started, "finished": started + timedelta(seconds=6)}
    return Result(**(fields | times | {"verdict": "pass", "checks": [check]} | changes))


def keep(reports: Path, *results: Result) -> Path:
    with archive.locked(reports):
        for one in results:
            files = {".html": "<p>", ".ipynb": "{}", ".json": one.to_json()}
            archive.keep(reports, one.started, one.procedure.rpartition("/")[2], files)
        return index.rebuild(reports)


def test_every_run_is_listed_newest_first_with_what_it_found(tmp_path):
    page = keep(tmp_path, result(1), result(2, verdict="fail"), result(0)).read_text()
    runs = index.runs(tmp_path)
    assert [run["run_id"] for run in runs] == ["run-2", "run-1", "run-0"]
    assert runs[0]["problem"] == "api.health: said 200"
    assert runs[0]["headline"] == "0 of 1 pass"
    assert runs[0]["seconds"] == 6
    assert runs[1]["problem"] == ""
    assert page.index("12:02 UTC") < page.index("12:01 UTC") < page.index("12:00 UTC")
    assert 'href="2026-11-23/120200Z-daily.html"' in page


def test_an_error_is_what_is_read_first(tmp_path):
    broken = result(
        verdict="error", checks=[], error=ErrorResult(type="ValueError", message="no luck", cell=3)
    )
    keep(tmp_path, broken)
    assert index.runs(tmp_path)[0]["problem"] == "ValueError: no luck"
    assert index.runs(tmp_path)[0]["headline"] == "stopped by ValueError in code cell 3"


def test_a_file_that_is_no_result_is_listed_as_unreadable_and_hides_no_other(tmp_path):
    keep(tmp_path, result())
    day = tmp_path / "2026-11-23"
    (day / "120500Z-half.json").write_text('{"schema": 1, "proc')
    (day / "120600Z-other.json").write_text("[]")
    (day / "120700Z-binary.json").write_bytes(b"\xff\xfe\x00")
    page = keep(tmp_path).read_text()
    verdicts = {run["procedure"]: run["verdict"] for run in index.runs(tmp_path)}
    assert verdicts == {
        "health/daily": "pass",
        "half": "unreadable",
        "other": "unreadable",
        "binary": "unreadable",
    }
    assert "120500Z-half.json is not a result" in page


def test_what_is_hostile_in_a_result_is_only_text(tmp_path):
    attack = "<script>alert(1)</script>"
    page = keep(tmp_path, result(title=attack, platform=f'"{attack}', procedure="a/b")).read_text()
    assert attack not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_known_run_is_read_from_the_cache_and_a_changed_one_again(tmp_path, monkeypatch):
    keep(tmp_path, result(0), result(1))
    read = []
    whole = index._read
    monkeypatch.setattr(index, "_read", lambda path: read.append(path.name) or whole(path))
    keep(tmp_path, result(2))
    assert read == ["120200Z-daily.json"]
    changed = tmp_path / "2026-11-23" / "120000Z-daily.json"
    changed.write_text(result(0, verdict="warn").to_json())
    os.utime(changed, (1, 1))
    keep(tmp_path)
    assert read[1:] == ["120000Z-daily.json"]
    assert [run["verdict"] for run in index.runs(tmp_path)] == ["pass", "pass", "warn"]


def test_a_run_that_was_deleted_is_gone_and_one_without_its_page_has_no_link(tmp_path):
    keep(tmp_path, result(0), result(1))
    day = tmp_path / "2026-11-23"
    (day / "120000Z-daily.json").unlink()
    (day / "120100Z-daily.html").unlink()
    keep(tmp_path)
    assert [(run["run_id"], run["link"]) for run in index.runs(tmp_path)] == [("run-1", None)]


def test_a_cache_that_is_broken_or_old_is_not_believed(tmp_path):
    keep(tmp_path, result())
    cache = tmp_path / index.CACHE
    good = json.loads(cache.read_text())
    attack = [good["runs"][0] | {"link": "javascript:alert(1)"}]
    for text in (
        "",
        "[]",
        "null",
        json.dumps({"version": 1, "runs": [{"file": good["runs"][0]["file"]}]}),
        '{"version": 1, "runs": [7]}',
        '{"version": 99}',
    ):
        cache.write_text(text)
        assert index.runs(tmp_path)[0]["run_id"] == "run-0"
    cache.write_text(json.dumps(good | {"runs": attack}))
    assert "javascript" not in keep(tmp_path).read_text()


def test_without_any_run_the_page_says_how_to_make_one(tmp_path):
    assert "runbook run" in keep(tmp_path).read_text()


def test_a_name_with_special_characters_is_a_link_that_works(tmp_path):
    keep(tmp_path, result(procedure="a/50% <b>#1"))
    assert index.runs(tmp_path)[0]["link"] == "2026-11-23/120000Z-50%25%20%3Cb%3E%231.html"
