"""What is installed: every import is declared, everything declared is used, pinned, hashed, and its licence listed."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import licences

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = {
    path.stem for folder in ("src", "stages", "docs", "benchmarks", "tests") for path in ROOT.glob(f"{folder}/**/*.py")
}
# Used without an import: a command, a plugin, or a library that another one looks for.
COMMANDS = {
    "dvc",
    "onnx",
    "onnxscript",
    "pyright",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "imagecodecs",
    "nvidia-ml-py",
}


# Modules whose distribution has another name.
NAMED = {
    "PIL": "pillow",
    "markdown_it": "markdown-it-py",
    "pynvml": "nvidia-ml-py",
    "ruamel": "ruamel.yaml",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~ ;]", one)[0].lower() for one in requirements}


RUNTIME = names(PROJECT["dependencies"])
EXTRAS = {name for group in PROJECT["optional-dependencies"].values() for name in names(group)}


def imported(*folders: str) -> set[str]:
    """The distributions whose modules are imported, early or late, below these folders."""
    found = set()
    for path in (path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    modules = found - OWN - set(sys.stdlib_module_names) - {"ganflow"}
    return {NAMED.get(module, module.replace("_", "-")).lower() for module in modules}


def test_what_the_package_imports_is_declared() -> None:
    # mlflow brings sqlalchemy and alembic, and is of no use without them.
    assert imported("src", "stages") - RUNTIME - EXTRAS - {"sqlalchemy"} == set()


def test_what_is_declared_is_used() -> None:
    assert RUNTIME - imported("src", "stages") - COMMANDS == set()
    assert EXTRAS - imported("src", "stages", "tests", "docs", "benchmarks") - COMMANDS == set()


def pinned() -> list[str]:
    """`name==version` of constraints.txt, line by line."""
    return [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]


def test_everything_declared_is_pinned_once() -> None:
    lines = pinned()
    pins = [line.partition("==")[0] for line in lines]
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][\w.]*", line) for line in lines)
    assert len(set(pins)) == len(pins)
    assert set(pins) >= RUNTIME | EXTRAS


def test_what_is_pinned_is_what_is_installed_by_hash() -> None:
    """By `make setup`, which leaves out the extra `tiff`. What Windows alone needs is not pinned in constraints.txt."""
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text().strip())
    assert all(re.search(r" \\\n    --hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    needed = [entry for entry in entries if "sys_platform == 'win32'" not in entry.partition("\n")[0]]
    hashed = {re.split(r"[ ;]", entry)[0] for entry in needed}
    parts = (line.partition("==") for line in pinned() if not line.startswith("imagecodecs=="))
    assert hashed == {f"{name.replace('.', '-')}=={version}" for name, _, version in parts}


def test_what_builds_the_package_is_what_is_installed() -> None:
    """`make setup` builds without isolation, as pip would fetch setuptools without a hash."""
    (needed,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert needed in pinned()


def test_the_licence_of_everything_is_listed() -> None:
    page = licences.PAGE.read_text(encoding="utf-8")
    rows = licences.rows()
    assert rows.keys() >= RUNTIME
    assert [row for row in rows.values() if row not in page] == [], "python docs/licences.py"
    assert [
        name for name in RUNTIME | EXTRAS if not re.search(rf"^\| {re.escape(name)} \| \S+ \| \w", page, re.MULTILINE)
    ] == []
