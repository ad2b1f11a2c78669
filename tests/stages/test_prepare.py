"""The prepare stages as DVC runs them, on downloaded files small enough for a test."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML
from workspace import ROOT, stage

PARTS = {"train": 6, "val": 3}  # official train and val
DIGITS = np.random.default_rng(0).integers(0, 256, (120, 28, 28), np.uint8)
LABELS = (np.arange(120) % 10).astype(np.uint8)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Raw files as the download stages leave them. In pair n the aerial photo is n grey, the map 100 + n."""
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    content["mnist"] |= {"train_images": 110, "test_images": 100}
    content["maps"] |= {"load_size": 36, "crop_size": 32, "eval_size": 32, "val_pairs": 2, "test_pairs": 2}
    YAML(typ="safe").dump(content, tmp_path / "params.yaml")
    mnist, maps = tmp_path / "data" / "raw" / "mnist", tmp_path / "data" / "raw" / "maps"
    mnist.mkdir(parents=True)
    for split in ("train", "t10k"):
        images, labels = struct.pack(">4I", 2051, 120, 28, 28), struct.pack(">2I", 2049, 120)
        (mnist / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images + DIGITS.tobytes()))
        (mnist / f"{split}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels + LABELS.tobytes()))
    names = [f"{part}/{n}.jpg" for part, count in PARTS.items() for n in range(1, count + 1)]
    for name in names:
        n = int(Path(name).stem)
        pixels = np.full((64, 128, 3), n, np.uint8)
        pixels[:, 64:] = 100 + n
        (maps / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(maps / name, quality=100)
    (tmp_path / "data" / "manifests").mkdir()
    lines = "".join(f"{'0' * 64}  maps/{name}\n" for name in names)
    (tmp_path / "data" / "manifests" / "maps.sha256").write_text(lines)
    return tmp_path


def prepared(folder: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "data" / "prepared" / name).iterdir()}


def test_mnist_is_the_first_n_digits_less_those_held_out(project: Path) -> None:
    done = stage(project, "prepare_mnist")
    assert done.returncode == 0, done.stderr
    out = project / "data" / "prepared" / "mnist"
    held_out = np.load(out / "val_indices.npy")
    assert len(held_out) == 11, "a tenth at most"
    for kind, known in (("images", DIGITS), ("labels", LABELS)):
        assert np.array_equal(np.load(out / f"val_{kind}.npy"), known[held_out])
        assert np.array_equal(np.load(out / f"train_{kind}.npy"), np.delete(known[:110], held_out, axis=0))
        assert np.array_equal(np.load(out / f"test_{kind}.npy"), known[:100])
    training, test = (json.loads((out / f"{what}.json").read_text()) for what in ("training", "test"))
    assert (training["source"], training["train"], training["val"]) == ("download", 99, 11)
    assert (test["source"], test["test"]) == ("download", 100)


def test_what_trainings_depend_on_does_not_change_with_the_test_data(project: Path) -> None:
    """So that `-S maps.test_pairs=1098` measures on all test pairs without training again."""
    assert stage(project, "prepare_maps").returncode == 0
    first = prepared(project, "maps")
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("test_pairs: 2", "test_pairs: 3"))
    assert stage(project, "prepare_maps").returncode == 0
    second = prepared(project, "maps")
    assert {name for name in first if first[name] != second[name]} == {"test.npy", "test.json", "names.json"}


def test_maps_are_split_as_recorded_and_test_is_the_official_val(project: Path) -> None:
    done = stage(project, "prepare_maps")
    assert done.returncode == 0, done.stderr
    out = project / "data" / "prepared" / "maps"
    names = json.loads((out / "names.json").read_text())
    assert names["test"] == ["val/1.jpg", "val/2.jpg"]
    assert sorted(names["train"] + names["val"]) == [f"train/{n}.jpg" for n in range(1, 7)]
    assert len(names["val"]) == 2
    for part, size in (("train", 36), ("val", 32), ("test", 32)):
        array = np.load(out / f"{part}.npy")
        assert array.shape == (len(names[part]), 2, size, size, 3)
        numbers = np.array([int(Path(name).stem) for name in names[part]])
        # The middle, away from the seam that JPEG's blocks and the filter blur.
        middle = array[:, :, 8:-8, 8:-8].mean((2, 3, 4))
        assert np.abs(middle - np.stack([numbers, 100 + numbers], 1)).max() < 1


def test_the_same_files_give_the_same_bytes(project: Path) -> None:
    for name in ("mnist", "maps"):
        assert stage(project, f"prepare_{name}").returncode == 0
        first = prepared(project, name)
        assert stage(project, f"prepare_{name}").returncode == 0
        assert prepared(project, name) == first


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("maps/train/99.jpg", b"", "is not a file of the manifest"),
        ("maps/train/4.jpg", b"not a picture", "is not a readable image"),
        ("maps/val/2.jpg", None, "is missing"),
        ("mnist/t10k-labels-idx1-ubyte.gz", b"not gzip", "cannot be read"),
        ("mnist/train-labels-idx1-ubyte.gz", gzip.compress(b"\0\0\x08", mtime=0), "is not an IDX file"),
        ("mnist/train-images-idx3-ubyte.gz", None, "no IDX file of the train images"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(project: Path, path: str, content: bytes | None, said: str) -> None:
    bad = project / "data" / "raw" / path
    if content is None:
        bad.unlink()
    else:
        bad.write_bytes(content)
    name = path.partition("/")[0]
    done = stage(project, f"prepare_{name}")
    assert done.returncode == 1
    where = path if (bad.exists() or name == "maps") else name  # of a missing IDX file the folder is named
    assert done.stderr.startswith(f"error: data/raw/{where}"), done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (project / "data" / "prepared" / name).exists()
    assert not list((project / "data").rglob("*.partial"))
