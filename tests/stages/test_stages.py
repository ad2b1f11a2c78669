"""The stages as DVC runs them, on tiny built-in data: outs, faults, kills."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from imports import ROOT
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

TINY = {
    "compute": {"threads": 1},
    "data": {"source": "generated"},
    "maps": {"generated_pairs": 14, "load_size": 36, "crop_size": 32, "eval_size": 32, "val_pairs": 4, "test_pairs": 4},
    "classifier": {"epochs": 1},
    "gan": {"channels": 4, "epochs": 1, "decay_epochs": 0, "batch_size": 256},
    "cgan": {"channels": 4, "epochs": 1, "decay_epochs": 0, "batch_size": 256},
    "pix2pix": {"generator_channels": 4, "discriminator_channels": 4, "epochs": 8, "decay_epochs": 4, "batch_size": 2},
    "cvae": {
        "generator_channels": 4,
        "encoder_channels": 4,
        "discriminator_channels": 4,
        "latent_dim": 4,
        "epochs": 3,
        "decay_epochs": 1,
        "batch_size": 2,
    },
    "evaluate": {"digits": 200, "repeats": 2, "perceptual": "off", "samples": 3, "sampled_pairs": 3},
    "render": {"digits": 20, "interpolations": 2, "pairs": 2},
}
ORDER = (
    *("check_params", "download_mnist", "download_maps", "prepare_mnist", "prepare_maps", "train_classifier"),
    *("train_gan", "train_cgan", "train_pix2pix", "train_cvae"),
    *("evaluate_gan", "evaluate_cgan", "evaluate_pix2pix", "evaluate_cvae", "render", "report"),
)
TASKS = ("gan", "cgan", "pix2pix", "cvae")
# As `stages/train_pix2pix.py`, but saving after every step, so that a kill always lands near a checkpoint.
SAVING_OFTEN = """
import runpy
from ganflow.training import loop
loop.CHECKPOINT_SECONDS = 0.0
runpy.run_path({stage!r}, run_name="__main__")
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


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "src"), "DVC_ROOT": str(folder)}


def stage(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "stages" / f"{name}.py")]
    return subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=120)


def often_saving(folder: Path, name: str) -> subprocess.Popen[str]:
    code = SAVING_OFTEN.format(stage=str(ROOT / "stages" / f"{name}.py"))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("models", "metrics", "reports")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which every stage has run."""
    folder = project(tmp_path_factory.mktemp("whole"))
    for name in ORDER:
        done = stage(folder, name)
        assert done.returncode == 0, (name, done.stderr)
    return folder


def test_every_declared_out_is_made_and_nothing_half_written_is_left(whole: Path) -> None:
    pipeline = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    assert list(pipeline) == list(ORDER)
    for entry in pipeline.values():
        for out in (out for kind in ("outs", "metrics", "plots") for out in entry.get(kind, [])):
            assert (whole / out).exists(), out
    assert not list(whole.rglob("*.partial"))
    assert not [path for path in (whole / "checkpoints").rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_generated_data_says_so_everywhere(whole: Path) -> None:
    for name in TASKS:
        assert json.loads((whole / f"metrics/{name}.json").read_text())["source"] == "generated"
    for name in ("classifier", *(f"{task}/{kept}" for task in TASKS for kept in ("best", "last"))):
        assert json.loads((whole / "models" / name / "config.json").read_text())["source"] == "generated"
    assert "built-in generated data" in (whole / "reports" / "index.html").read_text()


def test_one_run_per_model_holds_curves_metrics_pictures_and_the_model(whole: Path) -> None:
    import mlflow

    store = mlflow.MlflowClient(f"sqlite:///{whole}/mlflow.db")
    own = {"gan": "frechet_classifier", "cgan": "class_accuracy", "pix2pix": "ssim", "cvae": "diversity"}
    for task, measure in own.items():
        experiment = store.get_experiment_by_name(task)
        (run,) = store.search_runs([experiment.experiment_id])
        assert run.info.status == "FINISHED"
        assert {f"test/{measure}", "loss_d", "loss_g"} <= set(run.data.metrics)
        assert {a.path for a in store.list_artifacts(run.info.run_id)} >= {"figures", "history", "images"}
        assert len(store.search_logged_models([experiment.experiment_id])) == 1


def test_the_best_epoch_is_the_historys_and_the_last_the_last(whole: Path) -> None:
    import pandas as pd

    for task in TASKS:
        best, last = (
            json.loads((whole / f"models/{task}/{kept}/config.json").read_text()) for kept in ("best", "last")
        )
        history = pd.read_csv(whole / f"metrics/history/{task}.csv")
        by_epoch = history.dropna().set_index("epoch")[f"val_{best['best_by']}"]
        assert best["epoch"] == (by_epoch.idxmin() if "gan" in task else by_epoch.idxmax())
        assert best["val"] == by_epoch[best["epoch"]]
        assert last["epoch"] == history["epoch"].max()
        assert json.loads((whole / f"metrics/{task}.json").read_text())["epoch"] == best["epoch"]


def test_every_measure_has_its_noise_and_the_conditions_stand_beside_it(whole: Path) -> None:
    for task, least in (("gan", 10), ("cgan", 12), ("pix2pix", 12), ("cvae", 15)):
        metrics = json.loads((whole / f"metrics/{task}.json").read_text())
        measures = [key for key in metrics if f"{key}_pm" in metrics]
        assert len(measures) >= least
        assert all(metrics[f"{key}_pm"] >= 0 for key in measures)
        assert {"n", "source", "checkpoint", "epoch", "test_data"} <= set(metrics)
    images = (whole / "metrics/pix2pix_images.csv").read_text().splitlines()
    assert len(images) == 1 + TINY["maps"]["test_pairs"]


def test_test_images_change_no_weights_and_no_choice(whole: Path, tmp_path: Path) -> None:
    """They are seen by the evaluation alone: other test images, the same models byte for byte."""
    import numpy as np

    folder = project(tmp_path / "other")
    shutil.copytree(whole / "data" / "prepared", folder / "data" / "prepared")
    for path in folder.glob("data/prepared/*/test*.npy"):
        np.save(path, 255 - np.load(path) if "labels" not in path.name else 9 - np.load(path))
    for path in folder.glob("data/prepared/*/test.json"):
        path.write_text(path.read_text().replace('"digest": "', '"digest": "0'))
    for name in ("train_classifier", *(f"train_{task}" for task in TASKS), "evaluate_gan"):
        assert stage(folder, name).returncode == 0
    made, expected = outs(folder), outs(whole)
    trained = {name for name in made if name.startswith(("models/", "metrics/history/", "reports/samples/"))}
    assert len(trained) > 12
    assert all(made[name] == expected[name] for name in trained)
    assert made["metrics/gan.json"] != expected["metrics/gan.json"]


def test_a_constant_model_is_plainly_exposed_by_the_class_metrics(whole: Path, tmp_path: Path) -> None:
    """A generator whose last layer is zeroed draws one grey, whatever the photo."""
    folder = project(tmp_path / "constant")
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    shutil.copytree(whole / "models", folder / "models")
    weights = folder / "models/pix2pix/best/model.safetensors"
    tensors = {name: 0 * tensor if name.startswith("up.0.") else tensor for name, tensor in load_file(weights).items()}
    save_file(tensors, weights)
    assert stage(folder, "evaluate_pix2pix").returncode == 0
    rows = json.loads((folder / "metrics/tables/pix2pix.json").read_text())["rows"]
    assert rows["model"]["mean_iou"][0] < 0.25
    assert rows["model"]["road_boundary_f"] == [0, 0]
    assert rows["constant"]["road_boundary_f"] == [0, 0]
    assert rows["nearest"]["road_boundary_f"][0] > 0


def test_the_outs_hold_no_clock_path_or_run_id(whole: Path) -> None:
    """A second project, elsewhere and later, makes the same bytes."""
    other = project(whole.parent / "elsewhere" / "deeper")
    for name in ORDER:
        assert stage(other, name).returncode == 0
    assert outs(other) == outs(whole)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_training_killed_again_and_again_ends_in_the_same_bytes(whole: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = project(tmp_path / "killed")
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    kills = 0
    for _ in range(40):
        process = often_saving(folder, "train_pix2pix")
        checkpoints = folder / "checkpoints" / "pix2pix"
        deadline = time.monotonic() + 60
        before = {path.name for path in checkpoints.rglob("step-*")}
        if kills < 4:  # let it get somewhere, then end it at a moment of its own
            while {p.name for p in checkpoints.rglob("step-*")} <= before and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.002)
            time.sleep(chance.random() * 0.1)
            process.send_signal(chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
            kills += 1
        process.communicate(timeout=120)
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert kills >= 2
    made = outs(folder)
    assert made
    assert made == {name: content for name, content in outs(whole).items() if name in made}
    assert {f"models/pix2pix/{kept}/model.safetensors" for kept in ("best", "last")} <= set(made)
    assert "metrics/history/pix2pix.csv" in made

    import mlflow
    import pandas as pd

    store = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = store.get_experiment_by_name("pix2pix")
    (run,) = store.search_runs([experiment.experiment_id], max_results=10)
    assert run.info.status == "FINISHED"
    logged = [point.step for point in store.get_metric_history(run.info.run_id, "loss_d")]
    assert logged == pd.read_csv(folder / "metrics" / "history" / "pix2pix.csv")["step"].tolist()


def test_a_second_trainer_waits_and_takes_the_first_ones_result(whole: Path, tmp_path: Path) -> None:
    """Two queued experiments that share a training: it is done once, and both have it."""
    folder = project(tmp_path / "twice", pix2pix={"epochs": 60})
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    first = often_saving(folder, "train_pix2pix")
    deadline = time.monotonic() + 60
    while not list((folder / "checkpoints").rglob("step-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = stage(folder, "train_pix2pix")
    first.communicate(timeout=60)
    assert first.returncode == second.returncode == 0
    assert f"waiting for process {first.pid}" in second.stderr
    steps = json.loads((whole / "data/prepared/maps/training.json").read_text())["train"] // 2 * 60
    assert f"resuming after step {steps} of {steps}" in second.stderr
    assert not list((folder / "checkpoints").rglob("step-*")), "the last one leaves nothing behind"


def test_a_trainer_that_waits_goes_on_where_a_stopped_one_was(whole: Path, tmp_path: Path) -> None:
    folder = project(tmp_path / "relay", pix2pix={"epochs": 2000})
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    first = often_saving(folder, "train_pix2pix")
    deadline = time.monotonic() + 60
    while not list((folder / "checkpoints").rglob("step-*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = often_saving(folder, "train_pix2pix")
    assert second.stderr is not None
    assert f"for process {first.pid}" in next(line for line in second.stderr if "waiting" in line)
    first.terminate()
    _, said = first.communicate(timeout=60)
    assert first.returncode == 128 + signal.SIGTERM
    assert "the same command goes on" in said
    assert "resuming after step" in next(line for line in second.stderr if "resuming" in line)
    second.terminate()
    second.communicate(timeout=60)
    assert second.returncode == 128 + signal.SIGTERM
    assert not (folder / "models" / "pix2pix").exists()


def test_a_trainer_dies_with_its_parent(whole: Path, tmp_path: Path) -> None:
    """As when `dvc` itself is killed: no orphan goes on training beside the next run."""
    folder = project(tmp_path / "orphan", pix2pix={"epochs": 2000})
    (folder / "data" / "prepared").symlink_to(whole / "data" / "prepared")
    script = f"{sys.executable} {ROOT / 'stages' / 'train_pix2pix.py'} & echo $!; wait"
    parent = subprocess.Popen(
        ["sh", "-c", script], cwd=folder, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    trainer = int(parent.stdout.readline())
    deadline = time.monotonic() + 60
    while not list((folder / "checkpoints").rglob("mlflow_run")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    while Path(f"/proc/{trainer}").exists() and "Z" not in Path(f"/proc/{trainer}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.05)
    assert list((folder / "checkpoints").rglob("step-*")), "it saved before it stopped"


@pytest.mark.parametrize("name", [name for name in ORDER if not name.startswith(("check", "download"))])
def test_a_stage_without_what_it_needs_is_one_line(tmp_path: Path, name: str) -> None:
    done = stage(project(tmp_path / "empty", data={"source": "download"}), name)
    assert done.returncode == 1
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("value", "said"), [("abc", "'abc'"), (-1, "-1")])
def test_a_wrong_parameter_is_one_line_in_every_stage(tmp_path: Path, value: object, said: str) -> None:
    folder = project(tmp_path / "wrong", pix2pix={"lambda_l1": value})
    for name in ("check_params", "train_pix2pix"):
        done = stage(folder, name)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: params.yaml: pix2pix.lambda_l1 = {said}")
        assert done.stderr.count("\n") == 1
    assert not (folder / "models").exists()


def test_weights_hold_one_metadata_key_at_most(whole: Path) -> None:
    """With two, the file's bytes would change from run to run."""
    files = list(whole.glob("models/**/model.safetensors"))
    assert len(files) == 1 + 2 * len(TASKS)
    for path in files:
        header = path.read_bytes()
        length = int.from_bytes(header[:8], "little")
        assert len(json.loads(header[8 : 8 + length]).get("__metadata__", {})) <= 1
        assert load_file(path)
