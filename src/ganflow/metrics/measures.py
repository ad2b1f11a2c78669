"""Every reported measure: its name, which direction is better, and a short description (more in docs/metrics.md)."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Literal

from ganflow.metrics.classes import CLASSES
from ganflow.metrics.hallucination import RARE


@dataclass(frozen=True)
class Measure:
    """A key of the metrics files and how to show it."""

    key: str
    name: str
    better: Literal["up", "down", "none"]  # none: a fact about the model
    digits: int  # after the point
    description: str = ""

    @property
    def arrow(self) -> str:
        return {"up": "↑", "down": "↓", "none": ""}[self.better]

    @property
    def better_in_words(self) -> str:
        return {"up": "higher is better", "down": "lower is better", "none": "neither is better"}[self.better]


INCEPTION = (
    Measure("fid", "FID", "down", 1, "Inception; biased upwards below some thousand images"),
    Measure("kid", "KID", "down", 4, "Inception; unbiased"),
)
DIGITS = (
    Measure("frechet_classifier", "Fréchet distance", "down", 2, "distance of the two sets of classifier features"),
    Measure("kernel_classifier", "kernel distance", "down", 3, "the same, unbiased in the number of samples"),
    Measure("score", "score", "up", 2, "1 to the number of classes: clear digits, all about equally often"),
    Measure(
        "kl_uniform",
        "divergence from even",
        "down",
        4,
        "nats; log of the number of classes if all are of one",
    ),
    Measure("precision", "precision", "up", 3, "share of generated digits that are near real ones"),
    Measure("recall", "recall", "up", 3, "share of real digits that are near generated ones"),
    Measure("density", "density", "up", 3, "precision that counts how many real digits are near; may pass 1"),
    Measure("coverage", "coverage", "up", 3, "share of real digits that have a generated one near"),
    Measure(
        "train_on_samples",
        "train on samples, test on real, %",
        "up",
        2,
        "of a classifier trained on generated digits",
    ),
    Measure(
        "copied",
        "copies of training digits",
        "down",
        4,
        "less than half as far from a training as from a test digit",
    ),
    *INCEPTION,
)
CONDITIONAL = (
    Measure(
        "class_accuracy",
        "read as the digit asked for",
        "up",
        4,
        "the classifier makes errors itself: see the lower bound",
    ),
    Measure("frechet_by_class", "Fréchet distance, mean over classes", "down", 2, "quality and variety of each class"),
)
TRANSLATION_CLASSES = (
    Measure("mean_iou", "mean class IoU", "up", 3, "over the classes present in the real maps"),
    *(Measure(f"iou/{name}", f"{name}: IoU", "up", 3) for name in CLASSES),
    Measure("road_boundary_f", "road edges within 2 px, F", "up", 3, "whether streets are where they are"),
    Measure("street_completeness", "streets found", "up", 3, "share of the real streets' length drawn within 3 px"),
    Measure("street_correctness", "streets that exist", "up", 3, "share of the drawn length within 3 px of a real one"),
    Measure("street_quality", "streets: quality", "up", 3, "both in one, by length: 0 to 1"),
    Measure("hallucinated_images", "tiles with hallucinations", "down", 3, "motorway, park or water where none is"),
    Measure("hallucinated_pixels", "hallucinated pixels", "down", 4, "share of the pixels of the same tiles"),
)
TRANSLATION_PIXELS = (
    Measure("mae", "mean absolute error", "down", 2, "0 to 255; rewards blur"),
    Measure("rmse", "RMSE per channel", "down", 2, "0 to 255; rewards blur"),
    Measure("psnr", "PSNR, dB", "up", 2, "RMSE on another scale"),
    Measure("ssim", "SSIM", "up", 3, "local structure; a smooth guess does well on flat maps"),
    Measure("ms_ssim", "MS-SSIM", "up", 3, "the same on five scales"),
    Measure("gcgan_rmse", "GcGAN RMSE", "down", 2, "channels summed: √3 times RMSE, averaged over images"),
    Measure("gcgan_acc5", "GcGAN accuracy δ < 5, %", "up", 1, "pixels nearly exact in every channel"),
    Measure("gcgan_acc10", "GcGAN accuracy δ < 10, %", "up", 1, "the same, less strictly"),
)
TRANSLATION_PERCEPTUAL = (
    *INCEPTION,
    Measure("lpips", "LPIPS", "down", 3, "AlexNet, image by image"),
)
SAMPLES = (
    Measure("diversity", "difference of two samples", "none", 2, "0 to 255; 0: the latent is ignored"),
    Measure("kl", "KL of the posterior", "none", 2, "nats; 0: the posterior has collapsed onto the prior"),
    Measure("used_dimensions", "latent dimensions in use", "none", 0, "above 0.05 nats; the others have collapsed"),
)
PER_CLASS = tuple(
    Measure(f"{share}/{name}", f"{name}: {share}", "up", 3) for name in CLASSES for share in ("precision", "recall")
) + tuple(
    Measure(f"hallucinated_{of}/{name}", f"{name}: hallucinated {of}", "down", digits)
    for name in RARE
    for of, digits in (("images", 3), ("pixels", 4))
)
UNPAIRED = (
    Measure("texture_of_sets", "distance of the sets' texture", "down", 3, "of all generated to all real; no pairs"),
)
TRANSLATION = TRANSLATION_CLASSES + TRANSLATION_PIXELS + TRANSLATION_PERCEPTUAL
BY_TASK = {
    "gan": DIGITS,
    "cgan": CONDITIONAL + DIGITS,
    "pix2pix": TRANSLATION,
    "cvae": TRANSLATION + SAMPLES,
    "cyclegan": TRANSLATION + UNPAIRED,
}
VALIDATION = (
    Measure("texture", "distance of the texture", "down", 3, "of pictures without classes; blur has a large one"),
)
MEASURES = {m.key: m for measures in (*BY_TASK.values(), PER_CLASS, VALIDATION) for m in measures}
# Digits have two: right (are they digits?) and varied (are all real ones there?). One alone is easily had.
_HEADLINES = {
    "gan": {"right": ("precision",), "varied": ("coverage",)},
    "cgan": {"right": ("class_accuracy",), "varied": ("coverage",)},
    "pix2pix": {"": ("mean_iou", "mae")},
    "cvae": {"": ("mean_iou", "mae")},
    "cyclegan": {"": ("mean_iou", "mae", "texture_of_sets")},
}


def headlines(task: str, row: Container[str]) -> dict[str, Measure]:
    """The measures to look at first, of those in `row`, by what they say in a word (for digits: right, varied)."""
    found = {word: next((key for key in keys if key in row), None) for word, keys in _HEADLINES.get(task, {}).items()}
    return {word: MEASURES[key] for word, key in found.items() if key is not None}


def measures_of(task: str, keys: Iterable[str]) -> tuple[Measure, ...]:
    """The measures of a task that `keys` name, those of classes that only these results have (labels') among them.

    The classifier, which is no model of the report, has none.
    """
    keys = list(keys)
    found = [measure for measure in BY_TASK.get(task, ()) if measure.key in keys]
    known = {measure.key for measure in found} | {measure.key for measure in PER_CLASS}
    others = [key for key in keys if key.split("/")[0] in ("iou", "precision", "recall") and key not in known]
    own = [Measure(key, f"{key.partition('/')[2]}: {_SHARES[key.split('/')[0]]}", "up", 3) for key in others]
    place = 1 if found and found[0].key == "mean_iou" else 0
    return (*found[:place], *own, *found[place:])


_SHARES = {"iou": "IoU", "precision": "precision", "recall": "recall"}
