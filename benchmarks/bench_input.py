"""Data: preparing and batching pairs against decoding every JPEG anew, and what twenty times the data costs.

The pairs are drawn by the project and saved as 1200x600 JPEGs in a temporary folder, as the real ones are.
"""

import tempfile
from pathlib import Path

import numpy as np
import textbook
import torch
from PIL import Image
from setting import Setting, pix2pix
from timing import Row, by_turns, here, rates

from ganflow.data import towns
from ganflow.data.batches import PairBatches, open_array
from ganflow.data.map_pairs import write_pairs

GROWTH = 20


def measure(setting: Setting) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="ganflow-bench-") as folder:
        return _speed(setting, Path(folder)) + _growth(setting, Path(folder))


def _speed(setting: Setting, folder: Path) -> list[Row]:
    maps, batch = setting.params.maps, setting.params.pix2pix.batch_size
    count, side = setting.pick(24, 4), setting.pick(600, 2 * maps.load_size)
    jpegs = folder / "jpegs"
    jpegs.mkdir()
    for number in range(count):
        pair = np.concatenate(towns.town(side, 0, number), axis=1)
        Image.fromarray(pair).save(jpegs / f"{number:03d}.jpg", quality=90)
    paths, out = sorted(jpegs.glob("*.jpg")), folder / "train.npy"
    write_pairs(out, paths, maps.load_size)
    data = PairBatches(open_array(out, setting.machine.device), maps.crop_size, maps.direction, setting.machine.device)

    def epoch() -> None:
        for indices in torch.randperm(count).split(batch):
            data.batch(indices)

    prepare = here(lambda: write_pairs(folder / "again.npy", paths, maps.load_size))
    arguments = (jpegs, maps.load_size, maps.crop_size, batch, setting.device)
    with setting.textbook(textbook.pairs, *arguments) as theirs:
        calls = [1, setting.pick(20, 1), 1]
        prepared, batched, other = by_turns([prepare, here(epoch), theirs], setting.rounds(5), calls)
    against = f"Pillow + DataLoader, {textbook.WORKERS} workers"
    other = rates(count, other)
    return [
        Row("input: prepare_maps, once", "pairs/s", rates(count, prepared), other, against),
        Row(f"input: batches of {batch}, every epoch", "pairs/s", rates(count, batched), other, against),
    ]


def _growth(setting: Setting, folder: Path) -> list[Row]:
    """Step time and memory when the data grows, every pair of which is used.

    Anonymous memory is what the process cannot give back. The pages of a mapped file are the kernel's cache: they count
    as resident while there is room, and go when there is none.
    """
    own, maps, device = setting.params.pix2pix, setting.params.maps, setting.machine.device
    few = setting.pick(100, 2)
    side, crop = maps.load_size, maps.crop_size
    block = np.random.default_rng(0).integers(0, 256, (few, 2, side, side, 3), np.uint8)
    model = pix2pix(own, crop, setting.machine)
    sets: dict[int, PairBatches] = {}
    for times in (1, GROWTH):
        path = folder / f"x{times}.npy"
        array = np.lib.format.open_memmap(path, "w+", np.uint8, (times * few, *block.shape[1:]))
        for first in range(0, times * few, few):
            array[first : first + few] = block
        array.flush()
        del array
        sets[times] = PairBatches(open_array(path, device), crop, maps.direction, device)

    anonymous: dict[int, list[float]] = {times: [] for times in sets}
    mapped: dict[int, list[float]] = {times: [] for times in sets}

    def step(times: int) -> None:
        data = sets[times]
        model.step(data.batch(torch.randint(len(data), (own.batch_size,))), 1000)

    steps = setting.pick(20, 1)
    runs = [here(lambda times=times: step(times)) for times in sets]
    few_seconds, many_seconds = by_turns(runs, setting.rounds(5), [steps, steps])
    name = f"input: step with {GROWTH}x the data"
    against = f"{few} pairs"
    many, once = (rates(own.batch_size, each) for each in (many_seconds, few_seconds))
    rows = [Row(name, "images/s", many, once, against)]
    if device.type == "cuda":
        held = [data._pairs.nbytes / 2**20 if data._pairs.is_cuda else 0.0 for data in sets.values()]
        print(f"input: data resident on the device: {held[0]:.0f} and {held[1]:.0f} MiB")
    if not Path("/proc/self/status").exists():
        print("input: this system does not say how much memory is anonymous")
        return rows
    for times, data in sets.items():  # every pair, the few first
        for indices in torch.arange(len(data)).split(own.batch_size):
            data.batch(indices)
            for kind, seen in (("RssAnon", anonymous), ("RssFile", mapped)):
                seen[times].append(resident(kind))
    for what, seen in (("anonymous memory", anonymous), ("mapped pages, which the kernel may drop", mapped)):
        peaks = [max(seen[times]) for times in (GROWTH, 1)]
        rows.append(Row(f"input: {what}, {GROWTH}x the data", "MiB", [peaks[0]], [peaks[1]], against))
    return rows


def resident(kind: str) -> float:
    """MiB of this process's memory that /proc/self/status calls `kind`."""
    line = next(
        x for x in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if x.startswith(f"{kind}:")
    )
    return int(line.split()[1]) / 1024
