"""The registry: a model per task, a version per training, and the alias `champion` on the best of them."""

from typing import Any

from ganflow.comparison.champion import ValidationScore, Verdict, from_text, verdict
from ganflow.errors import first_line
from ganflow.files import locked, project_root
from ganflow.templates import markdown
from ganflow.tracking.reading import VALIDATION_FILE, artifact

ALIAS = "champion"


def register(client: Any, task: str, run_id: str, model_id: str, score: ValidationScore | None) -> None:
    """Make the logged model the next version of `task`, and champion if `score` beats the champion's. Once per run.

    A model without a score (the digit classifier has no validation), or with one that is unfit, becomes a version, but
    never champion. A version of which a kill left no verdict gets it when its training ends again.
    """
    _ensure_registered(client, task)
    # Two trainings that end at once must not both be compared with the same old champion. (On several hosts with one
    # server they may be: the later one wins.)
    with locked(project_root() / ".mlflow.db.champion.lock", wait=True):
        made = next(iter(client.search_model_versions(f"run_id = '{run_id}'", max_results=1)), None)
        version = made.version if made else _version(client, task, run_id, model_id)
        if score is None or (made and made.description):
            return
        found = _verdict(client, task, score)
        if found.moves:
            client.set_registered_model_alias(task, ALIAS, version)
            about = f"A version per training; `models:/{task}@{ALIAS}` is the best on the validation split."
            client.update_registered_model(task, description=about)
        client.update_model_version(task, version, description=str(markdown(found.why)))  # last: now it is decided


def _ensure_registered(client: Any, task: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(task, description="A version per training. None is the champion yet.")
    except MlflowException as fault:
        if fault.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(client: Any, task: str, run_id: str, model_id: str) -> str:
    made = client.create_model_version(task, f"models:/{model_id}", run_id, model_id=model_id, await_creation_for=0)
    return made.version


def champion_run(client: Any, task: str) -> str | None:
    """The id of the run whose model is champion; None if there is no champion."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(task, ALIAS).run_id
    except MlflowException as fault:
        if fault.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # no such alias or model
            return None
        raise


def _verdict(client: Any, task: str, score: ValidationScore) -> Verdict:
    """The verdict on a new model. A champion whose score cannot be read stays until somebody moves the alias."""
    from mlflow.exceptions import MlflowException

    holder = None if score.unfit else champion_run(client, task)
    if holder is None:
        return verdict(score, None)
    try:
        champion = validation_score_of(client, holder)
    except (MlflowException, OSError, ValueError, TypeError, KeyError) as fault:
        why = f"what the validation said of the champion cannot be read ({first_line(fault)[:100]})"
    else:
        if champion is not None:
            return verdict(score, champion)
        why = f"run {holder} of the champion holds no {VALIDATION_FILE}"
    own = verdict(score, None).why.partition(". ")[0]
    return Verdict(False, f"{own}. Not compared: {why}. Give the alias {ALIAS} to this version if it should take over.")


def validation_score_of(client: Any, run_id: str) -> ValidationScore | None:
    """The score of a run's model on the validation split; None if the run has none.

    Raises:
        MlflowException, OSError: the run or its artifact cannot be read.
        ValueError, TypeError, KeyError: the artifact is something else.
    """
    content = artifact(client, run_id, VALIDATION_FILE)
    return None if content is None else from_text(content.decode())
