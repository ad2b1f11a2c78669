"""What the report's pages and cards are made of: the files that earlier stages made."""

import json
from pathlib import Path
from typing import Any

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.errors import UserError
from ganflow.files import sha256
from ganflow.report.model_card import build_card
from ganflow.tasks import TASKS

PAIRS = Path("reports/pairs")
DIGIT_FIGURES = (
    *("gan_digits", "gan_interpolation", "gan_neighbours", "gan_shares", "gan_curves"),
    *("cgan_classes", "cgan_curves"),
)
CYCLE_FIGURES = ("cyclegan_there", "cyclegan_back", "cyclegan_curves")
PAIR_FIGURES = ("pix2pix_curves", "cvae_samples", "cvae_walk", "cvae_best_of", "cvae_curves")


def made_by(stage: str, path: Path) -> Path:
    """`path`, which `stage` makes.

    Raises:
        UserError: it is missing.
    """
    if not path.exists():
        raise UserError(f"{path} is missing: `dvc repro {stage}` makes it")
    return path


def table(task: str) -> dict[str, Any]:
    """metrics/tables/<task>.json."""
    return json.loads(made_by(f"evaluate_{task}", Path(f"metrics/tables/{task}.json")).read_text(encoding="utf-8"))


def figures(of: str, names: tuple[str, ...]) -> dict[str, Path]:
    """The PNG files of the stage render_<of>, by name."""
    return {name: made_by(f"render_{of}", Path(f"reports/figures/{of}/{name}.png")) for name in names}


def shown_pairs() -> dict[str, list[dict[str, Any]]]:
    """The test pairs that the page shows, each with the PNG files of its tiles."""
    groups = json.loads(made_by("render_pairs", PAIRS / "pairs.json").read_text(encoding="utf-8"))
    for pair in (pair for group in groups.values() for pair in group):
        pair["tiles"] = [PAIRS / f"{pair['image']}_{kind}.png" for kind in ("input", "generated", "real")]
    return groups


def card(task: str, results: dict[str, Any], params: Params) -> str:
    """The model card of a task, from its model and its table."""
    folder = Path("models") / task / results["about"]["checkpoint"]
    data = TASKS[task].data
    pairs = {"pairs" if params.own_pairs else "maps"} if data == "maps" else set()
    return build_card(
        task,
        model=json.loads(made_by(f"train_{task}", folder / "config.json").read_text(encoding="utf-8")),
        weights_sha256=sha256(folder / "model.safetensors"),
        table=results,
        training=prepared.about(data),
        parameters=params.model_dump(include={"seed", task} | pairs),
    )
