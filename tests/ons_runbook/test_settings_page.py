"""The page of settings."""

from pathlib import Path

from ons_runbook.platform import Platform
from ons_runbook.settings_page import settings_page
from ons_runbook.thresholds import Thresholds

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text() == settings_page(), "run: python -m ons_runbook.settings_page > docs/settings.md"


def test_it_has_a_row_for_every_setting_with_four_columns():
    rows = {line.split("`")[1]: line for line in settings_page().splitlines() if line.startswith("| `")}
    assert rows.keys() >= Platform.model_fields.keys() | Thresholds.model_fields.keys()
    assert {row.count(" | ") for row in rows.values()} == {3}
    assert "| 1500.0 |" in rows["api_latency_warn_ms"].replace("`", "")
