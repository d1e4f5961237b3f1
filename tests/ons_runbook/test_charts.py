"""Charts: units, thresholds, words, and nothing from the network.

Okabe and Ito's colours: https://jfly.uni-koeln.de/color/
"""

import json
from datetime import UTC, datetime

import pandas as pd
import pytest

from ons_runbook import charts

FRAME = pd.DataFrame(
    {
        "time": [datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (1, 2, 3)] * 2,
        "function": ["router"] * 3 + ["<b>loader</b>"] * 3,
        "latency_ms": pd.Series([10.0, None, 1500.0, 20.0, 30.0, 40.0], dtype="Float64"),
    }
)


@pytest.fixture
def bundle():
    shown = charts.over_time(
        FRAME, question="Is it slow?", unit="ms", value="latency_ms", by="function", threshold=1000
    )
    return shown._repr_mimebundle_()[0]


def test_it_is_plotly_and_words_and_no_html(bundle):
    assert bundle.keys() == {charts.MIME, "text/plain"}
    json.dumps(bundle)


def test_the_question_is_its_title_and_the_unit_stands_at_the_axis(bundle):
    layout = bundle[charts.MIME]["layout"]
    assert layout["title"]["text"] == "Is it slow?"
    assert layout["yaxis"]["title"]["text"] == "ms"
    assert layout["xaxis"]["title"]["text"] == "UTC"


def test_the_threshold_is_drawn_and_named(bundle):
    layout = bundle[charts.MIME]["layout"]
    assert layout["shapes"][0]["y0"] == 1000
    assert layout["annotations"][0]["text"] == "threshold 1000 ms"


def test_lines_differ_in_colour_and_in_dash(bundle):
    lines = [trace["line"] for trace in bundle[charts.MIME]["data"]]
    assert len({line["color"] for line in lines}) == len({line["dash"] for line in lines}) == 2


def test_markup_in_a_name_is_shown_and_not_obeyed(bundle):
    assert bundle[charts.MIME]["data"][1]["name"] == "&lt;b&gt;loader&lt;/b&gt;"


def test_what_is_missing_leaves_a_gap(bundle):
    trace = bundle[charts.MIME]["data"][0]
    assert trace["y"][1] is None
    assert trace["connectgaps"] is False


def test_the_words_say_the_same(bundle):
    assert bundle["text/plain"].splitlines() == [
        "Is it slow?",
        "router: 10 to 1500 ms, last 1500 ms, 1 of 2 at or over the threshold.",
        "<b>loader</b>: 20 to 40 ms, last 40 ms, 0 of 3 at or over the threshold.",
    ]


def test_nothing_to_draw_says_so():
    shown = charts.over_time(FRAME.head(0), question="Is it slow?", unit="ms", value="latency_ms")
    assert shown.text.splitlines() == ["Is it slow?", "no data."]


def test_bars_are_stacked():
    shown = charts.over_time(FRAME, question="q", unit="ms", value="latency_ms", by="function", kind="bars")
    figure = shown.more[charts.MIME]
    assert {trace["type"] for trace in figure["data"]} == {"bar"}
    assert figure["layout"]["barmode"] == "stack"


def drawn_with_the_window_before(**options):
    frame = FRAME.assign(before=FRAME["time"].dt.hour == 3)
    shown = charts.over_time(frame, question="q", unit="ms", value="latency_ms", before="before", **options)
    return shown.more[charts.MIME], shown.text


@pytest.mark.parametrize("kind", ["lines", "bars"])
def test_the_window_before_is_a_lighter_line_of_the_same_colour(kind):
    figure, words = drawn_with_the_window_before(by="function", kind=kind)
    before, now = figure["data"][0], figure["data"][2]
    assert (before["name"], now["name"]) == ("router, window before", "router")
    assert (before["type"], before["opacity"], before["showlegend"]) == ("scatter", 0.4, False)
    assert before["line"]["color"] == (now["line"] if kind == "lines" else now["marker"])["color"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "UTC; lighter: the window before"
    assert "router, window before: 1500 to 1500 ms" in words


def test_one_curve_and_its_window_before_are_told_apart():
    figure, words = drawn_with_the_window_before()
    assert [trace["name"] for trace in figure["data"]] == ["window before", "this window"]
    assert words.splitlines()[1:] == [
        "10 to 30 ms, last 30 ms.",
        "window before: 40 to 1500 ms, last 40 ms.",
    ]


def test_a_threshold_far_above_everything_is_named_and_does_not_press_the_curve_flat():
    shown = charts.over_time(FRAME, question="q", unit="ms", value="latency_ms", threshold=90_000)
    layout = shown.more[charts.MIME]["layout"]
    assert "shapes" not in layout
    assert layout["annotations"][0]["text"] == "threshold 90000 ms, far above this chart"
