"""Which model of a task is champion: the best on the validation split, by more than the noise of its images.

A model that has failed (metrics/failures.py), or whose validation is too small to tell, never is.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ganflow.metrics.bootstrap import FEW, plus_minus, widening
from ganflow.metrics.comparable import Judged, judged, not_comparable
from ganflow.metrics.failures import Row, failure
from ganflow.metrics.intervals import bonferroni

# Validation images that a champion takes: pictures, not tiles of them. Of fewer pairs a resampled interval has to be
# widened (metrics.bootstrap); a Fréchet distance of fewer digits says little.
LEAST_IMAGES = {"frechet_classifier": 100}
LEAST_PAIRS = FEW


@dataclass(frozen=True)
class ValidationScore:
    """A model's measure on the validation split, and on resamples of it.

    The resamples must be the same for every model measured on the same images: differences between two models are then
    paired image by image (or latent by latent), and the noise that they share cancels out.
    """

    measure: str
    higher: bool  # is better
    judged: Judged  # the conditions that decide what it may be compared with (metrics/comparable.py)
    source: str  # of the data: download or generated
    failure: str  # what the model has failed at on them, by metrics.failures.failure, or ""
    values: np.ndarray  # [1 + R]: the measure on all images, then on R resamples

    @classmethod
    def measured(
        cls,
        measure: str,
        higher: bool,
        judged: Judged,
        source: str,
        rows: Mapping[str, Row],
        values: np.ndarray,
        classes: int = 10,
    ) -> Self:
        """`rows`, `classes`: headline measures of the model and of the trivial baselines (metrics.failures.failure)."""
        return cls(measure, higher, judged, source, failure(rows, classes=classes), values)

    @property
    def value(self) -> float:
        return float(self.values[0])

    @property
    def plus_minus(self) -> float:
        """Half the width of the 95 % interval."""
        return plus_minus(self.values[1:]) * widening(self.images)

    @property
    def images(self) -> int:
        """How many there are, whole: the tiles of a picture are not independent, and count as one."""
        return int(self.judged.get("pictures", self.judged["n"]))

    @property
    def unfit(self) -> str:
        """Why the model cannot be champion, or ""."""
        least = LEAST_IMAGES.get(self.measure, LEAST_PAIRS)
        if self.failure:
            return f"it is {self.failure}" if not self.failure.startswith("collapsed") else f"it has {self.failure}"
        if self.images < least:
            return f"{self.images} validation images are too few: a champion takes {least}"
        return "" if self.plus_minus > 1e-9 else "its ± is 0, so nothing is known of its noise"

    def text(self) -> str:
        content = {name: value for name, value in vars(self).items() if name != "values"}
        return json.dumps(content | {"values": self.values.tolist()})


def from_text(text: str) -> ValidationScore:
    """The inverse of `ValidationScore.text`.

    Raises:
        ValueError, TypeError, KeyError: the text is something else.
    """
    content: dict[str, Any] = json.loads(text)
    values = np.array(content.pop("values"))
    return ValidationScore(**content, values=values)


def digest_of(*arrays: np.ndarray) -> str:
    """Hex digest of the arrays' types, shapes and values."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def validated_on(
    task: str,
    images: Sequence[np.ndarray],
    direction: str = "",
    classifier: Sequence[np.ndarray] = (),
    pictures: int = 0,
) -> dict[str, str | int]:
    """The conditions of a value on these validation images, each uint8 [N, S, S, ...].

    `classifier`: its weights. `pictures`: of how many the images are tiles; 0: each is whole.
    """
    return judged(
        task,
        n=len(images[0]),
        size=images[0].shape[1],
        validation_images=digest_of(*images),
        direction=direction,
        pictures=pictures,
        classifier=digest_of(*classifier) if classifier else "",
    )


@dataclass(frozen=True)
class Verdict:
    """Whether the alias moves to the new model, and why, in a sentence."""

    moves: bool
    why: str


def why_not(a: ValidationScore, b: ValidationScore) -> str:
    """Why there is no verdict between the two: "not comparable: judged by another classifier", or ""."""
    if (a.measure, len(a.values)) != (b.measure, len(b.values)):
        return f"not comparable: other measure ({a.measure} and {b.measure})"
    if a.images < 2:
        return "not told apart: a single validation picture shows no noise"
    return not_comparable(a.judged, b.judged)


def difference(newcomer: ValidationScore, champion: ValidationScore, among: int = 2) -> tuple[float, float] | None:
    """(how much better the newcomer is, half the width of its 95 % interval), or None if the two are not comparable.

    A paired bootstrap: the interval of the difference on each resample. It is narrower than the two models' own
    intervals combined, and right because both were measured on the same images.

    `among` k > 2 runs the interval is Bonferroni's for all their k (k - 1) / 2 pairs, which then hold together in 95 %
    of cases: the best of k was chosen by looking at all of them, and would too often be told from others by luck.
    """
    if why_not(newcomer, champion):
        return None
    gain = (newcomer.values - champion.values) * (1 if newcomer.higher else -1)
    return float(gain[0]), plus_minus(gain[1:]) * widening(champion.images) * bonferroni(among * (among - 1) // 2)


def verdict(newcomer: ValidationScore, champion: ValidationScore | None) -> Verdict:
    """The alias moves only to a model that is fit, and better by more than the 95 % interval of the difference.

    The interval covers the choice of validation images, not that of the seed. Both values are from epochs chosen by the
    same measure, so both are a little too good; the test split is not used.

    If two are not comparable (other validation images, another classifier), the champion stays. But a model of real
    data (downloaded, or your own) replaces one of generated data, and is never replaced by one.
    """
    name = f"validation {newcomer.measure.replace('_', ' ')}"
    own = f"{name} {newcomer.value:.4g} ± {newcomer.plus_minus:.2g}"
    if newcomer.unfit:
        return Verdict(False, f"{own}. Cannot be champion: {newcomer.unfit}.")
    if champion is None:
        return Verdict(True, f"{own}. The first champion: there was none.")
    if "generated" in (newcomer.source, champion.source) and newcomer.source != champion.source:
        moves = champion.source == "generated"
        which = "Real data comes before generated" if moves else "Generated data: not compared with a champion of real"
        return Verdict(moves, f"{own}. {which}.")
    found = difference(newcomer, champion)
    if found is None:
        return Verdict(False, f"{own}. The champion stays: the two are {why_not(champion, newcomer)}.")
    gain, noise = found
    against = f"than the champion's {champion.value:.4g} by {abs(gain):.2g} ± {noise:.2g} on the same images"
    if gain > noise:
        return Verdict(True, f"{own}. Better {against}.")
    if gain < -noise:
        return Verdict(False, f"{own}. Worse {against}.")
    return Verdict(False, f"{own}. Within noise of the champion's {champion.value:.4g}: {gain:+.2g} ± {noise:.2g}.")
