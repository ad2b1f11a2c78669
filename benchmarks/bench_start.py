"""Start-up: a train stage to the first line of its main, and a `dvc repro` that finds nothing to do."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML
from setting import ROOT, Setting
from timing import Row, by_turns

STAGE = "import train_pix2pix"  # all that a stage does before its main: import


def measure(setting: Setting) -> list[Row]:
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "stages")])
    environment = os.environ | {"PYTHONPATH": paths}

    def python(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    warm_up = setting.pick(1, 0)
    imports = [lambda _: python(STAGE), lambda _: python("import torch")]
    stage, torch_alone = by_turns(imports, setting.rounds(5), [1, 1], warm_up)
    rows = [Row("start: train_pix2pix up to its main", "s", stage, torch_alone, "import torch alone")]
    with tempfile.TemporaryDirectory(prefix="ganflow-bench-") as folder:
        clone = up_to_date(Path(folder) / "clone")
        commands = [lambda _: dvc(clone, "repro"), lambda _: dvc(clone, "--version")]
        no_op, version = by_turns(commands, setting.rounds(3), [1, 1], warm_up)
    rows.append(Row("start: dvc repro, nothing to do", "s", no_op, version, "dvc --version"))
    return rows


def up_to_date(clone: Path) -> Path:
    """A clone of the project's last commit with a placeholder for every out, all of which dvc.lock knows."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
    stages = YAML(typ="safe").load((clone / "dvc.yaml").read_text())["stages"]
    for stage in stages.values():
        for kind in ("deps", "outs", "metrics", "plots"):
            for named in stage.get(kind, ()):
                path = clone / (named if isinstance(named, str) else next(iter(named)))
                if path.suffix and not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("{}\n")
                elif not path.suffix and not (path.is_file() or (path.is_dir() and any(path.iterdir()))):
                    path.mkdir(parents=True, exist_ok=True)
                    (path / "placeholder").write_text("{}\n")
    dvc(clone, "commit", "--force")
    said = dvc(clone, "repro")
    if "Running stage" in said:
        raise RuntimeError(f"the clone is not up to date:\n{said}")
    return clone


def dvc(folder: Path, *arguments: str) -> str:
    """What `dvc` says. The environment of a surrounding DVC run does not reach it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"dvc {' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout
