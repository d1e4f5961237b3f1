"""The list of runs in a browser: filters, and everything without them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ons_runbook.headless import archive, index
from ons_runbook.result import Result

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ATTACK = "<script>window.hit = 1</script>\"'"
RUNS = [
    ("health/daily", "pass", "sandbox"),
    ("health/daily", "fail", "prod"),
    ("cost/daily_cost", "fail", "sandbox"),
    (ATTACK.replace("/", ""), "warn", ATTACK),
]


@pytest.fixture
def page_of_runs(tmp_path: Path) -> Path:
    with archive.locked(tmp_path):
        for minute, (procedure, verdict, platform) in enumerate(RUNS):
            started = NOON + timedelta(minutes=minute)
            check = {"name": "a.b", "verdict": verdict, "observed": f"{ATTACK} {minute}", "expected": "e"}
            fields = {"procedure": procedure, "platform": platform, "verdict": verdict, "run_id": str(minute)}
            result = Result(**fields, started=started, finished=started, checks=[check])
            files = {".html": "<p>", ".ipynb": "{}", ".json": result.to_json()}
            archive.keep(tmp_path, started, procedure.rpartition("/")[2], files)
        return index.rebuild(tmp_path)


def test_filters_narrow_the_list_together_and_stay_in_the_address(open_page, page_of_runs):
    page = open_page(page_of_runs)
    rows = page.locator("tbody tr:visible")
    assert rows.count() == 4
    page.get_by_label("verdict").select_option("fail")
    assert rows.count() == 2
    assert page.get_by_role("status").inner_text() == "2 shown"
    page.get_by_label("procedure").select_option("health/daily")
    assert rows.count() == 1
    assert "12:01 UTC" in rows.first.inner_text()
    page.get_by_label("platform").select_option("sandbox")
    assert rows.count() == 0
    assert page.get_by_text("No run is like that.").is_visible()
    page.get_by_label("procedure").select_option("")
    page.reload()
    assert rows.count() == 1
    assert "cost/daily_cost" in rows.first.inner_text()
    assert page.evaluate("window.hit") is None


def test_without_javascript_it_is_a_plain_list_with_links(open_page, page_of_runs):
    page = open_page(page_of_runs, java_script_enabled=False)
    assert page.locator("tbody tr").count() == 4
    assert not page.locator(".filters").is_visible()
    assert page.locator("tbody a").nth(1).get_attribute("href") == "2026-11-23/120200Z-daily_cost.html"


def test_it_fits_a_phone(open_page, page_of_runs):
    page = open_page(page_of_runs, viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_its_links_lead_to_the_reports(browser, page_of_runs):
    page = browser.new_page()
    page.goto(page_of_runs.as_uri())
    page.get_by_role("link", name="cost/daily_cost").click()
    assert page.url == (page_of_runs.parent / "2026-11-23" / "120200Z-daily_cost.html").as_uri()
    page.close()


def test_a_folder_without_runs_is_a_page_as_well(open_page, tmp_path):
    with archive.locked(tmp_path):
        page = open_page(index.rebuild(tmp_path))
    assert "Nothing has been run yet" in page.locator("main").inner_text()
