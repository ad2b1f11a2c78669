"""A wrong parameter under real DVC: one line, whichever stage was named, and every out still in place."""

import os
import subprocess
import sys
from pathlib import Path

import forks
import pytest
from ruamel.yaml import YAML
from workspace import ORDER, as_committed


@pytest.fixture(scope="module")
def project(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with a result in every stage's outs: those of the data are real, the others stand for theirs."""
    folder = tmp_path_factory.mktemp("guard") / "project"
    as_committed(folder, prepared)
    for stage in YAML(typ="safe").load((folder / "dvc.yaml").read_text())["stages"].values():
        for out in (out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])):
            path = folder / (out if isinstance(out, str) else next(iter(out)))
            if not path.exists():
                path = path if path.suffix else path / "result"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}")
    for name in ("init", "add -A", "commit -m whole"):
        git(folder, *name.split())
    dvc(folder, "commit", "--force", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", "made")
    assert "up to date" in dvc(folder, "repro").stdout
    return folder


def git(folder: Path, *words: str) -> str:
    own = ["git", "-c", "user.name=me", "-c", "user.email=me@here", *words]
    return subprocess.run(own, cwd=folder, check=True, capture_output=True, text=True).stdout


def dvc(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in os.environ.items() if name not in ("DVC_ROOT", "DVC_STAGE", "PYTHONPATH")}
    given |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    given |= {f"GIT_{who}_{what}": "me@here" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return forks.run(["-m", "dvc", *words], folder, given)


def outs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("data", "models", "metrics", "reports")
        for path in (folder / part).rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "words",
    [
        "-S pix2pix.objective=Hinge train_pix2pix",
        "-S compute.device=none evaluate_gan",  # as long as the right value: see check_params.py
        "--temp -S gan.epochs=0 report",
    ],
)
def test_an_experiment_with_a_wrong_value_touches_nothing_and_says_the_way_back(project: Path, words: str) -> None:
    before = outs(project)
    done = dvc(project, "exp", "run", *words.split())
    assert done.returncode != 0
    assert outs(project) == before
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert words.split("=")[0].split()[-1] in said
    assert "Traceback" not in done.stderr
    if "--temp" in words:
        assert "your params.yaml is as it was" in said
    else:
        assert "`git checkout params.yaml` takes it back" in said
        git(project, "checkout", "params.yaml")
    assert git(project, "diff", "HEAD", "--", "params.yaml") == ""
    assert dvc(project, "status").stdout.strip() == "Data and pipelines are up to date."


@pytest.mark.parametrize(("fault", "stage"), [("utf-16", ""), ("wrong value", "prepare_mnist")])
def test_dvc_repro_with_a_broken_file_touches_nothing(project: Path, fault: str, stage: str) -> None:
    """DVC reads params.yaml itself: what it cannot read, it refuses in its own words."""
    before, params = outs(project), project / "params.yaml"
    text = params.read_text()
    broken = {
        "utf-16": text.encode("utf-16"),
        "wrong value": text.replace("seed: 0", "seed: -1").encode(),
    }
    assert broken[fault] != text.encode()
    params.write_bytes(broken[fault])
    try:
        done = dvc(project, "repro", *filter(None, [stage]))
    finally:
        params.write_text(text)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert fault != "wrong value" or "error: params.yaml: seed = -1: " in done.stderr
    assert outs(project) == before


def test_a_right_value_runs_the_check_and_only_what_depends_on_it(project: Path) -> None:
    said = dvc(project, "repro", "--dry").stdout
    assert "Running stage" not in said
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("interpolations: 2", "interpolations: 3"))
    try:
        said = dvc(project, "repro", "--dry").stdout
    finally:
        git(project, "checkout", "params.yaml")
    ran = [name for name in ORDER if f"Running stage '{name}'" in said]
    assert ran == ["check_params", "render_digits", "report_pairs", "report"]
