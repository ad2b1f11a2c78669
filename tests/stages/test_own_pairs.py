"""A folder of own pairs through every stage of the translators, which need neither digits nor maps."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from workspace import TINY, project, stage, unwatched

from ganflow.errors import UserError
from ganflow.find_model import load
from ganflow.inference.model import TranslationModel
from ganflow.metrics.bootstrap import less, widening

STAGES = (
    *("prepare_maps", "train_pix2pix", "train_cvae", "evaluate_pix2pix", "evaluate_cvae"),
    *("render_pairs", "report_pairs"),
)


@pytest.fixture(scope="module")
def bands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pairs are 16-bit grey pictures and 4-channel TIFFs of 12 bits, once every stage has run.

    A tenth of the TIFFs has no data, as GDAL's tag says.
    """
    folder = tmp_path_factory.mktemp("own") / "project"
    pairs = folder.with_name("scans")
    for kind in ("grey", "spectral"):
        (pairs / kind).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for n in range(8):
        grey = rng.integers(0, 65536, (32, 40), np.uint16)
        Image.fromarray(grey).save(pairs / f"grey/{n}.png")
        four = np.stack([grey // 16, 4095 - grey // 16, grey // 32, grey // 64], axis=-1).astype(np.uint16)
        four[:, :4] = 65535
        no_data = [(42113, "s", 0, "65535", True)]
        tifffile.imwrite(
            pairs / f"spectral/{n}.tif", four, photometric="minisblack", planarconfig="contig", extratags=no_data
        )
    own = {"folder": str(pairs), "direction": "a2b", "crop_size": 32, "tile_size": 32, "labels": "auto"}
    short = {"epochs": 1, "decay_epochs": 0}
    project(folder, pairs=own, pix2pix=TINY["pix2pix"] | short, cvae=TINY["cvae"] | short)
    unwatched(folder, *STAGES)
    return folder


def test_values_of_16_bits_and_four_channels_are_trained_and_measured(bands: Path) -> None:
    config = json.loads((bands / "models/pix2pix/best/config.json").read_text())
    assert (config["arguments"]["inputs"], config["arguments"]["outputs"]) == (1, 4)
    assert (config["input"]["name"], config["input"]["dtype"], config["input"]["high"]) == ("grey", "uint16", 65535)
    assert (config["target"]["channels"], config["target"]["high"], config["best_by"]) == (4, 4095, "texture")
    assert np.load(bands / "data/prepared/maps/test.npy").dtype == np.float32
    for task in ("pix2pix", "cvae"):
        found = json.loads((bands / f"metrics/{task}.json").read_text())
        assert 0 < found["mae"] < 255
        assert "mean_iou" not in found
        assert (found["source"], found["input"], found["target"]) == ("folder", "grey", "spectral")
        assert found["no_data"] == 4 * 32 / (2 * 32 * 32), "of two tiles, one begins at the left"


def test_noise_is_of_pictures_and_each_difference_to_a_trivial_baseline_has_its_own(bands: Path) -> None:
    """Two test pictures of two tiles each, and a single one for validation, which shows no noise."""
    images = pd.read_csv(bands / "metrics/pix2pix_images.csv")
    assert images["picture"].tolist() == [0, 0, 1, 1]
    rows = json.loads((bands / "metrics/tables/pix2pix.json").read_text())["rows"]
    by_picture = images.groupby("picture")["mae"].mean()
    assert rows["model"]["mae"][1] == pytest.approx(by_picture.diff().abs()[1] / 2 * widening(2), rel=1e-6)
    model, constant, difference = (rows[name]["mae"] for name in ("model", "constant", less("constant")))
    assert difference[0] == pytest.approx(model[0] - constant[0])
    assert difference[1] > 0
    assert np.load(bands / "data/prepared/maps/val_pictures.npy").tolist() == [0, 0]


def test_the_page_and_the_cards_speak_of_these_pairs(bands: Path) -> None:
    page = (bands / "reports/translators/index.html").read_text()
    assert "Grey → spectral" in page
    for foreign in ("igits", "aerial", "map classes", "built-in generated", "CycleGAN", "classifier:"):
        assert foreign not in page.split("</style>")[1].split("<summary>Reproduce")[0], foreign
    assert "6.2 % of the target pixels have no data and are not measured" in page
    card = (bands / "reports/translators/pix2pix.md").read_text()
    assert "# Pix2Pix: grey → spectral" in card
    assert "New York" not in card
    assert "but for the 6.2 % of the pixels without data" in card


def test_neither_digits_nor_maps_are_needed(bands: Path) -> None:
    assert sorted(path.name for path in (bands / "models").iterdir()) == ["cvae", "pix2pix"]
    assert not (bands / "data/raw").exists()
    assert [path.name for path in (bands / "data/prepared").iterdir()] == ["maps"]


def test_the_trained_models_translate_without_losing_range_or_channels(bands: Path) -> None:
    model = load(bands / "models/pix2pix/best", device="cpu")
    assert isinstance(model, TranslationModel)
    grey = np.arange(30 * 44, dtype=np.uint16).reshape(30, 44) * 49
    drawn = model(grey)
    assert isinstance(drawn, np.ndarray)
    assert (drawn.shape, drawn.dtype) == ((30, 44, 4), np.uint16)
    assert 255 < drawn.max() <= 4095
    assert np.unique(drawn).size > 256, "more than 8 bits"
    samples = load(bands / "models/cvae/best", device="cpu")
    assert isinstance(samples, TranslationModel)
    assert [np.asarray(one).shape for one in samples.samples(grey, 2)] == [(30, 44, 4)] * 2
    with pytest.raises(UserError, match="has 4 channels, and the model takes grey: give it a picture of 1"):
        model(drawn)


def test_a_task_is_made_of_single_pictures(tmp_path: Path) -> None:
    """By one parameter, the stages' own check included."""
    (tmp_path / "pictures").mkdir()
    for n in range(5):
        Image.effect_noise((40, 33), 50 + n).convert("RGB").save(tmp_path / f"pictures/{n}.png")
    own = {"folder": str(tmp_path / "pictures"), "derive": "colourise", "crop_size": 32, "tile_size": 32}
    folder = project(tmp_path / "project", pairs=own)
    for name in ("check_params", "prepare_maps"):
        done = stage(folder, name)
        assert done.returncode == 0, done.stderr
    about = json.loads((folder / "data/prepared/maps/training.json").read_text())
    assert [(side["name"], side["channels"]) for side in about["sides"]] == [("grey picture", 1), ("picture", 3)]
    assert (about["source"], about["train"]) == ("folder", 12)


def test_pictures_without_pairs_are_trained_measured_and_drawn(tmp_path: Path) -> None:
    """Two folders of other counts, with more for testing than for training: whole sets are compared, not pictures."""
    rng, pictures = np.random.default_rng(0), tmp_path / "zoo"
    for kind, train, test in (("horses", 3, 6), ("zebras", 4, 2)):
        for n in range(train + test):
            path = pictures / kind / ("train" if n < train else "test") / f"{kind[0]}{n}a.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (32, 32 + n, 3), np.uint8)).save(path)
    own = {"folder": str(pictures), "crop_size": 32, "tile_size": 32, "unpaired": True}
    folder = project(tmp_path / "project", pairs=own, cyclegan=TINY["cyclegan"] | {"epochs": 1, "decay_epochs": 0})
    unwatched(folder, "prepare_maps", "train_cyclegan", "evaluate_cyclegan", "render_cyclegan")
    found = json.loads((folder / "metrics/cyclegan.json").read_text())
    assert found["texture_of_sets"] > 0 < found["texture_of_sets_pm"]
    assert not {"mae", "mean_iou"} & set(found)
    assert found["n"] == 4, "two zebras of two tiles each, none of them twice"
    assert len(pd.read_csv(folder / "metrics/cyclegan_images.csv")) == 12, "tiles of six horses"
    rows = json.loads((folder / "metrics/tables/cyclegan.json").read_text())["rows"]
    assert set(rows) == {"model", "constant", "input", "floor"}
    config = json.loads((folder / "models/cyclegan/best/config.json").read_text())
    assert (config["input"]["name"], config["target"]["name"]) == ("horses", "zebras")
    assert (folder / "reports/figures/cyclegan/cyclegan_back.png").exists()
