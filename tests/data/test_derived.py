"""Pairs made from single pictures: what is taken from each, that the rest stays, and that it can be repeated."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ganflow.config import Pairs
from ganflow.data import derived
from ganflow.data.kinds import LUMA
from ganflow.errors import UserError

WIDTH, HEIGHT, TILE = 80, 66, 64
OWN = {"direction": "a2b", "crop_size": 32, "tile_size": 64, "labels": "auto", "no_data": "auto", "unpaired": False}


def pictures(folder: Path, count: int = 8) -> Path:
    """Smooth pictures in RGB, so that what a task adds can be told from what was there."""
    folder.mkdir()
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    for n in range(count):
        waves = [np.sin((down * (n + 2) + across * k) / 30) for k in (1, 3, 5)]
        Image.fromarray((127 + 100 * np.dstack(waves)).astype(np.uint8)).save(folder / f"{n}.png")
    return folder


def prepared(folder: Path, out: Path, task: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of the training tiles, as floats."""
    derived.prepare_derived(folder, out, TILE, task, seed)
    train = np.load(out / "train.npy").astype(np.float32)
    return train[..., :-3], train[..., -3:]


@pytest.mark.parametrize("task", derived.TASKS)
def test_the_target_is_the_picture_and_the_input_lacks_what_the_task_says(tmp_path: Path, task: str) -> None:
    folder = pictures(tmp_path / "pictures")
    inputs, targets = prepared(folder, tmp_path / "out", task)
    about = json.loads((tmp_path / "out/training.json").read_text())
    name, at = json.loads((tmp_path / "out/names.json").read_text())["train"][0].split(" at ")
    assert at == "0,0"
    assert np.array_equal(targets[0], np.asarray(Image.open(folder / name))[:TILE, :TILE])
    assert [side["channels"] for side in about["sides"]] == [inputs.shape[-1], 3]
    assert about["name"] == f"pictures, {task}"
    gone = np.abs(inputs - targets)
    match task:
        case "superres2" | "superres4":
            assert 0 < gone.mean() < 12
            assert np.abs(inputs.mean() - targets.mean()) < 1
        case "colourise":
            assert np.abs(inputs[..., 0] - targets @ LUMA).max() <= 0.5
        case "inpaint":
            holes = (inputs == 128).all(-1)
            assert 0.02 < holes.mean() < 0.4
            assert gone[~holes].max() == 0
        case "edges":
            flat = derived.edges(np.full((5, 6, 3), 99, np.float32))
            assert np.abs(flat).max() < 1e-3
            step = derived.edges(np.repeat(np.repeat([[0, 0, 50, 50]], 4, 0)[..., None], 3, 2).astype(np.float32))
            assert np.allclose(step[1, :, 0], [0, 100, 100, 0], atol=1e-3), "4 x 50 / 2, on both sides of the step"
        case "denoise":
            inside = (targets > 80) & (targets < 175)
            assert abs((inputs - targets)[inside].std() - derived.NOISE) < 1.5
        case "derain":
            wet = gone.max(-1) > 0
            assert 0.02 < wet.mean() < 0.2
            assert (inputs >= targets).all()


def test_it_can_be_repeated_and_another_seed_is_another_rain(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures", 5)
    inputs, _ = prepared(folder, tmp_path / "a", "derain")
    again, _ = prepared(folder, tmp_path / "b", "derain")
    assert np.array_equal(inputs, again)
    assert (tmp_path / "a/training.json").read_bytes() == (tmp_path / "b/training.json").read_bytes()
    level = np.full((HEIGHT, WIDTH, 3), 50, np.float32)
    rains = [derived.rain(level, np.random.default_rng(seed)) for seed in (0, 1)]
    assert not np.array_equal(*rains)


def test_16_bits_and_many_channels_keep_their_range(tmp_path: Path) -> None:
    (tmp_path / "bands").mkdir()
    values = np.random.default_rng(0).integers(0, 4096, (5, 40, 44, 5), np.uint16)
    for n, one in enumerate(values):
        tifffile.imwrite(tmp_path / f"bands/{n}.tif", one, photometric="minisblack", planarconfig="contig")
    derived.prepare_derived(tmp_path / "bands", tmp_path / "out", 32, "denoise", seed=0)
    train = np.load(tmp_path / "out/train.npy")
    assert (train.dtype, train.shape[-1]) == (np.float32, 10)
    side = json.loads((tmp_path / "out/training.json").read_text())["sides"][1]
    assert (side["dtype"], side["high"], side["channels"]) == ("uint16", 4095, 5)
    name = json.loads((tmp_path / "out/names.json").read_text())["train"][0].split(" at ")[0]
    stored = tifffile.imread(tmp_path / "bands" / name)[:32, :32]
    assert np.abs(train[0, ..., 5:] * (4095 / 255) - stored).max() < 0.01


def test_a_copy_is_not_both_in_training_and_in_the_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures(tmp_path / "pictures")
    own = sorted(path.stem for path in folder.iterdir())
    for path in sorted(folder.iterdir()):
        shutil.copy(path, path.with_stem(f"{path.stem} copy"))
    derived.prepare_derived(folder, tmp_path / "out", TILE, "denoise", seed=0)
    names = json.loads((tmp_path / "out/names.json").read_text())
    used = [
        {Path(name.split(" at ")[0]).stem.removesuffix(" copy") for name in names[part]}
        for part in ("train", "val", "test")
    ]
    assert sum(map(len, used)) == len(set.union(*used)) == len(own)
    assert f"{len(own)} copies are passed over (" in capsys.readouterr().err


def test_integers_are_one_kind_whether_a_file_has_values_below_0_or_not(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    scans = np.random.default_rng(0).integers(0, 3000, (6, 40, 40)).astype(np.int16)
    scans[::2, 0, 0] = -1000
    for n, scan in enumerate(scans):
        np.save(tmp_path / f"scans/{n}.npy", scan)
    derived.prepare_derived(tmp_path / "scans", tmp_path / "out", TILE, "denoise", seed=0)
    side = json.loads((tmp_path / "out/training.json").read_text())["sides"][1]
    assert (side["dtype"], side["low"], side["high"]) == ("float32", -1000, scans.max())


@pytest.mark.parametrize(
    ("task", "odd", "said"),
    [
        ("denoise", np.zeros((20, 20), np.uint8), r"odd\.png has 1 channels of uint8, and .*0\.png 3 of uint8"),
        ("colourise", None, r"has 1 channels: pairs\.derive = colourise takes pictures in RGB"),
    ],
)
def test_a_picture_that_does_not_fit_is_named_and_nothing_is_written(
    tmp_path: Path, task: str, odd: np.ndarray | None, said: str
) -> None:
    folder = tmp_path / "pictures"
    if odd is None:
        folder.mkdir()
        odd = np.zeros((20, 20), np.uint8)
    else:
        pictures(folder)
    Image.fromarray(odd).save(folder / "odd.png")
    with pytest.raises(UserError, match=said):
        derived.prepare_derived(folder, tmp_path / "out", TILE, task, seed=0)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("folder", "direction", "said"),
    [("data/raw/maps", "a2b", "which are pairs"), ("mine", "b2a", "with direction b2a")],
)
def test_what_contradicts_a_derived_task_is_refused(folder: str, direction: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Pairs(**OWN | {"folder": folder, "direction": direction, "derive": "edges"})


def test_a_derived_task_has_pairs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a derived task has pairs"):
        Pairs(**OWN | {"folder": str(tmp_path), "derive": "edges", "unpaired": True})
    with pytest.raises(ValueError, match="unpaired true with no_data 255: only pairs are measured pixel by pixel"):
        Pairs(**OWN | {"folder": str(tmp_path), "derive": "none", "no_data": 255, "unpaired": True})
