"""How things look in a notebook: banner, tables, verdicts; the only module that knows.

Everything comes as a MIME bundle with HTML and plain text. Text that came from data is redacted, made plain
(control characters visible) and escaped here, whoever wrote it. Markup works in JupyterLab's light and dark
themes and without its styles; the report has styles of its own for the same classes.
https://ipython.readthedocs.io/en/stable/config/integrating.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from html import escape
from typing import Any

import pandas as pd

from ons_runbook import kernel
from ons_runbook.checks import Check, Verdict, severity
from ons_runbook.redaction import plain, shorten
from ons_runbook.tables import given
from ons_runbook.window import iso

#: A sign for each verdict; it never stands without its word.
SIGNS = {Verdict.PASS: "✓", Verdict.WARN: "!", Verdict.FAIL: "✕", Verdict.UNKNOWN: "?", Verdict.ERROR: "✕"}

_UNITS = {
    "_ms": "ms",
    "_s": "s",
    "_percent": "%",
    "_minutes": "min",
    "_bytes": "B",
    "_mw": "MW",
    "_usd": "USD",
}
# Shares and money are read one under the other: as many decimals in each row.
_TWO_DECIMALS = ("_percent", "_usd")
_MISSING = "–"
_CELL_CHARACTERS = 400
_PLAIN_CELL = 60
# Redacting a megabyte takes a quarter of a second, and a cell shows a line of it.
_LOOKED_AT = 20_000
_MOST_ROWS = 200

# Marked so that the report knows this markup as ours; a log line cannot write an output's metadata.
_OURS = {"ons_runbook": {"trusted": True}}

_STYLE = (
    "<style>"
    # The class twice: JupyterLab's own rule, which puts all cells to the right, weighs two classes and a tag.
    ".rb-table{border-collapse:collapse}"
    "table.rb-table.rb-table th,table.rb-table.rb-table td{text-align:left;vertical-align:top;"
    "padding:.25em .7em;border-bottom:1px solid rgba(128,128,128,.35)}"
    ".rb-table caption,.rb-banner h3{text-align:left;font-weight:600;padding:.25em 0;margin:0}"
    ".rb-banner{border-left:.3em solid #5a6b7b;padding:.1em .9em}"
    ".rb-banner .rb-table.rb-table td,.rb-banner .rb-table.rb-table th{border:0;padding:.1em .7em .1em 0}"
    ".rb-verdict{display:inline-block;white-space:nowrap;border-radius:.3em;padding:0 .5em}"
    ".rb-verdict{font-weight:600;color:#fff}"
    ".rb-pass{background:#14663a}.rb-warn{background:#7a4b00}.rb-fail,.rb-error{background:#a8142b}"
    ".rb-unknown{background:#5a3d91}.rb-note{opacity:.75}"
    "</style>"
)


@dataclass(frozen=True)
class Shown:
    """Something to look at: HTML and plain text, and whatever other MIME types stand for the same."""

    html: str
    text: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        html = {"text/html": _STYLE + self.html} if self.html else {}
        return {**self.more, **html, "text/plain": self.text}, dict(_OURS)

    def __str__(self) -> str:
        return self.text


def clean(value: Any, limit: int = _CELL_CHARACTERS) -> str:
    """Any value as text that is safe to keep: redacted, control characters visible, bounded. Not escaped."""
    text = str(value)
    if len(text) > _LOOKED_AT:
        beginning = plain(kernel.redact(text[:_LOOKED_AT]))
        # What is shown must end well before the cut, where half a secret may stand.
        if len(beginning) > 2 * limit:
            return shorten(beginning, limit, len(text))
    return shorten(plain(kernel.redact(text)), limit)


def _html(value: Any, limit: int = _CELL_CHARACTERS) -> str:
    return escape(clean(value, limit))


def heading(column: str) -> str:
    """A column's name as people read it: `p95_duration_ms` is `p95 duration (ms)`."""
    for suffix, unit in _UNITS.items():
        if column.endswith(suffix):
            return f"{column.removesuffix(suffix).replace('_', ' ')} ({unit})"
    return column.replace("_", " ")


def _cell(value: Any, column: str = "") -> str:
    if not isinstance(value, list | tuple | dict) and not given(value):
        return _MISSING
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if pd.api.types.is_float(value) and column.endswith(_TWO_DECIMALS):
        return f"{round(value, 2) + 0.0:,.2f}"  # adding zero: no share is minus nothing
    if pd.api.types.is_float(value):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if pd.api.types.is_integer(value):
        return f"{value:,}"
    if isinstance(value, datetime):
        return iso(value).replace("T", " ").removesuffix("Z")
    return str(value)


def table(frame: pd.DataFrame, title: str = "", empty: str = "") -> Shown:
    """A table, with units in its headings and numbers to the right; without rows, a sentence that says so.

    Columns of text that are missing throughout are left out. At most 200 rows are shown, and it says so.
    """
    if frame.empty:
        sentence = empty or frame.attrs.get("empty") or "There is nothing to show."
        lead = f"{title}: " if title else ""
        return Shown(f'<p class="rb-note">{_html(lead + sentence)}</p>', clean(lead + sentence))
    kept = [name for name in frame.columns if not (_is_text(frame[name]) and frame[name].isna().all())]
    numeric = {name for name in kept if pd.api.types.is_numeric_dtype(frame[name].dtype)}
    numeric -= {name for name in kept if pd.api.types.is_bool_dtype(frame[name].dtype)}
    heads = [heading(str(n)) + (" (UTC)" if _is_time(frame[n]) else "") for n in kept]
    first = frame[kept].head(_MOST_ROWS)
    rows = [
        [_cell(v, str(n)) for n, v in zip(kept, row, strict=True)] for row in first.itertuples(index=False)
    ]
    more = len(frame) - len(rows)
    note = f"{more:,} more rows are not shown." if more else ""
    right = [name in numeric for name in kept]
    return Shown(_table_html(heads, rows, right, title, note), _table_text(heads, rows, right, title, note))


def _is_text(column: "pd.Series[Any]") -> bool:
    return pd.api.types.is_string_dtype(column.dtype) or column.dtype == object


def _is_time(column: "pd.Series[Any]") -> bool:
    return pd.api.types.is_datetime64_any_dtype(column.dtype)


def _table_html(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], title: str, note: str
) -> str:
    align = [' style="text-align:right"' if to_right else "" for to_right in right]
    head = "".join(f'<th scope="col"{a}>{_html(h)}</th>' for h, a in zip(heads, align, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{a}>{_html(cell)}</td>" for cell, a in zip(row, align, strict=True)) + "</tr>"
        for row in rows
    )
    caption = f"<caption>{_html(title)}</caption>" if title else ""
    note = f'<p class="rb-note">{_html(note)}</p>' if note else ""
    return (
        f'<table class="rb-table">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}'
    )


def _table_text(
    heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], title: str, note: str
) -> str:
    cells = [[" ".join(clean(cell, _PLAIN_CELL).split()) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(heads))]
    lines = [
        "  ".join(
            cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([*([clean(title)] if title else []), *lines, *([note] if note else [])])


def facts(pairs: Iterable[tuple[str, Any]], title: str = "") -> Shown:
    """Names and values, one a line."""
    items = [(name, _cell(value)) for name, value in pairs]
    rows = "".join(
        f'<tr><th scope="row">{_html(name)}</th><td>{_html(said)}</td></tr>' for name, said in items
    )
    caption = f"<caption>{_html(title)}</caption>" if title else ""
    names = [clean(name) for name, _ in items]
    width = max(map(len, names), default=0)
    lines = [f"{name.ljust(width)}  {clean(said)}" for name, (_, said) in zip(names, items, strict=True)]
    return Shown(
        f'<table class="rb-table">{caption}<tbody>{rows}</tbody></table>',
        "\n".join([*([clean(title)] if title else []), *lines]),
    )


def value(thing: Any, title: str = "") -> Shown:
    """Whatever a reading function gave: a table, a small dataclass, or anything else as text."""
    if isinstance(thing, pd.DataFrame):
        return table(thing, title)
    if is_dataclass(thing) and not isinstance(thing, type):
        return facts(((heading(f.name), getattr(thing, f.name)) for f in fields(thing)), title)
    return note(f"{title}: {thing}" if title else str(thing))


def note(sentence: str) -> Shown:
    """One sentence."""
    return Shown(f'<p class="rb-note">{_html(sentence, 2000)}</p>', clean(sentence, 2000))


def chip(verdict: Verdict) -> str:
    """A verdict as HTML: sign and word, and a colour that says the same."""
    return f'<span class="rb-verdict rb-{verdict}">{SIGNS[verdict]}&nbsp;{verdict}</span>'


def banner(title: str, pairs: Iterable[tuple[str, Any]]) -> Shown:
    """What a run begins with: which procedure, on what, as whom."""
    inner = facts(pairs)
    return Shown(
        f'<div class="rb-banner"><h3>{_html(title)}</h3>{inner.html}</div>', f"{clean(title)}\n{inner.text}"
    )


_COLUMNS = ("check", "observed", "expected", "evidence", "what to do")


def problems(checks: Sequence[Check], title: str = "") -> Shown:
    """The checks that did not pass, worst first, those of one reason together: for a summary."""
    groups: dict[tuple[Verdict, str], list[Check]] = {}
    for check in checks:
        if check.verdict is not Verdict.PASS:
            groups.setdefault((check.verdict, check.observed), []).append(check)
    merged = [
        Check(", ".join(check.name for check in group), verdict, observed, "", "", group[0].hint)
        for (verdict, observed), group in groups.items()
    ]
    return verdicts(sorted(merged, key=lambda check: -severity(check.verdict)), title)


def verdicts(checks: Sequence[Check], title: str = "") -> Shown:
    """Checks as a table, in the order given. A column that nobody filled is left out."""
    if not checks:
        return note("Nothing was checked.")
    rows = [(c.name, c.observed, c.expected, c.evidence, c.hint) for c in checks]
    kept = [n for n in range(len(_COLUMNS)) if any(row[n] for row in rows)]
    head = "".join(f'<th scope="col">{_COLUMNS[n]}</th>' for n in kept)
    body = "".join(
        f'<tr><td data-sort="{severity(check.verdict)}">{chip(check.verdict)}</td>'
        + "".join(f"<td>{_html(row[n])}</td>" for n in kept)
        + "</tr>"
        for check, row in zip(checks, rows, strict=True)
    )
    caption = f"<caption>{_html(title)}</caption>" if title else ""
    html = (
        f'<table class="rb-table">{caption}<thead><tr><th scope="col">verdict</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    said = [": ".join(clean(part) for part in (c.name, c.observed) if part) for c in checks]
    lines = [f"{SIGNS[c.verdict]} {c.verdict.upper():8}{s}" for c, s in zip(checks, said, strict=True)]
    return Shown(html, "\n".join([*([clean(title)] if title else []), *lines]))


def verdict(verdict: Verdict, sentence: str) -> Shown:
    """A whole run's verdict with a sentence."""
    return Shown(
        f"<p>{chip(verdict)} {_html(sentence)}</p>", f"{SIGNS[verdict]} {verdict.upper()}: {clean(sentence)}"
    )


def together(*parts: Shown) -> Shown:
    """Several things as one output."""
    return Shown("".join(part.html for part in parts), "\n\n".join(part.text for part in parts))
