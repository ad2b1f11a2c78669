"""The code deps of dvc.yaml, computed: `python -m ganflow.pipeline.deps` writes them into it.

DVC does not follow imports. A stage depends on its script, on the modules that the script imports and that matter
(code.py), and on the templates that these name.
"""

import ast
import re
import textwrap
from pathlib import Path

from ganflow.files import whole_file
from ganflow.pipeline.code import SRC, modules_that_matter

WIDTH = 134  # of a line of files; with less, they would be half of dvc.yaml's lines


def code_deps(stage: str) -> list[str]:
    """The files, relative to the project's root, that can change what `stage` makes."""
    root = SRC.parent
    script = root / "stages" / f"{stage}.py"
    modules = modules_that_matter(script) | {script}
    files = modules | {template for module in modules for template in _templates(module)}
    return sorted(str(path.relative_to(root)) for path in files)


def is_code(dep: str) -> bool:
    """Whether a dep is one of those that `code_deps` gives."""
    return dep.endswith((".py", ".j2"))


def rewritten(pipeline: str) -> str:
    """The text of a dvc.yaml with the right code deps for every stage; everything else is unchanged."""

    def of_stage(found: re.Match[str]) -> str:
        head, stage, deps = found.groups()
        other = [dep for dep in re.findall(r"[^\s,\[\]]+", deps) if not is_code(dep)]
        lines = textwrap.wrap(
            ", ".join(other + code_deps(stage)), WIDTH, break_long_words=False, break_on_hyphens=False
        )
        return head + "    deps: [\n" + "".join(f"      {line}\n" for line in lines) + "    ]\n"

    return re.sub(r"(  (\w+):\n(?:    (?:desc|cmd): [^\n]*\n)+)    deps: \[([^\]]*)\]\n", of_stage, pipeline)


def _templates(module: Path) -> set[Path]:
    words = (node.value for node in ast.walk(ast.parse(module.read_bytes())) if isinstance(node, ast.Constant))
    names = {word for word in words if isinstance(word, str) and word.endswith(".j2")}
    return {file for name in names if (file := SRC / "ganflow" / name).exists()}


if __name__ == "__main__":
    path = SRC.parent / "dvc.yaml"
    with whole_file(path) as partial:
        partial.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")
