"""Whatever compares two results says why it cannot, and gives no verdict: diff, the page, standings, seeds."""

import json
import re
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import workspace

from ganflow import config
from ganflow.cli import main
from ganflow.comparison import revisions
from ganflow.comparison.champion import ValidationScore
from ganflow.comparison.page import page
from ganflow.metrics import classes, translation
from ganflow.metrics.bootstrap import flat, multiplicities
from ganflow.metrics.comparable import judged
from ganflow.tracking import registry, standings, store
from ganflow.tracking.evaluations import log_evaluation
from ganflow.tracking.reading import VALIDATION_FILE, list_runs, two_runs
from ganflow.tracking.run import WEIGHTS_TAG

PARAMS = config.load_params(Path(__file__).parents[2] / "params.yaml")
COLOURS = np.array([[234, 230, 222], [254, 254, 254], [178, 210, 254]], np.uint8)
REAL = np.random.default_rng(0).choice(COLOURS, (30, 16, 16))
CONDITIONS = {"n": 30, "size": 16, "test_images": "ab", "direction": "aerial2map", "checkpoint": "best"}
SWAPS = {  # one condition each, and the reason
    "direction": ({"direction": "map2aerial"}, "other direction (aerial2map and map2aerial)"),
    "size": ({"size": 32}, "other size (16 and 32 pixels)"),
    "n": ({"n": 60}, "other number of images (30 and 60)"),
    "test set": ({"test_images": "cd"}, "other test images"),
    "checkpoint": ({"checkpoint": "last"}, "other checkpoint rule (best and last)"),
}
VERDICTS = re.compile(r"\b(better|worse|within noise|more than noise)\b", re.IGNORECASE)

Diff = Callable[[str, str], str]


@pytest.fixture
def client() -> Any:
    return store.client()


@pytest.fixture
def diff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Diff:
    """What `ganflow diff` prints of two folders below `tmp_path`, which stand for two revisions."""

    def read(path: str, revision: str) -> str:
        if not (tmp_path / revision / path).exists():
            raise revisions.UserError(f"no {path}")
        return (tmp_path / revision / path).read_text()

    def printed(before: str, after: str) -> str:
        monkeypatch.setattr(revisions, "_read", read)
        monkeypatch.setattr(sys, "argv", ["ganflow", "diff", before, after])
        capsys.readouterr()
        main()
        return capsys.readouterr().out

    return printed


def evaluated(client: Any, folder: Path, name: str, wrong: float, **conditions: Any) -> None:
    """A training and its evaluation, in the store and as a revision's files; a share `wrong` of the pixels is wrong."""
    drawn = np.where(np.random.default_rng(7).random(REAL.shape[:3])[..., None] < wrong, REAL[::-1], REAL)
    frame = translation.per_image(drawn, REAL, classes.MAPS)
    rows = {"model": translation.with_noise(frame, multiplicities(len(frame), 0)), "constant": {"mae": (90.0, 1.0)}}
    key = judged("pix2pix", **CONDITIONS | conditions)
    table = json.loads(json.dumps({"judged": key, "about": {"n": key["n"], "size": key["size"]}, "rows": rows}))
    images = folder / name / "metrics/pix2pix_images.csv"
    images.parent.mkdir(parents=True)
    frame.to_csv(images, index_label="image")
    (images.parent / "pix2pix.json").write_text(json.dumps({"judged": key, **flat(rows["model"])}))
    run = client.create_run(store.experiment(client, "pix2pix"), run_name=name, tags={WEIGHTS_TAG: name})
    luck = np.random.default_rng(len(name)).normal(0, 0.001, 100)
    validated_on = {"n": 96, "validation_images": str(conditions)}  # another recipe is validated otherwise, too
    score = ValidationScore("mean_iou", True, validated_on, "download", "", 1 - wrong + np.array([0, *luck]))
    client.log_text(run.info.run_id, score.text(), VALIDATION_FILE)
    client.set_terminated(run.info.run_id)
    log_evaluation("pix2pix", table, name, PARAMS, {images: "metrics"})


def note(client: Any, task: str) -> str:
    standings.publish_standings(client, task)
    return client.get_experiment_by_name(task).tags[store.NOTE]


def test_each_other_condition_is_said_with_its_reason_on_every_surface(
    client: Any, tmp_path: Path, diff: Diff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganflow.comparison.page._code_between", lambda *_: [])
    for name, (change, _) in SWAPS.items():
        evaluated(client, tmp_path, name, wrong=0.1, **change)
    evaluated(client, tmp_path, "own", wrong=0.3)

    runs = list_runs(client)
    for name, (_, reason) in SWAPS.items():
        printed = diff("own", name)
        assert f"\nnot comparable: {reason}\n" in printed
        assert not VERDICTS.search(printed)
        shown = page(*two_runs(runs, "own", name, None))
        assert f"A and B are not comparable: {reason}." in shown
        assert not VERDICTS.search(re.sub("<style>.*</style>|aria-label=.*?>", "", shown, flags=re.DOTALL))
        assert "Image by image" not in shown
    shown = page(*two_runs(runs, "own", "n", None))
    assert "A's on 30 test images, B's on 60 test images" in shown

    text = note(client, "pix2pix")
    assert text.startswith('The only run: "own", ')
    assert not VERDICTS.search(text)
    for _, reason in SWAPS.values():  # of the standings the newest is the first
        assert f"1 run not comparable: {reason}" in text

    evaluated(client, tmp_path, "honest", wrong=0.2)
    assert re.search(r"mean class IoU ↑ .*better, same images\n", diff("own", "honest"))
    a, b = two_runs(list_runs(client), "own", "honest", None)
    assert '<strong class="better">B is better</strong>' in page(a, b)
    text = note(client, "pix2pix")
    assert re.match(r'Best: "honest", validation mean class IoU .*; next .*, more than noise\.', text)


def test_a_result_of_an_older_version_has_no_verdict(tmp_path: Path, diff: Diff) -> None:
    for name, value in (("old", 5.0), ("new", 50.0)):
        (tmp_path / name / "metrics").mkdir(parents=True)
        metrics = {"n": 10, "test_data": "ab", **flat({"frechet_classifier": (value, 0.1)})}
        (tmp_path / name / "metrics/gan.json").write_text(json.dumps(metrics))
    assert "not comparable: measured by an older version" in diff("old", "new")
    assert not VERDICTS.search(diff("old", "new"))


def test_names_that_begin_alike_are_told_apart(tmp_path: Path, diff: Diff) -> None:
    names = "lambda-l1-is-10", "lambda-l1-is-50"
    for name in names:
        (tmp_path / name / "metrics").mkdir(parents=True)
        (tmp_path / name / "metrics/gan.json").write_text(json.dumps(flat({"frechet_classifier": (5.0, 0.1)})))
    assert " ".join(names) in diff(*names)


def test_results_without_a_measure_in_common_are_one_line(tmp_path: Path, diff: Diff) -> None:
    for name, key in (("paired", "mae"), ("unpaired", "texture_of_sets")):
        (tmp_path / name / "metrics").mkdir(parents=True)
        (tmp_path / name / "metrics/cyclegan.json").write_text(json.dumps(flat({key: (5.0, 0.1)})))
        (tmp_path / name / "metrics/cyclegan_images.csv").write_text("image\n0\n")
    with pytest.raises(SystemExit, match="no measure is in both 'paired' and 'unpaired'"):
        diff("paired", "unpaired")


def test_a_single_test_picture_has_no_verdict(tmp_path: Path, diff: Diff) -> None:
    """Its tiles, however many, are one picture, and JSON's null its noise."""
    for name, value in (("old", 10.0), ("new", 10.01)):
        (tmp_path / name / "metrics").mkdir(parents=True)
        metrics = {"judged": {"n": 4, "test_images": "ab"}, "mae": value, "mae_pm": None}
        (tmp_path / name / "metrics/pix2pix.json").write_text(json.dumps(metrics))
        (tmp_path / name / "metrics/pix2pix_images.csv").write_text(
            "image,picture,mae\n" + f"0,0,{value}\n1,0,{value}\n"
        )
    printed = diff("old", "new")
    assert "\nnot told apart: a single test picture shows no noise\n" in printed
    assert not VERDICTS.search(printed)
    assert "nan" not in printed


def test_seeds_have_a_deviation_only_where_one_classifier_judged_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def metrics(task: str, revision: str) -> dict[str, Any]:
        if task not in ("gan", "cgan"):
            raise revisions.UserError("none")
        of_this = "c" if task == "cgan" else f"{revision}"
        key = judged(task, n=50, size=28, test_images="ab", checkpoint="best", classifier=of_this)
        return {"judged": key, **flat({"frechet_classifier": (float(revision), 0.1)})}

    monkeypatch.setattr(revisions, "_metrics", metrics)
    found = revisions._seeds_table({0: "1", 1: "2", 2: "3"})
    assert found.why_not == ["gan: not comparable: judged by another classifier"]
    columns = ["mean", "deviation", "seed 0"]
    assert found.table.loc["cgan: Fréchet distance", columns].tolist() == [2, 1, 1]
    assert found.table.loc["gan: Fréchet distance"].isna().tolist() == [True, True, False, False, False]


def test_a_ruined_gan_judged_by_another_classifier_is_nowhere_called_better(
    client: Any, tmp_path: Path, diff: Diff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained and evaluated by the stages: one GAN learns, the other does not, and each has a classifier of its own."""
    monkeypatch.setattr("ganflow.comparison.page._code_between", lambda *_: [])
    folder = tmp_path / "stages"
    shown = {}
    for name, learning_rate in (("real", 0.0005), ("ruined", 1e-9)):
        workspace.project(
            folder,
            mnist={"train_images": 300, "test_images": 100},
            classifier={"learning_rate": 10 * learning_rate},
            gan={"learning_rate": learning_rate, "batch_size": 32},
            evaluate={"digits": 100, "repeats": 1},
        )
        monkeypatch.chdir(folder)
        stages = ("prepare_mnist",) if name == "real" else ()
        for stage in (*stages, "train_classifier", "train_gan", "evaluate_gan"):
            runpy.run_path(str(workspace.ROOT / f"stages/{stage}.py"))["main"]()
        shutil.copytree("metrics", tmp_path / name / "metrics")
        shown[name] = note(client, "gan")
    reason = "judged by another classifier"
    printed = [line for line in diff("real", "ruined").splitlines() if "not called better" not in line]
    assert f"not comparable: {reason}" in printed
    assert not VERDICTS.search("\n".join(printed))
    ruined, real = list_runs(client, "gan")
    for pair in ((real, ruined), (ruined, real)):
        text = page(*pair)
        assert f"A and B are not comparable: {reason}." in text
        assert not re.search(r"is better</strong>|text is (better|worse)", text)
    assert f"; 1 run not comparable: {reason}" in shown["ruined"]
    assert not shown["ruined"].startswith("Best")
    (version,) = client.search_model_versions(f"run_id = '{ruined.run_id}'")
    assert registry.champion_run(client, "gan") != ruined.run_id
    assert "Better" not in version.description
