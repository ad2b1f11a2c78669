"""Stage report_pairs: reports/translators, the page and the model cards of Pix2Pix and the conditional VAE alone.

It needs neither digits nor, with a folder of own pairs, the maps.
"""

import json
from pathlib import Path

from ganflow import config
from ganflow.data import prepared
from ganflow.evaluation.results import publish
from ganflow.files import whole_dir
from ganflow.pipeline.stage import run_stage
from ganflow.report import sources
from ganflow.report.page import build_report

OUT = Path("reports/translators")
TRANSLATORS = ("pix2pix", "cvae")


def main() -> None:
    params = config.load_params()
    tables = {task: sources.table(task) for task in TRANSLATORS}
    page = build_report(
        tables=tables,
        l1=json.loads(Path("baselines/pix2pix_l1.json").read_text(encoding="utf-8")),
        data=[prepared.about("maps", "test") | prepared.about("maps")],
        params=params,
        figures=sources.figures("pairs", sources.PAIR_FIGURES),
        pairs={"pix2pix": sources.shown_pairs()},
    )
    with whole_dir(OUT) as partial:
        (partial / "index.html").write_text(page, encoding="utf-8")
        for task in TRANSLATORS:
            (partial / f"{task}.md").write_text(sources.card(task, tables[task], params), encoding="utf-8")
    for task, table in tables.items():
        publish(task, table, params, OUT / f"{task}.md", sorted(Path("reports/figures/pairs").glob(f"{task}_*.png")))
    print(f"Report: {OUT}/index.html. Model cards beside it. Runs, side by side: make ui")


if __name__ == "__main__":
    run_stage(main)
