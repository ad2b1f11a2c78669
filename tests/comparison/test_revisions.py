"""Comparisons over a small repository in which runs are commits and saved experiments."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dvc.repo import Repo

from ganflow.cli import main
from ganflow.comparison import revisions as compare
from ganflow.errors import UserError
from ganflow.metrics import classes, translation
from ganflow.metrics.bootstrap import flat, multiplicities

RNG = np.random.default_rng(0)
MAPS = RNG.choice(np.array([[234, 230, 222], [254, 254, 254], [178, 210, 254]], np.uint8), (30, 16, 16))


def write(folder: Path, wrong: float, frechet: float, seed: int = 0) -> None:
    """A run whose maps have a share `wrong` of pixels drawn as another class, and the metrics of both tasks."""
    drawn = np.where(np.random.default_rng(7).random(MAPS.shape[:3])[..., None] < wrong, MAPS[::-1], MAPS)
    frame = translation.per_image(drawn, MAPS, legend=classes.MAPS)
    (folder / "metrics").mkdir(exist_ok=True)
    frame.to_csv(folder / "metrics/pix2pix_images.csv", index_label="image")
    measured = translation.with_noise(frame, multiplicities(len(frame), 0))
    about = {"n": 30, "judged": {"n": 30, "test_images": "abc"}}
    (folder / "metrics/pix2pix.json").write_text(json.dumps({**about, **flat(measured)}))
    gan = flat({"frechet_classifier": (frechet, 1.0), "score": (8.0, 0.1)})
    (folder / "metrics/gan.json").write_text(json.dumps({**about, **gan}))
    (folder / "params.yaml").write_text(f"seed: {seed}\ngan:\n  epochs: 1\n")


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    run(folder, "git", "init", "-q")
    for key, value in (("user.name", "test"), ("user.email", "test@example.org")):
        run(folder, "git", "config", key, value)
    Repo.init(str(folder)).close()
    write(folder, wrong=0.3, frechet=20.0)
    run(folder, "git", "add", ".")
    run(folder, "git", "commit", "-qm", "first")
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.chdir(folder)
    return folder


def test_a_change_is_told_from_noise(repository: Path) -> None:
    write(repository, wrong=0.25, frechet=20.5)
    found = {f"{one.task} {one.measure.key}": one for one in compare.differences_between("HEAD", "workspace")}
    assert found["pix2pix mean_iou"].verdict == "better"
    assert found["pix2pix mae"].verdict == "better"
    assert found["gan frechet_classifier"].verdict == "within noise", "20.0 and 20.5, each +- 1"
    write(repository, wrong=0.4, frechet=28.0)
    found = {f"{one.task} {one.measure.key}": one for one in compare.differences_between("HEAD", "workspace")}
    assert found["pix2pix mean_iou"].verdict == "worse"
    assert found["gan frechet_classifier"].verdict == "worse"
    assert found["gan score"].verdict == "within noise"


def test_the_same_images_are_compared_one_by_one(repository: Path) -> None:
    """Their own luck cancels out: the interval is a fraction of what two separate ones come to."""
    write(repository, wrong=0.29, frechet=20.0)
    (paired,) = [one for one in compare.differences_between("HEAD", "workspace") if one.measure.key == "mean_iou"]
    assert paired.paired
    metrics = json.loads((repository / "metrics/pix2pix.json").read_text())
    assert paired.plus_minus < metrics["mean_iou_pm"]
    metrics["judged"]["test_images"] = "other"
    (repository / "metrics/pix2pix.json").write_text(json.dumps(metrics))
    (refused,) = [one for one in compare.differences_between("HEAD", "workspace") if one.measure.key == "mean_iou"]
    assert not refused.paired
    assert (refused.verdict, refused.why_not) == ("", "not comparable: other test images")


def test_diff_prints_a_line_per_measure(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(repository, wrong=0.2, frechet=20.5)
    monkeypatch.setattr(sys, "argv", ["ganflow", "diff"])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("mean class IoU ↑") and line.endswith("better, same images") for line in lines)
    assert any(line.startswith("Fréchet distance ↓") and line.endswith("within noise") for line in lines)


def test_what_failed_is_called_better_by_no_number(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(repository, wrong=0.2, frechet=2.0)
    metrics = json.loads((repository / "metrics/gan.json").read_text())
    metrics["failure"] = "collapsed: draws few of the digits"
    (repository / "metrics/gan.json").write_text(json.dumps(metrics))
    monkeypatch.setattr(sys, "argv", ["ganflow", "diff"])
    main()
    of_gan, _, of_maps = capsys.readouterr().out.partition("pix2pix")
    assert "\nworkspace is collapsed: draws few of the digits: it is not called better\n" in of_gan
    assert "better" not in of_gan.replace("called better", "")
    assert "better, same images" in of_maps
    found = {one.measure.key: one.verdict for one in compare.differences_between("workspace", "HEAD")}
    assert found["frechet_classifier"] == "", "nor is the sound one called worse"


@pytest.mark.parametrize("revision", ["nowhere", "workspace"])
def test_a_run_that_is_not_there_is_one_line(repository: Path, revision: str) -> None:
    for path in repository.glob("metrics/*.json"):
        path.unlink()
    with pytest.raises(UserError) as fault:
        compare.differences_between("HEAD", revision)
    assert "\n" not in str(fault.value)
    assert "metrics/gan.json" in str(fault.value)


def test_a_model_that_one_of_them_does_not_know_is_left_out(repository: Path) -> None:
    (repository / "metrics/gan.json").unlink()
    assert {one.task for one in compare.differences_between("HEAD", "workspace")} == {"pix2pix"}


def save(name: str) -> None:
    """This folder as an experiment."""
    Repo().experiments.save(name=name, force=True)


def test_seeds_of_the_same_parameters_are_gathered(repository: Path) -> None:
    for seed, frechet in enumerate((20.0, 22.0, 24.0)):
        write(repository, wrong=0.3, frechet=frechet, seed=seed)
        save(f"seed-{seed}")
    (repository / "params.yaml").write_text("seed: 3\ngan:\n  epochs: 2\n")  # another recipe stands alone
    save("other")
    (group,) = compare.across_seeds()
    assert group.names == "seed-0 (seed 0), seed-1 (seed 1), seed-2 (seed 2)"
    row = group.table.loc["gan: Fréchet distance"]
    assert (row["mean"], row["deviation"]) == (22.0, 2.0)
    assert row[["seed 0", "seed 1", "seed 2"]].tolist() == [20, 22, 24]
    assert group.why_not == []


def test_seeds_by_other_code_are_a_group_of_their_own_and_the_newest_counts(repository: Path) -> None:
    """Code that is not committed is in an experiment too: `make seeds`, an edit, `make seeds` once more."""
    (repository / "src").mkdir()
    (repository / "src/losses.py").touch()
    run(repository, "git", "add", "src")
    run(repository, "git", "commit", "-qm", "code")
    numbers = iter(range(10, 16))
    for code, names in (("before", "ab"), ("after", "cd"), ("after", "ef")):
        time.sleep(1.1)  # git knows when a commit was made to the second
        (repository / "src/losses.py").write_text(code)
        for seed, name in enumerate(names):
            write(repository, wrong=0.3, frechet=next(numbers), seed=seed)
            save(name)
    groups = {group.names: group.table.loc["gan: Fréchet distance", "mean"] for group in compare.across_seeds()}
    assert groups == {"e (seed 0), f (seed 1)": 14.5, "a (seed 0), b (seed 1)": 10.5}


def test_measures_of_other_weights_than_the_models_are_called_so(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `git checkout` of another commit's metrics, or a training whose evaluation has not run yet."""
    monkeypatch.setattr(sys, "argv", ["ganflow", "diff"])
    weights = repository / "models/pix2pix/last/model.safetensors"
    weights.parent.mkdir(parents=True)
    (repository / "metrics/tables").mkdir()
    for content, expected in ((b"measured", []), (b"trained since", ["pix2pix"])):
        weights.write_bytes(content)
        table = {"weights": hashlib.sha256(b"measured").hexdigest()}
        (repository / "metrics/tables/pix2pix.json").write_text(json.dumps(table))
        main()
        notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]
        assert notes == [
            f"note: metrics/{task}.json is of other weights than models/{task}: dvc repro evaluate_{task}"
            for task in expected
        ]
