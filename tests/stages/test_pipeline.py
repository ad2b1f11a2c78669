"""dvc.yaml against the code: what each stage depends on, what it makes, and where it may run."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from workspace import ROOT

from ganflow.config import MAPS_FOLDER, MNIST_FOLDER, Params
from ganflow.pipeline import code, deps
from ganflow.pipeline.code import modules_that_matter
from ganflow.pipeline.deps import code_deps, is_code, rewritten
from ganflow.pipeline.stage import CHECKED
from ganflow.pipeline.watchers import WATCHERS

TEXT = (ROOT / "dvc.yaml").read_text()
for name, default in {"${pairs.folder}": MAPS_FOLDER, "${mnist.folder}": MNIST_FOLDER}.items():
    TEXT = TEXT.replace(name, default)  # as DVC does
PIPELINE: dict[str, Any] = YAML(typ="safe").load(TEXT)
STAGES: dict[str, Any] = PIPELINE["stages"]


@pytest.fixture(scope="module", autouse=True)
def _each_module_is_parsed_once() -> Iterator[None]:
    """Not once for each stage, and again in each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "_imported", functools.cache(code._imported))
        patch.setattr(deps, "_templates", functools.cache(deps._templates))
        yield


def made_by(stage: dict[str, Any]) -> list[str]:
    """Paths; an out with options is a mapping of one."""
    outs = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    return [path for out in outs for path in ([out] if isinstance(out, str) else out)]


@pytest.mark.parametrize("name", STAGES)
def test_the_code_deps_are_those_that_matter(name: str) -> None:
    listed = [dep for dep in STAGES[name]["deps"] if is_code(dep)]
    assert listed == code_deps(name), "python -m ganflow.pipeline.deps writes them"


def test_the_import_graph_follows_packages_names_and_late_imports_and_stops_at_watchers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from ganflow.data import fetch\n\n\ndef later():\n    import ganflow.losses\n")
    needed = {
        f"src/ganflow/{name}.py" for name in ("data/fetch", "data/download", "data/maps_archive", "losses", "files")
    }
    assert {str(path.relative_to(ROOT)) for path in modules_that_matter(script)} == needed
    script = tmp_path / "other.py"
    script.write_text("from ganflow.tracking import standings\n")  # which imports metrics, but changes no out
    assert modules_that_matter(script) == set()


def test_writing_the_code_deps_anew_changes_nothing_and_mends_what_is_wrong() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    assert rewritten(text) == text
    wrong = text.replace("src/ganflow/losses.py, ", "").replace(
        "stages/train_gan.py\n    ]", "src/ganflow/cli.py\n    ]"
    )
    assert wrong != text
    assert rewritten(wrong) == text


def test_the_pipeline_can_still_be_read() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 450


def test_every_watcher_exists() -> None:
    for name in WATCHERS:
        path = ROOT / "src/ganflow" / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").exists(), name


def test_where_a_training_runs_puts_nothing_out_of_date() -> None:
    """Threads, processes and devices change the last bits at most (docs/exactness.md)."""
    for name, stage in STAGES.items():
        concerned = {key for key in stage["params"] if key.partition(".")[0] == "compute"}
        assert name == "check_params" or concerned <= {"compute.precision", "compute.compile"}, name


@pytest.mark.parametrize("package", sorted(ROOT.glob("src/ganflow/*/**/__init__.py")), ids=lambda p: p.parent.name)
def test_packages_hold_no_code(package: Path) -> None:
    """Else they would belong in the deps too. (ganflow's own has `load` alone, imported when somebody asks for it.)"""
    (docstring,) = ast.parse(package.read_text()).body
    assert isinstance(docstring, ast.Expr)


@pytest.mark.parametrize("name", STAGES)
def test_every_other_dep_is_made_by_a_stage_or_in_git(name: str) -> None:
    made = [out for stage in STAGES.values() for out in made_by(stage)]
    for dep in STAGES[name]["deps"]:
        assert (ROOT / dep).exists() or any(dep == out or dep.startswith(f"{out}/") for out in made), dep


@pytest.mark.parametrize("name", STAGES)
def test_every_parameter_exists(name: str, params: Params) -> None:
    content: Any = params.model_dump()
    for key in STAGES[name]["params"]:
        section, _, rest = key.partition(".")
        assert section in content, key
        assert not rest or rest in content[section], key


def test_check_params_comes_first_and_sees_every_parameter() -> None:
    assert next(iter(STAGES)) == "check_params"
    assert sorted(STAGES["check_params"]["params"]) == sorted(Params.model_fields)


@pytest.mark.parametrize("name", [name for name in STAGES if name != "check_params"])
def test_no_stage_runs_before_the_parameters_are_checked(name: str) -> None:
    """DVC removes a stage's outs before it runs the stage, and runs the stages of its deps before that."""
    assert made_by(STAGES["check_params"]) == [str(CHECKED)]
    assert str(CHECKED) in STAGES[name]["deps"]


@pytest.mark.parametrize("name", STAGES)
def test_no_shell_stays_between_dvc_and_a_stage(name: str) -> None:
    """The kernel ends a stage with its parent, which is to be DVC whatever shell the user has."""
    assert STAGES[name]["cmd"] == f"exec env PYTHONPATH=src python stages/{name}.py"


def test_a_pix2pix_parameter_concerns_no_other_training() -> None:
    """`dvc exp run -S pix2pix.lambda_l1=50`: its training, and through its outs what follows, and nothing else."""
    concerned = {name for name, stage in STAGES.items() if "pix2pix" in stage["params"]}
    assert concerned == {"check_params", "train_pix2pix", "report_pairs", "report"}
    made = set(made_by(STAGES["train_pix2pix"]))
    waiting, followers = list(made), set()
    while waiting:
        out = waiting.pop()
        for name, stage in STAGES.items():
            if name not in followers and any(dep == out or dep.startswith(f"{out}/") for dep in stage["deps"]):
                followers.add(name)
                waiting += made_by(stage)
    assert followers == {"evaluate_pix2pix", "evaluate_cvae", "render_pairs", "report_pairs", "report"}


def test_every_out_is_ignored_by_git() -> None:
    """DVC would otherwise add .gitignore files, and a run would leave `git status` unclean."""
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.startswith("/")}
    for stage in STAGES.values():
        for out in made_by(stage):
            parents = {str(parent) for parent in Path(out).parents}
            assert ignored & (parents | {out}), out


@pytest.mark.parametrize("path", sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("stages/*.py")]), ids=lambda p: p.name)
def test_only_tracking_imports_mlflow_and_nothing_unpickles(path: Path) -> None:
    source = path.read_text()
    knows_mlflow = path.parent == ROOT / "src/ganflow/tracking"
    assert knows_mlflow or ("import mlflow" not in source and "from mlflow" not in source)
    assert not re.search("^(import|from) mlflow", source, re.MULTILINE), "late: the import takes seconds"
    assert "import pickle" not in source
    # One exception: FID's and LPIPS' networks are published as pickles only. Verified first, and tensors alone read.
    exception = ["torch.load(path, weights_only=True)"] if path.name == "perceptual.py" else []
    assert re.findall(r"torch\.load.*", source) == exception
