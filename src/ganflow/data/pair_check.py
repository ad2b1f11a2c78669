"""What `ganflow pairs check` says of a folder of pairs: what is in it, what is wrong, what to set and what to type."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ganflow.data.pair_folder import MANIFEST, Pair
from ganflow.data.pair_survey import Side, Survey
from ganflow.data.pair_tiles import corners, split_pairs
from ganflow.data.unpaired_folder import UnpairedFolder
from ganflow.files import whole_file
from ganflow.text import dvc_value

LARGEST_TILE, LARGEST_CROP = 256, 128
SEEN = 16_000  # training tiles that a translator is shown in all, for a first answer within the hour on two CPU cores
MOST_NUMBER = 64  # numbers of classes are smaller: beside such, the largest value of 8 or 16 bits is none
ENOUGH = 20  # pictures of a split from which on a model can be champion; metrics.bootstrap.FEW, which data knows not of
DRAWN = re.compile(
    r"mask|label|annot|manual|segment|(^|[^a-z])(gt|seg)([^a-z]|$)", re.IGNORECASE
)  # what is to be drawn
NAMED = 20  # pictures passed over that are listed one by one


def findings(read: Survey, seed: int) -> list[str]:
    """Lines on layout, counts, sizes, both sides, and each picture that is passed over, unusable or suspicious."""
    found, sizes = read.found, Counter(f"{width}x{height}" for width, height in read.sizes.values())
    parts = ", ".join(f"{part} {len(pairs)}" for part, pairs in split_pairs(read.pairs, seed).items())
    own = "its own subfolders" if any(pair.part for pair in read.pairs) else f"seed {seed}"
    usual = ", ".join(f"{size} ({count})" for size, count in sizes.most_common(5))
    lines = [
        f"{found.folder}: {found.layout}, {len(read.pairs)} pairs that can be used",
        f"sizes: {usual}{', ...' if len(sizes) > 5 else ''}",
        f"split ({own}): {parts}",
        *_of_few(split_pairs(read.pairs, seed)),
        *(f"{letter} = {_of_side(side)}" for letter, side in zip("AB", read.sides, strict=True)),
    ]
    lines += _listed("passed over, no pictures:", [str(path) for path in found.passed_over])
    lines += _listed(
        "cannot be used:", [f"{path} {reason}" for path, reason in read.problems.items()], len(read.problems)
    )
    lines += _hints(read)
    lines += _listed(
        "look at:", [f"{name}: {reason}" for name, reason in read.suspicious.items()], len(read.suspicious)
    )
    return lines


def settings(read: Survey, folder: str, seed: int, no_data: str | None = None) -> dict[str, str | int]:
    """Values of params.yaml that suit the pairs: how large the tiles, which way, how many epochs.

    no_data: pairs.no_data, if it was given for the check.
    """
    tile = _tile_for(read.sizes)
    a, b = (side.classes is not None or bool(DRAWN.search(side.name)) for side in read.sides)
    train = split_pairs(read.pairs, seed)["train"]
    tiles = sum(len(corners(read.sizes[pair.name], tile)) for pair in train)
    epochs = min(200, max(4, round(SEEN / tiles)))
    return {
        "pairs.folder": folder,
        "pairs.direction": "b2a" if a and not b else "a2b",
        "pairs.tile_size": tile,
        "pairs.crop_size": min(tile, LARGEST_CROP),
        **({"pairs.no_data": int(no_data) if no_data.isdigit() else no_data} if no_data else {}),
        "pix2pix.epochs": epochs,
        "pix2pix.decay_epochs": epochs // 2,
        "cvae.epochs": max(2, epochs // 2),
        "cvae.decay_epochs": max(1, epochs // 4),
    }


def _tile_for(sizes: dict[str, tuple[int, int]]) -> int:
    """The largest tile that nine tenths of the pictures are as large as: the few smaller ones are mirrored."""
    shorter = sorted(min(size) for size in sizes.values())
    return next(side for side in (LARGEST_TILE, 128, 64, 32) if side <= max(shorter[len(shorter) // 10], 32))


def settings_unpaired(found: UnpairedFolder, sizes: dict[str, tuple[int, int]], seed: int) -> dict[str, str | int]:
    """Values of params.yaml that suit pictures of two kinds without pairs."""
    tile = _tile_for(sizes)
    trained = [split_pairs(side, seed)["train"] for side in found.sides]
    tiles = max(sum(len(corners(sizes[one.name], tile)) for one in side) for side in trained)
    epochs = min(200, max(2, round(SEEN / 2 / tiles)))
    return {
        "pairs.folder": str(found.folder),
        "pairs.unpaired": "true",
        "pairs.tile_size": tile,
        "pairs.crop_size": min(tile, LARGEST_CROP),
        "cyclegan.epochs": epochs,
        "cyclegan.decay_epochs": epochs // 2,
    }


def findings_unpaired(found: UnpairedFolder, sizes: dict[str, tuple[int, int]], seed: int) -> list[str]:
    """Lines on the counts, sizes and split of two kinds of pictures without pairs."""
    lines = [f"{found.folder}: two folders, whose pictures have no partners: only CycleGAN trains on such"]
    for letter, name, side in zip("AB", found.names, found.sides, strict=True):
        usual = Counter("{}x{}".format(*sizes[one.name]) for one in side).most_common(3)
        parts = ", ".join(f"{part} {len(pictures)}" for part, pictures in split_pairs(side, seed).items())
        shown = ", ".join(f"{size} ({count})" for size, count in usual)
        lines.append(f"{letter} = {name}: {len(side)} pictures, {shown}; split: {parts}")
    a, b = (side[0].name for side in found.sides)
    lines.append(
        f"do they belong together? {a} and {b} are then to have one name, but for words that all of a side share"
    )
    more, fewer = sorted((len(side) for side in found.sides), reverse=True)
    if more % fewer == 0 < more - fewer:
        lines.append(f"or one side has {more // fewer} kinds of pictures: move all but one kind out of {found.folder}")
    return lines


def direction_in_words(read: Survey, direction: str) -> str:
    """What `pairs.direction` trains, in the folders' names."""
    a, b = (side.name for side in read.sides)
    other = "b2a" if direction == "a2b" else "a2b"
    return "{} draws {} from {}; pairs.direction={} the other way round".format(
        direction, *((b, a) if direction == "a2b" else (a, b)), other
    )


def command(chosen: dict[str, str | int], *stages: str) -> str:
    """The command line that runs these stages, and what they need, with these values."""
    return " ".join(
        ["dvc exp run", *(f"-S {key}={shlex.quote(dvc_value(value))}" for key, value in chosen.items()), *stages]
    )


def write_manifest(read: Survey) -> Path | None:
    """Write the folder's manifest, in sha256sum's format: the files that are used. None if it cannot be written."""
    path = read.found.folder / MANIFEST
    try:
        with whole_file(path) as partial:
            lines = (f"{digest}  {name}\n" for name, digest in sorted(read.digests.items()))
            partial.write_text("".join(lines), encoding="utf-8")
    except OSError:  # a read-only folder
        return None
    return path


def _of_few(parts: dict[str, list[Pair]]) -> list[str]:
    """What a small split cannot give."""
    lines = []
    if (tested := len(parts["test"])) < ENOUGH:
        lines.append(f"few test pictures ({tested}): every ± will be wide" if tested > 1 else "one test picture: no ±")
    if (held_out := len(parts["val"])) < ENOUGH:
        lines.append(f"few validation pictures ({held_out}): no model becomes champion ({ENOUGH} are needed)")
    return lines


def _hints(read: Survey) -> list[str]:
    """What of the pictures may be no data, though nothing says so."""
    hints = []
    for letter, side in zip("AB", read.sides, strict=True):
        values = [one["value"][0] for one in side.classes or [] if len(set(one["value"])) == 1]
        if len(values) > 2 and values[-1] in (255, 65535) and values[-2] < MOST_NUMBER:
            value = values[-1]
            hints.append(
                f"{letter}: is {value} no class, but no data? `--no-data {value}` leaves it out (pairs.no_data={value})"
            )
        if any(note.startswith("transparent") for note in side.notes):
            hints.append(f"{letter}: are transparent parts no data? `--no-data alpha` leaves them out")
    return _listed("no data:", hints)


def _of_side(side: Side) -> str:
    kind = {1: "grey", 3: "RGB"}.get(side.channels, f"{side.channels} channels")
    depth = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floats"}[side.dtype]
    text = f"{side.name}: {kind}, {depth}"
    if side.classes:
        text += f", labels of {len(side.classes)} classes ({', '.join(one['name'] for one in side.classes)})"
    return "; ".join([text, *side.notes])


def _listed(title: str, entries: Sequence[str], most: int = NAMED) -> list[str]:
    if not entries:
        return []
    more = [f"  and {len(entries) - most} more"] if len(entries) > most else []
    return [title, *(f"  {entry}" for entry in entries[:most]), *more]
