"""Stage render_pairs: the report's pictures of the translators, from held-out pairs."""

from pathlib import Path

from ganflow import config
from ganflow.inference import compute
from ganflow.pipeline.stage import run_stage
from ganflow.report import pictures


def main() -> None:
    params = config.load_params()
    device = compute.set_up(params.compute).device
    figures = {
        "pix2pix": pictures.pix2pix_pictures(params, device, Path("reports/pairs")),
        "cvae": pictures.cvae_pictures(params, device),
    }
    pictures.save_figures(figures, Path("reports/figures/pairs"))


if __name__ == "__main__":
    run_stage(main)
