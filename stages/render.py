"""Stage render: the pictures of the report, from trained models and held-out data."""

from pathlib import Path

from ganflow import config
from ganflow.files import whole_dir
from ganflow.inference import compute
from ganflow.pipeline.stage import run_stage
from ganflow.report import pictures

FIGURES, PAIRS = Path("reports/figures"), Path("reports/pairs")


def main() -> None:
    params = config.load_params()
    device = compute.set_up(params.compute).device
    figures = {
        "gan": pictures.gan_pictures(params, device),
        "cgan": pictures.cgan_pictures(params, device),
        "pix2pix": pictures.pix2pix_pictures(params, device, PAIRS),
        "cvae": pictures.cvae_pictures(params, device),
    }
    with whole_dir(FIGURES) as partial:
        for task, own in figures.items():
            for name, figure in own.items():
                figure.save(partial / f"{task}_{name}.png")


if __name__ == "__main__":
    run_stage(main)
