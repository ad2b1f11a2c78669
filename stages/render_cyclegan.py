"""Stage render_cyclegan: the report's pictures of the translator without pairs, from held-out pictures."""

from pathlib import Path

from ganflow import config
from ganflow.inference import compute
from ganflow.pipeline.stage import run_stage
from ganflow.report import pictures


def main() -> None:
    params = config.load_params()
    device = compute.set_up(params.compute).device
    figures = pictures.cyclegan_pictures(params, device)
    pictures.save_figures({"cyclegan": figures}, Path("reports/figures/cyclegan"))


if __name__ == "__main__":
    run_stage(main)
