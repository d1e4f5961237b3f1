"""The list of runs, from the files beside the reports."""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ons_runbook.headless import archive, changes, history, index
from ons_runbook.result import ErrorResult, Result

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CAUSE = {"id": "deployment", "title": "Deployment d-1", "score": 0.9}


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
    runs = history.runs(tmp_path)
    assert [run["run_id"] for run in runs] == ["run-2", "run-1", "run-0"]
    assert runs[0]["problem"] == "api.health: said 200"
    assert runs[0]["headline"] == "0 of 1 pass"
    assert runs[0]["seconds"] == 6
    assert runs[1]["problem"] == ""
    rows = page.partition('id="runs"')[2]
    assert rows.index("12:02 UTC") < rows.index("12:01 UTC") < rows.index("12:00 UTC")
    assert 'href="2026-11-23/120200Z-daily.html"' in page


def test_an_error_is_what_is_read_first(tmp_path):
    broken = result(
        verdict="error", checks=[], error=ErrorResult(type="ValueError", message="no luck", cell=3)
    )
    keep(tmp_path, broken)
    assert history.runs(tmp_path)[0]["problem"] == "ValueError: no luck"
    assert history.runs(tmp_path)[0]["headline"] == "stopped by ValueError in code cell 3"


def test_a_file_that_is_no_result_is_listed_as_unreadable_and_hides_no_other(tmp_path):
    keep(tmp_path, result())
    day = tmp_path / "2026-11-23"
    (day / "120500Z-half.json").write_text('{"schema": 1, "proc')
    (day / "120600Z-other.json").write_text("[]")
    (day / "120700Z-binary.json").write_bytes(b"\xff\xfe\x00")
    page = keep(tmp_path).read_text()
    verdicts = {run["procedure"]: run["verdict"] for run in history.runs(tmp_path)}
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
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert not set(data) & set("<>&")
    assert attack in json.loads(data)["words"]


def test_a_known_run_is_read_from_the_cache_and_a_changed_one_again(tmp_path, monkeypatch):
    keep(tmp_path, result(0), result(1))
    read = []
    whole = history._read
    monkeypatch.setattr(history, "_read", lambda path: read.append(path.name) or whole(path))
    keep(tmp_path, result(2))
    assert read == ["120200Z-daily.json"]
    changed = tmp_path / "2026-11-23" / "120000Z-daily.json"
    changed.write_text(result(0, verdict="warn").to_json())
    os.utime(changed, (1, 1))
    keep(tmp_path)
    assert read[1:] == ["120000Z-daily.json"]
    assert [run["verdict"] for run in history.runs(tmp_path)] == ["pass", "pass", "warn"]


def test_a_run_that_was_deleted_is_gone_and_one_without_its_page_has_no_link(tmp_path):
    keep(tmp_path, result(0), result(1))
    day = tmp_path / "2026-11-23"
    (day / "120000Z-daily.json").unlink()
    (day / "120100Z-daily.html").unlink()
    keep(tmp_path)
    assert [(run["run_id"], run["link"]) for run in history.runs(tmp_path)] == [("run-1", None)]


def test_a_cache_that_is_broken_or_old_is_not_believed(tmp_path):
    keep(tmp_path, result())
    cache = tmp_path / history.CACHE
    good = json.loads(cache.read_text())
    attack = [good["runs"][0] | {"link": "javascript:alert(1)"}]
    for text in (
        "",
        "[]",
        "null",
        json.dumps(good | {"runs": [{"file": good["runs"][0]["file"]}]}),
        json.dumps(good | {"runs": [7]}),
        json.dumps(good | {"checked": []}),
        json.dumps(good | {"checked": None}),
        json.dumps(good | {"version": 1, "runs": [good["runs"][0] | {"run_id": "of an old cache"}]}),
        '{"version": 99}',
    ):
        cache.write_text(text)
        assert history.runs(tmp_path)[0]["run_id"] == "run-0"
    cache.write_text(json.dumps(good | {"runs": attack}))
    assert "javascript" not in keep(tmp_path).read_text()


def test_without_any_run_the_page_says_how_to_make_one(tmp_path):
    assert "runbook run" in keep(tmp_path).read_text()


def test_a_name_with_special_characters_is_a_link_that_works(tmp_path):
    keep(tmp_path, result(procedure="a/50% <b>#1"))
    assert history.runs(tmp_path)[0]["link"] == "2026-11-23/120000Z-50%25%20%3Cb%3E%231.html"


def standing(page: str) -> list[str]:
    """The text of each procedure's part in the page, without markup."""
    parts = page.partition('id="now"')[2].partition("All runs")[0].split('<article class="standing">')[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", part).split()) for part in parts]


def test_each_procedure_stands_with_what_changed_since_the_run_before_on_the_same_platform(tmp_path):
    bad = {"name": "a.b", "verdict": "fail", "observed": "3 h old", "expected": "e"}
    good = bad | {"verdict": "pass", "observed": "fresh"}
    runs = [
        result(0, checks=[bad, good | {"name": "c.d"}], verdict="fail"),
        result(1, platform="prod", checks=[bad], verdict="fail"),
        result(2, checks=[good, bad | {"name": "c.d"}], verdict="fail"),
        result(3, procedure="cost/other", title="Other"),
    ]
    daily_prod, daily, other = standing(keep(tmp_path, *runs).read_text())
    assert "prod" in daily_prod
    assert "The first run" in daily_prod
    assert "new ✕ fail c.d : 3 h old · first seen 2026-11-23 12:02 UTC" in daily
    assert "resolved a.b : was fail, 3 h old · first seen 2026-11-23 12:00 UTC" in daily
    assert "Compared with 2026-11-23 12:00 UTC (fail)" in daily
    assert other.startswith("✓ pass Other all 1 pass")


def test_checks_that_are_bad_for_one_reason_are_one_line(tmp_path):
    checks = [
        {"name": f"part.{n}", "verdict": "unknown", "observed": "refused", "expected": "e"} for n in range(9)
    ]
    (told,) = standing(keep(tmp_path, result(verdict="unknown", checks=checks)).read_text())
    assert "part.0 , part.1 , part.2 , part.3 and 5 more: refused" in told
    assert told.count("refused") == 1


def test_the_heading_counts_the_newest_runs_and_not_what_has_not_been_run_for_a_week(tmp_path):
    long_ago = {"started": NOON - timedelta(days=8), "finished": NOON - timedelta(days=8)}
    runs = [result(0, verdict="fail"), result(1), result(2, platform="prod", verdict="warn")]
    page = keep(tmp_path, *runs, result(procedure="a/b", verdict="error", checks=[], **long_ago)).read_text()
    heading = re.sub(r"<[^>]+>", "", page.partition("<h1>")[2].partition("</h1>")[0])
    assert heading == "1 of 2 newest runs did not pass ! warn"
    assert "<title>WARN · ONS Runbook</title>" in page
    assert "1 not run in the last week" in page


def test_every_run_is_in_the_data_and_only_the_newest_are_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "PLAIN_ROWS", 2)
    page = keep(tmp_path, *(result(minute) for minute in range(5))).read_text()
    assert page.partition('id="runs"')[2].count('<td role="cell" class="title">') == 2
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    assert [row[-1] for row in data["rows"]] == [f"2026-11-23/120{n}00Z-daily.html" for n in (4, 3, 2, 1, 0)]


def test_what_the_cache_keeps_of_a_run_is_compared_as_the_run_itself(tmp_path):
    one = result(verdict="error", checks=[], error=ErrorResult(type="E", message="m"), causes=[CAUSE])
    two = result(1, verdict="fail", causes=[CAUSE])
    keep(tmp_path, one, two)
    for entries in (history.runs(tmp_path), history.runs(tmp_path)):
        assert [history.seen(entry) for entry in entries] == [changes.seen(two), changes.seen(one)]
    (tmp_path / history.CACHE).unlink()
    assert [history.seen(entry) for entry in history.runs(tmp_path)] == [changes.seen(two), changes.seen(one)]


def test_only_days_are_looked_into(tmp_path):
    keep(tmp_path, result())
    for folder in ("journal", "postmortems", "2026-xx-23"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "120000Z-daily.json").write_text(result(5).to_json())
    assert [run["run_id"] for run in history.runs(tmp_path)] == ["run-0"]
    assert history.runs(tmp_path / "nowhere") == []


def test_what_flaps_is_one_line_with_its_earliest_and_says_when_it_is_bad_again(tmp_path):
    def run(minute: int, **signs: str) -> Result:
        checks = [
            {"name": name, "verdict": verdict, "observed": "seen", "expected": "e"}
            for name, verdict in signs.items()
        ]
        return result(minute, checks=checks)

    runs = [run(0, a="fail", b="pass"), run(1, a="pass", b="fail"), run(2, a="pass", b="pass")]
    (told,) = standing(keep(tmp_path, *runs, run(3, a="fail", b="fail")).read_text())
    assert "flapping ✕ fail a , b again : seen · first seen 2026-11-23 12:00 UTC" in told
    (told,) = standing(keep(tmp_path, run(4, a="fail", b="pass")).read_text())
    assert "flapping ✕ fail a : seen" in told
    assert "flapping b : seen (not bad in the newest run)" in told
