"""The stages as DVC runs them, on tiny built-in data: outs and faults."""

import json
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file
from workspace import ORDER, ROOT, TASKS, TINY, outs, project, stage, unwatched

from ganflow.pipeline.checkpoint_folders import list_folders
from ganflow.tracking.registry import champion_run, validation_score_of
from ganflow.tracking.standings import PICTURE


def test_every_declared_out_is_made_and_nothing_half_written_is_left(whole: Path) -> None:
    pipeline = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    assert list(pipeline) == list(ORDER)
    for entry in pipeline.values():
        for out in (out for kind in ("outs", "metrics", "plots") for out in entry.get(kind, [])):
            path = out if isinstance(out, str) else next(iter(out))  # with an option it is a mapping
            assert (whole / path).exists(), path
    assert not list(whole.rglob("*.partial"))
    kept = [(folder.state, folder.other) for folder in list_folders(whole)]
    assert kept == [("finished", "")] * (1 + len(TASKS)), "no DVC has committed them"


def test_generated_data_says_so_everywhere(whole: Path) -> None:
    for name in TASKS:
        assert json.loads((whole / f"metrics/{name}.json").read_text())["source"] == "generated"
    for name in ("classifier", *(f"{task}/{kept}" for task in TASKS for kept in ("best", "last"))):
        assert json.loads((whole / "models" / name / "config.json").read_text())["source"] == "generated"
    assert "built-in generated data" in (whole / "reports" / "index.html").read_text()


def test_a_run_holds_curves_and_model_and_one_below_it_measures_and_pictures(whole: Path) -> None:
    import mlflow

    store = mlflow.MlflowClient(f"sqlite:///{whole}/mlflow.db")
    own = {"gan": "frechet_classifier", "cgan": "class_accuracy", "pix2pix": "mean_iou", "cvae": "diversity"}
    for task, measure in own.items():
        experiment = store.get_experiment_by_name(task)
        evaluation, run = store.search_runs([experiment.experiment_id])
        assert evaluation.data.tags["mlflow.parentRunId"] == run.info.run_id
        assert [one.info.status for one in (evaluation, run)] == ["FINISHED", "FINISHED"]
        assert {"curves/loss_d", "curves/loss_g"} <= set(run.data.metrics)
        assert {a.path for a in store.list_artifacts(run.info.run_id)} >= {"history", "images"}
        assert f"test/{measure}" in evaluation.data.metrics
        files = {"figures", "measures.json", "metrics", "model card"}
        assert {a.path for a in store.list_artifacts(evaluation.info.run_id)} == files
        assert len(evaluation.data.metrics) <= 12
        assert len([key for key in run.data.metrics if not key.startswith("system/")]) <= 16
        table = json.loads((whole / f"metrics/tables/{task}.json").read_text())
        for name, value in table["judged"].items():
            assert evaluation.data.tags[f"judged.{name}"] == str(value)
        assert table["judged"].keys() >= {"task", "n", "size", "test_images", "checkpoint"}
        assert ("classifier" in table["judged"]) == ("gan" in task)
        assert ("direction" in table["judged"]) == ("gan" not in task)
        assert {f"{task}.objective", "seed"} <= set(run.data.params)
        unused = ("compute", "lambda_gp", "gamma", "start_from", "growing_epochs", "aux")
        assert not {name for name in run.data.params if any(word in name for word in unused)}
        assert len(store.search_logged_models([experiment.experiment_id])) == 1
        best = json.loads((whole / f"models/{task}/best/config.json").read_text())
        curve = f"selected/val_{best['best_by']}"
        assert run.data.metrics[curve] == best["val"]
        assert run.data.metrics["selected/epoch"] == best["epoch"]
        assert run.data.metrics[f"{curve}_pm"] > 0
        (version,) = store.search_model_versions(f"run_id = '{run.info.run_id}'")
        assert "Cannot be champion: " in version.description, "it hardly trained, and was validated on four pairs"
        assert champion_run(store, task) is None
        judged = validation_score_of(store, run.info.run_id)
        assert judged is not None
        assert judged.value == pytest.approx(best["val"], rel=1e-5), "what the epoch was chosen by"
        assert judged.source == "generated"
        about = experiment.tags["mlflow.note.content"]
        failed = json.loads((whole / f"metrics/{task}.json").read_text())["failure"]
        headline = json.loads((whole / f"metrics/headline/{task}.json").read_text())
        assert len(headline) <= 5, "`dvc exp show` has a column for each"
        assert headline["failure"] == failed
        start = ("No run is best" if failed or judged.failure else "The only run") + f': "{run.info.run_name}"'
        assert about.startswith(start)
        assert f"path={PICTURE}&run_uuid={run.info.run_id}" in about


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
    for task, least in (("gan", 10), ("cgan", 12), ("pix2pix", 12), ("cvae", 15), ("cyclegan", 12)):
        metrics = json.loads((whole / f"metrics/{task}.json").read_text())
        measures = [key for key in metrics if f"{key}_pm" in metrics]
        assert len(measures) >= least
        assert all(metrics[f"{key}_pm"] >= 0 for key in measures)
        assert {"n", "source", "checkpoint", "epoch", "test_data", "judged"} <= set(metrics)
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
    unwatched(folder, "train_classifier", *(f"train_{task}" for task in TASKS), "evaluate_gan")
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


def test_the_outs_hold_no_clock_path_or_run_id(whole: Path, tmp_path: Path) -> None:
    """A second project, elsewhere and later, makes the same bytes. (Of trainings and evaluations: test_watchers.py.)"""
    other = project(tmp_path / "elsewhere" / "deeper")
    for name in ORDER[: ORDER.index("train_classifier")]:
        assert stage(other, name).returncode == 0
    prepared = sorted(path.relative_to(whole) for path in (whole / "data/prepared").rglob("*") if path.is_file())
    assert len(prepared) > 10
    assert all((other / path).read_bytes() == (whole / path).read_bytes() for path in prepared)

    for made in ("models", "metrics", "reports"):
        shutil.copytree(whole / made, other / made)
    (other / "reports/index.html").unlink()
    shutil.rmtree(other / "reports/model_cards")
    assert stage(other, "report").returncode == 0
    assert outs(other) == outs(whole)


@pytest.mark.parametrize("name", [name for name in ORDER if not name.startswith(("check", "start", "download"))])
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
