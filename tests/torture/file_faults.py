"""Faults of files: damaged, hostile, oddly named."""

import gzip
import hashlib
import io
import json
import tarfile
import warnings
from pathlib import Path
from random import Random

import numpy as np
import tifffile
import torch
from PIL import Image
from small_model import small_model

from ganflow.data import idx, map_pairs, pictures
from ganflow.data.download import SourceError
from ganflow.data.fetch import read_manifest
from ganflow.data.maps_archive import unpack
from ganflow.data.pair_folder import list_pairs
from ganflow.errors import UserError
from ganflow.inference.model import load_model
from ganflow.models import saved
from ganflow.training.checkpoint import Checkpoints

TIMES = 20
ODD = (-1, 0, 65, 2**31, 10**30, 1e308, None, "x", [], "\x1b[31m")  # values for config.json
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 32, 3), np.uint8)
MEMBERS = {f"maps/train/{n}.jpg": bytes([n]) * 3000 for n in range(1, 4)}


def damaged(whole: bytes, chance: Random) -> bytes:
    """Cut, or with some bytes changed, more often near the beginning."""
    content = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.4 else whole)
    for _ in range(chance.randrange(1, 4)):
        if content:
            content[chance.randrange(min(len(content), chance.choice((40, 200, len(whole)))))] = chance.randrange(256)
    return bytes(content)


def archives(folder: Path, chance: Random) -> None:
    """A damaged archive: refused, or its pictures are right"""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in MEMBERS.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    manifest = {name: hashlib.sha256(content).hexdigest() for name, content in MEMBERS.items()}
    for number in range(TIMES):
        plain = chance.random() < 0.5
        content = (
            gzip.compress(damaged(buffer.getvalue(), chance), 1)
            if plain
            else damaged(gzip.compress(buffer.getvalue()), chance)
        )
        out = folder / str(number)
        out.mkdir()
        (folder / "a.tar.gz").write_bytes(content)
        try:
            unpack(folder / "a.tar.gz", manifest, set(MEMBERS), out)
        except SourceError:
            continue
        assert {f"maps/{path.relative_to(out)}": path.read_bytes() for path in out.rglob("*.jpg")} == MEMBERS


def photos(folder: Path, chance: Random) -> None:
    """A damaged picture of any format: a picture, or one line"""
    kind = chance.choice(("png", "ppm", "jpg", "bmp", "gif", "webp", "tif", "npy"))
    path = folder / f"x.{kind}"
    if kind == "npy":
        np.save(path, PIXELS)
    elif kind == "tif":
        tifffile.imwrite(path, PIXELS, photometric="rgb", compression="zlib")
    else:
        Image.fromarray(PIXELS).save(path)
    whole = path.read_bytes()
    for _ in range(TIMES):
        path.write_bytes(damaged(whole, chance))
        for read in (lambda: pictures.read(path, most_pixels=10**6), lambda: map_pairs.read_pair(path, 8)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    read()
                except UserError as fault:
                    assert "\n" not in str(fault)


def digits(folder: Path, chance: Random) -> None:
    """A damaged IDX file: one line, or digits with their labels"""
    images = b"".join(n.to_bytes(4, "big") for n in (idx.IMAGES, 3, 28, 28)) + bytes(range(256)) * 9 + bytes(48)
    labels = b"".join(n.to_bytes(4, "big") for n in (idx.LABELS, 3)) + b"\x01\x02\x03"
    files = {"train-images-idx3-ubyte.gz": images, "train-labels-idx1-ubyte.gz": labels}
    for _ in range(TIMES):
        for name, content in files.items():
            inside = damaged(content, chance) if chance.random() < 0.5 else content
            packed = gzip.compress(inside, mtime=0)
            (folder / name).write_bytes(damaged(packed, chance) if chance.random() < 0.3 else packed)
        try:
            read, classes = idx.read_part(*(folder / name for name in files))
        except UserError as fault:
            assert "\n" not in str(fault)
            continue
        assert read.shape == (3, 28, 28)
        assert classes.shape == (3,)


def manifests(folder: Path, chance: Random) -> None:
    """A manifest of any bytes: one line, or digests by name"""
    for _ in range(TIMES):
        (folder / "m").write_bytes(damaged(f"{'ab' * 32}  maps/train/1.jpg\n".encode() * 3, chance))
        try:
            read_manifest(folder / "m")
        except UserError as fault:
            assert str(fault).startswith("the manifest")


def names(folder: Path, chance: Random) -> None:
    """Pairs with names of any letters: every pair is found"""
    letters = "ab 1%20?#'ü&$[g]日é.-_~^=+,;!@"
    wanted = {"".join(chance.choices(letters, k=chance.choice((1, 5, 40, 200)))) for _ in range(8)}
    stems = [f"{number}{stem.encode()[:200].decode(errors='ignore')}x" for number, stem in enumerate(sorted(wanted))]
    for side in ("photos", "maps"):
        (folder / "p" / side).mkdir(parents=True)
        for stem in stems:
            Image.fromarray(PIXELS).save(folder / "p" / side / f"{stem}.png")
    found = list_pairs(folder / "p")
    assert len(found.pairs) == len(stems)
    for pair in found.pairs:
        assert all((folder / "p" / file).is_file() for file in pair.files)


def models(folder: Path, chance: Random) -> None:
    """A stranger's config.json or weights: one line at once, or finite weights"""
    model = small_model(folder)
    whole = {name: (model / name).read_bytes() for name in ("config.json", saved.WEIGHTS)}
    for _ in range(TIMES):
        broken = chance.choice(list(whole))
        for name, content in whole.items():
            (model / name).write_bytes(damaged(content, chance) if name == broken else content)
        if chance.random() < 0.4:
            config = json.loads(whole["config.json"])
            place = chance.choice((config, config["arguments"]))
            place[chance.choice(list(place))] = chance.choice(
                (-1, 0, 65, 2**31, 10**30, 1e308, None, "x", [], "\x1b[31m")
            )
            (model / "config.json").write_text(json.dumps(config))
        try:
            loaded = load_model(model, "cpu")
        except UserError as fault:
            assert str(fault).isprintable()
            continue
        assert all(tensor.isfinite().all() for tensor in loaded.network.state_dict().values())


def checkpoints(folder: Path, chance: Random) -> None:
    """A damaged checkpoint: never accepted, the one before it is used"""
    kept = Checkpoints("gan", f"mark{chance.randrange(10**9)}")
    for step in (1, 2):
        kept.save(step, {"step": step, "weights": torch.full((50,), float(step))})
    newest = kept.newest()
    assert newest
    whole = newest.read_bytes()
    for _ in range(TIMES):
        content = damaged(whole, chance)
        newest.write_bytes(content)
        state = kept.load()
        assert state is not None
        assert state["step"] == (2 if content == whole else 1)
        assert (state["weights"] == state["step"]).all()


FAULTS = (archives, photos, digits, manifests, names, models, checkpoints)
