import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganflow.data.digit_folder import list_digits, read_digits
from ganflow.data.fetch import read_manifest
from ganflow.errors import UserError
from ganflow.files import sha256

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)


def write_idx(folder: Path, prefix: str, labels: np.ndarray, suffix: str = "-ubyte.gz") -> np.ndarray:
    folder.mkdir(exist_ok=True)
    images = RNG.integers(0, 256, (len(labels), 28, 28), np.uint8)
    header = struct.pack(">4I", 2051, len(labels), 28, 28), struct.pack(">2I", 2049, len(labels))
    packed = gzip.compress if suffix.endswith(".gz") else bytes
    (folder / f"{prefix}-images-idx3{suffix}").write_bytes(packed(header[0] + images.tobytes()))
    (folder / f"{prefix}-labels-idx1{suffix}").write_bytes(packed(header[1] + labels.astype(np.uint8).tobytes()))
    return images


def write_class(folder: Path, count: int, level: int, size: tuple[int, int] = (28, 28)) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("L", size, level).save(folder / f"{number}.png")


@pytest.mark.parametrize(("test", "suffix"), [("t10k", "-ubyte.gz"), ("test", "-ubyte")])
def test_idx_files_with_other_labels_than_0_to_9(tmp_path: Path, test: str, suffix: str) -> None:
    """EMNIST's letters begin at 1, and its files at the name of the set."""
    labels = np.repeat([1, 2, 26], 20)
    train = write_idx(tmp_path, "emnist-letters-train", labels, suffix)
    write_idx(tmp_path, f"emnist-letters-{test}", labels[::4], suffix)
    found = read_digits(tmp_path, seed=0, as_stored=True)
    assert found.classes == ("1", "2", "26")
    assert np.array_equal(found.train[0], train)
    assert np.array_equal(found.train[1], np.repeat([0, 1, 2], 20))
    assert np.array_equal(found.test[1], np.repeat([0, 1, 2], 5))


def test_the_first_of_a_sorted_idx_file_hold_every_class(tmp_path: Path) -> None:
    """Stages and measures take the first n: of a file sorted by class, whole classes would be missing."""
    labels = np.repeat(np.arange(4), 50).astype(np.uint8)
    stored = {prefix: write_idx(tmp_path, prefix, labels) for prefix in ("train", "test")}
    found = read_digits(tmp_path, seed=3)
    for (images, own), all_images in zip((found.train, found.test), stored.values(), strict=True):
        assert set(own[:20].tolist()) == {0, 1, 2, 3}
        label_of = {image.tobytes(): label for image, label in zip(all_images, labels, strict=True)}
        assert [label_of[image.tobytes()] for image in images] == own.tolist(), "each image has its own label"
    assert not np.array_equal(found.train[1], found.test[1]), "each part has an order of its own"
    assert np.array_equal(found.train[0], read_digits(tmp_path, seed=3).train[0])


def test_ten_pictures_of_a_class_give_three_for_testing(tmp_path: Path) -> None:
    for name, count in (("a", 10), ("b", 10), ("c", 60)):
        write_class(tmp_path / name, count, ord(name))
    found = read_digits(tmp_path, seed=0)
    assert [np.bincount(labels).tolist() for _, labels in (found.train, found.test)] == [[7, 7, 50], [3, 3, 10]]


def test_class_folders_without_a_test_part_give_a_sixth_of_each_class(tmp_path: Path) -> None:
    for name, count, level in (("cat", 60, 10), ("ant", 30, 200)):
        write_class(tmp_path / name, count, level)
    (tmp_path / "notes.txt").write_text("mine")
    found = read_digits(tmp_path, seed=0)
    assert found.classes == ("ant", "cat")
    assert [np.bincount(labels).tolist() for _, labels in (found.train, found.test)] == [[25, 50], [5, 10]]
    for images, labels in (found.train, found.test):
        assert np.array_equal(images[:, 0, 0], np.array([200, 10])[labels]), "each picture has its own label"
    assert len(set(found.train[1][:20].tolist())) == 2, "the first n have every class"
    assert list_digits(tmp_path).passed_over == [tmp_path / "notes.txt"]


def test_class_folders_in_train_and_test(tmp_path: Path) -> None:
    for name, level in (("10", 10), ("9", 9)):
        write_class(tmp_path / "training" / name, 12, level)
        write_class(tmp_path / "test" / name, 3, level)
    found = read_digits(tmp_path, seed=0)
    assert found.classes == ("9", "10"), "numbers in their order"
    assert (len(found.train[0]), len(found.test[0])) == (24, 6)
    assert set(found.test[0][found.test[1] == 1].ravel().tolist()) == {10}


def test_other_sizes_are_fitted_in_and_16_bits_keep_their_range(tmp_path: Path) -> None:
    for name in "ab":
        write_class(tmp_path / name, 12, 100, (56, 14))
    values = np.full((28, 28), 65535, np.uint16)
    values[:14] = 0
    Image.fromarray(values).save(tmp_path / "b" / "wide.png")
    found = read_digits(tmp_path, seed=0)
    images = np.concatenate([found.train[0], found.test[0]])
    assert images.shape == (25, 28, 28)
    (bright,) = (image for image in images if image.max() > 100)
    assert np.array_equal(np.unique(bright), [0, 255])
    assert {image.tobytes() for image in images} == {bright.tobytes(), np.full((28, 28), 100, np.uint8).tobytes()}


def test_equal_values_of_16_bits_are_equal_greys_in_every_picture_of_both_parts(tmp_path: Path) -> None:
    for part, count in (("train", 10), ("test", 3)):
        for name in "ab":
            (tmp_path / part / name).mkdir(parents=True)
            for n in range(count):
                values = np.full((28, 28), 800, np.uint16)
                values[0] = 4000 if (part, name, n) == ("train", "b", 4) else 900 + n
                Image.fromarray(values).save(tmp_path / part / name / f"{n}.png")
    found = read_digits(tmp_path, seed=0)
    for images, _ in (found.train, found.test):
        assert set(np.unique(images[:, 1:])) == {round(800 / 4095 * 255)}


def test_a_manifest_is_held_to(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", np.repeat([0, 1], 10))
    write_idx(tmp_path, "t10k", np.repeat([0, 1], 10))
    names = sorted(path.name for path in tmp_path.iterdir())
    manifest = tmp_path / "manifest.sha256"
    manifest.write_text("".join(f"{sha256(tmp_path / name)}  {name}\n" for name in names))
    read_digits(tmp_path, seed=0)
    (tmp_path / names[0]).write_bytes(b"other")
    with pytest.raises(UserError, match=names[0]):
        read_digits(tmp_path, seed=0)


def test_the_manifest_of_fashion_mnist_names_its_four_files() -> None:
    known = read_manifest(ROOT / "data/manifests/fashion-mnist.sha256")
    assert known.keys() == read_manifest(ROOT / "data/manifests/mnist.sha256").keys()
    assert all(len(bytes.fromhex(digest)) == 32 for digest in known.values())


def bad_folder(folder: Path, kind: str) -> None:
    folder.mkdir()
    match kind:
        case "one class":
            write_class(folder / "a", 12, 0)
        case "few pictures":
            write_class(folder / "a", 12, 0)
            write_class(folder / "b", 3, 0)
        case "broken picture":
            write_class(folder / "a", 12, 0)
            write_class(folder / "b", 12, 0)
            (folder / "b" / "7.png").write_bytes(b"nonsense")
        case "test class unknown":
            write_class(folder / "train" / "a", 12, 0)
            write_class(folder / "train" / "b", 12, 0)
            write_class(folder / "test" / "c", 12, 0)
        case "few test pictures":
            for name in "ab":
                write_class(folder / "train" / name, 12, 0)
            write_class(folder / "test" / "a", 3, 0)
            write_class(folder / "test" / "b", 2, 0)
        case "an IDX class without test images":
            write_idx(folder, "train", np.repeat([0, 1], 10))
            write_idx(folder, "test", np.repeat([0], 10))
        case "no labels":
            write_idx(folder, "train", np.repeat([0, 1], 10))
        case "two sets":
            for prefix in ("train", "test", "letters-train"):
                write_idx(folder, prefix, np.repeat([0, 1], 10))
        case "a test label alone":
            write_idx(folder, "train", np.repeat([0, 1], 10))
            write_idx(folder, "test", np.repeat([0, 2], 10))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("one class", "nor a folder of pictures for each of 2"),
        ("few pictures", "the class b has 3 pictures"),
        ("broken picture", "7.png is not a readable picture"),
        ("test class unknown", "the class c has test pictures"),
        ("few test pictures", "the class b has 2 test pictures; at least 3 are needed: bring more of it"),
        ("an IDX class without test images", "the class 1 has 0 test pictures"),
        ("no labels", "no IDX file of the test images"),
        ("two sets", "holds two sets"),
        ("a test label alone", "the label 2"),
        ("nothing", "neither train-images-idx3-ubyte"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path, kind: str, said: str) -> None:
    bad_folder(tmp_path / "mine", kind)
    with pytest.raises(UserError, match=said) as fault:
        read_digits(tmp_path / "mine", seed=0)
    assert "\n" not in str(fault.value)
    assert str(tmp_path / "mine") in str(fault.value)
