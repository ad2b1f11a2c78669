"""`ganflow translate`: which file becomes which, in which scale, and what is said."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import ganflow
from ganflow import cli
from ganflow.data.prepared import MAP_SIDES
from ganflow.inference import photos
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.cyclegan import CycleGenerators
from ganflow.models.unet import UNet

ARGUMENTS = {"levels": 5, "channels": 4, "norm": "instance", "upsample": "resize", "dropout": 0.0}
ABOUT = {"eval_size": 32, "source": "generated", "metres_per_pixel": 2.0}
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a trained Pix2Pix, as the current folder."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    saved.save_network(tmp_path / "models/pix2pix/best", UNet(**ARGUMENTS), ARGUMENTS, ABOUT)
    return tmp_path


def photo(path: str, size: tuple[int, int] = (40, 33)) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(path)
    return Path(path)


def translate(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr("sys.argv", ["ganflow", "translate", *map(str, words)])
    cli.main()


def refused(monkeypatch: pytest.MonkeyPatch, *words: object) -> str:
    with pytest.raises(SystemExit) as end:
        translate(monkeypatch, *words)
    assert "\n" not in str(end.value.code)
    return str(end.value.code)


def below(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def test_a_folder_is_translated_into_a_folder_of_the_same_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.jpg", "b.png", "b.jpg", "deep/c.JPG", "deep/d.tif"):
        photo(f"photos/{name}")
    Path("photos/notes.txt").write_text("no picture")
    translate(monkeypatch, "photos", "-o", "photos/maps")
    expected = {"a.png", "b.png.png", "b.jpg.png", "deep/c.png", "deep/d.tif"}
    assert below("photos/maps") == expected
    said = capsys.readouterr().out.splitlines()
    assert len([line for line in said if line.startswith("scale: ")]) == 1
    assert len(said) == 2 + len(expected)
    translate(monkeypatch, "photos", "-o", "photos/maps")
    assert below("photos/maps") == expected, "maps are no photos, though they lie below them"


def test_several_files_and_patterns_go_into_one_folder_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x/1.jpg", "x/2.jpg", "y/[3].png"):
        photo(name)
    translate(monkeypatch, "x/*.jpg", "x/1.jpg", "y/[3].png", "-o", "maps")
    assert below("maps") == {"1.png", "2.png", "[3].png"}
    translate(monkeypatch, "x/1.jpg", "-o", "single/")
    assert below("single") == {"1.png"}
    translate(monkeypatch, "x", "-o", ".")
    assert Path("1.png").exists()
    assert Path("2.png").exists()
    photo("z/1.jpg")
    both = "error: both/1.jpg.png would hold the answers to x/1.jpg and z/1.jpg: give each an output folder of its own"
    assert refused(monkeypatch, "x", "z", "-o", "both") == both
    assert not Path("both").exists()
    assert "2 photos are translated: -o FOLDER" in refused(monkeypatch, "x", "-o", "map.png")
    for words, said in {"none.jpg": "no file none.jpg", "x/*.gif": "no file matches", "empty": "no picture in"}.items():
        Path("empty").mkdir(exist_ok=True)
        assert said in refused(monkeypatch, words, "-o", "maps")


def test_what_is_hidden_is_translated_only_if_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("x/1.jpg", "x/._1.jpg", "x/.thumbs/2.jpg"):
        photo(name)
    translate(monkeypatch, "x", "-o", "of_folder")
    translate(monkeypatch, "x/*.jpg", "-o", "of_pattern")
    assert below("of_folder") == below("of_pattern") == {"1.png"}
    translate(monkeypatch, "x/.thumbs", "x/.*.jpg", "-o", "named")
    assert below("named") == {"2.png", "._1.png"}


def test_the_one_answer_of_a_conditional_vae_is_its_best_guess_and_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ARGUMENTS | {"encoder_channels": 4, "latent_dim": 3, "prior": "learned"}
    del arguments["dropout"]
    torch.manual_seed(0)
    vae = ConditionalVae(**arguments)
    saved.save_network(Path("models/cvae/best"), vae, arguments, ABOUT)
    photo("x.png")
    translate(monkeypatch, "x.png", "-o", "one.png", "--model", "models/cvae/best")
    translate(monkeypatch, "x.png", "-o", "n.png", "--model", "models/cvae/best", "--samples", "1", "--seed", "3")
    model = ganflow.load("models/cvae/best")
    assert np.array_equal(np.asarray(Image.open("one.png")), np.asarray(model("x.png")))
    assert np.array_equal(np.asarray(Image.open("n-1.png")), np.asarray(model.samples("x.png", 1, seed=3)[0]))


def test_one_bad_photo_does_not_stop_the_others_and_fails_in_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("photos/a.png")
    photo("photos/c.png")
    Path("photos/b.png").write_bytes(b"text")
    assert "1 of 3 photos were not translated" in refused(monkeypatch, "photos", "-o", "maps")
    assert "error: photos/b.png is not a readable picture" in capsys.readouterr().err
    assert below("maps") == {"a.png", "c.png"}


def test_no_name_of_a_photo_steers_the_terminal(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is it needed to know what the model was trained on."""
    config = place / "models/pix2pix/best/config.json"
    config.write_text(config.read_text().replace("generated", "somewhere"))
    photo("photos/a\x1b[31m\n.png")
    Path("photos/b\x1b[2J.png").write_bytes(b"text")
    refused(monkeypatch, "photos", "-o", "maps")
    said = capsys.readouterr()
    assert "maps/a\\x1b[31m\\n.png: 40x33, drawn by a model trained on pictures that its config.json" in said.out
    assert "error: photos/b\\x1b[2J.png is not a readable picture" in said.err
    assert "\x1b" not in said.out + said.err


def test_no_photo_of_a_folder_is_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same folder, a photo's answer can have another photo's name."""
    before = photo("photos/a.png").read_bytes()
    photo("photos/b.jpg")
    assert "is the input itself" in refused(monkeypatch, "photos", "-o", "photos")
    assert below("photos") == {"a.png", "b.jpg"}
    assert Path("photos/a.png").read_bytes() == before


def test_the_scale_is_that_of_the_georeference_or_as_given_and_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said() -> str:
        return next(line for line in capsys.readouterr().out.splitlines() if line.startswith("scale: "))

    keys = (1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32618)
    tags = [(33550, "d", 3, (0.5, 0.5, 0.0), True), (33922, "d", 6, (0.0,) * 6, True), (34735, "H", 12, keys, True)]
    values = RNG.integers(0, 256, (200, 160, 3), np.uint8)
    tifffile.imwrite("geo.tif", values, photometric="rgb", extratags=tags)
    Image.fromarray(values).save("plain.png")

    translate(monkeypatch, "geo.tif", "-o", "map.tif")
    assert said() == "scale: 0.5 m per pixel by the georeference, 2 m for the model"
    translate(monkeypatch, "plain.png", "-o", "map.png", "--metres-per-pixel", "0.5")
    assert said() == "scale: 0.5 m per pixel as given, 2 m for the model"
    with tifffile.TiffFile("map.tif") as written, Image.open("map.png") as plain:
        assert written.pages.first.geotiff_tags["ProjectedCSTypeGeoKey"] == 32618
        assert np.array_equal(written.asarray(), np.asarray(plain))

    translate(monkeypatch, "plain.png", "-o", "fit.png", "--fit")
    assert said() == "scale: the shorter side of a photo is taken as 32 px, a whole training picture's"
    translate(monkeypatch, "plain.png", "-o", "same.png")
    assert said().startswith("scale: assumed that a pixel shows as much as in the model's training pictures (2 m);")
    assert len({Path(name).read_bytes() for name in ("map.png", "fit.png", "same.png")}) == 3
    assert {Image.open(name).size for name in ("map.png", "fit.png", "same.png")} == {(160, 200)}
    assert "is it right?" in refused(monkeypatch, "plain.png", "-o", "x.png", "--metres-per-pixel", "0.001")
    assert "takes a number" in refused(monkeypatch, "plain.png", "-o", "x.png", "--metres-per-pixel", "no")


def test_photo_and_map_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    path = photo("photo.png", (40, 300))
    translate(monkeypatch, path, "-o", "map.png")
    translate(monkeypatch, path, "-o", "both.png", "--side-by-side")
    both = np.asarray(Image.open("both.png"))
    assert np.array_equal(both[:, :40], np.asarray(Image.open(path)))
    assert np.array_equal(both[:, 40:], np.asarray(Image.open("map.png")))


def test_a_large_tiff_read_in_pieces_gives_the_same_map(monkeypatch: pytest.MonkeyPatch) -> None:
    values = RNG.integers(0, 256, (150, 130, 3), np.uint8)
    tifffile.imwrite("photo.tif", values, photometric="rgb", tile=(32, 48), compression="zlib")
    translate(monkeypatch, "photo.tif", "-o", "at_once.tif")
    monkeypatch.setattr(photos, "WINDOWED", 0)
    translate(monkeypatch, "photo.tif", "-o", "in_pieces.tif")
    assert np.array_equal(tifffile.imread("at_once.tif"), tifffile.imread("in_pieces.tif"))


GREY16 = {"name": "scan", "channels": 1, "dtype": "uint16", "low": 0.0, "high": 65535.0, "classes": None}
BANDS = {"name": "bands", "channels": 4, "dtype": "uint16", "low": 0.0, "high": 4095.0, "classes": None}
FLOATS = {"name": "heights", "channels": 1, "dtype": "float32", "low": -10.0, "high": 90.0, "classes": None}
MASK = {"name": "mask", "channels": 1, "dtype": "uint8", "low": 0.0, "high": 255.0}
MASK |= {"classes": [{"name": "no", "value": [0], "colour": [0]}, {"name": "yes", "value": [1], "colour": [255]}]}


def own_model(place: Path, takes: dict[str, object], gives: dict[str, object]) -> None:
    """The project's Pix2Pix, as if trained on pictures of these kinds."""
    arguments = ARGUMENTS | {"inputs": takes["channels"], "outputs": gives["channels"]}
    network = UNet(**arguments)
    saved.save_network(place / "models/pix2pix/best", network, arguments, ABOUT | {"input": takes, "target": gives})


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network answers with its input's first channel, in all of the answer's: what is written can be foreseen."""

    def shape(network: UNet) -> int:
        last = [module for module in network.up[0].modules() if isinstance(module, torch.nn.Conv2d)][-1]
        return last.out_channels

    def forward(network: UNet, images: torch.Tensor, latent: torch.Tensor | None = None) -> torch.Tensor:
        return images[:, :1].expand(-1, shape(network), -1, -1)

    monkeypatch.setattr(UNet, "forward", forward)


@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize("windowed", [False, True])
def test_16_bits_go_in_and_come_out_without_loss(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], windowed: bool
) -> None:
    own_model(place, GREY16, GREY16)
    monkeypatch.setattr(photos, "WINDOWED", 0 if windowed else 10**9)
    values = RNG.integers(0, 65536, (50, 70), np.uint16) // 3  # its own range would be 15 bits
    tifffile.imwrite("scan.tif", values, tile=(32, 32), compression="zlib")
    Image.fromarray(values).save("scan.png")
    np.save("scan.npy", values)
    Path("all").mkdir()
    for name in ("scan.tif", "scan.png", "scan.npy"):
        Path(name).rename(f"all/{name}")
    translate(monkeypatch, "all", "-o", "out")
    assert "range: 0 to 65535, as of the model's training pictures" in capsys.readouterr().out
    found = (
        tifffile.imread("out/scan.tif"),
        np.asarray(Image.open("out/scan.png")),
        np.load("out/scan.npy")[..., 0],
    )
    for answer in found:
        assert answer.dtype == np.uint16
        assert np.abs(answer.astype(int) - values).max() <= 1


@pytest.mark.usefixtures("copies")
def test_four_bands_are_kept_and_go_where_they_can(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_model(place, BANDS, BANDS)
    values = RNG.integers(0, 4096, (40, 36, 4), np.uint16)
    tifffile.imwrite("bands.tif", values, photometric="minisblack", planarconfig="contig")
    translate(monkeypatch, "bands.tif", "-o", "out.tif")
    answer = tifffile.imread("out.tif")
    assert (answer.shape, answer.dtype) == (values.shape, np.uint16)
    assert np.abs(answer.astype(int) - values[..., :1]).max() <= 1
    np.save("bands.npy", values)
    Path("both").mkdir()
    Path("bands.tif").rename("both/1.tif")
    Path("bands.npy").rename("both/2.npy")
    translate(monkeypatch, "both", "-o", "folder")
    assert below("folder") == {"1.tif", "2.npy"}
    assert "cannot write out.png as PNG: the answers have 4 channels of uint16; give it a name like map.tif" in refused(
        monkeypatch, "both/1.tif", "-o", "out.png"
    )
    translate(monkeypatch, "both/1.tif", "-o", "out.png", "--side-by-side")
    assert Image.open("out.png").size == (72, 40)
    photo("rgb.png")
    assert "rgb.png has 3 channels, and the model takes 4 channels" in refused(monkeypatch, "rgb.png", "-o", "x.tif")


@pytest.mark.usefixtures("copies")
def test_floats_and_a_range_that_is_given(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_model(place, FLOATS, FLOATS)
    values = RNG.uniform(-10, 90, (33, 40)).astype(np.float32)
    tifffile.imwrite("heights.tif", values)
    translate(monkeypatch, "heights.tif", "-o", "out.tif")
    assert np.abs(tifffile.imread("out.tif") - values).max() < 1e-4
    tifffile.imwrite("metres.tif", (values + 10) * 2)  # 0 to 200: another range than the model's
    translate(monkeypatch, "metres.tif", "-o", "out.tif", "--range", "0,200")
    assert np.abs(tifffile.imread("out.tif") - values).max() < 1e-3
    for bad, why in {"1": "takes two numbers", "5,5": "is black and less", "0,nan": "is black and less"}.items():
        assert why in refused(monkeypatch, "metres.tif", "-o", "x.tif", "--range", bad)


@pytest.mark.usefixtures("copies")
def test_answers_of_labels_have_the_values_of_the_users_masks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_model(place, {**MASK, "classes": None}, MASK)
    grey = np.where(RNG.random((30, 40)) < 0.5, 30, 220).astype(np.uint8)
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save("photo.png")
    translate(monkeypatch, "photo.png", "-o", "mask.png")
    with Image.open("mask.png") as mask:
        assert mask.mode == "L"
        assert np.array_equal(np.asarray(mask), grey > 127)
    own_model(place, MASK, {**MASK, "classes": None})
    assert "the model takes labels" in refused(monkeypatch, "mask.png", "-o", "x.png", "--range", "0,1")
    translate(monkeypatch, "mask.png", "-o", "back.png")
    assert np.array_equal(np.asarray(Image.open("back.png")), np.where(grey > 127, 255, 0))


def test_a_cyclegan_translates_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """--reverse takes the other generator; what knows one direction alone says so."""
    arguments = {name: value for name, value in ARGUMENTS.items() if name != "dropout"} | {"palettes": [0, 0]}
    generators = CycleGenerators(**arguments)
    torch.nn.init.zeros_(generators.there.up[0][-1].weight)  # the way there: one grey, not between two levels
    torch.nn.init.constant_(generators.there.up[0][-1].bias, 0.1)
    about = ABOUT | dict(zip(("input", "target"), MAP_SIDES, strict=True))
    saved.save_network(Path("models/cyclegan/best"), generators, arguments, about)
    photo("x.png")
    translate(monkeypatch, "x.png", "-o", "there.png", "--model", "models/cyclegan/best")
    translate(monkeypatch, "x.png", "-o", "back.png", "--reverse")
    there, back = (np.asarray(Image.open(name)) for name in ("there.png", "back.png"))
    assert there.shape == back.shape == (33, 40, 3)
    assert (there == there[0, 0]).all()
    assert not (back == back[0, 0]).all()
    said = refused(monkeypatch, "x.png", "-o", "no.png", "--reverse", "--model", "models/pix2pix/best")
    assert "translates in one direction alone" in said
    assert "has one answer" in refused(monkeypatch, "x.png", "-o", "n.png", "--reverse", "--samples", "2")


def test_the_way_back_of_an_asymgan_has_several_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {name: value for name, value in ARGUMENTS.items() if name != "dropout"}
    torch.manual_seed(0)
    generators = CycleGenerators(**arguments, palettes=(0, 0), aux_dim=3)
    for style in generators.back.styles:
        torch.nn.init.normal_(style.weight)  # what training makes of it: the auxiliary acts
    about = ABOUT | dict(zip(("input", "target"), MAP_SIDES, strict=True))
    saved.save_network(Path("models/cyclegan/best"), generators, arguments | {"palettes": [0, 0], "aux_dim": 3}, about)
    photo("x.png")
    translate(monkeypatch, "x.png", "-o", "back.png", "--reverse", "--samples", "2")
    first, second = (np.asarray(Image.open(name)) for name in sorted(Path().glob("back*.png")))
    assert first.shape == second.shape == (33, 40, 3)
    assert not np.array_equal(first, second)
    assert "has one answer" in refused(
        monkeypatch, "x.png", "-o", "there.png", "--samples", "2", "--model", "models/cyclegan/best"
    )
