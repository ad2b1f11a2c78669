"""The source that can change what a stage makes: its script, and the imported modules that are not watchers."""

import ast
import hashlib
from importlib import metadata
from pathlib import Path

from ganflow.pipeline.watchers import matters

SRC = Path(__file__).parents[2]


def modules_that_matter(script: Path) -> set[Path]:
    """The ganflow modules that `script` imports, directly, indirectly or late, without watchers and what they import.

    Read from the source: what this process has imported so far does not matter.
    """
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        for module in _imported(waiting.pop()) - found:
            if matters(".".join(module.relative_to(SRC).with_suffix("").parts)):
                found.add(module)
                waiting.append(module)
    return found


def code_fingerprint(stage: str) -> str:
    """12 hex digits of the code that can change what `stage` ("train_gan") makes, and of torch's version.

    Taken from the syntax trees: comments and layout do not change it.
    """
    script = SRC.parent / "stages" / f"{stage}.py"
    content = hashlib.sha256(metadata.version("torch").encode())
    for path in sorted(modules_that_matter(script) | {script}) if script.exists() else ():
        content.update(f"{path.relative_to(SRC.parent)}\n{ast.dump(_tree(path))}\n".encode())
    return content.hexdigest()[:12]


def _imported(path: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = {SRC / (name.replace(".", "/") + ".py") for name in names if name.split(".")[0] == "ganflow"}
    return {file for file in files if file.exists()}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())
