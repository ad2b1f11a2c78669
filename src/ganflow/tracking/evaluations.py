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
from ganflow.metrics.bootstrap import flat
from ganflow.metrics.comparable import JUDGED
from ganflow.tracking import store
from ganflow.tracking.lineage import lineage
from ganflow.tracking.reading import CONDITION, FAILURE_TAG, PARENT_TAG, TABLE_TAG
from ganflow.tracking.run import DRAIN_SECONDS, WEIGHTS_TAG, time_limit
from ganflow.tracking.writer import Writer

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
        metrics = _numbers(table["rows"])
        if training is not None:  # as it was trained; what it was measured with is the evaluation's own
            own = {name: value for name, value in params.items() if name.startswith("evaluate.")}
            params = training.data.params | own
            # So that one line of MLflow's list has what the runs are ranked by, too.
            metrics |= {key: value for key, value in training.data.metrics.items() if key.startswith("best/")}
        _log_numbers(client, run, params, metrics)
        client.log_text(run_id, text, f"metrics/{task}.json")
        for path, folder in files.items():
            if path.exists():
                client.log_artifact(run_id, str(path), folder)
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


def _numbers(rows: dict[str, dict[str, tuple[float, float]]]) -> dict[str, float]:
    found = {f"test/{key}": value for key, value in flat(rows["model"]).items()}
    for name, row in rows.items():
        if name != "model":  # this name sorts after the model's own on MLflow's page
            found |= {f"test baseline {name}/{key}": value for key, (value, _) in row.items()}
    return found


def _log_numbers(client: Any, run: Any, params: dict[str, str], metrics: dict[str, float]) -> None:
    """Log what the run does not have yet: MLflow refuses another value of a parameter, and repeats a metric."""
    from mlflow.entities import Metric, Param

    now = int(1000 * time.time())
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(key, value, now, 0) for key, value in metrics.items() if key not in run.data.metrics],
        params=[Param(name, value) for name, value in params.items() if name not in run.data.params],
    )
