"""Stage report: reports/index.html."""

import json
from pathlib import Path
from typing import Any

from ganflow import config, report
from ganflow.data import prepared
from ganflow.errors import UserError, run
from ganflow.files import whole_file

OUT = Path("reports/index.html")
FIGURES = ("gan_digits", "gan_interpolation", "gan_curves", "pix2pix_pairs", "pix2pix_curves")


def main() -> None:
    figures = {name: _made_by("render", Path(f"reports/figures/{name}.png")) for name in FIGURES}
    page = report.build(
        gan=_metrics("gan"),
        pix2pix=_metrics("pix2pix"),
        data=[prepared.about("mnist"), prepared.about("maps")],
        params=config.load(),
        figures=figures,
    )
    with whole_file(OUT) as partial:
        partial.write_text(page)
    print(f"The report: {OUT}. The runs, side by side: make ui")


def _metrics(task: str) -> dict[str, Any]:
    return json.loads(_made_by(f"evaluate_{task}", Path(f"metrics/{task}.json")).read_text())


def _made_by(stage: str, path: Path) -> Path:
    if not path.exists():
        raise UserError(f"{path} is missing: `dvc repro {stage}` makes it")
    return path


if __name__ == "__main__":
    run(main)
