"""Stage prepare_maps: pairs as arrays, split into train, val and test: maps, uint8 [N, 2, S, S, 3], or your own."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from ganflow import config
from ganflow.data import derived, fetch, pair_tiles, prepared, towns, unpaired_folder
from ganflow.data.map_pairs import FILTER, split, write_pairs
from ganflow.data.trivial_answers import median_colour
from ganflow.errors import UserError
from ganflow.files import whole_dir, write_json
from ganflow.pipeline.stage import run_stage

RAW = Path("data/raw/maps")


def main() -> None:
    params = config.load_params()
    maps, source = params.maps, params.data.source
    if params.own_pairs:
        folder, own = Path(params.pairs.folder), params.pairs
        seed, out = params.data.seed, prepared.PREPARED / "maps"
        if own.unpaired:
            unpaired_folder.prepare_unpaired(folder, out, own.tile_size, seed)
        elif own.derive != "none":
            derived.prepare_derived(folder, out, own.tile_size, own.derive, seed, str(own.no_data))
        else:
            pair_tiles.prepare_pairs(folder, out, own.tile_size, own.labels == "auto", seed, str(own.no_data))
        return
    if source == "generated":
        names = [f"town/{n}" for n in range(maps.generated_pairs + maps.test_pairs)]
        known, test = names[: maps.generated_pairs], names[maps.generated_pairs :]
    else:
        listed = [name.removeprefix("maps/") for name in fetch.read_manifest(Path("data/manifests/maps.sha256"))]
        strangers = {f"{p.parent.name}/{p.name}" for p in RAW.glob("*/*")} - set(listed)
        if strangers:
            raise UserError(f"{RAW / min(strangers)} is not a file of the manifest: remove it")
        known = [name for name in listed if name.startswith("train/")]
        test = [f"val/{n}.jpg" for n in range(1, maps.test_pairs + 1)]
    train, val = split(known, maps.val_pairs, params.data.seed)
    parts = {"train": train, "val": val, "test": test}
    with ProcessPoolExecutor() as pool, whole_dir(prepared.PREPARED / "maps") as folder:
        for part, chosen in parts.items():
            size = maps.load_size if part == "train" else maps.eval_size
            out = folder / f"{part}.npy"
            if source == "generated":
                numbers = [int(name.removeprefix("town/")) for name in chosen]
                np.save(
                    out, np.stack(list(pool.map(partial(towns.town, size, params.data.seed), numbers, chunksize=8)))
                )
            else:
                write_pairs(out, [RAW / name for name in chosen], size)
        write_json(folder / "names.json", {**parts, "seed": params.data.seed})
        sizes = {"load_size": maps.load_size, "eval_size": maps.eval_size}
        counts = {part: len(chosen) for part, chosen in parts.items()}
        pairs = np.load(folder / "train.npy", mmap_mode="r")
        # Every eighth pixel of every eighth row says it too.
        median = [median_colour(pairs[:, side, ::8, ::8]).tolist() for side in range(2)]
        prepared.describe(folder, counts, source=source, **sizes, filter=FILTER.name, median=median)


if __name__ == "__main__":
    run_stage(main)
