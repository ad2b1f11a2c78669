"""Jinja templates (*.j2: HTML, Markdown for hubs and MLflow), and pictures embedded in pages.

Files, folders, classes, branches and runs have names that somebody else may have chosen. A page shows them literally.
"""

import base64
import io
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from PIL import Image

from ganflow.text import printable

QUALITY = 88  # of lossy WebP
# What begins something in Markdown within a line. An underscore between letters does not.
_MARKS = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")


def template(name: str) -> jinja2.Template:
    """The template at this path below src/ganflow.

    Values are escaped, as HTML or as Markdown; an undefined name is an error. In Markdown, `code` makes a value code:
    its surroundings are escaped otherwise.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_in_markdown if ".md" in name else None,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    return environment.get_template(name)


def markdown(text: object) -> Markup:
    """`text` for a line of Markdown that shows it literally: no markup, no HTML, no second line, in a table too."""
    shown = _MARKS.sub(r"\\\g<0>", printable(str(text)))
    return Markup(shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def code(text: object) -> Markup:
    """`text` as code within a line of Markdown, in a table too."""
    shown = printable(str(text))
    if "`" in shown or "|" in shown:  # a longer row of backticks would do for one, and for the other nothing does
        return Markup(f"<code>{_MARKS.sub(_as_number, escape(shown))}</code>")
    return Markup(f"`{shown}`")


def _as_number(mark: re.Match[str]) -> str:
    return f"&#{ord(mark[0])};"


def _in_markdown(value: Any) -> Any:
    return markdown(value) if type(value) is str else value


def embedded(image: Image.Image) -> str:
    """The picture as a data URI, in WebP.

    Lossless, unless that takes more than twice the bytes of lossy WebP, as for photos and generated images with fine
    noise, which would make the page several times as large.
    """
    kinds = [_webp(image, lossless=True), _webp(image, quality=QUALITY)]
    content = kinds[0] if len(kinds[0]) <= 2 * len(kinds[1]) else kinds[1]
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"


def _webp(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", **options)
    return buffer.getvalue()
