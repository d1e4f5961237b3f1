"""How things look: escaped, redacted, with units, and as words for those who see no colours."""

import re
from datetime import UTC, datetime
from typing import ClassVar

import pandas as pd
import pytest

from ons_runbook import kernel, show
from ons_runbook.checks import Check, Verdict
from ons_runbook.redaction import Redactor
from ons_runbook.tables import MOMENT, NUMBER, TEXT, TRUTH, WHOLE, table

HOSTILE = '<script>alert(1)</script>\x1b[31m\u202e" onmouseover="x'
KEY_ID = "AKIA" + "Q3EGRZ7XKW2NHJ5T"


def frame(**columns):
    return pd.DataFrame(columns)


class TestSafety:
    SHOWN: ClassVar = {
        "a cell": lambda text: show.table(frame(a=[text])),
        "a heading": lambda text: show.table(pd.DataFrame({text: [1]})),
        "a title": lambda text: show.table(frame(a=[1]), title=text),
        "the sentence of an empty table": lambda text: show.table(frame(a=[]), empty=text),
        "a fact": lambda text: show.facts([(text, text)], text),
        "a note": show.note,
        "a banner": lambda text: show.banner(text, [("a", text)]),
        "a check": lambda text: show.verdicts([Check(text, Verdict.FAIL, text, text, text, text)], text),
        "a summary": lambda text: show.problems([Check(text, Verdict.FAIL, text, text)]),
        "a verdict": lambda text: show.verdict(Verdict.FAIL, text),
        "a value": lambda text: show.value({"a": text}),
    }

    @pytest.mark.parametrize("make", SHOWN.values(), ids=SHOWN)
    def test_markup_and_control_characters_are_shown_and_not_obeyed(self, make):
        shown = make(HOSTILE)
        assert "<script" not in shown.html
        assert "&lt;script&gt;" in shown.html
        assert 'onmouseover="x' not in shown.html
        assert "\x1b" not in shown.html + shown.text
        assert "\u202e" not in shown.html + shown.text

    @pytest.mark.parametrize("make", SHOWN.values(), ids=SHOWN)
    def test_secrets_do_not_show(self, make):
        kernel.protect(Redactor(["harmless-looking"]))
        shown = make(f"{KEY_ID} harmless-looking")
        assert KEY_ID not in shown.html + shown.text
        assert "harmless-looking" not in shown.html + shown.text

    @pytest.mark.parametrize("make", SHOWN.values(), ids=SHOWN)
    def test_a_megabyte_of_text_is_cut_and_it_is_said(self, make):
        shown = make("x" * 1_000_000)
        assert len(shown.html) < 20_000
        assert "characters cut]" in shown.html
        assert "characters cut]" in shown.text

    def test_a_secret_across_the_cut_of_a_long_text_does_not_show_by_its_half(self):
        key = "-----BEGIN PRIVATE KEY-----" + "x" * 19_940 + "-----END PRIVATE KEY-----"
        text = key + "password=hunter22" + "y" * 50_000
        assert len(key) < 20_000 < len(key) + 17
        assert "hunter" not in show.note(text).text

    def test_the_output_is_marked_as_ours(self):
        data, metadata = show.note("x")._repr_mimebundle_()
        assert data.keys() == {"text/html", "text/plain"}
        assert metadata == {"ons_runbook": {"trusted": True}}

    def test_nothing_is_loaded_from_anywhere(self):
        data, _ = show.banner("x", [("a", "b")])._repr_mimebundle_()
        assert not re.search(r"https?:|url\(|@import|<link|<script", data["text/html"])


class TestTable:
    ROWS = table(
        [
            {
                "name": "router",
                "p95_duration_ms": 1234.5,
                "invocations": 12345,
                "error_rate_percent": 0.123456,
                "seen": datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC),
                "ok": True,
            },
            {"name": "loader", "ok": False},
        ],
        {
            "name": TEXT,
            "p95_duration_ms": NUMBER,
            "invocations": WHOLE,
            "error_rate_percent": NUMBER,
            "seen": MOMENT,
            "ok": TRUTH,
            "problem": TEXT,
            "errors": WHOLE,
        },
    )

    def test_headings_carry_units(self):
        html = show.table(self.ROWS).html
        for heading in ("p95 duration (ms)", "error rate (%)", "seen (UTC)", "invocations"):
            assert f">{heading}</th>" in html

    def test_values_read_well_and_numbers_stand_to_the_right(self):
        html = show.table(self.ROWS).html
        for number in ("1,234", "12,345", "0.12"):
            assert f'<td style="text-align:right">{number}</td>' in html
        for word in ("2026-11-23 03:04:05", "yes", "no", "router"):
            assert f"<td>{word}</td>" in html

    def test_what_is_missing_is_a_dash_and_never_a_zero(self):
        text = show.table(self.ROWS).text.splitlines()[2]
        assert text.split() == ["loader", "–", "–", "–", "–", "no", "–"]

    def test_a_column_of_text_that_nobody_filled_is_left_out_but_never_one_of_numbers(self):
        shown = show.table(self.ROWS)
        assert "problem" not in shown.html
        assert "errors" in shown.html

    def test_without_rows_a_sentence_says_so(self):
        empty = table([], {"a": TEXT}, empty="No alarm is in ALARM.")
        assert show.table(empty).text == "No alarm is in ALARM."
        assert show.table(empty, title="Alarms").text == "Alarms: No alarm is in ALARM."
        assert show.table(frame(a=[])).text == "There is nothing to show."
        assert "<table" not in show.table(empty).html

    def test_of_many_rows_the_first_are_shown_and_it_says_how_many_are_not(self):
        shown = show.table(frame(a=range(1250)))
        assert shown.html.count("<tr>") == 201
        assert "1,050 more rows are not shown" in shown.html
        assert "1,050 more rows are not shown" in shown.text

    def test_it_can_be_read_aloud(self):
        html = show.table(self.ROWS, title="Functions").html
        assert "<caption>Functions</caption>" in html
        assert html.count('<th scope="col"') == 7


class TestVerdicts:
    CHECKS = (
        Check("a", Verdict.PASS, "fine", "fine"),
        Check("b", Verdict.WARN, "slow", "fast", "3 calls", "Look."),
        Check("c", Verdict.FAIL, "broken", "whole"),
        Check("d", Verdict.UNKNOWN, "denied", "an answer"),
    )

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: str(check.verdict))
    def test_a_verdict_is_a_sign_and_a_word_and_never_a_colour_alone(self, check):
        shown = show.verdicts([check])
        sign = show.SIGNS[check.verdict]
        chip = f'<span class="rb-verdict rb-{check.verdict}">{sign}&nbsp;{check.verdict}</span>'
        assert chip in shown.html
        assert shown.text.startswith(f"{sign} {check.verdict.upper()}")

    def test_signs_differ_between_the_verdicts_of_checks(self):
        assert len({show.SIGNS[check.verdict] for check in self.CHECKS}) == 4

    def test_they_sort_by_how_bad_they_are(self):
        found = re.findall(r'data-sort="(\d)"', show.verdicts(self.CHECKS).html)
        assert found == ["0", "1", "3", "2"]

    def test_columns_that_nobody_filled_are_left_out(self):
        assert "evidence" not in show.verdicts([self.CHECKS[0]]).html
        assert "evidence" in show.verdicts([self.CHECKS[1]]).html

    def test_nothing_checked_says_so(self):
        assert show.verdicts([]).text == "Nothing was checked."

    def test_a_summary_has_the_bad_ones_worst_first_and_one_reason_once(self):
        same = [Check(name, Verdict.UNKNOWN, "nothing answers", "x") for name in ("e", "f")]
        lines = show.problems([*self.CHECKS, *same]).text.splitlines()
        assert [line.split(maxsplit=2)[2] for line in lines] == [
            "c: broken",
            "d: denied",
            "e, f: nothing answers",
            "b: slow",
        ]


def test_several_things_can_be_one_output():
    both = show.together(show.note("one"), show.note("two"))
    assert both.text == "one\n\ntwo"
    assert both.html.count("<p ") == 2


def test_a_small_dataclass_is_shown_by_its_fields():
    assert show.value(Check("a", Verdict.PASS, "x", "y")).text.splitlines()[0].split() == ["name", "a"]
