"""What makes two results comparable: the conditions they were measured under. Whatever compares results asks here.

A verdict ("better", "worse", "within noise") is given only between results of equal conditions. Other results are shown
side by side, with the reason why there is none.
"""

from collections.abc import Collection, Mapping

JUDGED = "judged"  # the key of the conditions in metrics/*.json and metrics/tables/*.json
WEIGHTS = "weights"  # the key of the model's digest in metrics/tables/*.json
Judged = Mapping[str, str | int]

_REASONS = {
    "task": "other task ({} and {})",
    "direction": "other direction ({} and {})",
    "classifier": "judged by another classifier",
    "test_images": "other test images",
    "validation_images": "other validation images",
    "size": "other size ({} and {} pixels)",
    "n": "other number of images ({} and {})",
    "pictures": "other number of pictures ({} and {})",
    "checkpoint": "other checkpoint rule ({} and {})",
}
IMAGES = ("direction", "test_images", "size", "n")  # if these are equal, two translators saw the same photos
DIGITS = 12  # hexadecimal, of a digest


def judged(
    task: str,
    *,
    n: int,  #                    generated digits, or translated images
    size: int,  #                 side of an image in pixels
    test_images: str = "",  #     sha256
    validation_images: str = "",  # sha256, of a value on the validation split
    direction: str = "",  #       of a translator
    pictures: int = 0,  #         of which the images are tiles, of a value on the validation split
    checkpoint: str = "",  #      best or last, of a value on the test split
    classifier: str = "",  #      sha256 of the weights through which digits are judged
    parameters: Mapping[str, int] | None = None,  # of the evaluation, by their name in params.yaml
) -> dict[str, str | int]:
    """The conditions of a result, without those that it does not have. Digests are cut to 12 digits."""
    digests = {"test_images": test_images, "validation_images": validation_images, "classifier": classifier}
    conditions = {"task": task, "direction": direction, "checkpoint": checkpoint, "n": n, "size": size}
    conditions["pictures"] = pictures
    conditions |= {name: digest[:DIGITS] for name, digest in digests.items()}
    return {name: value for name, value in conditions.items() if value} | dict(parameters or {})


def not_comparable(a: Judged | None, b: Judged | None, only: Collection[str] = ()) -> str:
    """Why there is no verdict between results of these conditions: "not comparable: other direction (...)", or "".

    `only`: look at these conditions and at no others. A result without conditions is one of an older version.
    """
    if not a or not b:
        return "not comparable: measured by an older version"
    names = [name for name in dict.fromkeys([*_REASONS, *a, *b]) if not only or name in only]
    # As text: from MLflow's tags every value comes back as one.
    differing = [name for name in names if str(a.get(name, "")) != str(b.get(name, ""))]
    reasons = [
        _REASONS.get(name, f"other evaluation parameter {name} ({{}} and {{}})").format(
            a.get(name, "none"), b.get(name, "none")
        )
        for name in differing
    ]
    return f"not comparable: {', '.join(reasons)}" if reasons else ""
