"""`ganflow sample`: digits in a grid or a file each, rows of classes, walks, maps of one photo."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

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
