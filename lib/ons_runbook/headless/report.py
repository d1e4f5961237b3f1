"""One HTML file from an executed notebook and its result: verdict and failures first, everything in it.

Own templates over the notebook's JSON rather than nbconvert's exporter: that takes a second more to import,
its pages are several times the size, and it believes what outputs say.

The page loads nothing and runs nothing but its own script: a Content Security Policy names the hashes of the
scripts that may run, and no address at all (https://www.w3.org/TR/CSP3/#csp-header).
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from ons_runbook.checks import Verdict, severity
from ons_runbook.headless import outputs, summary
from ons_runbook.redaction import plain, shorten
from ons_runbook.result import Result

TEMPLATES = Path(__file__).parent / "templates"
# Of one field of the result; the JSON beside the report holds more.
LONGEST_FIELD = 700
ICON_COLOURS = {
    "pass": "#1a7f45",
    "warn": "#b98900",
    "fail": "#c4182f",
    "unknown": "#7a55c0",
    "error": "#c4182f",
}


def render(notebook: Mapping[str, Any], result: Result) -> str:
    """The report as one HTML page.

    Args:
        notebook: executed and fit to keep (see executed.py), as the notebook format has it.
        result: redacted.
    """
    body = outputs.Body()
    body.add(notebook["cells"])
    packed = _packed(body.figures) if body.figures else None
    script = _source("sort.js") + (_source("charts.js") if packed else "")
    hashes = [script_hash(script)] + ([packed["hash"]] if packed else [])
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            approval=summary.approval(result),
            body=body,
            glyphs=summary.GLYPHS,
            headline=summary.headline(result),
            icon=icon(result.verdict),
            packed=packed,
            policy=policy(hashes),
            problems=summary.grouped(summary.problems(result)),
            result=result,
            script=Markup(script),  # noqa: S704 - our own file
            seconds=summary.seconds(result),
            severity=severity,
            style=Markup(_source("base.css") + _source("report.css")),  # noqa: S704 - our own files
            title=clean(result.title or result.procedure),
            verdict=result.verdict,
        )
    )


def prepare() -> None:
    """Import and compile what `render` needs, so that it takes no time later."""
    _environment().get_template("report.html.j2")
    outputs.prose("*")
    outputs.code("0")


def policy(script_hashes: list[str]) -> str:
    """The page's Content Security Policy: nothing is loaded, and only scripts of these hashes run.

    Styles may be inline because plotly sets them; without addresses to load from they can only decorate.
    """
    scripts = " ".join(f"'{each}'" for each in script_hashes)
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def script_hash(text: str) -> str:
    """How a Content Security Policy names an inline script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def icon(verdict: str) -> str:
    """A favicon that tells the verdict among many tabs, as a data address."""
    drawing = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
        f"<circle cx='16' cy='16' r='16' fill='{ICON_COLOURS[verdict]}'/>"
        "<text x='16' y='23' font-size='20' font-family='sans-serif' font-weight='bold' text-anchor='middle' "
        f"fill='white'>{summary.GLYPHS[Verdict(verdict)]}</text></svg>"
    )
    return "data:image/svg+xml," + quote(drawing)


def clean(value: object) -> str:
    """A field for the page: control characters visible, of a bounded length. The template escapes it."""
    return shorten(plain(str(value)), LONGEST_FIELD)


def moment(value: datetime) -> str:
    """A time as people read it: `2026-11-23 04:15 UTC`."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(value: float) -> str:
    """Seconds as people read them: `6.2 s`, `3 min 20 s`."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def _value(value: object) -> str:
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clean": clean,
        "duration": duration,
        "moment": moment,
        "procedures": outputs.with_procedures,
        "reach": outputs.reachable,
        "value": _value,
    }
    return environment


def page(template: str, **values: Any) -> str:
    """Another page of the same house, such as the index, from its template."""
    return str(_environment().get_template(template).render(**values))


@cache
def _source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def source(name: str) -> Markup:
    """One of our own style sheets or scripts, to be put into a page as it is."""
    return Markup(_source(name))  # noqa: S704 - our own file


def _packed(figures: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The figures and the library that draws them, compressed; None when plotly brings no library."""
    library = _plotly()
    if library is None:
        return None
    packed, named = library
    return {"figures": pack(json.dumps(figures)), "library": packed, "hash": named}


@cache
def _plotly() -> tuple[str, str] | None:
    # Found without importing plotly, which the runner has no other use for.
    spec = find_spec("plotly")
    bundle = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    if bundle is None or not bundle.is_file():
        return None
    text = bundle.read_text(encoding="utf-8")
    return pack(text), script_hash(text)


def pack(text: str) -> str:
    """Text compressed so that a browser can unpack it without help: gzip, base64."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()
