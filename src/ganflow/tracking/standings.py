"""The ranking of an experiment's runs on its page in MLflow: the best, by how much, whether by more than noise.

Runs are ranked by the validation value by which their epochs were chosen, so that their test values, which stand
beside it, remain those of runs that were not chosen by them. A run that has failed is never the best.

MLflow's list of runs shows no measure until columns are chosen, and its own comparison has no intervals. But it shows
the description of an experiment above the list (only its first line, until it is opened), and has saved views.
"""

import io
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ganflow.comparison.champion import ValidationScore, difference, why_not
from ganflow.comparison.differences import differing_values
from ganflow.metrics.comparable import not_comparable
from ganflow.metrics.failures import Row, failure_of
from ganflow.metrics.intervals import in_text
from ganflow.metrics.measures import MEASURES, Measure, headlines
from ganflow.tasks import TASKS
from ganflow.templates import template
from ganflow.tracking.reading import FAILURE_TAG, SELECTED, LoggedRun, list_runs
from ganflow.tracking.registry import champion_run
from ganflow.tracking.store import NOTE, VIEW
from ganflow.tracking.ui import KIND

SHOWN = 8  # runs
SIGNATURE = "ganflow writes this anew with every report. A description of your own in its place stays."
DIFFERING = 6  # parameters shown of a run
PICTURE = "best_and_next.png"  # artifact of the best run
FIGURES = {
    "gan": "gan_digits",
    "cgan": "cgan_classes",
    "pix2pix": "pix2pix_pairs",
    "cvae": "cvae_samples",
    "cyclegan": "cyclegan_there",
}
WIDTH, HEIGHT = 330, 350  # at most, of each figure in the picture


@dataclass(frozen=True)
class Standing:
    """A run that is comparable with the others, and how far it is behind the best of them."""

    run: LoggedRun
    score: ValidationScore
    rows: dict[str, Row]  # of its table: the model and its baselines on test data
    failure: str  # on test data or, if not there, on validation data; or ""
    behind: tuple[float, float] | None  # how much the best is better, with its interval; None: it is the best
    parameters: dict[str, tuple[str, str]]  # those that differ: (of this run, of the best)

    @property
    def verdict(self) -> str:
        """Whether the best run is better by more than noise, in words."""
        assert self.behind is not None
        gain, noise = self.behind
        return "more than noise" if gain > noise else "within noise"


def publish_standings(client: Any, task: str) -> None:
    """Write the description of the experiment `task`, and the view of its list of runs that shows the same measures."""
    runs = list_runs(client, task)
    measured = [run for run in runs if any(key.startswith("test/") for key in run.metrics)]
    # One of an older version was logged piece by piece, so it may lack its table.
    measured = [run for run in measured if run.evaluations or run.table]
    measured.sort(key=lambda run: (run.evaluations or (run,))[0].started, reverse=True)
    comparable, refused = _comparable(measured)
    standings = _standings(comparable)
    if not standings:
        return
    best, shown = standings[0], standings[:SHOWN]
    chosen_by = MEASURES[best.score.measure]
    # The same measure on test data first, to be set beside the validation's.
    tested = {"": chosen_by} | {
        word: measure for word, measure in headlines(task, best.rows["model"]).items() if measure != chosen_by
    }
    experiment = client.get_experiment_by_name(task)
    _set_view(client, experiment.experiment_id, chosen_by, list(tested.values()), shown)
    old = experiment.tags.get(NOTE, "")
    if old and SIGNATURE not in old:
        return
    assert best.run.table is not None
    text = template("tracking/standings.md.j2").render(
        experiment=experiment.experiment_id,
        kind=KIND,
        measure=chosen_by,
        tested=tested,
        number=lambda measure, value: in_text(value, measure.digits).replace("-", "−"),
        about=best.run.table["about"],
        standings=shown,
        ranked=len(standings),
        baselines={title: best.rows[row] for row, title in TASKS[task].baselines.items() if row in best.rows},
        champion=champion_run(client, task),
        unmeasured=len(runs) - len(measured),
        not_shown=len(standings) - len(shown),
        refused=refused,
        judged=", ".join(f"{name} {value}" for name, value in sorted(best.run.judged.items())),
        differing=DIFFERING,
        picture=PICTURE,
        pictured=_send_picture(client, task, [one.run for one in standings[:2]]),
        signature=SIGNATURE,
    )
    client.set_experiment_tag(experiment.experiment_id, NOTE, text)


def _comparable(measured: list[LoggedRun]) -> tuple[list[tuple[LoggedRun, ValidationScore]], Counter[str]]:
    """The runs that were judged as the newest was, on test and on validation images, and how many others why not."""
    found: list[tuple[LoggedRun, ValidationScore]] = []
    refused: Counter[str] = Counter()
    for run in measured:
        alike = run if run is measured[0] else run.judged_as(measured[0].judged)
        if alike is None:
            refused[not_comparable(measured[0].judged, run.judged)] += 1
        elif (score := alike.validation_score) is None:
            refused["not comparable: without a value on validation images"] += 1
        elif reason := why_not(found[0][1], score) if found else "":
            refused[reason] += 1
        else:
            found.append((alike, score))
    return found, refused


def _standings(comparable: list[tuple[LoggedRun, ValidationScore]]) -> list[Standing]:
    """The best first, failed ones last."""
    judged = []
    for run, score in comparable:
        assert run.table is not None, "comparable runs have one"
        rows = run.table["rows"]
        judged.append((run, score, rows, failure_of(run.table) or score.failure))
    judged.sort(key=lambda one: (bool(one[3]), -one[1].value if one[1].higher else one[1].value))
    found = []
    for place, (run, score, rows, failed) in enumerate(judged):
        best_run, best_score, *_ = judged[0]
        behind = difference(best_score, score, among=len(judged)) if place else None
        differs = dict(sorted(differing_values(run.params, best_run.params).items()))
        found.append(Standing(run, score, rows, failed, behind, differs))
    return found


def _send_picture(client: Any, task: str, runs: list[LoggedRun]) -> int:
    """Log the render stage's figures of these runs, side by side, as an artifact of the first. Of how many."""
    files = [run.file(f"figures/{FIGURES[task]}.png") for run in runs]
    if not files[0]:
        return 0
    figures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files if file]
    for figure in figures:
        figure.thumbnail((WIDTH, 100 * HEIGHT))
    height = min(HEIGHT, max(figure.height for figure in figures))
    sheet = Image.new("RGB", (len(figures) * (WIDTH + 10) - 10, height), "white")
    for place, figure in enumerate(figures):
        sheet.paste(figure, (place * (WIDTH + 10), 0))
    with tempfile.TemporaryDirectory() as folder:
        sheet.save(Path(folder) / PICTURE)
        client.log_artifact(runs[0].run_id, str(Path(folder) / PICTURE))
    return len(figures)


def _set_view(
    client: Any, experiment: str, chosen_by: Measure, tested: list[Measure], standings: list[Standing]
) -> None:
    """Save a view of the list of runs, in the format of MLflow's own page (3.17)."""
    key = f"{SELECTED}val_{chosen_by.key}"
    parameters = dict.fromkeys(name for one in standings for name in one.parameters)
    columns = [f"metrics.`{name}`" for name in (key, f"{key}_pm", *(f"test/{one.key}" for one in tested))]
    columns.append(f"tags.`{FAILURE_TAG}`")
    columns += [f"params.`{name}`" for name in list(parameters)[:DIFFERING]]
    state = {
        "selectedColumns": columns,
        "columnOrder": columns,
        "orderByKey": f"metrics.`{key}`",
        "orderByAsc": chosen_by.better != "up",
    }
    now = int(1000 * time.time())
    view = {"name": "Test scores", "createdAt": now, "updatedAt": now, "state": json.dumps(state)}
    client.set_experiment_tag(experiment, VIEW, json.dumps(view))
