"""What changed between two evaluations of the same task, and whether it is more than noise."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from ganflow.metrics import translation
from ganflow.metrics.bootstrap import flat
from ganflow.metrics.comparable import JUDGED, not_comparable
from ganflow.metrics.failures import failure_of
from ganflow.metrics.measures import Measure, measures_of

ONE_PICTURE = "not told apart: a single test picture shows no noise"
CODE = ("src", "stages", "dvc.yaml", "constraints.txt")  # changes of these may change results
TRANSLATORS = ("pix2pix", "cvae", "cyclegan")  # their outputs can be paired image by image; generated digits cannot


class Measured(Protocol):
    """A run with the results of its evaluation."""

    @property
    def task(self) -> str: ...

    @property
    def table(self) -> dict[str, Any] | None:
        """metrics/tables/<task>.json, or None: it was not evaluated."""

    @property
    def test_images(self) -> pd.DataFrame:
        """A row per test image, of a run that has a table."""
        ...


@dataclass(frozen=True)
class Difference:
    """A measure in two runs and, if they are comparable, the change from `before` to `after` with its 95 % interval."""

    task: str
    measure: Measure
    before: float
    after: float
    plus_minus: float  # nan: there is none, and why_not says why
    paired: bool  # image by image on the same test images, whose noise then cancels out
    why_not: str = ""  # there is no verdict: "not comparable: ...", by metrics.comparable, or ONE_PICTURE
    failures: tuple[str, str] = ("", "")  # what the models before and after failed at, by metrics.failures

    @property
    def verdict(self) -> str:
        """better, worse, or within noise. Empty: no verdict, no better direction, or what has failed is ahead."""
        if self.why_not or self.measure.better == "none":
            return ""
        change = self.after - self.before
        if abs(change) <= self.plus_minus:
            return "within noise"
        better = (change > 0) == (self.measure.better == "up")
        if self.failures[better]:  # what has failed is not better by any of its numbers
            return ""
        return "better" if better else "worse"


def changes(
    task: str,
    a: dict[str, Any],  # metrics/<task>.json of the one
    b: dict[str, Any],
    images: Callable[[], tuple[pd.DataFrame, pd.DataFrame]],  # metrics/<task>_images.csv of both, read only if needed
) -> list[Difference]:
    """Every measure that both have, from `a` to `b`; of comparable translators image by image."""
    why_not = not_comparable(a.get(JUDGED), b.get(JUDGED))
    paired = _paired(*images()) if task in TRANSLATORS and not why_not else {}
    failures = a.get("failure", ""), b.get("failure", "")
    found = []
    for measure in measures_of(task, (key for key in a if f"{key}_pm" in a and f"{key}_pm" in b)):
        key = measure.key
        # The hypotenuse is for independent items: generated digits. JSON's null is the noise of one picture.
        own = [math.nan if pm is None else pm for pm in (a[f"{key}_pm"], b[f"{key}_pm"])]
        noise = math.nan if why_not else paired.get(key, math.hypot(*own))
        reason = why_not or (ONE_PICTURE if math.isnan(noise) else "")
        found.append(Difference(task, measure, a[key], b[key], noise, key in paired, reason, failures))
    return found


def differences_of_runs(a: Measured, b: Measured) -> list[Difference]:
    """Every measure that both runs have, from `a` to `b`; none if one was not evaluated."""
    if not a.table or not b.table:
        return []
    of_a, of_b = (
        {JUDGED: table.get(JUDGED), "failure": failure_of(table)} | flat(table["rows"]["model"])
        for table in (a.table, b.table)
    )
    return changes(a.task, of_a, of_b, lambda: (a.test_images, b.test_images))


def differing_values(a: dict[str, str], b: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The names whose values differ, with both values; a dash stands for a missing one."""
    both = {name: (a.get(name) or "–", b.get(name) or "–") for name in dict.fromkeys([*a, *b])}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def _paired(*frames: pd.DataFrame) -> dict[str, float]:
    """Half widths of the intervals of the changes between two runs that measured the same images one by one."""
    if "mae" not in frames[0] or "mae" not in frames[1]:  # without pairs no picture has a measure of its own
        return {}
    a, b = sorted(frames, key=lambda frame: translation.PICTURE not in frame)  # files of earlier versions have none
    found = translation.difference_with_noise(a, b, translation.resamples(a, seed=0))
    return {key: noise for key, (_, noise) in found.items()}
