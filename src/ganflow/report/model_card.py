"""Model cards (Mitchell et al. 2019, arXiv:1810.03993) as Markdown with the front matter that model hubs read.

What a trained model is, how to use it, what it was trained and measured on, and where it fails: from the run, so that
no card tells of another model than the one beside it. No clock, no run id in it.
"""

from dataclasses import dataclass
from typing import Any

from ganflow.config import dotted
from ganflow.metrics.measures import BY_TASK, Measure
from ganflow.report.templates import template


@dataclass(frozen=True)
class Kind:
    """What is true of a task's model whatever the run."""

    title: str
    hub_task: str  # as hubs call it
    network: str
    data: str  # mnist or maps
    is_: str
    paper: str
    baselines: dict[str, str]  # rows of metrics/tables/<task>.json that stand beside the model, with their titles


_DIGIT_ROWS = {"floor": "other real digits", "copies": "nearest training digits", "ceiling": "Gaussian on pixels"}
_MAP_ROWS = {"nearest": "nearest training pair", "constant": "one constant colour", "input": "the input itself"}
KINDS = {
    "gan": Kind(
        "GAN for handwritten digits",
        "unconditional-image-generation",
        "DigitGenerator",
        "mnist",
        "It turns noise into a grey 28×28 picture of a handwritten digit; which digit is left to the noise.",
        "Radford, Metz and Chintala 2016, arXiv:1511.06434 (DCGAN)",
        _DIGIT_ROWS,
    ),
    "cgan": Kind(
        "class-conditional GAN for handwritten digits",
        "unconditional-image-generation",
        "DigitGenerator",
        "mnist",
        "It turns noise and a digit from 0 to 9 into a grey 28×28 picture of that digit.",
        "Mirza and Osindero 2014, arXiv:1411.1784; Miyato and Koyama 2018, arXiv:1802.05637",
        _DIGIT_ROWS,
    ),
    "pix2pix": Kind(
        "Pix2Pix between aerial photos and maps",
        "image-to-image",
        "UNet",
        "maps",
        "It turns one picture into one other: ",
        "Isola, Zhu, Zhou and Efros 2017, arXiv:1611.07004",
        _MAP_ROWS,
    ),
    "cvae": Kind(
        "conditional VAE between aerial photos and maps",
        "image-to-image",
        "ConditionalVae",
        "maps",
        "It turns one picture into as many different others as are asked for: ",
        "Zhu et al. 2017, arXiv:1711.11586; Sohn, Lee and Yan 2015 (the learned prior)",
        _MAP_ROWS,
    ),
}
_DIRECTIONS = {"aerial2map": "aerial photo → map", "map2aerial": "map → aerial photo"}


def build(
    task: str,
    *,
    model: dict[str, Any],  #     config.json beside the weights
    weights_sha256: str,
    table: dict[str, Any],  #     metrics/tables/<task>.json
    training: dict[str, Any],  #  training.json of the prepared data
    parameters: dict[str, Any],  # the sections this training depends on
) -> str:
    """The card of one model, as text."""
    kind = KINDS[task]
    direction = model.get("direction")
    return template("report/model_card.md.j2").render(
        task=task,
        kind=kind,
        is_=kind.is_ + (f"{_DIRECTIONS[direction]}." if direction else ""),
        to_map=direction == "aerial2map",
        model=model,
        weights_sha256=weights_sha256,
        about=table["about"],
        baselines=[title for row, title in kind.baselines.items() if row in table["rows"]],
        rows=[_row(measure, kind, table["rows"]) for measure in BY_TASK[task] if measure.key in table["rows"]["model"]],
        training=training,
        parameters=dotted(parameters),
        generated="generated" in (model["source"], training["source"], table["about"]["source"]),
    )


def _row(measure: Measure, kind: Kind, rows: dict[str, dict[str, tuple[float, float]]]) -> dict[str, Any]:
    def text(pair: tuple[float, float] | None, noise: bool) -> str:
        if pair is None:
            return "–"
        value, plus_minus = (f"{number:.{measure.digits}f}" for number in pair)
        return f"{value} ± {plus_minus}" if noise else value

    value = rows["model"][measure.key]
    return {
        "key": measure.key,
        "name": f"{measure.name} {measure.arrow}".rstrip(),
        "value": f"{value[0]:.{measure.digits}f}",
        "model": text(value, noise=True),
        "others": [text(rows[row].get(measure.key), noise=False) for row in kind.baselines if row in rows],
    }
