"""The ranking of an experiment's runs on its page in MLflow: the best, by how much, whether by more than noise.

MLflow's list of runs shows no measure until columns are chosen, and its own comparison has no intervals. But it shows
the description of an experiment above the list (only its first line, until it is opened), and has saved views.
"""

import io
import json
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from ganflow.comparison.differences import Difference, differences_of_runs, differing_values
from ganflow.metrics.measures import BY_TASK, Measure
from ganflow.tasks import TASKS
from ganflow.templates import template
from ganflow.tracking.reading import LoggedRun, list_runs
from ganflow.tracking.registry import champion_run
from ganflow.tracking.store import NOTE, VIEW

SHOWN = 8  # runs
SIGNATURE = "ganflow writes this anew with every report. A description of your own in its place stays."
DIFFERING = 6  # parameters shown of a run
PICTURE = "best_and_next.png"  # artifact of the best run
FIGURES = {"gan": "gan_digits", "cgan": "cgan_classes", "pix2pix": "pix2pix_pairs", "cvae": "cvae_samples"}
WIDTH, HEIGHT = 330, 350  # at most, of each figure in the picture


@dataclass(frozen=True)
class Standing:
    """A run on the same test data as the others, and how far it is behind the best of them."""

    run: LoggedRun
    value: float
    plus_minus: float
    behind: Difference | None  # from the best run to this one; None: it is the best
    parameters: dict[str, tuple[str, str]]  # those that differ: (of this run, of the best)


def publish_standings(client: Any, task: str) -> None:
    """Write the description of the experiment `task`, and the view of its list of runs that shows the same measures."""
    runs = list_runs(client, task)
    measured = [run for run in runs if any(key.startswith("test/") for key in run.metrics)]
    if not measured:
        return
    measure = next(one for one in BY_TASK[task] if f"test/{one.key}" in measured[0].metrics)
    best, *others = _comparable(measured, measure)
    standings = [_standing(run, best, measure) for run in (best, *others)]
    experiment = client.get_experiment_by_name(task)
    _set_view(client, experiment.experiment_id, measure, standings)
    old = experiment.tags.get(NOTE, "")
    if old and SIGNATURE not in old:
        return
    assert best.table is not None
    rows = best.table["rows"]
    text = template("tracking/standings.md.j2").render(
        experiment=experiment.experiment_id,
        measure=measure,
        number=f"{{:.{measure.digits}f}}".format,
        about=best.table["about"],
        standings=standings,
        baselines={
            title: rows[row][measure.key][0]
            for row, title in TASKS[task].baselines.items()
            if measure.key in rows.get(row, {})
        },
        champion=champion_run(client, task),
        unmeasured=len(runs) - len(measured),
        not_shown=len(measured) - len(standings),
        differing=DIFFERING,
        picture=PICTURE if _send_picture(client, task, [one.run for one in standings[:2]]) else None,
        signature=SIGNATURE,
    )
    client.set_experiment_tag(experiment.experiment_id, NOTE, text)


def _comparable(measured: list[LoggedRun], measure: Measure) -> list[LoggedRun]:
    """The best runs in order, of those on the same test data as the newest run."""
    key = f"test/{measure.key}"
    ranked = sorted(
        (run for run in measured if key in run.metrics),
        key=lambda run: run.metrics[key],
        reverse=measure.better == "up",
    )
    assert measured[0].table is not None, "it is logged together with the measures"
    data = measured[0].table["about"]["test_data"]
    return list(islice((run for run in ranked if run.table and run.table["about"]["test_data"] == data), SHOWN))


def _standing(run: LoggedRun, best: LoggedRun, measure: Measure) -> Standing:
    assert run.table is not None
    behind = None if run is best else next(one for one in differences_of_runs(best, run) if one.measure == measure)
    differs = dict(sorted(differing_values(run.params, best.params).items()))
    value, plus_minus = run.table["rows"]["model"][measure.key]
    return Standing(run, value, plus_minus, behind, differs)


def _send_picture(client: Any, task: str, runs: list[LoggedRun]) -> bool:
    """Log the render stage's figures of these runs, side by side, as an artifact of the first. Whether it has one."""
    files = [run.file(f"figures/{FIGURES[task]}.png") for run in runs]
    figures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files if file]
    if not files[0]:
        return False
    for figure in figures:
        figure.thumbnail((WIDTH, 100 * HEIGHT))
    height = min(HEIGHT, max(figure.height for figure in figures))
    sheet = Image.new("RGB", (len(figures) * (WIDTH + 10) - 10, height), "white")
    for place, figure in enumerate(figures):
        sheet.paste(figure, (place * (WIDTH + 10), 0))
    with tempfile.TemporaryDirectory() as folder:
        sheet.save(Path(folder) / PICTURE)
        client.log_artifact(runs[0].run_id, str(Path(folder) / PICTURE))
    return True


def _set_view(client: Any, experiment: str, measure: Measure, standings: list[Standing]) -> None:
    """Save a view of the list of runs, in the format of MLflow's own page (3.17)."""
    key = f"test/{measure.key}"
    others = [one.key for one in BY_TASK[standings[0].run.task] if f"test/{one.key}" in standings[0].run.metrics]
    parameters = dict.fromkeys(name for one in standings for name in one.parameters)
    columns = [f"metrics.`{key}`", f"metrics.`{key}_pm`", *(f"metrics.`test/{name}`" for name in others[1:4])]
    columns += [f"params.`{name}`" for name in list(parameters)[:DIFFERING]]
    state = {
        "selectedColumns": columns,
        "columnOrder": columns,
        "orderByKey": f"metrics.`{key}`",
        "orderByAsc": measure.better != "up",
    }
    now = int(1000 * time.time())
    view = {"name": "Test scores", "createdAt": now, "updatedAt": now, "state": json.dumps(state)}
    client.set_experiment_tag(experiment, VIEW, json.dumps(view))
