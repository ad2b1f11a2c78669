"""The import graph of the project's own modules, read from their source."""

import ast
from pathlib import Path

from ganflow.pipeline.watchers import matters

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"


def modules_that_matter(script: Path) -> set[str]:
    """The project's files, relative to its root, that can change what `script` makes.

    They are the modules that it imports, directly, indirectly and late, and the templates that these name. Watchers are
    not among them, nor what only watchers import.
    """
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        for module in _imported(path) - found:
            if matters(_name(module)):
                found.add(module)
                waiting.append(module)
        found |= _named_templates(path)
    return {str(path.relative_to(ROOT)) for path in found}


def _name(module: Path) -> str:
    return ".".join(module.relative_to(SRC).with_suffix("").parts)


def _named_templates(path: Path) -> set[Path]:
    words = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    names = {word for word in words if isinstance(word, str) and word.endswith(".j2")}
    return {file for name in names if (file := SRC / "ganflow" / name).exists()}


def _imported(path: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = {SRC / (name.replace(".", "/") + ".py") for name in names if name.split(".")[0] == "ganflow"}
    return {file for file in files if file.exists()}
