"""The pairs in a folder, by the names of its files: side by side, in two folders, or in one with names that tell them.

Subfolders called train, val or test (or training, valid, validation, dev, testing), wherever they stand, are a split.
"""

import itertools
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganflow.data.pictures import SUFFIXES
from ganflow.errors import UserError

MANIFEST, LEGEND = "manifest.sha256", "legend.csv"  # files of ours in a folder of pairs
SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_PART = {word: part for part, words in SPLITS.items() for word in words}
_MOST = 0.8  # a word in so many of the names of a side belongs to the side, not to the pair
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # the last: bytes that are not UTF-8
# Of two levels of folders that could both name the sides, one with such a word does.
_OF_SIDES = {
    *("a", "b", "image", "images", "img", "photo", "photos", "input", "source", "target", "label", "labels", "mask"),
    *("masks", "gt", "truth", "annotation", "annotations", "blur", "sharp", "low", "high", "rain", "noisy", "clean"),
    *("left", "right", "before", "after", "depth", "rgb"),
}


@dataclass(frozen=True)
class Pair:
    """Two picture files, or one picture that holds both halves side by side."""

    name: str  #                of the pair in the folder, and unique there
    part: str  #                train, val, test, or "" where the folder has no such subfolders
    files: tuple[Path, ...]  #  relative to the folder: one, or A and then B


@dataclass(frozen=True)
class PairFolder:
    """What a folder holds, by the names of its files."""

    folder: Path
    layout: str  #                                                  for people
    names: tuple[str, str]  #                                       of the sides A and B
    pairs: list[Pair]
    passed_over: list[Path] = field(default_factory=list)  #        files that are no pictures
    problems: dict[Path, str] = field(default_factory=dict)  #      pictures that are in no pair, and why


def list_pairs(folder: Path) -> PairFolder:
    """Find the pairs in `folder`. No picture is opened.

    Raises:
        UserError: it is no folder, holds no pictures, or does not show which belong together.
    """
    by_side, passed_over = sides_of(folder)
    sides = sorted(by_side)
    if len(sides) > 2:
        counts = ", ".join(f"{name or 'the folder itself'}: {len(by_side[name])}" for name in sides)
        raise UserError(
            f"{folder} holds pictures in {len(sides)} places ({counts}), where A and B make two: move the others away"
        )
    if len(sides) == 2:
        a, b = sides
        return _two_sides(
            folder,
            f"two folders, {a or 'the folder itself'} and {b}",
            (a or folder.name, b),
            by_side[a],
            by_side[b],
            passed_over,
        )
    one = by_side[sides[0]]
    if (words := _telling_words(one)) is not None:
        of_a, of_b = ([entry for entry in one if word in _words(entry[1])] for word in words)
        others = [entry for entry in one if not set(words) & set(_words(entry[1]))]
        if not words[0]:
            layout = f"one folder, names that tell: with {words[1]} and without"
            return _two_sides(folder, layout, ("picture", words[1]), others, of_b, passed_over)
        layout = f"one folder, names that tell: {words[0]} and {words[1]}"
        found = _two_sides(folder, layout, words, of_a, of_b, passed_over)
        found.problems.update({path: "has neither word in its name" for _, _, path in others})
        return found
    pairs = [Pair(f"{part}/{name}" if part else name, part, (path,)) for part, name, path in one]
    found = PairFolder(folder, "side by side", ("left", "right"), pairs, passed_over)
    return _without_doubles(found)


def list_pictures(folder: Path) -> list[Pair]:
    """Each picture in `folder` as a `Pair` of one file, of which a task makes the other half (`data.derived`).

    Raises:
        UserError: it is no folder, or holds no pictures.
    """
    pictures, _ = _pictures(folder)
    return [Pair(str(path), _place(path)[0], (path,)) for path in pictures]


def sides_of(folder: Path) -> tuple[dict[str, list[tuple[str, str, Path]]], list[Path]]:
    """The pictures of `folder` by the subfolder that names their side ("": none): part, name without suffix, file.

    Of folders with the same two files in each (scene1/rgb.png, scene1/depth.png), the files' names are the sides. Also
    the files that are no pictures.

    Raises:
        UserError: it is no folder, or holds no pictures.
    """
    pictures, passed_over = _pictures(folder)
    by_side: dict[str, list[tuple[str, str, Path]]] = defaultdict(list)
    parts = {name.lower() for path in pictures for name in path.parts[:-1] if name.lower() in _PART}
    places = {path: _place(path, parts) for path in pictures}
    if len({path.stem for path in pictures}) == 2 < len({path.parent for path in pictures}):
        for path, (part, folders) in places.items():
            by_side[path.stem].append((part, "/".join(folders), path))
        return by_side, passed_over
    level = _level_of_sides(places)
    for path, (part, folders) in places.items():
        side, rest = _at_level(folders, level)
        by_side[side].append((part, "/".join([*rest, path.stem]), path))
    return by_side, passed_over


def _pictures(folder: Path) -> tuple[list[Path], list[Path]]:
    """`_files` of a folder that has pictures.

    Raises:
        UserError: it is no folder, or holds no pictures.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give the one that holds your pictures")
    pictures, passed_over = _files(folder)
    if not pictures:
        raise UserError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    check_names(pictures)
    return pictures, passed_over


def check_names(files: Iterable[Path]) -> None:
    """Refuse names that no list of files and no page can hold.

    Raises:
        UserError: a name with a line break or another control character, or one that is not UTF-8.
    """
    for path in files:
        if _NO_NAME.search(str(path)):
            raise UserError(f"the name of {path} has a control character or is not UTF-8: rename the file or folder")


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Pictures, and files that are none, relative to `folder`, sorted; hidden folders and ours are not looked into."""
    pictures, others = [], []
    for path in files_below(folder):
        relative = path.relative_to(folder)
        if relative.name in (MANIFEST, LEGEND):
            continue
        is_picture = not _is_hidden(relative) and path.suffix.lower() in SUFFIXES
        (pictures if is_picture else others).append(relative)
    return pictures, others


def files_below(folder: Path) -> list[Path]:
    """Every file in `folder` and its subfolders, sorted.

    Raises:
        UserError: a subfolder is a link. DVC does not look behind it: of pictures that change there, nobody would know.
    """
    files = []
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            files.append(path)
        elif path.is_symlink() and not _is_hidden(path.relative_to(folder)):
            link, target = (shlex.quote(str(name)) for name in (path, path.resolve()))
            raise UserError(
                f"{path} is a link to a folder, and DVC does not look behind it. Put the folder itself in its place: "
                f"rm {link} && cp -r {target} {link}"
            )
    return files


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in relative.parts)


def _place(path: Path, parts: Collection[str] = ()) -> tuple[str, tuple[str, ...]]:
    """The part that a path's folders name, and the folders without it: trainA/x.png is in train, and in A.

    `parts`: names of folders that are there, beside which trainannot/x.png is in train, and in annot.
    """
    part, folders = "", []
    for name in path.parts[:-1]:
        words = re.match(r"([a-z]+?)[_-]?([AB]?)$|", name if name[-1:] in "AB" else name.lower())
        word, side = (words.group(1), words.group(2)) if words and words.group(1) else ("", "")
        if word in _PART and not part:
            part = _PART[word]
            folders += [side] if side else []
            continue
        pieces = [piece for piece in re.split(r"[_-]", name) if piece.lower() not in _PART]
        named = [_PART[piece.lower()] for piece in re.split(r"[_-]", name) if piece.lower() in _PART]
        prefix = next((word for word in parts if name.lower().startswith(word) and name[len(word) :].isalpha()), "")
        if named and pieces and not part:  # images_train
            part, name = named[0], "_".join(pieces)
        elif prefix and not part:
            part, name = _PART[prefix], name[len(prefix) :]
        folders.append(name)
    return part, tuple(folders)


def _level_of_sides(places: dict[Path, tuple[str, tuple[str, ...]]]) -> int | None:
    """Which of the folders names the side, the first (0) or the last (-1); None if there is none.

    It has two names; if both have, it is the one that gives more pairs of equal names, then the one with a usual name.
    """
    folders = [own for _, own in places.values()]
    if not any(folders):
        return None
    names = {level: {own[level] if own else "" for own in folders} for level in (0, -1)}
    levels = [level for level in names if len(names[level]) == 2]
    if not levels:
        return 0 if len(set(folders)) > 1 else None

    def pairs(level: int) -> int:
        keys = defaultdict(set)
        for path, (part, own) in places.items():
            side, rest = _at_level(own, level)
            keys[side].add((part, rest, path.stem))
        return len(set.intersection(*keys.values()))

    return max(levels, key=lambda level: (pairs(level), any(_OF_SIDES & set(_words(name)) for name in names[level])))


def _at_level(folders: tuple[str, ...], level: int | None) -> tuple[str, tuple[str, ...]]:
    """The folder that names the side ("": none), and the others."""
    if not folders or level is None:
        return "", folders
    place = level % len(folders)
    return folders[place], folders[:place] + folders[place + 1 :]


def _words(name: str) -> list[str]:
    """`l_005` as ["l", "5"]: letters and numbers apart, without leading zeros, in small letters."""
    return [word.lstrip("0") or "0" for word in re.findall(r"[a-z]+|\d+", name.lower())]


def _telling_words(entries: Sequence[tuple[str, str, Path]]) -> tuple[str, str] | None:
    """Two words, one of which is in each name, that make pairs of the names without them: l and r, photo and label.

    The first may be "": then the names without the second are A (7.png, 7_mask.png). None if there are none: then each
    picture is a pair.
    """
    words = [(part, _words(name)) for part, name, _ in entries]
    counts = Counter(word for _, one in words for word in set(one) if not word.isdigit())
    shared = sorted(word for word, count in counts.items() if 0.4 * len(entries) <= count <= 0.6 * len(entries))
    for a, b in [*itertools.combinations(shared, 2), *(("", word) for word in shared)]:
        rests: dict[str, set[tuple[str, str]]] = {a: set(), b: set()}
        for part, one in words:
            own = [word for word in (a, b) if word in one] or ([""] if not a else [])
            if len(own) == 1:
                rests[own[0]].add((part, " ".join(word for word in one if word != own[0])))
        if len(rests[a] & rests[b]) >= _MOST * len(entries) / 2:
            return a, b
    return None


def _two_sides(
    folder: Path,
    layout: str,
    names: tuple[str, str],
    a: list[tuple[str, str, Path]],
    b: list[tuple[str, str, Path]],
    passed_over: list[Path],
) -> PairFolder:
    """Pair the files of two sides whose names are equal or, of the rest, differ in words that belong to the side."""
    found = PairFolder(folder, layout, names, [], passed_over)
    rest = [a, b]
    for keys in (lambda entries: [entry[1] for entry in entries], _own_words):
        left, right = (_by_key(found, entries, keys(entries)) for entries in rest)
        for key in sorted(left.keys() & right.keys()):
            (_, name, path), other = left[key], right[key]
            found.pairs.append(Pair(f"{key[0]}/{name}" if key[0] else name, key[0], (path, other[2])))
        rest = [
            [entry for key, entry in side.items() if key not in other] for side, other in ((left, right), (right, left))
        ]
        if not all(rest):
            break
    for entries, other in zip(rest, reversed(names), strict=True):
        found.problems.update({path: f"has no partner in {other}" for _, _, path in entries})
    found.pairs.sort(key=lambda pair: (pair.part, _natural(pair.name)))
    return found


def _by_key(
    found: PairFolder, entries: list[tuple[str, str, Path]], names: list[str]
) -> dict[tuple[str, str], tuple[str, str, Path]]:
    """Entries by part and name. Of several files of one name none is taken, and each is a problem."""
    groups: dict[tuple[str, str], list[tuple[str, str, Path]]] = defaultdict(list)
    for entry, name in zip(entries, names, strict=True):
        groups[entry[0], name].append(entry)
    for group in groups.values():
        if len(group) > 1:
            found.problems.update(
                {path: f"has the same name as {group[place - 1][2]}" for place, (_, _, path) in enumerate(group)}
            )
    return {key: group[0] for key, group in groups.items() if len(group) == 1}


def _own_words(entries: list[tuple[str, str, Path]]) -> list[str]:
    """Each name without the words at its ends that most names of its part share: 21_manual1 is 21."""
    words = [_words(name) for _, name, _ in entries]
    for part in {entry[0] for entry in entries}:
        _trim([own for own, entry in zip(words, entries, strict=True) if entry[0] == part])
    return [" ".join(own) for own in words]


def _trim(words: list[list[str]]) -> None:
    """Take from the beginnings, then from the ends, what most of `words` share, and leave one word of each."""
    for end in (0, -1):
        while longer := [own for own in words if len(own) > 1]:
            word, count = Counter(own[end] for own in longer).most_common(1)[0]
            if count < max(2, _MOST * len(words)):
                break
            for own in longer:
                if own[end] == word:
                    own.pop(end)


def _without_doubles(found: PairFolder) -> PairFolder:
    """Side-by-side pictures of one name with two suffixes (1.png, 1.jpg): neither is taken."""
    counts = Counter(pair.name for pair in found.pairs)
    for pair in found.pairs:
        if counts[pair.name] > 1:
            found.problems[pair.files[0]] = "has the same name as another picture, but for its suffix"
    found.pairs[:] = sorted(
        (pair for pair in found.pairs if counts[pair.name] == 1), key=lambda p: (p.part, _natural(p.name))
    )
    return found


def _natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts 2 before 10."""
    return [(0, int(word)) if word.isdigit() else (1, word) for word in re.split(r"(\d+)", name)]
