"""Text that may hold names which somebody else has chosen, made fit for a line."""


def printable(text: str) -> str:
    """`text` with line breaks and control characters as escapes (`\\x1b`): those of a name could steer a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
