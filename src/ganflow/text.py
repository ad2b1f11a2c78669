"""Text that may hold names which somebody else has chosen, made fit for a line."""

import re

_NO_WORDS = ("null", "true", "false", "nan", "inf", "-inf")  # to Hydra


def printable(text: str) -> str:
    """`text` with line breaks and control characters as escapes (`\\x1b`): those of a name could steer a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def dvc_value(value: object) -> str:
    """A parameter's value for `dvc exp run -S name=...`. Hydra, which reads it, takes (, é and 2024 otherwise."""
    if value is None:
        return "null"
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z./_-][\w./-]*", text, re.ASCII) and text.lower() not in _NO_WORDS
    if not isinstance(value, str) or plain:
        return text
    # Within Hydra's quotes only a quote is special, and the backslashes before one.
    escaped = re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + ('\\"' if found[2] else ""), text)
    return f'"{escaped}"'
