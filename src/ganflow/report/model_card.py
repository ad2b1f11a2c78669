"""Model cards (Mitchell et al. 2019, arXiv:1810.03993) as Markdown with the front matter that model hubs read.

What a trained model is, how to use it, its training and test data, its measures and limits: all from the files of its
run. No time and no run id, so that equal results give equal bytes.
"""

from collections.abc import Mapping
from typing import Any

from ganflow.config import dotted
from ganflow.metrics.failures import Noisy, Row, failure_of
from ganflow.metrics.intervals import in_text
from ganflow.metrics.measures import Measure, measures_of
from ganflow.tasks import TASKS, Task
from ganflow.templates import template


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
    about, own = table["about"], training["source"] == "folder"
    title, description = _of_own(task, kind, about, training) if own else (kind.title, kind.description)
    if not own and kind.data == "maps":
        description += f"{about['input']} → {about['target']}."
    return template("report/model_card.md.j2").render(
        task=task,
        kind=kind,
        title=title,
        description=description,
        to_map=about.get("target") == "map" and not own,
        own=own,
        digit=min(7, len(training.get("classes", range(10))) - 1),
        model=model,
        weights_sha256=weights_sha256,
        about=about,
        failure=failure_of(table),
        baselines=[title for row, title in kind.baselines.items() if row in table["rows"]],
        rows=[_row(measure, kind, table["rows"]) for measure in measures_of(task, table["rows"]["model"])],
        training=training,
        parameters=dotted(parameters),
        generated="generated" in (model["source"], training["source"], about["source"]),
    )


def _of_own(task: str, kind: Task, about: Mapping[str, Any], training: Mapping[str, Any]) -> tuple[str, str]:
    """Title and description of a model of a folder of the user's."""
    if kind.data == "maps":
        translation = f"{about['input']} → {about['target']}"
        return f"{kind.title.split(' between ')[0]}: {translation}", f"{kind.description}{translation}."
    classes = training["classes"]
    asked = " and the number of a class, from 0," if task == "cgan" else ""
    drawn = f"a grey 28×28 picture of {'that class' if asked else 'one of them'}"
    return (
        f"{kind.title.split(' for ')[0]} for the pictures of {training['name']}",
        f"It turns noise{asked} into {drawn}: {', '.join(classes)}.",
    )


def _row(measure: Measure, kind: Task, rows: Mapping[str, Row]) -> dict[str, Any]:
    def text(pair: Noisy | None, noise: bool) -> str:
        if pair is None:
            return "–"
        value = f"{pair[0]:.{measure.digits}f}"
        return f"{value} ± {in_text(pair[1], measure.digits)}" if noise else value

    value = rows["model"][measure.key]
    return {
        "key": measure.key,
        "name": f"{measure.name} {measure.arrow}".rstrip(),
        "value": f"{value[0]:.{measure.digits}f}",
        "model": text(value, noise=True),
        "others": [text(rows[row].get(measure.key), noise=False) for row in kind.baselines if row in rows],
    }
