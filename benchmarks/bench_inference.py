"""Translation of tiles, of a large photo and of files, against plainer ways; speed by size, and peak memory."""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import textbook
import tifffile
import torch
from PIL import Image
from setting import Setting, levels, pix2pix
from timing import Row, Run, by_turns, here, rates

from ganflow.inference.export import export_model
from ganflow.inference.model import TranslationModel, load_model
from ganflow.inference.output import write_picture
from ganflow.inference.photos import open_photo
from ganflow.inference.rows import of_array
from ganflow.inference.translation import translate, translated
from ganflow.models import saved

# In a process of its own: what translating a file adds to the memory that a loaded model takes.
PEAK = """
import sys
from pathlib import Path
from ganflow.inference.model import load_model
from ganflow.inference.translate_files import Options, plan, translate_files

def kilobytes(name):
    return int(Path("/proc/self/status").read_text().split(name + ":")[1].split()[0])

model = load_model(Path(sys.argv[1]))
before = kilobytes("VmRSS")
translate_files(model, plan([sys.argv[2]], sys.argv[3]), Options())
print((kilobytes("VmHWM") - before) / 1024)
"""


def measure(setting: Setting) -> list[Row]:
    default, paper = setting.params.pix2pix, setting.paper(1)[0]
    side, device = setting.params.maps.eval_size, setting.machine.device
    rng = np.random.default_rng(0)
    rows = []
    for name, own, count in (("default", default, 32), ("paper's networks", paper, 8)):
        network = pix2pix(own, side, setting.machine).finished()
        tiles = rng.integers(0, 256, (setting.pick(count, 2), side, side, 3), np.uint8)
        batch = setting.params.evaluate.batch_size
        with setting.textbook(textbook.tiles, own, levels(side), tiles, setting.device) as theirs:
            ours = here(lambda g=network, t=tiles, b=batch: translate(g, t, b, device))
            seconds = by_turns([ours, theirs], setting.rounds(5), [1, 1], warm_up=1)
        row, other = (rates(tiles[..., 0].size / 1e6, each) for each in seconds)
        rows.append(Row(f"inference: tiles, {name}, {side} px", "megapixels/s", row, other, "one tile at a time"))

    # A photo: overlapping tiles, blended. The textbook's tiles only touch: it does less, and its seams show.
    photo = Image.fromarray(rng.integers(0, 256, (setting.pick(1800, 40), setting.pick(2400, 60), 3), np.uint8))
    pixels = np.asarray(photo)
    touching = max(1, photo.width * photo.height // side**2)
    tiles = rng.integers(0, 256, (touching, side, side, 3), np.uint8)
    trained = pix2pix(default, side, setting.machine)
    network = trained.finished()
    with setting.textbook(textbook.tiles, default, levels(side), tiles, setting.device) as theirs:
        ours = here(lambda: translated(network, of_array(pixels), side, device).rows(0, len(pixels)))
        mine, other = by_turns([ours, theirs], setting.rounds(3), [1, 1], warm_up=1)
    megapixels = photo.width * photo.height / 1e6
    name = f"inference: photo {photo.width}x{photo.height}, default"
    against = f"{touching} touching tiles, unblended"
    rows.append(Row(name, "megapixels/s", rates(megapixels, mine), rates(touching * side**2 / 1e6, other), against))

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        about: dict[str, Any] = {"eval_size": side, "source": "generated"}
        saved.save_network(place / "model", network, trained.arguments, about)
        model = load_model(place / "model", setting.device)
        assert isinstance(model, TranslationModel)
        rows += _files(setting, model, rng)
        # (in the tests, inference/test_export.py looks at ONNX)
        if not setting.tiny and find_spec("onnxruntime") and find_spec("onnxscript"):
            rows.append(_onnxruntime(setting, model, tiles[:4]))
    return rows


def _files(setting: Setting, model: TranslationModel, rng: np.random.Generator) -> list[Row]:
    """`ganflow translate` of a TIFF, by its size, against the network alone on as many pixels; and its peak memory."""
    rows = []
    out = model.folder / "map.tif"
    tile = rng.integers(0, 256, (4, model.tile, model.tile, 3), np.uint8)
    # A TIFF of 4096 px or more is read and written in pieces.
    for side in setting.pick(4096, 40), setting.pick(2048, 30), setting.pick(512, 20):
        path = model.folder / f"{side}.tif"
        tifffile.imwrite(path, rng.integers(0, 256, (side, side, 3), np.uint8), photometric="rgb", tile=(256, 256))
        runs: list[Run] = [
            here(lambda path=path: write_picture(out, model.translated(open_photo(path)))),
            here(lambda: translate(model.network, tile, len(tile), model.device)),
        ]
        mine, other = by_turns(runs, setting.rounds(1 if side > 2048 else 3), [1, 1], warm_up=0 if side > 2048 else 1)
        pixels, alone = side**2 / 1e6, tile[..., 0].size / 1e6
        name = f"inference: translate, {side} px TIFF"
        rows.append(Row(name, "megapixels/s", rates(pixels, mine), rates(alone, other), "the network, 4 tiles"))
        if not setting.tiny or len(rows) == 1:  # a process that imports torch: seconds
            words = [sys.executable, "-c", PEAK, str(model.folder), str(path), str(out)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            peak = float(done.stdout.splitlines()[-1])
            rows.append(Row(f"{name}, peak memory", "MiB", [peak], [side**2 * 3 / 2**20], "the photo's own pixels"))
        path.unlink()
    return rows


def _onnxruntime(setting: Setting, model: TranslationModel, tiles: np.ndarray) -> Row:
    import onnxruntime

    export_model(model, model.folder / "model.onnx", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    path = str(model.folder / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    runs = [
        here(lambda: translate(model.network, tiles, len(tiles), model.device)),
        here(lambda: session.run(None, {"pictures": tiles})),
    ]
    ours, theirs = (
        rates(tiles[..., 0].size / 1e6, each) for each in by_turns(runs, setting.rounds(9), [1, 1], warm_up=2)
    )
    return Row(f"inference: {len(tiles)} tiles, {model.tile} px, fp32", "megapixels/s", ours, theirs, "onnxruntime")
