"""Stage report: reports/index.html, and a model card for each model."""

import json
import os
from pathlib import Path

import pandas as pd

from ganflow import config
from ganflow.data import prepared
from ganflow.evaluation.results import publish
from ganflow.files import project_root, whole_dir, whole_file
from ganflow.pipeline.stage import run_stage
from ganflow.report import page as report
from ganflow.report import sources

OUT = Path("reports/index.html")
CARDS = Path("reports/model_cards")
L1 = Path("baselines/pix2pix_l1.json")


def main() -> None:
    params = config.load_params()
    figures = sources.figures("digits", sources.DIGIT_FIGURES) | sources.figures("pairs", sources.PAIR_FIGURES)
    figures |= sources.figures("cyclegan", sources.CYCLE_FIGURES)
    tables = {task: sources.table(task) for task in ("gan", "cgan", "pix2pix", "cvae", "cyclegan")}
    page = report.build_report(
        tables=tables,
        l1=json.loads(L1.read_text(encoding="utf-8")),
        data=[prepared.about(name, "test") | prepared.about(name) for name in ("mnist", "maps")],
        params=params,
        figures=figures,
        pairs={"pix2pix": sources.shown_pairs()},
        digit_names=prepared.class_names(),
        digit_confusion=_digit_confusion(sources.made_by("evaluate_cgan", Path("metrics/cgan_images.csv"))),
    )
    with whole_file(OUT) as partial:
        partial.write_text(page, encoding="utf-8")
    with whole_dir(CARDS) as partial:
        for task in tables:
            (partial / f"{task}.md").write_text(sources.card(task, tables[task], params), encoding="utf-8")
    for task, table in tables.items():
        publish(task, table, params, CARDS / f"{task}.md", sorted(Path("reports/figures").glob(f"*/{task}_*.png")))
    print(_where_to_look())


def _where_to_look() -> str:
    """The last line of `dvc repro`: a queued or temporary experiment ends in a folder that is deleted."""
    here = project_root() == Path.cwd().resolve()
    first = "" if here else f"`dvc exp apply {os.environ.get('DVC_EXP_NAME', 'NAME')}` brings it here. "
    return f"{first}Report: {OUT}. Model cards: {CARDS}. Runs, side by side: make ui. What changed: ganflow diff"


def _digit_confusion(images: Path) -> list[list[float]]:
    table = pd.read_csv(images)
    classes = range(len(prepared.class_names()))
    shares = pd.crosstab(table["asked"], table["read_as"], normalize="index")
    return shares.reindex(index=classes, columns=classes, fill_value=0.0).to_numpy().tolist()


if __name__ == "__main__":
    run_stage(main)
