"""Record an evaluation's results: in metrics/ (for DVC and the report) and, with its card, as a run in MLflow."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ganflow.config import Params
from ganflow.files import whole_file, write_json
from ganflow.metrics.bootstrap import flat
from ganflow.metrics.comparable import JUDGED, WEIGHTS
from ganflow.metrics.failures import Noisy, Row, failure_of
from ganflow.metrics.in_words import key_numbers
from ganflow.metrics.measures import measures_of
from ganflow.models import saved
from ganflow.tracking import standings
from ganflow.tracking.evaluations import log_evaluation

METRICS = Path("metrics")


def record_results(
    task: str,
    *,
    params: Params,
    judged: Mapping[str, str | int],  # the conditions that decide what it may be compared with
    about: dict[str, Any],  #  further facts: data, epoch
    rows: Mapping[str, Row],  # "model" and its baselines
    more: dict[str, Any],  #   further content of the report
    images: pd.DataFrame,  #   one row per image
) -> None:
    """Write metrics/<task>.json (the model's own measures, flat), headline/, tables/<task>.json and <task>_images.csv.

    headline/<task>.json holds the few that `dvc exp show` and `dvc metrics show` list: the key numbers, what the model
    failed at, and its conditions in one word, which differs where results are not comparable. Noise that is not known,
    of a single picture, is null.
    """
    rows = _nan_as_null(rows)
    about = about | {"failure": failure_of({"rows": rows, **more})}
    own = {measure.key: rows["model"][measure.key] for measure in measures_of(task, rows["model"])}
    write_json(METRICS / f"{task}.json", {JUDGED: judged} | about | flat(own))
    conditions = " ".join(str(value) for _, value in sorted(judged.items()))
    headline = {one.key: rows["model"][one.key][0] for one in key_numbers(task, {"rows": rows, **more})}
    write_json(METRICS / f"headline/{task}.json", headline | {"failure": about["failure"], "judged": conditions})
    table, table_of_images = METRICS / f"tables/{task}.json", METRICS / f"{task}_images.csv"
    weights = saved.weights_digest(Path("models") / task)
    if "diversity" in more:
        more = more | {"diversity": _nan_as_null(more["diversity"])}
    write_json(table, {JUDGED: judged, "about": about, "rows": rows, WEIGHTS: weights, **more})
    with whole_file(table_of_images) as partial:
        images.to_csv(partial, index_label="image")
    log_evaluation(
        task, json.loads(table.read_text(encoding="utf-8")), weights, params, {table_of_images: METRICS.name}
    )


def _nan_as_null(rows: Mapping[str, Row]) -> dict[str, Row]:
    """`rows` with None for noise of nan, which JSON has not. A value of nan stays, and is refused."""

    def written(pair: Noisy) -> Noisy:
        return pair[0], None if pair[1] is None or math.isnan(pair[1]) else pair[1]

    return {name: {key: written(pair) for key, pair in row.items()} for name, row in rows.items()}


def publish(task: str, table: dict[str, Any], params: Params, card: Path, figures: list[Path]) -> None:
    """Complete the evaluation's run by its card and figures, and write anew which runs of the task are best."""
    log_evaluation(
        task,
        table,
        saved.weights_digest(Path("models") / task),
        params,
        {card: "model card", METRICS / f"{task}_images.csv": METRICS.name} | dict.fromkeys(figures, "figures"),
        then=lambda client: standings.publish_standings(client, task),
    )
