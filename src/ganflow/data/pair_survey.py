"""Read every pair of a folder once: what each side consists of, which pictures cannot be used, which look wrong."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ganflow.data import labels
from ganflow.data.no_data import read_with_no_data
from ganflow.data.pair_folder import LEGEND, Pair, PairFolder
from ganflow.data.pair_suspicions import Look, suspicions
from ganflow.data.pictures import StoredPicture, range_of_set
from ganflow.errors import UserError
from ganflow.files import sha256

Numbers = tuple[int, str]  # of a picture's values: channels, and uint8, uint16 or float32
NO_DATA = (-1, -9999, -32768)  # usual values of pixels without data, in files that do not say it
AREAS = 0.9  # share of the pixels that equal their neighbour, from which on a picture seems made of areas
COUNTED = 100  # pictures, spread evenly, in which the colours of labels saved with loss are counted


@dataclass(frozen=True)
class Side:
    """What the pictures of one side have in common."""

    name: str
    channels: int
    dtype: str  #                              uint8, uint16 or float32, as stored in the files
    low: float
    high: float
    classes: list[dict[str, Any]] | None  #    of labels: labels.legend_entries
    notes: tuple[str, ...] = ()
    no_data: float = 0.0  #                    share of the pixels without data

    @property
    def stored_channels(self) -> int:
        """In the prepared arrays: labels of more than two greys are stored as colours."""
        return len(self.classes[0]["colour"]) if self.classes else self.channels


@dataclass
class Survey:
    """The result of reading a folder of pairs."""

    found: PairFolder
    sides: tuple[Side, Side]
    pairs: list[Pair]  #                   that can be used
    sizes: dict[str, tuple[int, int]]  #   width and height, by the pair's name
    digests: dict[str, str]  #             sha256 of the used files, by their path in the folder
    problems: dict[Path, str]  #           pictures that cannot be used, and why
    suspicious: dict[str, str] = field(default_factory=dict)  # pairs that can be used but look wrong, and why
    with_holes: frozenset[str] = frozenset()  # names of the pairs that have pixels without data


def read_sides(folder: Path, pair: Pair, no_data: str = "auto") -> tuple[StoredPicture, StoredPicture]:
    """A and B of a pair, transparent parts white, and `no_data` as pairs.no_data says.

    Raises:
        UserError: a file cannot be read, or a side-by-side picture has no two halves.
    """
    pictures = [read_with_no_data(folder / file, no_data) for file in pair.files]
    if len(pictures) == 2:
        return pictures[0], pictures[1]
    (both,) = pictures
    width, height = both.size
    if width % 2:
        raise UserError(f"{folder / pair.files[0]} is {width} px wide: two halves side by side make an even number")
    if width < height:
        raise UserError(f"{folder / pair.files[0]} is {width}x{height}: too narrow for two pictures side by side")
    return _half(both, slice(None, width // 2)), _half(both, slice(width // 2, None))


def _half(both: StoredPicture, columns: slice) -> StoredPicture:
    no_data = None if both.no_data is None else both.no_data[:, columns]
    return replace(both, pixels=both.pixels[:, columns], no_data=no_data)


def survey(found: PairFolder, legend: dict[str, str] | None = None, no_data: str = "auto") -> Survey:
    """Read every pair of `found`, name what cannot be used and what looks wrong, and describe both sides.

    Raises:
        UserError: no pair is left, or the legend is not one.
    """
    folder, problems = found.folder, dict(found.problems)
    legend = read_legend(folder) if legend is None else legend
    looks: dict[str, tuple[Look, Look]] = {}
    digests: dict[str, str] = {}
    first_with: dict[tuple[str, ...], Pair] = {}
    counted = {id(found.pairs[place]) for place in _evenly(len(found.pairs), COUNTED)}
    censuses: list[dict[Numbers, labels.Census]] = [{}, {}]
    for pair, pictures in _readable(found, problems, no_data):
        if (sizes := {picture.size for picture in pictures}) and len(sizes) > 1:
            (width_a, height_a), (width_b, height_b) = pictures[0].size, pictures[1].size
            problems[pair.files[0]] = f"is {width_a}x{height_a}, its partner {pair.files[-1]} {width_b}x{height_b}"
            continue
        if empty := [place for place, picture in enumerate(pictures) if picture.share_without_data == 1]:
            problems[pair.files[min(empty[0], len(pair.files) - 1)]] = "has no data in any pixel"
            continue
        of_pair = {str(file): sha256(folder / file) for file in pair.files}
        if (other := first_with.setdefault(tuple(of_pair.values()), pair)) is not pair:
            problems[pair.files[0]] = f"is the same pair as {other.files[0]}"
            continue
        digests |= of_pair
        looks[pair.name] = (Look.at(pictures[0]), Look.at(pictures[1]))
        for picture, look, census in zip(pictures, looks[pair.name], censuses, strict=True):
            if picture.channels in (1, 3):
                kind = census.setdefault((picture.channels, look.dtype), labels.Census(picture.channels))
                _count(kind, picture, look, with_counts=id(pair) in counted)
    pairs = [pair for pair in found.pairs if pair.name in looks]
    sides = []
    for place in range(2):
        if not pairs:
            first = next(iter(problems.items()), ("", "none was found"))
            raise UserError(f"{folder} holds no pair that can be used; {first[0]} {first[1]}")
        kind, fitting = _kind_of([looks[pair.name][place] for pair in pairs], censuses[place])
        for pair in pairs:
            own = looks[pair.name][place]
            if (own.channels, own.dtype) not in fitting:
                problems[pair.files[min(place, len(pair.files) - 1)]] = (
                    f"has {own.channels} channels of {own.dtype}, where most have {kind[0]} of {kind[1]}"
                )
        used = [looks[pair.name][place] for pair in pairs if not set(pair.files) & problems.keys()]
        counts = _together([one for key, one in censuses[place].items() if key in fitting], kind[0])
        sides.append(_side(found.names[place], kind, used, counts, legend))
    pairs = [pair for pair in pairs if not set(pair.files) & problems.keys()]
    used_files = {str(file) for pair in pairs for file in pair.files}
    return Survey(
        found,
        (sides[0], sides[1]),
        pairs,
        {pair.name: looks[pair.name][0].size for pair in pairs},
        {name: digest for name, digest in digests.items() if name in used_files},
        dict(sorted(problems.items())),
        suspicions(
            {pair.name: looks[pair.name] for pair in pairs}, labels=[side.classes is not None for side in sides]
        ),
        frozenset(pair.name for pair in pairs if any(look.no_data for look in looks[pair.name])),
    )


def _count(census: labels.Census, picture: StoredPicture, look: Look, with_counts: bool) -> None:
    """Add a picture's values to the census of its kind; floats too if they are numbers of classes."""
    values = picture.pixels
    if values.dtype == np.float32:
        if not look.whole or look.smallest < 0 or look.largest > 65535:
            census.exact |= set(range(labels.MOST_CLASSES + 1))  # no labels, whatever the others are
            return
        values = picture.filled(look.smallest).astype(np.uint16)
    census.add(values, with_counts=with_counts, missing=picture.no_data)


def _kind_of(looks: Sequence[Look], censuses: dict[Numbers, labels.Census]) -> tuple[Numbers, set[Numbers]]:
    """What the pictures of a side are read as, which is what most of them are; and the kinds that can be read so.

    Grey fits among colours. Among whole numbers of which some are below 0 or above 65535, 16 bits are such numbers too.
    Few coloured labels decide for all: a label picture that is black everywhere is often stored as grey.
    """
    kinds = Counter((look.channels, look.dtype) for look in looks)
    channels, dtype = max(kinds, key=lambda one: (kinds[one], one))
    wide = {(channels, "uint16"), (channels, "float32")}
    if wide <= kinds.keys() and all(look.whole for look in looks if (look.channels, look.dtype) in wide):
        return (channels, "float32"), wide
    both = {(1, dtype), (3, dtype)}
    of_labels = [one for kind, one in censuses.items() if kind in both]
    if channels == 1 and both <= kinds.keys() and len(_together(of_labels, 3).exact) <= labels.MOST_CLASSES:
        channels = 3
    return (channels, dtype), both if channels == 3 else {(channels, dtype)}


def _together(censuses: Sequence[labels.Census], channels: int) -> labels.Census:
    """The values of all `censuses` in one of `channels`: a grey as the colour that it is."""
    all_of_them = labels.Census(channels)
    for census in censuses:
        if census.channels == channels:
            all_of_them.pixels += census.pixels
            all_of_them.counts += census.counts
            all_of_them.sums += census.sums
            all_of_them.exact |= census.exact
        else:
            all_of_them.exact |= {grey << 32 | grey << 16 | grey for grey in census.exact}
    return all_of_them


def read_legend(folder: Path) -> dict[str, str]:
    """Names of classes by value (`255`) or colour (`#0030ff`), from the folder's legend.csv, if it has one.

    Raises:
        UserError: a line of it is not `value,name`.
    """
    path = folder / LEGEND
    if not path.exists():
        return {}
    legend = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row or row[0].startswith("# "):
                continue
            if len(row) != 2 or not row[1].strip():
                raise UserError(
                    f"{path}, line {number}: it takes `value,name`, such as `255,nucleus` or `#0030ff,window`"
                )
            legend[row[0].strip().lower()] = row[1].strip()
    return legend


def _readable(
    found: PairFolder, problems: dict[Path, str], no_data: str
) -> Iterator[tuple[Pair, Sequence[StoredPicture]]]:
    """The pairs that can be read; the others become problems."""
    for pair in tqdm(found.pairs, desc="reading pairs", unit="pair", disable=None):
        try:
            yield pair, read_sides(found.folder, pair, no_data)
        except UserError as fault:
            bad = next((file for file in pair.files if str(fault).startswith(str(found.folder / file))), pair.files[0])
            problems[bad] = str(fault).removeprefix(str(found.folder / bad)).strip()


def _side(name: str, kind: Numbers, looks: list[Look], census: labels.Census, legend: dict[str, str]) -> Side:
    channels, dtype = kind
    smallest, largest = (min(look.smallest for look in looks), max(look.largest for look in looks)) if looks else (0, 1)
    low, high = range_of_set(smallest, largest, np.dtype(dtype), {look.stated for look in looks})
    values = labels.classes_of(census)
    notes = Counter(note for look in looks for note in look.notes if not note.startswith("range"))
    said = [f"{note} (in {count} pictures)" for note, count in sorted(notes.items())]
    if dtype != "uint8" and values is None:
        said.append(f"values {smallest:g} to {largest:g}, seen in the range {low:g} to {high:g}")
    grey = sum(look.channels != channels for look in looks)
    said += [f"{grey} grey pictures are read as colours"] if grey else []
    classes = labels.legend_entries(values, legend) if values else None
    areas = np.array([look.size[0] * look.size[1] for look in looks])
    missing = float(areas @ [look.no_data for look in looks] / areas.sum()) if looks else 0.0
    holes = sum(look.no_data > 0 for look in looks)
    said += [f"{max(100 * missing, 0.01):.2g} % of the pixels have no data (in {holes} pictures)"] if holes else []
    if holes and len(census.exact) == 1:
        said.append("the others have one value: is this no data the background of a mask? `--no-data none` keeps it")
    if smallest in NO_DATA and dtype == "float32" and all(look.whole for look in looks):
        said.append(f"is {smallest:g} no data? `--no-data {smallest:g}` leaves it out (pairs.no_data={smallest:g})")
    if (
        not values
        and channels == 1
        and dtype != "float32"
        and looks
        and np.mean([look.equal for look in looks]) > AREAS
    ):
        said.append(f"numbers of more than {labels.MOST_CLASSES} classes? They are seen as amounts: merge some classes")
    return Side(name, channels, dtype, low, high, classes, tuple(said), missing)


def _evenly(total: int, count: int) -> list[int]:
    return np.linspace(0, total - 1, min(total, count)).round().astype(int).tolist() if total else []
