"""A small project in which stages run as DVC runs them: on built-in data, within seconds."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import forks
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
TINY = {
    "compute": {"threads": 1},
    "data": {"source": "generated"},
    "maps": {"generated_pairs": 14, "load_size": 36, "crop_size": 32, "eval_size": 32, "val_pairs": 4, "test_pairs": 4},
    "classifier": {"epochs": 1},
    "gan": {"channels": 4, "epochs": 1, "decay_epochs": 0, "batch_size": 256},
    "cgan": {"channels": 4, "epochs": 1, "decay_epochs": 0, "batch_size": 256},
    "pix2pix": {
        "generator_channels": 4,
        "discriminator_channels": 4,
        "dropout": 0.5,
        "epochs": 8,
        "decay_epochs": 4,
        "batch_size": 2,
    },
    "cvae": {
        "generator_channels": 4,
        "encoder_channels": 4,
        "discriminator_channels": 4,
        "latent_dim": 4,
        "epochs": 3,
        "decay_epochs": 1,
        "batch_size": 2,
    },
    "cyclegan": {
        "generator_channels": 4,
        "discriminator_channels": 4,
        "epochs": 3,
        "decay_epochs": 1,
        "batch_size": 2,
    },
    "evaluate": {"digits": 200, "repeats": 2, "perceptual": "off", "samples": 3, "sampled_pairs": 3},
    "render": {"digits": 20, "interpolations": 2, "pairs": 2},
}
DYING_DVC = str(Path(__file__).with_name("dying_dvc.py"))
UNCOMMITTED = (  # moments at which it kills itself
    *("outs are not hashed", "outs are not in the cache", "dvc.lock is not written"),
    "its lock file is empty",  # which `make repro` mends
)
ORDER = (
    *(
        "check_params",
        "start_weights",
        "download_mnist",
        "download_maps",
        "prepare_mnist",
        "prepare_maps",
        "train_classifier",
    ),
    *("train_gan", "train_cgan", "train_pix2pix", "train_cvae", "train_cyclegan"),
    *("evaluate_gan", "evaluate_cgan", "evaluate_pix2pix", "evaluate_cvae", "evaluate_cyclegan"),
    *("render_digits", "render_pairs", "render_cyclegan", "report_pairs", "report"),
)
TASKS = ("gan", "cgan", "pix2pix", "cvae", "cyclegan")
# Saving after every step, so that a kill always lands near a checkpoint.
SAVING_OFTEN = "loop.checkpoint_pause = lambda took: 0.0"
# With time between two steps, in which to kill it.
SLOW = """
report = loop.Progress.__call__
loop.Progress.__call__ = lambda *given: (time.sleep(0.1), report(*given))
"""
# Without the run in MLflow, whose import takes seconds, as does the noise of the validation, which is for it alone.
UNTRACKED = """
class Untracked:
    parent = None
    def __getattr__(self, name):
        return lambda *_, **__: None

run.start_run = lambda *_, **__: Untracked()
run._validation_result = lambda *_: None
"""


def project(folder: Path, **changes: dict[str, object]) -> Path:
    """A folder with parameters and manifests, in which stages can run."""
    folder.mkdir(parents=True, exist_ok=True)
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    for section in (TINY, changes):
        for name, values in section.items():
            content[name] |= values
    YAML(typ="safe").dump(content, folder / "params.yaml")
    (folder / "data").mkdir(exist_ok=True)
    for committed in ("data/manifests", "baselines"):
        if not (folder / committed).exists():
            (folder / committed).symlink_to(ROOT / committed)
    return folder


def as_committed(folder: Path, whole: Path) -> None:
    """The repository's files as they are, with the parameters, data and what there is of results of `whole`."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.startswith(("docs/pictures/", "tests/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in ("data/checked", "data/start", "data/raw", "data/prepared", "models", "metrics", "reports"):
        if (whole / name).exists():
            shutil.copytree(whole / name, folder / name)
    shutil.copy(whole / "params.yaml", folder)
    (folder / "dvc.lock").unlink(missing_ok=True)


def environment(folder: Path, **more: str) -> dict[str, str]:
    """For a stage in `folder`, which keeps its runs there unless `more` names a server."""
    own = {name: value for name, value in os.environ.items() if name not in ("MLFLOW_TRACKING_URI", "GANFLOW_MIRROR")}
    return own | {"PYTHONPATH": str(ROOT / "src"), "DVC_ROOT": str(folder)} | more


def stage(folder: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The stage's script in a process of its own."""
    return forks.run([str(ROOT / "stages" / f"{name}.py")], folder, environment(folder, **more))


def unwatched(folder: Path, *names: str) -> None:
    """Run stages in one process, with nothing in the place of every watcher: faster, and the same bytes."""
    script = str(ROOT / "tests/stages/unwatched.py")
    done = forks.run([script, *names], folder, environment(folder), timeout=600)
    assert done.returncode == 0, done.stderr


def patched(folder: Path, name: str, patch: str) -> Path:
    """A script in `folder` that is the training stage `name`, but for `patch` on the loop."""
    then = f"runpy.run_path({str(ROOT / 'stages' / f'{name}.py')!r}, run_name='__main__')"
    path = folder / f"patched_{name}.py"
    path.write_text("\n".join(["import runpy, time", "from ganflow.training import loop, run", patch, then]))
    return path


def often_saving(folder: Path, name: str, **more: str) -> forks.Fork:
    """The training stage `name`, which saves after every step."""
    return forks.Fork([str(patched(folder, name, SAVING_OFTEN))], folder, environment(folder, **more))


def outs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("models", "metrics", "reports")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }


def until(condition: Callable[[], object], seconds: float = 180) -> None:
    """Wait for `condition`; fail if it is not met in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def checkpoints(folder: Path) -> set[str]:
    return {path.name for path in (folder / "checkpoints").rglob("step-*")}


def trains(process: int) -> bool:
    """Whether this trainer is in its loop: it catches SIGTERM, to save first."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # it has ended
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
