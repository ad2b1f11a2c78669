"""The house: which room may use which, and no public function or class of one name in two places."""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/ganflow"
SMALL = {"errors", "files", "seeds", "text"}  # that everything may use
# Room: what it may import besides itself and SMALL. Arrows point one way, from the last lines up to the first.
MAY_USE: dict[str, set[str]] = {
    "errors": set(),
    "files": set(),
    "seeds": set(),
    "text": set(),
    "config": set(),
    "tasks": set(),
    "templates": set(),
    "losses": set(),
    "data": set(),
    "metrics": {"data"},  # they know nothing of models
    "models": {"losses"},
    "inference": {"config", "data", "models"},
    "comparison": {"metrics", "tasks", "templates"},  # it knows nothing of where results are kept
    "tracking": {"comparison", "config", "data", "metrics", "models", "tasks", "templates"},
    "pipeline": {"config", "models", "tracking"},
    "training": {"comparison", "config", "data", "inference", "losses", "metrics", "models", "pipeline", "tracking"},
    "evaluation": {"config", "data", "inference", "losses", "metrics", "models", "tracking", "training"},
    "find_model": {"inference", "tracking"},
    "app": {"data", "inference"},
    "report": {"config", "data", "inference", "losses", "metrics", "models", "tasks", "templates"},
}
GLUE = {"cli", "commands", "doctor", "pipeline/checks"}  # may use everything


def imports(path: Path) -> set[str]:
    """Modules of ganflow that a file imports, early or late, by their name below ganflow."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ganflow":
            below = node.module.split(".")[1:]
            for alias in node.names:
                name = "/".join([*below, alias.name])
                found.add(name if (PACKAGE / f"{name}.py").exists() else "/".join(below))
    return found


MODULES = {str(path.relative_to(PACKAGE).with_suffix("")): imports(path) for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_one_way(module: str) -> None:
    room = module.split("/")[0]
    if not GLUE & {room, module} and room != "__init__":
        assert {used.split("/")[0] for used in MODULES[module]} <= {room} | SMALL | MAY_USE[room]


def test_no_module_needs_itself() -> None:
    try:
        TopologicalSorter(MODULES).prepare()
    except CycleError as cycle:
        pytest.fail(" → ".join(cycle.args[1]))


def test_evaluating_needs_one_training_alone() -> None:
    """A classifier that learns from generated digits. The rest of evaluation uses trained models."""
    used = {name for module, names in MODULES.items() if module.startswith("evaluation/") for name in names}
    assert {name for name in used if name.startswith("training/")} == {"training/train_on_samples"}


def test_no_public_function_or_class_has_two_homes() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module in MODULES:
        for node in ast.parse((PACKAGE / f"{module}.py").read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    del homes["main"]  # of what can be run
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


@pytest.mark.parametrize(
    "path", sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("stages/*.py")]), ids=lambda path: path.stem
)
def test_text_files_are_utf_8_whatever_the_locale(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        method = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if method in ("read_text", "write_text"):
            assert any(given.arg == "encoding" for given in node.keywords), f"line {node.lineno}"
