"""Two runs on one page (`ganflow compare`): what differed, what changed beyond noise, curves and pictures."""

import base64
import io
import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import matplotlib
import pandas as pd
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganflow.comparison.champion import ValidationScore, difference, why_not
from ganflow.comparison.differences import (
    CODE,
    TRANSLATORS,
    Difference,
    Measured,
    differences_of_runs,
    differing_values,
)
from ganflow.files import project_root
from ganflow.metrics.comparable import IMAGES, not_comparable
from ganflow.metrics.failures import failure_of
from ganflow.metrics.measures import Measure, headlines
from ganflow.metrics.translation import PICTURE
from ganflow.tasks import TASKS
from ganflow.templates import embedded, template

COLOURS = ("#0072B2", "#D55E00")  # of the two runs: Okabe & Ito's, distinguishable with any colour vision
NOT_CURVES = ("system/", "selected/", "best/", "test", "learning_rate")  # "best/" of an older version
WEIGHTS_TAG = "ganflow.weights_sha256"  # of what a training ended with
TAGS = {
    "mlflow.source.git.commit": "commit",
    "git.dirty": "uncommitted changes, parameters among them",
    "git.changed": "other files changed",
    "ganflow.data_source": "data source",
    "ganflow.data_sha256": "sha256 of the data",
    "ganflow.machine": "machine",
}
# The baseline shown beside each number: measured on the same test data, without a model of the task.
BASELINES = {"gan": "floor", "cgan": "floor", **dict.fromkeys(TRANSLATORS, "constant")}
FIGURES = {  # of the render stage, in this order; missing ones are left out
    "pairs": "{} test inputs: input, generated, real",
    "digits": "Generated digits",
    "classes": "Each digit asked for, a latent per row",
    "samples": "Several answers to {} test inputs",
    "best": "The best test images of each: other ones in A than in B",
    "worst": "The worst test images of each: other ones in A than in B",
    "interpolation": "Walks between latents",
}


class Run(Measured, Protocol):
    """A run with everything that the page shows."""

    @property
    def name(self) -> str: ...

    @property
    def run_id(self) -> str: ...

    @property
    def commit(self) -> str:
        """A hexadecimal id, or ""."""
        ...

    @property
    def remake(self) -> str: ...

    @property
    def params(self) -> dict[str, str]: ...

    @property
    def metrics(self) -> dict[str, float]: ...

    @property
    def tags(self) -> dict[str, str]: ...

    @property
    def judged(self) -> dict[str, str]:
        """The conditions of its first evaluation, as text; empty if there is none or it is of an older version."""
        ...

    @property
    def evaluations(self) -> Sequence[Any]:
        """Each with a run_id and a name; the first is the one whose measures are compared."""
        ...

    @property
    def validation_score(self) -> ValidationScore | None:
        """Its score on the validation split; None if it has no validation."""

    @property
    def newest_sample(self) -> bytes | None:
        """The last picture of its training, as PNG."""

    def curve(self, key: str) -> pd.Series: ...

    def file(self, path: str) -> bytes | None: ...


@dataclass(frozen=True)
class Picture:
    """The same picture of both runs, as data addresses."""

    title: str
    a: str
    b: str


def page(a: Run, b: Run) -> str:
    """Self-contained HTML that needs no network, and follows the reader's light or dark setting."""
    failures = _failure(a), _failure(b)
    # What failed on one split is better by no number of the other either.
    measured = [replace(one, failures=failures) for one in _on_validation(a, b) + differences_of_runs(a, b)]
    of_a, of_b = ({name: run.tags.get(tag, "") for tag, name in TAGS.items()} for run in (a, b))
    refused = not_comparable(a.judged, b.judged) if a.table and b.table else ""
    baseline = "" if refused else BASELINES.get(a.task, "")
    unmeasured = [run for run in (a, b) if run.table is None and run.task in TASKS]
    digests = [run.tags.get(WEIGHTS_TAG) for run in (a, b)]
    params = differing_values(a.params, b.params)
    if unmeasured:  # how the other one was judged is no difference of the two
        params = {name: values for name, values in params.items() if not name.startswith("evaluate.")}
    return template("comparison/comparison.html.j2").render(
        task=a.task,
        runs=(a, b),
        colours=COLOURS,
        unmeasured=unmeasured,
        same_model=bool(digests[0]) and digests[0] == digests[1],
        failures=dict(zip("AB", failures, strict=True)),
        headlines=_headlines(a.task, measured),
        params=params,
        origins=differing_values(of_a, of_b),
        same=[name for name, value in of_a.items() if value and value == of_b[name]],
        code=_code_between(a.commit, b.commit),
        code_of=CODE,
        tests=[_tested_on(run, run.table) for run in (a, b) if run.table and run.task in TASKS],
        judged={} if unmeasured else differing_values(a.judged, b.judged),
        why_not=refused,
        baseline=a.table["rows"].get(baseline, {}) if a.table else {},
        baseline_title=TASKS[a.task].baselines[baseline] if baseline else "",
        changes=measured,
        curves=_light_and_dark(lambda: _curves(a, b)),
        images=_light_and_dark(lambda: _image_by_image(a, b)),
        pictures=_pictures(a, b),
    )


def _headlines(task: str, measured: list[Difference]) -> dict[str, Difference]:
    """What to look at first: on test images, for the validation chose the epoch, so its value is too good."""
    by_key = {one.measure.key: one for one in measured}
    found = {word: by_key[measure.key] for word, measure in headlines(task, by_key).items()}
    if not found and measured:
        found[""] = measured[0]
    return found


def _tested_on(run: Measured, table: dict[str, Any]) -> str:
    """`200 test images`, `960 tiles of 40 test images`, `5000 generated digits`."""
    count = table["about"].get("n")
    if run.task not in TRANSLATORS:
        return f"{count} generated digits"
    tiles = f"tiles of {run.test_images[PICTURE].nunique()} " if PICTURE in run.test_images else ""
    return f"{count} {tiles}test images"


def _failure(run: Run) -> str:
    """What its model failed at on test data or, if not there, on validation data, or ""."""
    tested, score = failure_of(run.table) if run.table else "", run.validation_score
    return tested or (score.failure if score else "")


def _code_between(a: str, b: str) -> list[str] | None:
    """Files of the code that differ between two commits; None if a commit is not in this clone."""
    if not a or not b:
        return None
    command = ["git", "diff", "--name-only", "--no-ext-diff", "--end-of-options", a, b, "--", *CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=project_root())
    return done.stdout.split() if done.returncode == 0 else None


def _on_validation(a: Run, b: Run) -> list[Difference]:
    """The measure by which the epoch and the champion are chosen, if both have one."""
    of_a, of_b = a.validation_score, b.validation_score
    if of_a is None or of_b is None or of_a.measure != of_b.measure:
        return []
    _, noise = difference(of_b, of_a) or (0, math.nan)
    name = of_a.measure.replace("_", " ")
    measure = Measure(f"val_{of_a.measure}", f"validation, best epoch: {name}", "up" if of_a.higher else "down", 3)
    reason = why_not(of_a, of_b)
    return [Difference(a.task, measure, of_a.value, of_b.value, noise, not reason, reason)]


def _curves(a: Run, b: Run) -> Figure | None:
    keys = [key for key in a.metrics if key in b.metrics and not key.startswith(NOT_CURVES)]
    series = {key: (a.curve(key), b.curve(key)) for key in sorted(keys, key=lambda key: (key[:4] != "val_", key))}
    if not series:
        return None
    columns = min(3, len(series))
    lines = -(-len(series) // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(4.2 * columns, 2.7 * lines), dpi=110, layout="constrained", squeeze=False
    )
    for axes in panels.flat[len(series) :]:
        axes.remove()
    for axes, (key, both) in zip(panels.flat, series.items(), strict=False):
        for curve, colour, style, name in zip(both, COLOURS, ("-", "--"), "AB", strict=True):
            window = max(1, len(curve) // 25)
            smooth = curve.rolling(window, center=True, min_periods=1).median()
            if window > 1:
                axes.plot(curve.index, curve, color=colour, alpha=0.25, linewidth=0.8)
            marker = "." if len(curve) < 30 else None
            axes.plot(smooth.index, smooth, style, color=colour, linewidth=1.6, label=name, marker=marker)
        axes.set_title(key.replace("_", " "), fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.grid(alpha=0.25)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.legend(fontsize=8, frameon=False)
    return figure


def _image_by_image(a: Run, b: Run) -> Figure | None:
    """Each test image's own measure in both runs: shows whether a change comes from many images or a few."""
    if a.task not in TRANSLATORS or not a.table or not b.table or not_comparable(a.judged, b.judged):
        return None
    frames = a.test_images, b.test_images
    measure, name = ("mean_iou", "mean class IoU ↑") if "mean_iou" in frames[0] else ("mae", "mean absolute error ↓")
    if not all(measure in frame for frame in frames):  # without pairs no image has a measure of its own
        return None
    x, y = (frame[measure].to_numpy(float) for frame in frames)
    figure, axes = plt.subplots(figsize=(4.6, 4.4), dpi=110, layout="constrained")
    middle = float(x.mean())
    axes.axline((middle, middle), slope=1, color="#808080", linewidth=1, linestyle="--")
    axes.scatter(x, y, s=14, color="#009E73", alpha=0.7)
    higher = int((y > x).sum())
    axes.set_title(
        f"{name}: higher in B on {higher} of {len(x)} {'tiles' if PICTURE in frames[0] else 'images'}", fontsize=10
    )
    axes.set_xlabel("A")
    axes.set_ylabel("B")
    axes.set_aspect("equal", "datalim")
    axes.grid(alpha=0.25)
    return figure


def _light_and_dark(draw: Any) -> dict[str, str] | None:
    """A figure drawn for light and for dark pages, as data addresses."""
    found = {}
    for light, style in (("light", "default"), ("dark", "dark_background")):
        with plt.style.context(style):
            figure = draw()
            if figure is None:
                return None
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", transparent=True)
            plt.close(figure)
            found[light] = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return found


def _pictures(a: Run, b: Run) -> list[Picture]:
    wanted = {title: f"figures/{a.task}_{name}.png" for name, title in FIGURES.items()}
    photos_differ = bool(not_comparable(a.judged, b.judged, only=IMAGES))
    both = {title: (a.file(path), b.file(path)) for title, path in wanted.items()}
    both["The last picture of the training"] = (a.newest_sample, b.newest_sample)
    found = []
    for title, (of_a, of_b) in both.items():
        if of_a and of_b:
            pictures = [Image.open(io.BytesIO(png)) for png in (of_a, of_b)]
            # Another size: another number of photos (render.pairs), chosen elsewhere in the test set.
            other = photos_differ or pictures[0].size != pictures[1].size
            title = title.format("other" if other else "the same").capitalize() if "{}" in title else title
            found.append(Picture(title, *map(embedded, pictures)))
    return found
