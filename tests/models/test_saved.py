from pathlib import Path

import pytest
import torch
from torch import nn

from ganflow.errors import UserError
from ganflow.models import saved
from ganflow.models.unet import UNet

ARGUMENTS = {"levels": 5, "channels": 4, "norm": "instance", "upsample": "resize", "dropout": 0.5}


@pytest.mark.parametrize("palette", [0, 2])
def test_a_saved_network_answers_as_before(tmp_path: Path, palette: int) -> None:
    arguments = {**ARGUMENTS, "palette": palette}
    network = UNet(**arguments).eval()
    network.start_palette(torch.rand(palette, 3))
    saved.save_network(tmp_path, network, arguments, {"direction": "aerial2map"})
    loaded, config = saved.load_network(tmp_path, UNet)
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(loaded(image), network(image))
    assert config["direction"] == "aerial2map"
    assert not loaded.training


def test_the_same_weights_are_the_same_bytes(tmp_path: Path) -> None:
    network = UNet(**ARGUMENTS)
    for name in "ab":
        saved.save_network(tmp_path / name, network, ARGUMENTS, {})
    assert saved.weights_digest(tmp_path / "a") == saved.weights_digest(tmp_path / "b")


@pytest.mark.parametrize("damage", ["no folder", "no weights", "cut weights", "no json", "other network", "other size"])
def test_a_folder_without_a_whole_model_is_one_line(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    saved.save_network(folder, UNet(**ARGUMENTS), ARGUMENTS, {})
    weights, config = folder / saved.WEIGHTS, folder / "config.json"
    match damage:
        case "no folder":
            folder = tmp_path / "nothing"
        case "no weights":
            weights.unlink()
        case "cut weights":
            weights.write_bytes(weights.read_bytes()[:-10])
        case "no json":
            config.write_text("{")
        case "other network":
            config.write_text(config.read_text().replace("UNet", "Transformer"))
        case "other size":
            config.write_text(config.read_text().replace('"channels": 4', '"channels": 8'))
    with pytest.raises(UserError) as fault:
        saved.load_network(folder, UNet)
    assert "\n" not in str(fault.value)
    assert str(folder) in str(fault.value)


def test_a_model_kept_twice_is_known_by_its_last_weights(tmp_path: Path) -> None:
    for kept, value in (("best", 1.0), ("last", 2.0)):
        network = nn.Linear(1, 1)
        nn.init.constant_(network.weight, value)
        saved.save_network(tmp_path / kept, network, {}, {})
    assert (
        saved.weights_digest(tmp_path)
        == saved.weights_digest(tmp_path / "last")
        != saved.weights_digest(tmp_path / "best")
    )
