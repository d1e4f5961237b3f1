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
# So many times the highest value a threshold may be away and still be drawn to scale.
_FAR = 6


def over_time(
    frame: pd.DataFrame,
    *,
    question: str,
    unit: str,
    value: str,
    time: str = "time",
    by: str | None = None,
    before: str | None = None,
    threshold: float | None = None,
    kind: Literal["lines", "bars"] = "lines",
) -> Shown:
    """A chart of column `value` over column `time` (UTC), one line or bar colour for each value of column
    `by`.

    `question` is the title, and says what is asked; `unit` that of the values; `threshold` is drawn as a
    line, or named when it is far above everything. `before` is a column that is true for rows of the window
    before, whose times are moved onto this window: they are drawn in a lighter tone of the same colour, as a
    line. Missing values leave a gap.
    """
    earlier = frame.head(0) if before is None else frame[frame[before].astype(bool)]
    frame = frame if before is None else frame[~frame[before].astype(bool)]
    groups, lighter = _groups(frame, by), _groups(earlier, by)
    colours = {name: number for number, name in enumerate({**groups, **lighter})}
    figure = go.Figure()
    for name, part in lighter.items():
        figure.add_trace(_lighter(part[time], part[value], _label(_before(name)), colours[name]))
    for name, part in groups.items():
        label = _label(name or "this window")
        figure.add_trace(_trace(kind, part[time], part[value], label, colours[name]))
    if threshold is not None and _out_of_reach(frame[value], threshold):
        # Drawn to scale it would press everything else flat.
        far = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "right"}
        figure.add_annotation(text=f"threshold {threshold:g} {unit}, far above this chart", **far)
    elif threshold is not None:
        figure.add_hline(
            y=threshold,
            line={"color": _THRESHOLD, "width": 2, "dash": "dash"},
            annotation_text=f"threshold {threshold:g} {unit}",
        )
    figure.update_layout(
        title={"text": _label(question), "x": 0.01, "font": {"size": 15}},
        yaxis={"title": {"text": unit}, "rangemode": "tozero"},
        xaxis={"title": {"text": "UTC; lighter: the window before" if lighter else "UTC"}},
        template="none",
        showlegend=by is not None,
        legend={"orientation": "h", "y": -0.32, "yanchor": "top"},
        margin={"l": 60, "r": 20, "t": 50, "b": 60},
        height=360,
        barmode="stack",
    )
    named = {**groups, **{_before(name): part for name, part in lighter.items()}}
    words = _words(named, question, unit, value, threshold)
    return Shown("", words, {MIME: json.loads(figure.to_json())})


def _trace(kind: str, x: "pd.Series[Any]", y: "pd.Series[Any]", name: str, number: int) -> Any:
    colour = _COLOURS[number % len(_COLOURS)]
    # Plain values: nullable dtypes reach plotly as objects.
    points = {"x": list(x), "y": y.astype("float64").tolist(), "name": name}
    if kind == "bars":
        return go.Bar(**points, marker={"color": colour})
    dash = _DASHES[number % len(_DASHES)]
    return go.Scatter(**points, mode="lines", connectgaps=False, line={"color": colour, "dash": dash})


def _groups(frame: pd.DataFrame, by: str | None) -> dict[str, pd.DataFrame]:
    if by is None:
        return {"": frame} if len(frame) else {}
    return {str(key): part for key, part in frame.groupby(by, sort=False)}


def _before(name: str) -> str:
    return f"{name}, window before" if name else "window before"


def _lighter(x: "pd.Series[Any]", y: "pd.Series[Any]", name: str, number: int) -> Any:
    trace = _trace("lines", x, y, name, number)
    return trace.update(opacity=0.4, line={"width": 1.5}, showlegend=False)


def _out_of_reach(values: "pd.Series[Any]", threshold: float) -> bool:
    highest = values.max()
    return bool(pd.notna(highest) and 0 < highest * _FAR < threshold)


def _label(text: str) -> str:
    # plotly reads markup in its labels.
    return escape(clean(text, 120))


def _words(
    groups: dict[str, pd.DataFrame], question: str, unit: str, value: str, threshold: float | None
) -> str:
    lines = [clean(question, 120)]
    if not groups:
        lines.append("no data.")
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
