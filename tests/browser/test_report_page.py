"""The report as people see it: offline, on a phone, in the dark, printed, without scripts, under attack."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ons_runbook.headless import report
from ons_runbook.result import Result

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
# WCAG 2.2, success criterion 1.4.3: https://www.w3.org/TR/WCAG22/#contrast-minimum
CONTRAST = """() => {
  const channel = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement; if (!walker.currentNode.textContent.trim() ||
    !element.checkVisibility() || element.closest("svg, script")) continue; const [a, b] =
    [light(parse(getComputedStyle(element).color)), light(behind(element))]; const ratio = (Math.max(a, b) +
    0.05) / (Math.min(a, b) + 0.05); if (ratio < 4.5) poor.push(`${ratio.toFixed(2)}
    ${element.outerHTML.slice(0, 120)}`);
  }
  return poor;
}"""


def made(folder: Path, verdicts: list[str], *cells: dict, verdict: str | None = None) -> Path:
    """A report with one check a verdict, written where a report would be."""
    checks = [
        {
            "name": f"part_{n}.a_rather_long_name_of_a_check",
            "verdict": each,
            "observed": f"{12 - n} files in the last hour, the newest {n} h old",
            "expected": "two files for each half hour",
            "evidence": "s3:ListObjectsV2, 03:00 to 04:00 UTC, 12 samples",
            "hint": "" if each == "pass" else "Run troubleshooting/s3_processing_failures.",
        }
        for n, each in enumerate(verdicts)
    ]
    result = Result(
        procedure="health/daily_health_check",
        title="Daily health check",
        platform="sandbox",
        account="123456789012",
        region="us-east-1",
        identity="arn:aws:sts::123456789012:assumed-role/an-unusually-long-role-name-for-operators/someone@example",
        run_id="20261123T120000Z-daily_health_check-1a2b",
        started=NOON,
        finished=NOON,
        parameters={"window": "1h", "error_rate_fail_percent_of_everything": 5.0},
        verdict=verdict or (verdicts[0] if verdicts else "unknown"),
        checks=checks,
        whom_to_tell=[{"role": "Operations", "slack": "#ops-alerts", "email": "ops@example.com"}],
    )
    path = folder / "report.html"
    path.write_text(report.render({"cells": list(cells), "metadata": {}}, result))
    return path


def code(*shown: dict) -> dict:
    return {"cell_type": "code", "source": "rb.check(1)", "metadata": {}, "outputs": list(shown)}


def wide_table() -> dict:
    head = "".join(f"<th>a_column_{n}</th>" for n in range(12))
    row = "".join(f"<td>a value that is rather long {n}</td>" for n in range(12))
    html = f"<table><thead><tr>{head}</tr></thead><tbody><tr>{row}</tr></tbody></table>"
    return {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}


def long_line() -> dict:
    return {"output_type": "stream", "name": "stdout", "text": "x" * 5000}


def test_hostile_outputs_run_nothing_load_nothing_and_change_nothing(open_page, ran):
    page = open_page(ran("hostile").files.html)
    assert page.evaluate("window.hit") is None
    assert page.locator("h1").inner_text().startswith("A procedure with <i>hostile</i> outputs — FAIL")
    assert page.locator("body").is_visible()
    assert (
        page.locator("iframe, object, embed, form, meta[http-equiv=refresh], link:not([rel=icon])").count()
        == 0
    )
    assert page.locator("[onclick], [onerror], [onload]").count() == 0
    links = page.locator("a[href]").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert set(links) <= {"../index.html"}


def test_a_script_that_got_into_the_page_all_the_same_would_not_run(browser, ran, tmp_path):
    whole = ran("healthy").files.html.read_text()
    poisoned = tmp_path / "poisoned.html"
    script = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
    poisoned.write_text(whole.replace("</main>", f"{script}</main>"))
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(poisoned.as_uri())
    assert page.title().startswith("PASS")
    assert any("Content Security Policy" in line for line in said)
    page.close()


def test_charts_are_drawn_without_a_network_and_their_words_fold_away(open_page, ran):
    page = open_page(ran("chart").files.html)
    page.wait_for_selector("html[data-charts=drawn]")
    assert page.locator(".chart .main-svg").count() >= 2
    assert page.locator(".chart .scatterlayer path.js-line").count() == 1
    assert page.locator(".chart .barlayer .point").count() == 3
    assert "How fast does it grow?" in page.locator(".chart").first.inner_text()
    assert page.locator(".chart details[open]").count() == 0
    assert page.evaluate("window.hit") is None
    assert ran("chart").files.html.stat().st_size < 2_500_000


def test_without_javascript_verdict_tables_and_the_words_of_charts_are_there(open_page, ran):
    page = open_page(ran("chart").files.html, java_script_enabled=False)
    assert "PASS" in page.locator("h1").inner_text()
    assert page.locator("table.stack tbody tr").count() == 1
    assert page.locator(".chart pre").last.inner_text() == "hydro 52 %, wind 31 %, solar 17 %"
    assert page.locator(".chart pre").last.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_scrolls_sideways_but_wide_tables_in_their_place(open_page, tmp_path, scheme):
    path = made(tmp_path, ["fail", "unknown", "warn", "pass"], code(wide_table(), long_line()))
    page = open_page(path, viewport=PHONE, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".output.scroll").first.evaluate("e => e.scrollWidth > e.clientWidth")
    assert page.locator("h1").bounding_box()["y"] < 100
    assert page.locator(".problem").first.bounding_box()["y"] < 300


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("verdict", ["pass", "warn", "fail", "unknown", "error"])
def test_every_text_stands_out_from_what_is_behind_it(open_page, tmp_path, scheme, verdict):
    page = open_page(
        made(tmp_path, ["pass", "warn", "fail", "unknown"], code(long_line()), verdict=verdict),
        color_scheme=scheme,
    )
    assert page.evaluate(CONTRAST) == []


def test_dark_mode_is_dark_charts_included(open_page, ran):
    page = open_page(ran("chart").files.html, color_scheme="dark")
    page.wait_for_selector("html[data-charts=drawn]")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(int(part) for part in background.strip("rgb()").split(",")) < 120
    title = page.locator(".gtitle").first.evaluate("e => getComputedStyle(e).fill")
    assert sum(int(part) for part in title.strip("rgb()").split(",")) > 600
    page.emulate_media(color_scheme="light")
    expect(page.locator(".gtitle").first).to_have_css("fill", "rgb(29, 35, 41)")


def test_printed_everything_is_open_and_dark_on_light(open_page, tmp_path, ran):
    page = open_page(ran("raising").files.html, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    folded = page.locator("details.code pre")
    assert folded.count() >= 3
    assert all(box is not None and box["height"] > 10 for box in (pre.bounding_box() for pre in folded.all()))
    page.emulate_media(media="screen")
    assert not folded.first.is_visible()


def test_tables_are_sorted_by_a_click_verdicts_by_how_bad_they_are(open_page, tmp_path):
    page = open_page(made(tmp_path, ["pass", "fail", "warn", "unknown"], verdict="fail"))
    rows = page.locator("table.stack tbody tr")

    def column(number: int) -> list[str]:
        return [row.locator("td").nth(number).inner_text().split()[-1] for row in rows.all()]

    page.get_by_role("button", name="Verdict").click()
    assert [word.lower() for word in column(0)] == ["fail", "unknown", "warn", "pass"]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Verdict")
    page.get_by_role("button", name="Verdict").click()
    assert [word.lower() for word in column(0)] == ["pass", "warn", "unknown", "fail"]
    page.get_by_role("button", name="Check").focus()
    page.keyboard.press("Enter")
    assert column(1) == sorted(column(1))


def test_numbers_in_tables_are_sorted_as_numbers(open_page, tmp_path):
    values = ["9", "10", "1,200", "-3"]
    rows = "".join(f"<tr><td>{value}</td></tr>" for value in values)
    table = {"text/html": f"<table><thead><tr><th>n</th></tr></thead><tbody>{rows}</tbody></table>"}
    shown = {"output_type": "display_data", "data": table, "metadata": {}}
    page = open_page(made(tmp_path, ["pass"], code(shown)))
    page.get_by_role("button", name="n", exact=True).click()
    assert page.locator(".output td").all_inner_texts() == ["-3", "9", "10", "1,200"]


def test_it_can_be_read_by_ear(open_page, tmp_path):
    page = open_page(made(tmp_path, ["fail", "pass"], code(long_line())))
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("columnheader").count() == 4
    assert page.get_by_role("row").count() == 3
    page.set_viewport_size(PHONE)
    assert page.get_by_role("row").count() == 3  # the rows are still rows where they look like cards


def test_the_tab_tells_the_verdict(open_page, tmp_path):
    page = open_page(made(tmp_path, ["fail"]))
    assert page.title() == "FAIL · Daily health check · 2026-11-23 12:00 UTC"
    assert page.locator("link[rel=icon]").get_attribute("href").startswith("data:image/svg+xml,")
