"""Evaluations in MLflow: each is a run of its own, nested below the run of the training whose model it measured.

The same training measured on other test images, by another checkpoint rule or with other evaluation parameters has
another evaluation beside the first: no number is overwritten. An evaluation is found by the digest of its table, so
logging one again changes nothing but completes it, if it was cut off half-way. Until then nobody reads it.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ganflow.config import Params, dotted
from ganflow.metrics.comparable import JUDGED
from ganflow.metrics.in_words import how_good, how_it_fails, key_numbers
from ganflow.metrics.intervals import in_text
from ganflow.metrics.measures import BY_TASK, MEASURES, headlines, measures_of
from ganflow.tasks import TASKS
from ganflow.templates import markdown
from ganflow.tracking import store
from ganflow.tracking.background import Writer
from ganflow.tracking.lineage import lineage
from ganflow.tracking.reading import (
    CONDITION,
    FAILURE_TAG,
    LOGGED_TAG,
    PARENT_TAG,
    PICTURE,
    SELECTED,
    TABLE_TAG,
    artifact,
)
from ganflow.tracking.run import DRAIN_SECONDS, WEIGHTS_TAG, time_limit

MEASURES_FILE = "measures.json"  # artifact, which MLflow's pages show as a table: all measures and their baselines
VERDICT = "**On test images**: "  # begins the first paragraph of a description
_DIGITS, _TRANSLATION = ("checkpoint", "digits", "perceptual", "repeats"), ("checkpoint", "perceptual")
EVALUATED_WITH = {  # parameters of the section "evaluate" that change a task's results
    "gan": _DIGITS,
    "cgan": _DIGITS,
    "pix2pix": _TRANSLATION,
    "cvae": (*_TRANSLATION, "samples", "sampled_pairs"),
    "cyclegan": _TRANSLATION,
}


def log_evaluation(
    task: str,
    table: dict[str, Any],  #      content of metrics/tables/<task>.json
    weights_digest: str,  #        of the model (saved.weights_digest)
    params: Params,  #             the model's own are logged too, for an evaluation whose training is not in the store
    files: Mapping[Path, str],  #  further artifacts, each with its folder; those that do not exist are left out
    then: Callable[[Any], None] | None = None,  # is called with the store's client afterwards
) -> None:
    """Log an evaluation, or complete it. Raises nothing: a store that does not answer is one line on stderr."""
    writer = Writer("MLflow tracking")

    def log() -> None:
        client = store.client()
        _log(client, task, table, weights_digest, _params(task, params), files)
        if then:
            then(client)

    limit = time_limit(DRAIN_SECONDS)
    writer.wait_for(log, limit)
    writer.close(lambda: None, limit)


def _log(
    client: Any, task: str, table: dict[str, Any], weights: str, params: dict[str, str], files: Mapping[Path, str]
) -> None:
    text = json.dumps(table, indent=2, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    experiment = store.experiment(client, task)
    of_weights = client.search_runs([experiment], f"tags.`{WEIGHTS_TAG}` = '{weights}'", max_results=1000)
    training = next((run for run in of_weights if TABLE_TAG not in run.data.tags), None)
    run = next((run for run in of_weights if run.data.tags.get(TABLE_TAG) == digest), None)
    if run is None:
        conditions = {f"{CONDITION}{name}": str(value) for name, value in table[JUDGED].items()}
        tags = lineage(task).tags() | conditions | {WEIGHTS_TAG: weights, TABLE_TAG: digest}
        if failed := table.get("about", {}).get("failure"):
            tags[FAILURE_TAG] = failed
        run = client.create_run(experiment, tags=tags, run_name=_name(table[JUDGED]))
    run_id = run.info.run_id
    try:
        if training is not None:
            client.set_tag(run_id, PARENT_TAG, training.info.run_id)
        metrics = _numbers(task, table)
        if training is not None:  # as it was trained; what it was measured with is the evaluation's own
            own = {name: value for name, value in params.items() if name.startswith("evaluate.")}
            params = training.data.params | own
            # So that one line of MLflow's list has what the runs are ranked by, too.
            metrics |= {key: value for key, value in training.data.metrics.items() if key.startswith(SELECTED)}
        _log_numbers(client, run, params, metrics)
        client.log_text(run_id, text, f"metrics/{task}.json")
        if artifact(client, run_id, MEASURES_FILE) is None:  # log_table would add the same rows again
            client.log_table(run_id, _all_measures(task, table), MEASURES_FILE)
        if words := _in_words(task, table):
            client.set_tag(run_id, store.NOTE, words)
            if training is not None:
                client.set_tag(training.info.run_id, store.NOTE, _with_verdict(training, words))
        for path, folder in files.items():
            if path.exists():
                client.log_artifact(run_id, str(path), folder)
        client.set_tag(run_id, LOGGED_TAG, str(int(1000 * time.time())))
        client.set_terminated(run_id, "FINISHED")  # the last thing: now it is complete
    except Exception:
        if run.info.status != "FINISHED":  # it was complete before: only more files were to come
            with contextlib.suppress(Exception):
                client.set_terminated(run_id, "FAILED")
        raise


def _params(task: str, params: Params) -> dict[str, str]:
    included = {"seed": True, task: True, "evaluate": set(EVALUATED_WITH.get(task, ()))}
    return {name: str(value) for name, value in dotted(params.model_dump(include=included)).items()}


def _name(judged: Mapping[str, str | int]) -> str:
    """`test: best, n=200, c6047a`: the little that MLflow's column shows."""
    parts = [judged.get("checkpoint"), f"n={judged['n']}", str(judged["test_images"])[:6]]
    return f"test: {', '.join(str(part) for part in parts if part)}"


def _numbers(task: str, table: dict[str, Any]) -> dict[str, float]:
    """The few numbers by which runs are ranked and read. A chart for each measure and baseline would bury them."""
    model = table["rows"]["model"]
    keys = list(model)
    if task in BY_TASK:
        shown = [*headlines(task, model).values(), *(MEASURES[one.key] for one in key_numbers(task, table))]
        keys = list(dict.fromkeys(measure.key for measure in shown))
    return {f"test/{key}": model[key][0] for key in keys}


def _all_measures(task: str, table: dict[str, Any]) -> dict[str, list[str]]:
    """Columns: the measure, which direction is better, the model's value, its interval, and each baseline's value."""
    rows = table["rows"]
    if task not in BY_TASK:
        measured = [(key, "", 4, pair) for key, pair in rows["model"].items()]
    else:
        found = measures_of(task, rows["model"])
        measured = [(one.name, one.better_in_words, one.digits, rows["model"][one.key]) for one in found]
    columns = {
        "measure": [name for name, *_ in measured],
        "better": [better for _, better, *_ in measured],
        "this model": [f"{value:.{digits}f}" for *_, digits, (value, _) in measured],
        "± (95 %)": [in_text(noise, digits) for *_, digits, (_, noise) in measured],
    }
    titles = TASKS[task].baselines if task in TASKS else {}
    for row, title in titles.items():
        if row in rows:
            pairs = [rows[row].get(one.key) for one in measures_of(task, rows["model"])]
            columns[title] = [
                f"{pair[0]:.{digits}f}" if pair else "–"
                for pair, (_, _, digits, _) in zip(pairs, measured, strict=True)
            ]
    return columns


def _in_words(task: str, table: dict[str, Any]) -> str:
    """Markdown for the run's page: the verdict, the key numbers with their baselines, where the others are."""
    if task not in BY_TASK:
        return ""
    numbers = [
        f"- **{one.value}** ± {one.noise} {one.words}"
        + (f" ({', '.join(f'{name}: {value}' for name, value in one.beside)})" if one.beside else "")
        for one in key_numbers(task, table)
    ]
    verdict = f"{VERDICT}{markdown(how_good(task, table))} {markdown(how_it_fails(task, table))}"
    return "\n\n".join([verdict, "\n".join(numbers), f"All measures and baselines: Artifacts, `{MEASURES_FILE}`"])


def _with_verdict(training: Any, words: str) -> str:
    """The training's description with the verdict of its newest evaluation first, then its newest picture."""
    old = training.data.tags.get(store.NOTE, "").split("\n\n")
    if old[0].startswith(VERDICT):
        old = old[1:]
    pictures = [part for part in old if part.startswith("![") and PICTURE in part]
    others = [part for part in old if part not in pictures]
    return "\n\n".join([words.partition("\n\n")[0], *pictures, *others])


def _log_numbers(client: Any, run: Any, params: dict[str, str], metrics: dict[str, float]) -> None:
    """Log what the run does not have yet: MLflow refuses another value of a parameter, and repeats a metric."""
    from mlflow.entities import Metric, Param

    now = int(1000 * time.time())
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(key, value, now, 0) for key, value in metrics.items() if key not in run.data.metrics],
        params=[Param(name, value) for name, value in params.items() if name not in run.data.params],
    )
