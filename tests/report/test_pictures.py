"""The report's pictures of a trained model, as few test pairs as there may be."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_model import ARGUMENTS

from ganflow import config
from ganflow.data import prepared
from ganflow.models import saved
from ganflow.models.unet import UNet
from ganflow.report.pictures import pix2pix_pictures

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_best_and_the_worst_of_very_few_test_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    params = config.load_params(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    data = prepared.PREPARED / "maps"
    data.mkdir(parents=True)
    np.save(data / "test.npy", np.random.default_rng(0).integers(0, 256, (count, 2, 16, 16, 3), np.uint8))
    prepared.describe(data, {"train": 1, "val": 1, "test": count})
    about = {"direction": "a2b", "objective": "non_saturating", "best_by": "mae", "epoch": 1}
    saved.save_network(Path("models/pix2pix/best"), UNet(**ARGUMENTS), ARGUMENTS, about)
    Path("metrics/history").mkdir(parents=True)
    pd.DataFrame({"mae": np.arange(count)}).to_csv("metrics/pix2pix_images.csv", index_label="image")
    history = {"images": [8], "epoch": [1], "loss_d": [1.0], "loss_g": [1.0], "d_real": [0.5], "d_fake": [0.5]}
    pd.DataFrame(history | {"val_mae": [1.0]}).to_csv("metrics/history/pix2pix.csv", index=False)

    drawn = pix2pix_pictures(params, torch.device("cpu"), Path("pairs"))
    groups = json.loads(Path("pairs/pairs.json").read_text())
    assert [groups[name][0]["image"] for name in ("best", "worst")] == [0, count - 1]
    assert drawn["best"].width == drawn["pairs"].width * min(count, 2)
