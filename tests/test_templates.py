"""Names are shown literally, whatever is in them: each is rendered, and its text read back."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hostile import NAMES
from markdown_it import MarkdownIt

from ganflow.templates import code, markdown, template
from ganflow.text import printable

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"table", "thead", "tbody", "tr", "th", "td", "p", "strong", "code", "ul", "li"}


class Reader(HTMLParser):
    """The tags of a page, and the text of its cells and paragraphs."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag in ("td", "th", "p", "li"):
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts[-1] += data

    handle_comment = handle_decl = unknown_decl = handle_pi = lambda self, data: self.tags.add(data)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("escaped", [markdown, code])
@pytest.mark.parametrize(
    "form", ["| a | b |\n|---|---|\n| {0} | x |\n| x | **{0}** {0} |", "x {0}, {0}", "- x **{0}** (in {0})"]
)
def test_a_name_in_markdown_is_read_as_it_is(name: str, escaped: Callable[[str], str], form: str) -> None:
    found = Reader(RENDERER.render(form.format(escaped(name))))
    assert found.tags <= OURS
    assert " ".join(found.texts).count(printable(name)) == form.count("{0}")


def test_what_is_plain_stays_plain() -> None:
    plain = "pix2pix.lambda_l1=50.0 (brave-llama), 3 × 4 – ü."
    assert markdown(plain) == plain
    assert code("pix2pix.lambda_l1") == "`pix2pix.lambda_l1`"


@pytest.mark.parametrize("name", ["report/report.html.j2", "report/model_card.md.j2", "tracking/standings.md.j2"])
def test_templates_escape_by_themselves(name: str) -> None:
    environment = template(name).environment
    shown = environment.from_string("{{ x }} {{ x | code }}" if ".md" in name else "{{ x }}").render(x="<b>*a*</b>")
    expected = "&lt;b&gt;\\*a\\*&lt;/b&gt; `<b>*a*</b>`" if ".md" in name else "&lt;b&gt;*a*&lt;/b&gt;"
    assert shown == expected
