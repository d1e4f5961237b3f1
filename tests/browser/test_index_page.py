"""The list of runs in a browser: filters, and everything without them."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from test_report_page import CONTRAST

from ons_runbook.headless import archive, index
from ons_runbook.result import Result

pytestmark = pytest.mark.browser

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
    rows = page.locator(".runs tbody tr:visible")
    assert rows.count() == 4
    page.get_by_label("verdict").select_option("fail")
    assert rows.count() == 2
    assert page.locator(".shown").inner_text() == "2 found"
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
    assert page.locator(".runs tbody tr").count() == 4
    assert not page.locator(".filters").is_visible()
    assert not page.locator(".calendar").is_visible()
    assert page.locator("article.standing").count() == 4
    assert page.locator(".runs tbody a").nth(1).get_attribute("href") == "2026-11-23/120200Z-daily_cost.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read_there(open_page, page_of_runs, scheme):
    page = open_page(page_of_runs, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".calendar thead button").count() == 7
    assert page.locator(".calendar").evaluate("e => e.scrollWidth <= e.clientWidth")
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(open_page, page_of_runs, scheme):
    assert open_page(page_of_runs, color_scheme=scheme).evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [390, 700, 1000, 1280])
def test_nothing_stands_out_of_its_frame(open_page, page_of_months, width):
    page = open_page(page_of_months, viewport={"width": width, "height": 900})
    outside = page.locator("main .card").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.className)"
    )
    assert outside == []


def test_dark_mode_is_dark(open_page, page_of_runs):
    page = open_page(page_of_runs, color_scheme="dark")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(int(part) for part in background.strip("rgb()").split(",")) < 120


def test_its_links_lead_to_the_reports(browser, page_of_runs):
    page = browser.new_page()
    page.goto(page_of_runs.as_uri())
    page.locator(".runs").get_by_role("link", name="cost/daily_cost").click()
    assert page.url == (page_of_runs.parent / "2026-11-23" / "120200Z-daily_cost.html").as_uri()
    page.close()


def test_a_folder_without_runs_is_a_page_as_well(open_page, tmp_path):
    with archive.locked(tmp_path):
        page = open_page(index.rebuild(tmp_path))
    assert "Nothing has been run yet" in page.locator("main").inner_text()


@pytest.fixture
def page_of_months(tmp_path: Path) -> Path:
    """A run of two procedures on each of 130 days, the newest first; day 3 before the newest was bad."""
    for days in range(130):
        for procedure in ("health/daily", "cost/other"):
            started = NOON - timedelta(days=days)
            verdict = "fail" if days == 3 and procedure == "health/daily" else "pass"
            check = {"name": "a.b", "verdict": verdict, "observed": f"Day {days} of it", "expected": "e"}
            fields = {"procedure": procedure, "title": procedure.title(), "platform": "sandbox"}
            fields |= {"run_id": f"{procedure}-{days}", "verdict": verdict, "checks": [check]}
            stem = tmp_path / f"{started:%Y-%m-%d}" / f"120000Z-{procedure.rpartition('/')[2]}"
            stem.parent.mkdir(exist_ok=True)
            stem.with_suffix(".html").write_text("<p>")
            stem.with_suffix(".json").write_text(
                Result(**fields, started=started, finished=started + timedelta(seconds=75)).to_json()
            )
    with archive.locked(tmp_path):
        return index.rebuild(tmp_path)


def test_of_many_runs_the_newest_are_there_and_the_rest_on_request(open_page, page_of_months):
    page = open_page(page_of_months)
    rows = page.locator(".runs tbody tr")
    assert rows.count() == index.PLAIN_ROWS == 100
    assert page.locator(".shown").inner_text() == "260 runs, the newest 100 shown"
    plain = rows.first.evaluate("row => row.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><')")
    page.get_by_role("button", name="Show 100 more").click()
    page.get_by_role("button", name="Show 60 more").click()
    assert rows.count() == 260
    assert not page.locator("button[name=more]").is_visible()
    assert rows.last.get_by_role("link").get_attribute("href") == "2026-07-17/120000Z-daily.html"
    page.get_by_label("platform").select_option("sandbox")
    assert rows.count() == 100
    # What the script makes of a run is what was there without it.
    made = rows.first.evaluate("row => row.outerHTML.replace(/\\s+/g, ' ').replace(/> </g, '><')")
    assert re.sub(r'datetime="[^"]*"| class=""', "", made) == re.sub(r'datetime="[^"]*"', "", plain)


def test_words_and_days_narrow_the_list_and_clear_brings_all_back(open_page, page_of_months):
    page = open_page(page_of_months)
    rows = page.locator(".runs tbody tr")
    page.get_by_label("found").fill("dAy 3 of")
    assert rows.count() == 1
    assert "a.b: Day 3 of it" in rows.first.inner_text()
    page.get_by_label("verdict").select_option("not pass")
    page.get_by_label("found").fill("")
    assert rows.count() == 1
    page.get_by_label("verdict").select_option("")
    page.get_by_label("day", exact=True).fill("2026-09-01")
    assert rows.count() == 2
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".shown").inner_text().startswith("260 runs")
    assert page.evaluate("location.hash") in ("", "#")


def test_the_calendar_shows_the_worst_of_each_day_by_sign_and_a_click_filters_to_it(
    open_page, page_of_months
):
    page = open_page(page_of_months)
    assert page.locator(".calendar tbody tr").count() == 2
    assert page.locator(".calendar td button").count() == 56
    bad = page.get_by_role("button", name="2026-11-20 Health/Daily: fail, 1 run")
    assert bad.inner_text() == "✕"
    well = page.get_by_role("button", name="2026-11-20 Cost/Other: pass, 1 run")
    colours = [each.evaluate("e => getComputedStyle(e).backgroundColor") for each in (bad, well)]
    assert colours[0] != colours[1]
    bad.click()
    rows = page.locator(".runs tbody tr")
    assert rows.count() == 1
    assert "2026-11-20 12:00 UTC" in rows.first.inner_text()
    assert page.get_by_label("day", exact=True).input_value() == "2026-11-20"
    page.reload()
    assert rows.count() == 1
    # The calendar stays on that procedure; the same click again takes the filter away.
    assert page.locator(".calendar tbody tr").count() == 1
    page.get_by_role("button", name="2026-11-20 Health/Daily: fail, 1 run", pressed=True).click()
    assert page.locator(".shown").inner_text().startswith("260 runs")
    page.get_by_role("button", name="Fri 2026-11-20", exact=True).click()
    assert rows.count() == 2


def test_the_calendar_goes_back_to_the_first_day_and_no_further(open_page, page_of_months):
    page = open_page(page_of_months)
    months = page.locator(".calendar h3")
    assert months.inner_text() == "2026-10-27 to 2026-11-23"
    earlier, later = (
        page.get_by_role("button", name="Earlier days"),
        page.get_by_role("button", name="Later days"),
    )
    assert later.is_disabled()
    for _ in range(4):
        earlier.click()
    assert months.inner_text() == "2026-07-07 to 2026-08-03"
    assert earlier.is_disabled()
    later.click()
    assert months.inner_text() == "2026-08-04 to 2026-08-31"


def test_the_worst_of_several_runs_of_a_day_counts(open_page, page_of_runs):
    page = open_page(page_of_runs)
    assert page.get_by_role("button", name="2026-11-23 health/daily: fail, 2 runs").is_visible()
    page.get_by_label("platform").select_option("sandbox")
    assert page.get_by_role("button", name="2026-11-23 health/daily: pass, 1 run").is_visible()


def test_it_can_be_read_by_ear(open_page, page_of_runs):
    page = open_page(page_of_runs)
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(h => Number(h.tagName[1]))")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    unnamed = "all => all.filter(e => !e.labels?.length && !e.ariaLabel && !e.textContent.trim()).length"
    assert page.locator("button, select, input").evaluate_all(unnamed) == 0
    assert page.get_by_role("table", name="Runs, newest first").get_by_role("row").count() == 5


def test_a_script_that_got_into_the_page_all_the_same_would_not_run(browser, page_of_runs):
    whole = page_of_runs.read_text()
    page_of_runs.write_text(whole.replace("</main>", "<script>document.title = 'owned'</script></main>"))
    page = browser.new_page()
    page.goto(page_of_runs.as_uri())
    assert page.title() == "FAIL · ONS Runbook"
    page.close()
