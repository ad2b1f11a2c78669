from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganflow import cli
from ganflow.inference import translation as translate
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.unet import UNet

CPU = torch.device("cpu")
ARGUMENTS = {"levels": 5, "channels": 4, "norm": "instance", "upsample": "resize", "dropout": 0.5}


class Same(UNet):
    """A translator that returns what it gets, so that tiling alone is seen."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


def same() -> UNet:
    return Same(**ARGUMENTS)


@pytest.mark.parametrize("size", [(64, 64), (200, 130), (65, 64), (20, 90), (1, 1)])
def test_a_photo_of_any_size_comes_back_in_its_size_without_seams(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    drawn = translate.translate_photo(same(), Image.fromarray(pixels), tile=64, device=CPU)
    assert drawn.size == size
    assert np.abs(np.asarray(drawn).astype(int) - pixels).max() <= 1


def test_tiles_are_answered_in_order_and_alike_in_any_batch() -> None:
    network = UNet(**ARGUMENTS).eval()
    tiles = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    together = translate.translate(network, tiles, 4, CPU)
    one_by_one = translate.translate(network, tiles, 1, CPU)
    assert together.shape == tiles.shape
    assert np.abs(together.astype(int) - one_by_one.astype(int)).max() <= 1


def test_batch_norm_translators_get_one_tile_at_a_time() -> None:
    network = UNet(**{**ARGUMENTS, "norm": "batch"}).eval()
    tiles = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    together = translate.translate(network, tiles, 3, CPU)
    assert np.array_equal(together[:1], translate.translate(network, tiles[:1], 1, CPU))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    saved.save(folder, UNet(**ARGUMENTS), ARGUMENTS, {"eval_size": 32, "source": "generated"})
    return folder


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["ganflow", "translate", *map(str, arguments)])
    cli.main()


def test_the_command_draws_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    Image.new("L", (50, 40), 90).save(tmp_path / "grey.png")  # any mode is taken
    call(monkeypatch, tmp_path / "grey.png", "-o", tmp_path / "map.png", "--model", model)
    with Image.open(tmp_path / "map.png") as drawn:
        assert (drawn.size, drawn.mode) == ((50, 40), "RGB")


def test_samples_are_numbered_different_and_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"levels": 5, "channels": 4, "encoder_channels": 4, "norm": "instance", "upsample": "transposed"}
    arguments |= {"latent_dim": 3, "prior": "learned"}
    saved.save(tmp_path, ConditionalVae(**arguments), arguments, {"eval_size": 32, "source": "generated"})
    Image.new("RGB", (40, 40), (90, 120, 30)).save(tmp_path / "photo.png")
    for name in ("map", "again"):
        output = tmp_path / f"{name}.png"
        call(monkeypatch, tmp_path / "photo.png", "-o", output, "--model", tmp_path, "--samples", 2)
        assert not output.exists()
    content = {path.name: path.read_bytes() for path in tmp_path.glob("*-?.png")}
    assert set(content) == {"map-1.png", "map-2.png", "again-1.png", "again-2.png"}
    assert content["map-1.png"] != content["map-2.png"]
    assert content["map-1.png"] == content["again-1.png"]


@pytest.mark.parametrize("fault", ["no samples", "no photo", "no image", "no format", "no model", "other model"])
def test_a_foreseeable_fault_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path, fault: str
) -> None:
    photo, output, options = tmp_path / "photo.png", tmp_path / "map.png", []
    Image.new("RGB", (40, 40)).save(photo)
    match fault:
        case "no samples":
            options = ["--samples", 0]
        case "no photo":
            photo.unlink()
        case "no image":
            photo.write_bytes(b"text")
        case "no format":
            output = tmp_path / "map.xyz"
        case "no model":
            model = tmp_path / "none"
        case "other model":
            config = model / "config.json"
            config.write_text(config.read_text().replace("UNet", "DigitGenerator"))
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, photo, "-o", output, "--model", model, *options)
    assert str(end.value.code).startswith("error: ")
    assert "\n" not in str(end.value.code)
    assert not output.exists()
