from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganflow import cli
from ganflow.inference import translation as translate
from ganflow.inference.rows import of_array
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
    drawn = translate.translated(same(), of_array(pixels), tile=64, device=CPU).rows(0, height)
    assert drawn.shape == pixels.shape
    assert np.abs(drawn.astype(int) - pixels).max() <= 1


class ByTile(UNet):
    """Draws a tile black or white, as its first pixel says: two colours that say nothing about the photo's content."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :, :1, :1].sign().expand_as(images)


def test_colours_of_labels_are_never_mixed_where_tiles_overlap() -> None:
    """Each pixel is that of the tile in which it lies farthest inside."""
    photo = np.zeros((160, 160, 3), np.uint8)
    photo[48:96, 48:96] = photo[:48, 96:] = photo[96:, :48] = 255  # where every other tile of 64 px begins
    network = ByTile(**ARGUMENTS)
    mixed, chosen = (
        translate.translated(network, of_array(photo), tile=64, device=CPU, blend=blend).rows(0, 160)
        for blend in (True, False)
    )
    assert len(np.unique(mixed)) > 2
    assert np.unique(chosen).tolist() == [0, 255]
    # Tiles begin at 0, 48 and 96; halfway through what two share, 48 to 64, the next one has the pixel.
    expected = np.zeros((160, 160), np.uint8)
    edges = [0, 56, 104, 160]
    for row, column in ((1, 1), (0, 2), (2, 0)):
        expected[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = 255
    assert np.array_equal(chosen[..., 0], expected)


@pytest.mark.parametrize("blend", [True, False])
@pytest.mark.parametrize("length", [1, 63, 64, 65, 130, 1000])
def test_the_shares_of_all_tiles_are_1_together(length: int, blend: bool) -> None:
    starts = translate._starts(length, 64, 48)
    total = np.zeros(starts[-1] + 64)
    for start, share in zip(starts, translate._shares(starts, 64, blend), strict=True):
        total[start : start + 64] += share
    assert np.allclose(total, 1, atol=1e-6)


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
    saved.save_network(folder, UNet(**ARGUMENTS), ARGUMENTS, {"eval_size": 32, "source": "generated"})
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
    saved.save_network(tmp_path, ConditionalVae(**arguments), arguments, {"eval_size": 32, "source": "generated"})
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


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("way", ["itself", "symlink", "hard link", "dots", "new folder and dots", "relative"])
def test_the_photo_is_never_its_own_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str, samples: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    photo = tmp_path / "photo-2.png"
    Image.new("RGB", (50, 40), "green").save(photo)
    before = photo.read_bytes()
    named = tmp_path / ("photo.png" if samples else photo.name)  # --samples 3 writes photo-2.png
    match way:
        case "symlink":
            (tmp_path / "link-2.png").symlink_to(photo)
            named = tmp_path / ("link.png" if samples else "link-2.png")
        case "hard link":
            (tmp_path / "link-2.png").hardlink_to(photo)
            named = tmp_path / ("link.png" if samples else "link-2.png")
        case "dots":
            (tmp_path / "sub").mkdir()
            named = tmp_path / "sub" / ".." / named.name
        case "new folder and dots":  # which the writing would have made
            named = tmp_path / "new" / ".." / named.name
        case "relative":
            named = Path(named.name)
    content = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit, match="is the input itself"):
        call(monkeypatch, photo, "-o", named, *(("--samples", "3") if samples else ()))
    assert photo.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == content


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("photo.png/map.png", "cannot write .*: Not a directory"),
        ("photo.png/new/map.png", "cannot write .*: Not a directory"),
        (f"{'x' * 250}.png", "cannot write .*: File name too long"),
        (f"new/{'x' * 250}.png", "cannot write .*: File name too long"),
        (f"{'x' * 300}/map.png", "cannot write .*: File name too long"),
        ("circle.png/map.png", "cannot write"),
        ("/proc/nowhere/map.png", "cannot write"),
        ("map", "cannot tell the format"),
        *((f"map{suffix}", "cannot write .* as ") for suffix in (".psd", ".mpg", ".xbm", ".h5", ".wmf", ".fli")),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (50, 40), "green").save("photo.png")
    Path("circle.png").symlink_to("circle.png")
    content = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit, match=said) as refused:
        call(monkeypatch, "photo.png", "-o", output, "--model", "no model is looked for")
    assert "\n" not in str(refused.value)
    assert sorted(tmp_path.rglob("*")) == content


class TileMean(UNet):
    """Answers with each tile's mean: tiles that differ as much as normalisation can make them."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3), keepdim=True).expand_as(images)


def test_no_step_at_the_border_of_a_tile_exceeds_those_inside() -> None:
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (5, 5, 3), np.uint8), np.ones((100, 100, 1), np.uint8))
    drawn = translate.translated(TileMean(**ARGUMENTS), of_array(pixels), tile=128, device=CPU)
    levels = drawn.rows(0, 500).astype(float)
    borders = {0, 96, 192, 288, 372} | {start + 128 for start in (0, 96, 192, 288)}
    for steps in (np.abs(np.diff(levels, axis=0)).max((1, 2)), np.abs(np.diff(levels, axis=1)).max((0, 2))):
        at_borders = [steps[border - 1] for border in borders if border]
        inside = [step for place, step in enumerate(steps, 1) if place not in borders]
        assert max(at_borders) <= max(inside) + 1  # rounding
        assert max(steps) <= 255 / 32 + 1, "the difference of two tiles is spread over what they share"
