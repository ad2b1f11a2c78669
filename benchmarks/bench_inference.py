"""Translation of tiles and of a large photo against one tile at a time through an eager fp32 network."""

import numpy as np
import textbook
from PIL import Image
from setting import Setting, levels, pix2pix
from timing import Row, by_turns, here, rates

from ganflow.inference.translation import translate, translate_photo


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
    touching = max(1, photo.width * photo.height // side**2)
    tiles = rng.integers(0, 256, (touching, side, side, 3), np.uint8)
    network = pix2pix(default, side, setting.machine).finished()
    with setting.textbook(textbook.tiles, default, levels(side), tiles, setting.device) as theirs:
        ours = here(lambda: translate_photo(network, photo, side, device))
        mine, other = by_turns([ours, theirs], setting.rounds(3), [1, 1], warm_up=1)
    megapixels = photo.width * photo.height / 1e6
    name = f"inference: photo {photo.width}x{photo.height}, default"
    against = f"{touching} touching tiles, unblended"
    rows.append(Row(name, "megapixels/s", rates(megapixels, mine), rates(touching * side**2 / 1e6, other), against))
    return rows
