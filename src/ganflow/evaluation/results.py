"""Record an evaluation's results: in metrics/ (for DVC and the report) and on the run in MLflow."""

from pathlib import Path
from typing import Any

import pandas as pd

from ganflow.files import whole_file, write_json
from ganflow.metrics.bootstrap import flat
from ganflow.metrics.failures import failure
from ganflow.metrics.measures import BY_TASK
from ganflow.models import saved
from ganflow.tracking.run import continue_run

METRICS = Path("metrics")


def record_results(
    task: str,
    *,
    about: dict[str, Any],  #  the conditions of the numbers: data, checkpoint, n
    rows: dict[str, dict[str, tuple[float, float]]],  # "model" and its baselines: measures as (value, plus-minus)
    more: dict[str, Any],  #   further content of the report
    images: pd.DataFrame,  #   one row per image
) -> None:
    """Write metrics/<task>.json (the model's own measures, flat), tables/<task>.json (all) and <task>_images.csv."""
    about = about | {"failure": failure(rows)}
    own = {measure.key: rows["model"][measure.key] for measure in BY_TASK[task] if measure.key in rows["model"]}
    write_json(METRICS / f"{task}.json", about | flat(own))
    write_json(METRICS / f"tables/{task}.json", {"about": about, "rows": rows, **more})
    with whole_file(METRICS / f"{task}_images.csv") as partial:
        images.to_csv(partial, index_label="image")

    tracker = continue_run(task, saved.weights_digest(Path("models") / task))
    tracker.results({f"test/{key}": value for key, value in flat(rows["model"]).items()})
    for name, row in rows.items():
        if name != "model":  # this name sorts after the model's own on MLflow's page
            tracker.results({f"test baseline {name}/{key}": value for key, (value, _) in row.items()})
    for path in (METRICS / f"tables/{task}.json", METRICS / f"{task}_images.csv"):
        tracker.file(path, "metrics")
    tracker.finish("FINISHED")
