"""Which trained model a user means: a folder, `demo`, a run, an experiment, a registered model, or the best at hand."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganflow.errors import UserError
from ganflow.files import project_root

if TYPE_CHECKING:
    from ganflow.inference.model import DigitModel, TranslationModel

TASKS = ("pix2pix", "cvae", "cyclegan", "cgan", "gan")
DEMO = "demo"
REGISTERED = "models:/"


@dataclass(frozen=True)
class FoundModel:
    """The folder of a trained model, and a line for people that says which it is."""

    folder: Path
    said: str


def load(model: str | Path | None = None, device: str = "auto", epoch: str = "best") -> "TranslationModel | DigitModel":
    """A trained model, ready to be called.

    model: as --model of the command: a folder, "demo", a run, an experiment, "models:/pix2pix@champion"; None: Pix2Pix
    from models/, else demo/models/, else the champion.
    device: auto (the best there is), cpu, cuda or mps.

    Raises:
        ganflow.errors.UserError: there is no such model or device.
    """
    from ganflow.inference.model import load_model

    tasks = TASKS[:1] if model is None else TASKS
    return load_model(find_model(None if model is None else str(model), tasks, epoch).folder, device)


def find_model(wanted: str | None, tasks: Sequence[str], epoch: str = "best") -> FoundModel:
    """The model that `wanted` stands for, of the first of `tasks` that is there.

    wanted: a model's folder, or one that holds models/; "demo", what `make demo` made; an MLflow run's id, its
    beginning or name; a DVC experiment; "models:/NAME@ALIAS" or "models:/NAME/VERSION"; None: models/, then
    demo/models/, then the champion. A folder below models/ that is not there is looked for in demo/models/.
    epoch: "best" or "last", of a folder that holds both.

    Raises:
        UserError: there is none, with what to type.
    """
    root = project_root()
    if wanted is None:
        return _at_hand(root, tasks, epoch)
    places = [root / DEMO] if wanted == DEMO else [Path(wanted), root / wanted]
    for place in places:
        for folder in _folders(place, tasks, epoch):
            return FoundModel(folder, f"model: {_shown(folder)}")
    if Path(wanted).parts[:1] == ("models",):  # as the cards of the demo's models name them
        for folder in _folders(root / DEMO / wanted, tasks, epoch):
            return FoundModel(folder, f"model: {_shown(folder)} (there is no {wanted})")
    if wanted == DEMO:
        raise UserError(f"there is no model of the demo in {_shown(places[0])}: `make demo` makes it")
    if any(place.exists() for place in places) or Path(wanted).is_absolute():
        raise UserError(
            f"there is no trained {' or '.join(tasks)} in {wanted}: name the folder that holds its config.json"
        )
    return _from_store(wanted, tasks, epoch)


def models_at_hand() -> dict[str, Path]:
    """The folders of all trained models in models/ and demo/models/, by their path below the project.

    Raises:
        UserError: there is none.
    """
    root = project_root()
    found = {
        str(place.relative_to(root) / "models" / task): folder
        for place in (root, root / DEMO)
        for task in TASKS
        for folder in list(_folders(place / "models", [task], "best"))[:1]
    }
    if not found:
        raise UserError("there is no trained model in models/ or demo/models/: `make demo` makes some in minutes")
    return found


def _at_hand(root: Path, tasks: Sequence[str], epoch: str) -> FoundModel:
    for task in tasks:
        for place in (root, root / DEMO):
            for folder in _folders(place, [task], epoch):
                lacking = f" (there is no models/{task})" if place != root else ""
                return FoundModel(folder, f"model: {_shown(folder)}{lacking}")
    try:
        found = _from_store(f"{REGISTERED}{tasks[0]}@champion", tasks, epoch)
    except UserError:
        raise UserError(
            f"there is no trained {tasks[0]} in models/ or demo/models/, and no champion: `make demo` makes one in "
            f"minutes, `dvc repro train_{tasks[0]}` the real one; or name one with --model FOLDER or RUN"
        ) from None
    return FoundModel(found.folder, f"{found.said} (there is no {tasks[0]} in models/ or demo/models/)")


def _folders(place: Path, tasks: Sequence[str], epoch: str) -> Iterator[Path]:
    """Where in `place` the model can be: itself, its best/ or last/, its <task>/ or models/<task>/."""
    ways = [Path(), *(Path(*start, task) for task in tasks for start in ((), ("models",)))]
    for way in ways:
        for folder in (place / way / epoch, place / way):
            if (folder / "config.json").is_file():
                yield folder


def _from_store(wanted: str, tasks: Sequence[str], epoch: str) -> FoundModel:
    if epoch != "best":
        raise UserError(f"'{wanted}' is no folder, and MLflow keeps a run's best epoch only: leave --epoch out")
    from ganflow.tracking.fetch_model import fetch_model  # mlflow takes seconds to import

    folder, said = fetch_model(wanted, tasks)
    return FoundModel(folder, said)


def _shown(folder: Path) -> str:
    """Relative to the current folder where that is shorter."""
    relative = os.path.relpath(folder)
    return relative if len(relative) < len(str(folder)) else str(folder)
