"""What a notebook holds, as safe HTML: Markdown, code, text, tables, pictures; charts are collected aside.

Everything in an output is hostile: text is escaped, control characters are made visible, and markup passes
an allow-list (https://bleach.readthedocs.io/en/latest/clean.html). Markup that ons_runbook.show made is
marked in the output's metadata, which a log line cannot write; it keeps its classes, and passes the list
all the same.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from ons_runbook.headless.executed import code_cell_number, cut, is_injected, is_marker
from ons_runbook.redaction import plain
from ons_runbook.result import RESULT_MIME

PLOTLY_MIME = "application/vnd.plotly.v1+json"
PICTURES = ("image/png", "image/jpeg", "image/gif")

# A report is read on a phone: of one text this much, and of all outputs together that much. The notebook file
# beside the report holds more.
LONGEST_TEXT = 12_000
MOST_LINES = 200
ALL_OUTPUTS = 190_000
# Of all charts together, as JSON: compressed it is about a tenth.
ALL_CHARTS = 3_000_000

_TAG_NAMES = """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3
    h4 h5 h6 hr i img kbd li ol p pre s section small span strong sub summary sup table tbody td tfoot th
    thead time tr u ul
"""
TAGS = frozenset(_TAG_NAMES.split())
_ATTRIBUTE_NAMES = "abbr align alt colspan datetime dir headers lang open role rowspan scope title"
ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
STYLES = ("text-align", "font-weight", "white-space", "width", "min-width", "max-width")
SAFE_LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
SAFE_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
# Contents that are no text: the allow-list would drop the tags and leave these to be read.
UNREADABLE = re.compile(r"<(style|script)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Chart:
    """A plotly figure and the words that stand for it; the figure itself is in `Body.figures` at `number`."""

    number: int
    words: str


@dataclass(frozen=True)
class Block:
    """One cell: prose, or code with what came out of it; `number` as a reader counts code cells."""

    kind: str
    html: Markup
    number: int = 0
    outputs: tuple[Markup | Chart, ...] = ()
    failed: bool = False


@dataclass
class Body:
    """The cells of a notebook for the report, and the figures that its script draws."""

    blocks: list[Block] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    traceback: str = ""
    _room: int = ALL_OUTPUTS
    _chart_room: int = ALL_CHARTS

    def add(self, cells: Sequence[Mapping[str, Any]]) -> None:
        """Take the cells in, in their order."""
        for index, cell in enumerate(cells):
            if cell["cell_type"] == "markdown" and not is_marker(cell):
                self.blocks.append(Block("prose", prose(cell["source"])))
            elif cell["cell_type"] == "code" and (cell["source"].strip() or cell["outputs"]):
                self.blocks.append(self._code(cell, code_cell_number(cells, index)))

    def _code(self, cell: Mapping[str, Any], number: int) -> Block:
        failures = [o for o in cell["outputs"] if o["output_type"] == "error"]
        if failures:
            # IPython begins with a rule across the whole page.
            self.traceback = re.sub(r"\A-{20,}\n", "", text("\n".join(failures[-1]["traceback"])))
        shown = tuple(self._within_room(cell["outputs"]))
        kind = "injected" if is_injected(cell) else "code"
        return Block(kind, code(cell["source"]), number, shown, bool(failures))

    def _within_room(self, outputs: Sequence[Mapping[str, Any]]) -> Iterator[Markup | Chart]:
        for output in outputs:
            shown = self._output(output)
            if isinstance(shown, Chart):
                yield shown
            elif shown is not None and len(shown) > self._room:
                yield _text_block(
                    f"[{len(shown):,} characters of output are in the notebook beside this report]"
                )
            elif shown:
                self._room -= len(shown)
                yield shown

    def _output(self, output: Mapping[str, Any]) -> Markup | Chart | None:
        if output["output_type"] == "stream":
            return _text_block(output["text"])
        if output["output_type"] == "error":
            return _text_block("\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}")
        data = output["data"]
        if RESULT_MIME in data:
            return None  # it is the top of the report
        if PLOTLY_MIME in data:
            return self._chart(data)
        trusted = bool(output.get("metadata", {}).get("ons_runbook", {}).get("trusted"))
        return _displayed(data, trusted)

    def _chart(self, data: Mapping[str, Any]) -> Chart | Markup:
        figure = {part: data[PLOTLY_MIME].get(part) for part in ("data", "layout")}
        words = text(data.get("text/plain", "")) or "A chart without a text alternative."
        size = len(json.dumps(figure))
        if size > self._chart_room:
            return _text_block(f"[a chart of {size:,} characters is too large for one report]\n{words}")
        self._chart_room -= size
        self.figures.append(figure)
        return Chart(len(self.figures) - 1, words)


def text(value: str) -> str:
    """Text from outside: no terminal codes, nothing invisible, not too long. Not escaped yet."""
    return cut(plain(value), LONGEST_TEXT, MOST_LINES).strip("\n")


def _text_block(value: str) -> Markup:
    return Markup('<pre class="text">{}</pre>').format(text(value))


def _displayed(data: Mapping[str, Any], trusted: bool) -> Markup:
    if "text/html" in data:
        return markup(data["text/html"], trusted=trusted)
    for mime in PICTURES:
        if mime in data:
            source = f"data:{mime};base64,{''.join(str(data[mime]).split())}"
            return _picture(source, data)
    if "image/svg+xml" in data:
        # As a picture, not as a part of the page: scripts in it do not run there.
        packed = base64.b64encode(str(data["image/svg+xml"]).encode("utf-8", "replace")).decode()
        return _picture(f"data:image/svg+xml;base64,{packed}", data)
    if "text/markdown" in data:
        return prose(data["text/markdown"])
    if "text/plain" in data:
        return _text_block(data["text/plain"])
    return _text_block(json.dumps(data, indent=1, ensure_ascii=False, default=str))


def _picture(source: str, data: Mapping[str, Any]) -> Markup:
    return Markup('<img alt="{}" src="{}">').format(text(data.get("text/plain", "picture")), source)


def markup(html: str, *, trusted: bool) -> Markup:
    """HTML through the allow-list: no scripts, handlers, forms, ids or loading; headings two levels down.

    Args:
        html: anything.
        trusted: whether it is ours, so that its classes may speak with the report's own style.
    """
    clean = _cleaner(trusted).clean(plain(UNREADABLE.sub("", html)))
    # Safe on text that was just serialised: a `<h1` in it can only be a tag.
    lower = re.sub(r"<(/?)h([1-6])\b", lambda m: f"<{m[1]}h{min(6, int(m[2]) + 2)}", clean)
    return Markup(lower)  # noqa: S704 - cleaned just above


@cache
def _cleaner(trusted: bool) -> Any:
    from bleach.css_sanitizer import CSSSanitizer
    from bleach.sanitizer import Cleaner

    def allowed(tag: str, name: str, value: str) -> bool:
        if name == "href":
            return bool(SAFE_LINK.match(value))
        if name == "src":
            return tag == "img" and bool(SAFE_PICTURE.fullmatch(value))
        if name in {"class", "style", "data-sort"}:
            return trusted or (name == "class" and value == "dataframe")
        return name in ATTRIBUTES or name.startswith("aria-")

    return Cleaner(
        tags=TAGS,
        attributes=allowed,
        protocols={"http", "https", "mailto", "data"},
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
        strip=True,
    )


def prose(source: str) -> Markup:
    """Markdown as safe HTML; HTML in it is shown, not obeyed; links within the project become text."""
    return markup(_markdown()(source), trusted=False)


@cache
def _markdown() -> Any:
    import mistune

    return mistune.create_markdown(escape=True, plugins=["table", "strikethrough", "url"])


def code(source: str) -> Markup:
    """Python source with its tokens marked for colour."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    shown = highlight(cut(plain(source), LONGEST_TEXT), PythonLexer(), HtmlFormatter(nowrap=True))
    return Markup(shown.rstrip("\n"))  # noqa: S704 - pygments escapes


def with_procedures(value: str) -> Markup:
    """A sentence in which names of procedures (`section/name`) stand out as something to type."""
    escaped = str(escape(value))
    name = re.compile(r"(?<![\w/.:-])([a-z_]+/)([a-z][a-z0-9_]+)(?![\w/-])")
    # On a phone the name may break after its slash.
    marked = name.sub(r"<code>\1<wbr>\2</code>", escaped.replace("`", ""))
    return Markup(marked)  # noqa: S704 - escaped just above


def reachable(way: str) -> Markup:
    """A mail address or a telephone number as a link to tap on; anything else, such as a channel, as text."""
    if re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", way):
        return Markup('<a href="mailto:{0}">{0}</a>').format(way)
    if re.fullmatch(r"\+?[0-9][0-9 ().-]{4,20}", way):
        return Markup('<a href="tel:{}">{}</a>').format(re.sub(r"[^0-9+]", "", way), way)
    return escape(way)
