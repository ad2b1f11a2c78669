"""Model cards (Mitchell et al. 2019, arXiv:1810.03993) as Markdown with the front matter that model hubs read.

What a trained model is, how to use it, its training and test data, its measures and limits: all from the files of its
run. No time and no run id, so that equal results give equal bytes.
"""

from typing import Any

from ganflow.config import dotted
from ganflow.metrics.failures import failure
from ganflow.metrics.measures import BY_TASK, Measure
from ganflow.tasks import TASKS, Task
from ganflow.templates import template

_DIRECTIONS = {"aerial2map": "aerial photo → map", "map2aerial": "map → aerial photo"}


def build_card(
    task: str,
    *,
    model: dict[str, Any],  #     config.json beside the weights
    weights_sha256: str,
    table: dict[str, Any],  #     metrics/tables/<task>.json
    training: dict[str, Any],  #  training.json of the prepared data
    parameters: dict[str, Any],  # the sections this training depends on
) -> str:
    """The card of one model, as text."""
    kind = TASKS[task]
    direction = model.get("direction")
    return template("report/model_card.md.j2").render(
        task=task,
        kind=kind,
        description=kind.description + (f"{_DIRECTIONS[direction]}." if direction else ""),
        to_map=direction == "aerial2map",
        model=model,
        weights_sha256=weights_sha256,
        about=table["about"],
        failure=failure(table["rows"]),
        baselines=[title for row, title in kind.baselines.items() if row in table["rows"]],
        rows=[_row(measure, kind, table["rows"]) for measure in BY_TASK[task] if measure.key in table["rows"]["model"]],
        training=training,
        parameters=dotted(parameters),
        generated="generated" in (model["source"], training["source"], table["about"]["source"]),
    )


def _row(measure: Measure, kind: Task, rows: dict[str, dict[str, tuple[float, float]]]) -> dict[str, Any]:
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
