"""`ganflow sample`: digits in a grid or a file each, rows of classes, walks, maps of one photo."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import ganflow
from ganflow import cli
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.dcgan import DigitGenerator

CELL, GAP = 2 * 28 + 2, 2  # pixels of a digit in a grid, and around


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a class-conditional GAN and a conditional VAE."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    arguments = {"latent_dim": 4, "channels": 2, "classes": 10}
    saved.save_network(tmp_path / "models/cgan/best", DigitGenerator(**arguments), arguments, {"source": "generated"})
    vae = {"levels": 5, "channels": 4, "encoder_channels": 4, "norm": "instance", "upsample": "resize"}
    vae |= {"latent_dim": 3, "prior": "learned"}
    about = {"eval_size": 32, "source": "generated"}
    saved.save_network(tmp_path / "models/cvae/best", ConditionalVae(**vae), vae, about)
    return tmp_path


def sample(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr("sys.argv", ["ganflow", "sample", *map(str, words)])
    cli.main()


def grid_of(name: str) -> tuple[int, int]:
    """Rows and columns of digits in a picture."""
    width, height = Image.open(name).size
    return (height - GAP) // CELL, (width - GAP) // CELL


def test_digits_to_order_in_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    sample(monkeypatch, "--digit", 7, "-n", 64, "-o", "sevens.png")
    assert grid_of("sevens.png") == (8, 8)
    sample(monkeypatch, "--each", "-n", 3, "-o", "each.png")
    assert grid_of("each.png") == (10, 3)
    sample(monkeypatch, "--walk", 5, "-n", 2, "-o", "walk.png")
    assert grid_of("walk.png") == (2, 5)
    sample(monkeypatch, "--digit", 7, "-n", 64, "-o", "again.png")
    assert Path("again.png").read_bytes() == Path("sevens.png").read_bytes()
    sample(monkeypatch, "--digit", 7, "-n", 64, "-o", "again.png", "--seed", 1)
    assert Path("again.png").read_bytes() != Path("sevens.png").read_bytes()


def test_into_a_folder_goes_a_file_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    sample(monkeypatch, "--digit", 7, "-n", 3, "-o", "sevens")
    pictures = [Image.open(path) for path in sorted(Path("sevens").iterdir())]
    assert [(picture.size, picture.mode) for picture in pictures] == [((28, 28), "L")] * 3


def test_several_maps_of_one_photo_stand_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40, 3), np.uint8)
    Image.fromarray(pixels).save("photo.png")
    sample(monkeypatch, "photo.png", "-n", 3, "-o", "maps.png")
    assert Image.open("maps.png").width == 4 * 42 + 2
    sample(monkeypatch, "photo.png", "-n", 3, "-o", "maps/")
    assert len({path.read_bytes() for path in Path("maps").iterdir()}) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-o", "x.psd"), "cannot write x.psd"),
        (("-o", "x.png", "--each", "--digit", "1"), "leave one of them out"),
        (("-o", "x.png", "--each", "--walk", "3"), "leave it or --each out"),
        (("-o", "x.png", "--digit", "11"), "draws 0 to 9"),
        (("-o", "x.png", "-n", "0"), "-n 0: it takes a number from 1"),
        (("-o", "x.png", "photo.png", "--each"), "are of digits"),
        (("-o", "x.png", "photo.png"), "photo.png cannot be read: No such file"),
        (("-o", "x.png", "--model", "models/cvae"), "draws maps of photos: `ganflow sample photo.jpg"),
        (("-o", "x.png", "--model", "demo"), "`make demo` makes it"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_line(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit, match=said) as refused:
        sample(monkeypatch, *words)
    assert "\n" not in str(refused.value)
    assert not Path("x.png").exists()


def test_no_file_of_a_folder_replaces_the_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("maps").mkdir()
    photo = Path("maps/0003.png")
    Image.new("RGB", (40, 33)).save(photo)
    before = photo.read_bytes()
    with pytest.raises(SystemExit, match=r"0003\.png is the input itself"):
        sample(monkeypatch, photo, "-o", "maps")
    assert photo.read_bytes() == before
    assert [path.name for path in Path("maps").iterdir()] == ["0003.png"]
    sample(monkeypatch, photo, "-n", 2, "-o", "maps")
    assert photo.read_bytes() == before


def test_a_name_with_a_slash_is_a_folder_whatever_dots_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    sample(monkeypatch, "-n", 2, "-o", "run1.5/")
    assert {path.name for path in Path("run1.5").iterdir()} == {"0001.png", "0002.png"}


def test_the_georeference_of_a_photo_says_its_scale_here_and_in_python_as_in_translate(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = place / "models/cvae/best/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"metres_per_pixel": 2.0}))
    values = np.random.default_rng(0).integers(0, 256, (48, 40, 3), np.uint8)
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
    tags = [(33550, "d", 3, (4.0, 4.0, 0.0), True), (34735, "H", len(keys), keys, True)]
    tifffile.imwrite("photo.tif", values, photometric="rgb", extratags=tags)
    sample(monkeypatch, "photo.tif", "-n", 2, "-o", "sampled")
    assert "scale: 4 m per pixel by the georeference, 2 m for the model" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["ganflow", "translate", "photo.tif", "-o", "map.png", "--samples", "2"])
    cli.main()
    in_python = ganflow.load("models/cvae").samples("photo.tif", 2)  # type: ignore[union-attr]
    for number in (1, 2):
        translated = np.asarray(Image.open(f"map-{number}.png"))
        assert np.array_equal(np.asarray(Image.open(f"sampled/000{number}.png")), translated)
        assert np.array_equal(np.asarray(in_python[number - 1]), translated)
    Image.fromarray(values).save("photo.png")
    sample(monkeypatch, "photo.png", "-n", 2, "-o", "maps.png")
    assert "as much as in the model's training pictures (2 m); `ganflow translate --samples`" in capsys.readouterr().out
