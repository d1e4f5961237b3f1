"""Outputs as safe HTML. Everything that is shown may have been written by whoever writes log lines.

The attacks follow OWASP's XSS Filter Evasion Cheat Sheet.
"""

from html.parser import HTMLParser

import pytest

from ons_runbook.headless import outputs
from ons_runbook.result import RESULT_MIME

ATTACKS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img src="data:text/html;base64,PHNjcmlwdD4=">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" &#14; javascript:alert(1)">x</a>',
    '<a href="jav&#x09;ascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<body onload=alert(1)>",
    "<form action=//evil.example><input name=q><button formaction=javascript:alert(1)>x</button></form>",
    "<style>@import '//evil.example/x.css'; body{display:none}</style>",
    "<div style='background:url(//evil.example/x);position:fixed;inset:0'>x</div>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>",
    "<p id=figures-packed name=content>x</p>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<details ontoggle=alert(1) open>x</details>",
    "<object data=//evil.example></object><embed src=//evil.example>",
]


class Seen(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(html: str, *, ours: frozenset[str] = frozenset()) -> None:
    for tag, attributes in Seen(html).found:
        assert tag in outputs.TAGS
        allowed = outputs.ATTRIBUTES | {"href", "src"} | ours
        assert {name for name in attributes if not name.startswith("aria-")} <= allowed, (tag, attributes)
        assert (attributes.get("href") or "#").lower().startswith(("http://", "https://", "mailto:", "#"))
        assert (attributes.get("src") or "data:image/png").startswith("data:image/")
        assert "url" not in (attributes.get("style") or "")


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("trusted", [True, False])
def test_markup_loses_everything_that_could_run_or_load(attack, trusted):
    assert_harmless(outputs.markup(attack, trusted=trusted), ours=frozenset({"class", "style", "data-sort"}))


@pytest.mark.parametrize("attack", ATTACKS)
def test_markdown_is_as_harmless(attack):
    assert_harmless(
        outputs.prose(f"# {attack}\n\n{attack} [x]({attack}) ![x]({attack})\n\n| {attack} |\n|---|\n")
    )
    assert_harmless(
        outputs.prose("[x](javascript:alert(1)) ![x](//evil.example/x.png) <javascript:alert(1)>")
    )


def test_what_is_no_text_is_not_shown_as_text():
    html = outputs.markup(
        "<style>td {color: red}</style><script>var a</script><b>seen</b><style>open", trusted=False
    )
    assert html == "<b>seen</b>"


def test_only_our_markup_speaks_with_our_style():
    cell = '<td data-sort="3" style="text-align: right;">1</td>'
    ours = f'<table class="rb-table"><tbody><tr>{cell}</tr></tbody></table>'
    assert outputs.markup(ours, trusted=True) == ours
    foreign = outputs.markup(ours, trusted=False)
    assert "rb-table" not in foreign
    assert "data-sort" not in foreign
    assert "style" not in foreign


def test_headings_go_below_those_of_the_report():
    assert outputs.markup("<h1>a</h1><h5>b</h5>&lt;h1&gt;", trusted=True) == "<h3>a</h3><h6>b</h6>&lt;h1&gt;"


def test_links_into_the_project_become_text_since_a_report_travels_alone():
    html = outputs.prose("[there](../health/x.ipynb) and [out](https://docs.aws.amazon.com/)")
    assert 'href="https://docs.aws.amazon.com/"' in html
    assert "x.ipynb" not in html
    assert "there" in html


def body(*cells: dict) -> outputs.Body:
    made = outputs.Body()
    made.add(cells)
    return made


def code(*shown: dict, source: str = "1", tags: tuple[str, ...] = ()) -> dict:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": list(shown)}


def stream(text: str) -> dict:
    return {"output_type": "stream", "name": "stdout", "text": text}


def displayed(data: dict, **metadata: object) -> dict:
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def shown(*outs: dict) -> str:
    (block,) = body(code(*outs)).blocks
    return "".join(map(str, block.outputs))


def test_text_is_escaped_and_what_cannot_be_seen_is_made_visible():
    html = shown(
        stream("<b>\x1b[31mred\x1b[0m \u202egnp \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x00")
    )
    assert html == '<pre class="text">&lt;b&gt;red &lt;U+202E&gt;gnp link &lt;U+0000&gt;</pre>'


def test_the_best_form_of_an_output_is_shown():
    assert shown(displayed({"text/html": "<b>html</b>", "text/plain": "plain"})) == "<b>html</b>"
    assert 'src="data:image/png;base64,QUJD"' in shown(displayed({"image/png": "QUJD\n", "text/plain": "x"}))
    assert "<em>m</em>" in shown(displayed({"text/markdown": "*m*", "text/plain": "x"}))
    assert shown(displayed({"text/plain": "<x>"})) == '<pre class="text">&lt;x&gt;</pre>'
    assert "&#34;a&#34;: 1" in shown(displayed({"application/json": {"a": 1}}))


def test_a_drawing_is_a_picture_in_which_scripts_do_not_run():
    html = shown(displayed({"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "a drawing"}))
    assert html.startswith('<img alt="a drawing" src="data:image/svg+xml;base64,')
    assert "onload" not in html


def test_base64_that_is_none_cannot_leave_its_attribute():
    assert_harmless(shown(displayed({"image/png": '" onerror="alert(1)'})), ours=frozenset({"alt"}))


def test_trust_comes_from_metadata_only():
    html = '<p class="verdict pass">x</p>'
    assert "verdict" in shown(displayed({"text/html": html}, ons_runbook={"trusted": True}))
    assert "verdict" not in shown(displayed({"text/html": html}))


def test_the_result_is_not_shown_twice():
    assert shown(displayed({RESULT_MIME: {}, "text/plain": "x"})) == ""


def test_a_failing_cell_is_marked_and_its_traceback_plain():
    error = {
        "output_type": "error",
        "ename": "E",
        "evalue": "<v>",
        "traceback": ["\x1b[31mline <1>", "line 2"],
    }
    made = body(code(stream("before"), error))
    assert made.blocks[0].failed
    assert made.traceback == "line <1>\nline 2"
    assert "line &lt;1&gt;\nline 2" in made.blocks[0].outputs[1]


def test_cells_are_numbered_without_the_injected_one_and_markers_left_out():
    markdown = {"cell_type": "markdown", "source": "# t", "metadata": {}}
    marker = markdown | {"metadata": {"tags": ["papermill-error-cell-tag"]}}
    made = body(marker, markdown, code(), code(tags=("injected-parameters",)), code(), code(source=" "))
    kinds = [(block.kind, block.number) for block in made.blocks]
    assert kinds == [("prose", 0), ("code", 1), ("injected", 1), ("code", 2)]


def test_all_outputs_together_have_only_so_much_room():
    made = body(*[code(displayed({"text/html": "<b>" + "x" * 60_000 + "</b>"})) for _ in range(9)])
    html = "".join(str(out) for block in made.blocks for out in block.outputs)
    assert len(html) < outputs.ALL_OUTPUTS + 2_000
    assert html.count("in the notebook beside this report") == 6


def test_charts_are_put_aside_with_their_words():
    figure = {"data": [{"y": [1, 2]}], "layout": {}, "config": {"plotlyServerURL": "https://evil.example"}}
    made = body(
        code(displayed({outputs.PLOTLY_MIME: figure, "text/plain": "grows", "text/html": "<script>"}))
    )
    assert made.blocks[0].outputs == (outputs.Chart(0, "grows"),)
    assert made.figures == [{"data": [{"y": [1, 2]}], "layout": {}}]
    made = outputs.Body(_chart_room=10)
    made.add([code(displayed({outputs.PLOTLY_MIME: figure, "text/plain": "grows"}))])
    assert made.figures == []
    assert "too large" in made.blocks[0].outputs[0]
    assert "grows" in made.blocks[0].outputs[0]


def test_code_is_escaped():
    html = outputs.code("x = '</pre><script>alert(1)</script>'  # \u202e")
    assert "<script" not in html
    assert "U+202E" in html


def test_names_of_procedures_stand_out_and_nothing_else_does():
    html = outputs.with_procedures(
        "Run `troubleshooting/lambda_errors`. Not </td>, a/b/c or https://x.y/z_a/b."
    )
    assert "Run <code>troubleshooting/<wbr>lambda_errors</code>." in html
    assert html.count("<code>") == 1
    assert "<code>troubleshooting/<wbr>s3_failures</code>" in outputs.with_procedures(
        "troubleshooting/s3_failures"
    )
    assert "&lt;/td&gt;" in html


def test_people_can_be_reached_by_a_tap_and_what_is_no_address_is_no_link():
    assert 'href="mailto:ops@company.com"' in outputs.reachable("ops@company.com")
    assert 'href="tel:+15550100"' in outputs.reachable("+1-555-0100")
    for way in ("#ops-alerts", "+1-555-OPS-TEAM", 'a@b.c" onclick=alert(1)', "javascript:alert(1)"):
        assert "<a" not in outputs.reachable(way)
