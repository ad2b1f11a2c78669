"""What a model has failed at, in words: it loses to a trivial baseline, or it has collapsed.

Such a model is never called best or better, and never becomes champion.
"""

import math

from ganflow.metrics.measures import MEASURES

Row = dict[str, tuple[float, float]]  # of measures: (value, half the width of its 95 % interval)

# Row of each trivial baseline, its name, and the headline measures: a model must beat it by the first that it has.
TRIVIAL = (
    ("ceiling", "a Gaussian on pixels", ("frechet_classifier",)),
    ("constant", "one constant colour", ("mean_iou", "texture", "mae", "texture_of_sets")),
)
COLLAPSED = 0.1  # of the real digits are covered: as many as by perfect drawings of one of the ten digits
_VARIETY = ("coverage", "recall")


def failure(rows: dict[str, Row]) -> str:
    """What the row "model" has failed at, or "". `rows` also holds the trivial baselines, measured on the same images.

    A model that is better than a trivial baseline only within the noise of the two is no better. The words contain no
    comma: they stand in tables whose columns are separated by commas.
    """
    model = rows["model"]
    found = []
    for row, name, headlines in TRIVIAL:
        key = next((key for key in headlines if key in model), None)
        if key is not None and key in rows.get(row, {}):
            measure = MEASURES[key]
            (value, noise), (trivial, trivial_noise) = model[key], rows[row][key]
            gain = (value - trivial) * (1 if measure.better == "up" else -1)
            noise = math.hypot(noise, trivial_noise)
            if not gain > noise:  # also where a value is nan
                found.append(f"{'worse' if gain < -noise else 'no better'} than {name} by {measure.name}")
    if any(model[key][0] < COLLAPSED for key in _VARIETY if key in model):
        found.append("collapsed: draws few of the digits")
    return "; ".join(found)
