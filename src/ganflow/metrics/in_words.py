"""A result in words, from its table (metrics/tables/<task>.json): how good it is, how it fails, three key numbers.

Each number stands with its baselines. The report shows these words first, and MLflow above a run's curves.
"""

import math
from dataclasses import dataclass
from typing import Any

from ganflow.metrics.failures import Noisy, Row, failure_of
from ganflow.metrics.hallucination import RARE
from ganflow.metrics.measures import MEASURES

KEY_NUMBERS = 3
SAME = 0.2  # of the lower bound's coverage of a class: below, its digits are nearly all the same
MISSING = 0.2  # of an even share of the digits: a class with a smaller one is hardly ever drawn
COPIES = 0.01  # share of the digits that may look like copies of training digits by chance
CONSTANT = 0.5  # levels of 255 by which two samples differ at least, if the latent is used


@dataclass(frozen=True)
class Say:
    """How a measure is said: as a share ("75 of 100 ...") or as its value, then what it is."""

    words: str
    share: bool = False


SAID = {
    "score": Say("out of {classes}: clear digits, all {classes} of them"),
    "precision": Say("of the generated digits lie among the real ones", share=True),
    "coverage": Say("of the real digits have a generated one like them", share=True),
    "frechet_classifier": Say("distance from the real digits (0: none)"),
    "class_accuracy": Say("of the digits are read as the one asked for", share=True),
    "frechet_by_class": Say("distance from the real digits of the class (0: none)"),
    "mean_iou": Say("overlap with the real classes (1: all)"),
    "street_quality": Say("of 1: streets found, and no others drawn"),
    "hallucinated_images": Say("of the tiles show water, park or motorway where none is", share=True),
    "mae": Say("of 255 levels: how far a pixel is off"),
    "ssim": Say("of 1: likeness of local structure (SSIM)"),
    "psnr": Say("dB: closeness of the pixels (PSNR)"),
    "texture_of_sets": Say("distance of the texture of all answers from that of real targets (0: none)"),
    "diversity": Say("of 255 levels: difference of two answers to one input"),
}
_TRANSLATOR = ("mean_iou", "street_quality", "hallucinated_images", "mae", "ssim", "psnr", "texture_of_sets")
_HEADLINES = {
    "mean_iou": "overlap with the real classes",
    "mae": "levels of 255 off per pixel",
    "texture_of_sets": "distance of the texture of all answers from that of real targets",
}
# The first three of these that a result has. Each tells a good model from its trivial baseline.
_KEYS = {
    "gan": ("score", "coverage", "frechet_classifier"),
    "cgan": ("class_accuracy", "coverage", "frechet_classifier"),
    "cvae": ("mean_iou", "diversity", *_TRANSLATOR[1:]),
}
BESIDE = {
    "floor": "other real digits",
    "ceiling": "a Gaussian on pixels",
    "nearest": "nearest training pair",
    "constant": "one constant colour",
    "input": "the input itself",
    "colour": "the pixel's colour alone",
}


@dataclass(frozen=True)
class KeyNumber:
    """A measure as text, with its noise and its baselines."""

    key: str
    value: str
    noise: str
    words: str
    better: str  # "higher is better", ...
    beside: list[tuple[str, str]]  # baseline and its value


def key_numbers(task: str, table: dict[str, Any]) -> list[KeyNumber]:
    """The three numbers by which to judge a result, each with its baselines."""
    rows = table["rows"]
    keys = [key for key in _KEYS.get(task, _TRANSLATOR) if key in rows["model"]][:KEY_NUMBERS]
    return [_key_number(key, table) for key in keys]


def _key_number(key: str, table: dict[str, Any]) -> KeyNumber:
    rows = table["rows"]
    beside = [(BESIDE[row], _text(key, rows[row][key][0])) for row in _rivals(rows) if key in rows[row]]
    if key == "diversity":
        beside = [
            (name, _text(key, found["pixels"][0])) for name, found in table["diversity"].items() if name != "cvae"
        ]
    value, noise = rows["model"][key]
    words = SAID[key].words.format(classes=len(table.get("classes") or range(10)))
    return KeyNumber(key, _text(key, value), _text(key, noise), words, MEASURES[key].better_in_words, beside)


def _rivals(rows: dict[str, Row]) -> list[str]:
    """The rows that stand beside the model's: the input only where it is a better answer than one colour.

    A noisy picture is an answer to the question for a clean one, an aerial photo none to that for a map.
    """
    found = [row for row in BESIDE if row in rows]
    if "input" in found and "constant" in found:
        key = next(key for key in _HEADLINES if key in rows["constant"])
        given, colour = (rows[row][key][0] for row in ("input", "constant"))
        if given <= colour if MEASURES[key].better == "up" else given >= colour:
            found.remove("input")
    return found


def _text(key: str, value: float | None) -> str:
    if value is None:  # the noise of a single picture
        return "–"
    return f"{100 * value:.1f} %" if SAID[key].share else f"{value:.{MEASURES[key].digits}f}"


def how_good(task: str, table: dict[str, Any]) -> str:
    """One sentence: how good the result is, beside its baselines; what it failed at, if it did."""
    rows: dict[str, Row] = table["rows"]
    failed = failure_of(table)
    if failed:
        return f"This model is {failed}."
    model = rows["model"]
    if "frechet_classifier" in model:
        floor = rows["floor"]
        if "class_accuracy" in model:
            right, real = _of_100(model["class_accuracy"]), _of_100(floor["class_accuracy"])
            begin = f"{right} of 100 digits are read as the one asked for (real digits: {real})"
        else:
            begin = f"{_of_100(model['precision'])} of 100 digits lie among the real ones"
            begin += f" (other real digits: {_of_100(floor['precision'])})" if "precision" in floor else ""
        covered = f"they cover {_of_100(model['coverage'])} of 100 real digits"
        return f"{begin}; {covered}" + (f" ({_of_100(floor['coverage'])})." if "coverage" in floor else ".")
    key = next(key for key in _HEADLINES if key in model)
    rivals = ", ".join(f"{BESIDE[row]} {_text(key, rows[row][key][0])}" for row in _rivals(rows) if key in rows[row])
    return f"{_text(key, model[key][0])} {_HEADLINES[key]}; {rivals}."


def how_it_fails(task: str, table: dict[str, Any]) -> str:
    """One sentence: the plainest weakness that the measures show."""
    return _digits_fail(table) if "frechet_classifier" in table["rows"]["model"] else _translator_fails(table)


def _digits_fail(table: dict[str, Any]) -> str:
    model, covered = table["rows"]["model"], table.get("coverage_by_class", {})
    shares = table.get("class_shares", [])
    names = table.get("classes") or [str(digit) for digit in range(10)]
    missing = [names[digit] for digit, share in enumerate(shares) if share < MISSING / len(shares)]
    same = [name for name in (names[digit] for digit in same_digits(table)) if name not in missing]
    found = []
    if missing:
        found.append(f"it hardly ever draws {_listed(missing)}")
    if same:
        found.append(" and ".join(f"every {name} is nearly the same {name}" for name in same[:3]))
    copies = model.get("copied", (0.0, 0.0))
    if copies[0] - copies[1] > COPIES:
        found.append(f"{_of_100(copies)} of 100 are copies of training digits")
    if found:
        text = "; ".join(found)
        return f"{text[0].upper()}{text[1:]}."
    if "by_class" in table:
        digit, worst = min(table["by_class"]["model"].items(), key=lambda entry: entry[1]["class_accuracy"][0])
        return f"Weakest at {names[int(digit)]}: {_of_100(worst['class_accuracy'])} of 100 are read as asked."
    if covered:
        digit = min(covered["model"], key=covered["model"].__getitem__)
        real = f" (other real ones: {100 * covered['floor'][digit]:.0f})" if digit in covered["floor"] else ""
        share = 100 * covered["model"][digit]
        return f"Least varied at {names[int(digit)]}: they cover {share:.0f} of 100 real ones{real}."
    return "No collapse, no copies."


def same_digits(table: dict[str, Any]) -> list[int]:
    """The digits of which nearly all generated ones are alike: they cover few of the real ones of their class."""
    covered = table.get("coverage_by_class")
    if not covered:
        return []
    return [int(digit) for digit, share in covered["model"].items() if share < SAME * covered["floor"].get(digit, 1.0)]


def _translator_fails(table: dict[str, Any]) -> str:
    model = table["rows"]["model"]
    found = []
    if "diversity" in model and model["diversity"][0] < CONSTANT:
        found.append("its answers to one input are all the same: the latent is ignored")
    overlaps = {key.removeprefix("iou/"): pair[0] for key, pair in model.items() if key.startswith("iou/")}
    if overlaps:
        worst = min(overlaps, key=overlaps.__getitem__)
        found.append(f"weakest at {worst}: overlap {overlaps[worst]:.3f}{_drawn_as(worst, table)}")
    if model.get("hallucinated_images", (0.0,))[0] > 0:
        share = _of_100(model["hallucinated_images"])
        found.append(f"{share} of 100 tiles show water, park or motorway where none is{_most_often(model)}")
    text = "; ".join(found) or "pixel errors see neither blur nor invention: look at the worst pairs"
    return f"{text[0].upper()}{text[1:]}."


def _most_often(model: dict[str, Noisy]) -> str:
    """The class that is most often drawn where none is, and how often: of 100 tiles that have none."""
    by_class = {name: model.get(f"hallucinated_images/{name}", (math.nan,))[0] for name in RARE}
    known = {name: share for name, share in by_class.items() if share > 0}  # nan: every tile has it
    if not known:
        return ""
    most = max(known, key=known.__getitem__)
    return f" ({most} on {_of_100((known[most], None))} of 100 that have none)"


def _drawn_as(name: str, table: dict[str, Any]) -> str:
    """As what most pixels of the class `name` are drawn, where that is another class."""
    classes, confusion = table.get("classes") or [], table.get("confusion")
    if not confusion or name not in classes:
        return ""
    row = confusion[classes.index(name)]
    most = max(range(len(row)), key=row.__getitem__)
    return "" if classes[most] == name or not sum(row) else f", mostly drawn as {classes[most]}"


def _of_100(pair: Noisy) -> str:
    """A share as a number of hundred: "75", and "99.6" near the ends, where a whole number would hide what is left."""
    hundredths = 100 * pair[0]
    return f"{hundredths:.0f}" if 1 <= hundredths <= 99 else f"{hundredths:.1f}"


def _listed(names: list[str]) -> str:
    *first, last = (f"a {name}" for name in names)
    return f"{', '.join(first)} or {last}" if first else last
