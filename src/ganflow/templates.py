"""The text templates beside this file, *.j2: pages as HTML, model cards as Markdown."""

from pathlib import Path

import jinja2


def template(name: str) -> jinja2.Template:
    """The template `name`. What goes into HTML is escaped; a name that nothing was given for is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
