"""The import graph of the project's own modules, read from their source."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"


def modules_of(script: Path) -> set[str]:
    """The project's files, relative to its root, that running `script` imports: directly, indirectly, and late too."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        for module in _imported(waiting.pop()) - found:
            found.add(module)
            waiting.append(module)
    return {str(path.relative_to(ROOT)) for path in found}


def _imported(path: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = {SRC / (name.replace(".", "/") + ".py") for name in names if name.split(".")[0] == "ganflow"}
    return {file for file in files if file.exists()}
