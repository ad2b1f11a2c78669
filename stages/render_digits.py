"""Stage render_digits: the report's pictures of the digit GANs."""

from pathlib import Path

from ganflow import config
from ganflow.inference import compute
from ganflow.pipeline.stage import run_stage
from ganflow.report import pictures


def main() -> None:
    params = config.load_params()
    device = compute.set_up(params.compute).device
    figures = {"gan": pictures.gan_pictures(params, device), "cgan": pictures.cgan_pictures(params, device)}
    pictures.save_figures(figures, Path("reports/figures/digits"))


if __name__ == "__main__":
    run_stage(main)
