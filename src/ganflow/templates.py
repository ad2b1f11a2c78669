"""Jinja templates (*.j2: HTML, Markdown for hubs and MLflow), and pictures embedded in pages."""

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

QUALITY = 88  # of lossy WebP


def template(name: str) -> jinja2.Template:
    """The template at this path below src/ganflow.

    Values in HTML are escaped; an undefined name is an error.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


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
