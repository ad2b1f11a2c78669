"""Pairs that can be used but look wrong: blank, equal, exchanged, or shifted against each other."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ganflow.data.pictures import StoredPicture

SIDE = 64  # pixels, of the small pictures that are compared
# A pair is called shifted if its edges agree clearly better elsewhere: correlation there, and how much above that at 0.
_AGREES, _BETTER, _FAR = 0.35, 0.2, 2


@dataclass(frozen=True)
class Look:
    """What is kept of a picture after it was read."""

    channels: int
    dtype: str
    size: tuple[int, int]  #         width and height
    smallest: float
    largest: float
    stated: tuple[float, float] | None  # the range, where the file's tags say it
    notes: tuple[str, ...]
    small: np.ndarray  #             float32 [SIDE, SIDE], grey, 0 to 1
    no_data: float  #                share of the pixels, which are not in smallest and largest
    whole: bool  #                   whether all values are whole numbers
    equal: float  #                  share of the pixels that are exactly like the one below

    @classmethod
    def at(cls, picture: StoredPicture) -> "Look":
        pixels = picture.pixels
        span = picture.high - picture.low
        grey = (pixels.mean(2, dtype=np.float32) - picture.low) / span
        small = np.asarray(Image.fromarray(grey).resize((SIDE, SIDE), Image.Resampling.BOX))
        present = picture.present
        return cls(
            picture.channels,
            pixels.dtype.name,
            picture.size,
            float(present.min()),
            float(present.max()),
            picture.stated,
            picture.notes,
            small,
            picture.share_without_data,
            whole=picture.is_whole,
            equal=float((pixels[1:] == pixels[:-1]).all(2).mean()) if len(pixels) > 1 else 0.0,
        )


def suspicions(looks: dict[str, tuple[Look, Look]], labels: list[bool]) -> dict[str, str]:
    """By name, what looks wrong with a pair. `labels`: whether the sides are labels, of which one may be blank."""
    found: dict[str, str] = {}
    exchanged = _exchanged(looks)
    for name, (a, b) in looks.items():
        blank = [
            side for side, look, is_labels in zip("AB", (a, b), labels, strict=True) if not is_labels and _blank(look)
        ]
        if blank:
            found[name] = f"{' and '.join(blank)} {'is' if len(blank) == 1 else 'are'} blank"
        elif np.array_equal(a.small, b.small):
            found[name] = "A and B are the same picture"
        elif name in exchanged:
            found[name] = "A looks like the other Bs, and B like the As: exchanged?"
        elif shift := _shift(a, b):
            found[name] = f"B seems shifted by {shift[0]:+d}, {shift[1]:+d} px (right, down) against A"
    return found


def _blank(look: Look) -> bool:
    return look.smallest == look.largest


def _exchanged(looks: dict[str, tuple[Look, Look]]) -> set[str]:
    """Pairs whose A has the brightness and contrast of the Bs, and the other way round."""
    if len(looks) < 5:
        return set()
    traits = np.array([[_traits(look) for look in pair] for pair in looks.values()])  # [N, 2, traits]
    spread = traits.std((0, 1)) + 1e-6
    usual = np.median(traits, axis=0) / spread
    traits = traits / spread
    kept = np.linalg.norm(traits - usual, axis=2).sum(1)
    swapped = np.linalg.norm(traits[:, ::-1] - usual, axis=2).sum(1)
    # Where the two sides look alike, nothing can be told.
    apart = np.linalg.norm(usual[0] - usual[1])
    return {name for name, a, b in zip(looks, kept, swapped, strict=True) if apart > 1 and b < 0.5 * a}


def _traits(look: Look) -> list[float]:
    steps = np.abs(np.diff(look.small, axis=0))
    return [float(look.small.mean()), float(look.small.std()), float((steps < 0.01).mean()), float(look.channels)]


def _shift(a: Look, b: Look) -> tuple[int, int] | None:
    """How far B's edges lie to the right of A's and below them, in pixels of the pictures; None if it is not clear."""
    edges = [_edges(look.small) for look in (a, b)]
    if min(np.abs(edge).max() for edge in edges) == 0:
        return None
    spectra = [np.fft.rfft2(edge / np.linalg.norm(edge)) for edge in edges]
    agreement = np.fft.irfft2(spectra[1] * spectra[0].conj(), s=(SIDE, SIDE))
    down, across = np.unravel_index(agreement.argmax(), agreement.shape)
    down, across = (int(step) - SIDE * (step > SIDE // 2) for step in (down, across))
    best = agreement.max()
    near = max(agreement[y, x] for y in (-1, 0, 1) for x in (-1, 0, 1))
    if best < _AGREES or best - near < _BETTER or max(abs(down), abs(across)) < _FAR:
        return None
    return round(across * a.size[0] / SIDE), round(down * a.size[1] / SIDE)


def _edges(small: np.ndarray) -> np.ndarray:
    """Strength of the edges, its mean taken away; the border, where circular shifts wrap, fades out."""
    strength = np.hypot(*np.gradient(small))
    window = np.hanning(SIDE + 2)[1:-1]
    strength = (strength - strength.mean()) * np.outer(window, window)
    return strength - strength.mean()
