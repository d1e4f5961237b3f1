"""Charts as they look in a notebook and a report: lines and bars over time, with units and thresholds.

A chart is a MIME bundle of plotly's JSON and a sentence that says the same in words; nothing is loaded from
anywhere. https://plotly.com/python/renderers/ · colours: Okabe and Ito's, which colour-blind people tell
apart (https://jfly.uni-koeln.de/color/).
"""

import json
from html import escape
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go

from ons_runbook.show import Shown, clean

MIME = "application/vnd.plotly.v1+json"

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_THRESHOLD = "#D55E00"


def over_time(
    frame: pd.DataFrame,
    *,
    question: str,
    unit: str,
    value: str,
    time: str = "time",
    by: str | None = None,
    threshold: float | None = None,
    kind: Literal["lines", "bars"] = "lines",
) -> Shown:
    """A chart of column `value` over column `time` (UTC), one line or bar colour for each value of column
    `by`.

    `question` is the title, and says what is asked; `unit` that of the values; `threshold` is drawn as a
    line. Missing values leave a gap.
    """
    groups = {"": frame} if by is None else {str(key): part for key, part in frame.groupby(by, sort=False)}
    figure = go.Figure()
    for number, (name, part) in enumerate(groups.items()):
        figure.add_trace(_trace(kind, part[time], part[value], _label(name), number))
    if threshold is not None:
        figure.add_hline(
            y=threshold,
            line={"color": _THRESHOLD, "width": 2, "dash": "dash"},
            annotation_text=f"threshold {threshold:g} {unit}",
        )
    figure.update_layout(
        title={"text": _label(question)},
        yaxis={"title": {"text": unit}, "rangemode": "tozero"},
        xaxis={"title": {"text": "UTC"}},
        template="none",
        showlegend=by is not None,
        legend={"orientation": "h", "y": -0.25},
        margin={"l": 60, "r": 20, "t": 50, "b": 60},
        height=360,
        barmode="stack",
    )
    words = _words(groups, question, unit, value, threshold)
    return Shown("", words, {MIME: json.loads(figure.to_json())})


def _trace(kind: str, x: "pd.Series[Any]", y: "pd.Series[Any]", name: str, number: int) -> Any:
    colour = _COLOURS[number % len(_COLOURS)]
    # Plain values: nullable dtypes reach plotly as objects.
    points = {"x": list(x), "y": y.astype("float64").tolist(), "name": name}
    if kind == "bars":
        return go.Bar(**points, marker={"color": colour})
    dash = _DASHES[number % len(_DASHES)]
    return go.Scatter(**points, mode="lines", connectgaps=False, line={"color": colour, "dash": dash})


def _label(text: str) -> str:
    # plotly reads markup in its labels.
    return escape(clean(text, 120))


def _words(
    groups: dict[str, pd.DataFrame], question: str, unit: str, value: str, threshold: float | None
) -> str:
    lines = [clean(question, 120)]
    for name, part in groups.items():
        seen = part[value].dropna()
        lead = f"{clean(name, 60)}: " if name else ""
        if seen.empty:
            lines.append(f"{lead}no data.")
            continue
        over = (
            ""
            if threshold is None
            else f", {int((seen >= threshold).sum())} of {len(seen)} at or over the threshold"
        )
        lines.append(
            f"{lead}{seen.min():.4g} to {seen.max():.4g} {unit}, last {seen.iloc[-1]:.4g} {unit}{over}."
        )
    return "\n".join(lines)
