"""Stage report: reports/index.html, and a model card for each model."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from ganflow import config
from ganflow.data import prepared
from ganflow.errors import UserError
from ganflow.files import project_root, sha256, whole_dir, whole_file
from ganflow.models import saved
from ganflow.pipeline.stage import run_stage
from ganflow.report import model_card
from ganflow.report import page as report
from ganflow.tasks import TASKS
from ganflow.tracking import standings
from ganflow.tracking.evaluations import log_evaluation

OUT = Path("reports/index.html")
CARDS = Path("reports/model_cards")
FIGURES = (
    *("gan_digits", "gan_interpolation", "gan_neighbours", "gan_shares", "gan_curves"),
    *("cgan_classes", "cgan_curves"),
    "pix2pix_curves",
    *("cvae_samples", "cvae_walk", "cvae_best_of", "cvae_curves"),
)
PAIRS = Path("reports/pairs")
L1 = Path("baselines/pix2pix_l1.json")


def main() -> None:
    figures = {name: _made_by("render", Path(f"reports/figures/{name}.png")) for name in FIGURES}
    tables = {task: _table(task) for task in ("gan", "cgan", "pix2pix", "cvae")}
    params = config.load_params()
    page = report.build_report(
        tables=tables,
        l1=json.loads(L1.read_text()),
        data=[prepared.about(name, "test") | prepared.about(name) for name in ("mnist", "maps")],
        params=params,
        figures=figures,
        pairs=_pairs(),
        digit_confusion=_digit_confusion(_made_by("evaluate_cgan", Path("metrics/cgan_images.csv"))),
    )
    with whole_file(OUT) as partial:
        partial.write_text(page)
    with whole_dir(CARDS) as partial:
        for task in tables:
            (partial / f"{task}.md").write_text(_card(task, tables[task], params))
    for task, table in tables.items():
        log_evaluation(
            task,
            table,
            saved.weights_digest(Path("models") / task),
            params,
            {CARDS / f"{task}.md": "model card", Path(f"metrics/{task}_images.csv"): "metrics"}
            | dict.fromkeys(sorted(Path("reports/figures").glob(f"{task}_*.png")), "figures"),
            then=lambda client, task=task: standings.publish_standings(client, task),
        )
    print(_where_to_look())


def _card(task: str, table: dict[str, Any], params: config.Params) -> str:
    folder = Path("models") / task / table["about"]["checkpoint"]
    data = TASKS[task].data
    return model_card.build_card(
        task,
        model=json.loads(_made_by(f"train_{task}", folder / "config.json").read_text()),
        weights_sha256=sha256(folder / "model.safetensors"),
        table=table,
        training=prepared.about(data),
        parameters=params.model_dump(include={"seed", task} | ({"maps"} if data == "maps" else set())),
    )


def _where_to_look() -> str:
    """The last line of `dvc repro`: a queued or temporary experiment ends in a folder that is deleted."""
    here = project_root() == Path.cwd().resolve()
    first = "" if here else f"`dvc exp apply {os.environ.get('DVC_EXP_NAME', 'NAME')}` brings it here. "
    return f"{first}Report: {OUT}. Model cards: {CARDS}. Runs, side by side: make ui. What changed: ganflow diff"


def _table(task: str) -> dict[str, Any]:
    return json.loads(_made_by(f"evaluate_{task}", Path(f"metrics/tables/{task}.json")).read_text())


def _pairs() -> dict[str, list[dict[str, Any]]]:
    groups = json.loads(_made_by("render", PAIRS / "pairs.json").read_text())
    for pair in (pair for group in groups.values() for pair in group):
        pair["tiles"] = [PAIRS / f"{pair['image']}_{kind}.png" for kind in ("input", "generated", "real")]
    return groups


def _digit_confusion(images: Path) -> list[list[float]]:
    table = pd.read_csv(images)
    shares = pd.crosstab(table["asked"], table["read_as"], normalize="index")
    return shares.reindex(index=range(10), columns=range(10), fill_value=0.0).to_numpy().tolist()


def _made_by(stage: str, path: Path) -> Path:
    if not path.exists():
        raise UserError(f"{path} is missing: `dvc repro {stage}` makes it")
    return path


if __name__ == "__main__":
    run_stage(main)
