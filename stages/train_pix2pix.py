"""Stage train_pix2pix: Pix2Pix, which translates between aerial photos and maps."""

from ganflow import config
from ganflow.pipeline.stage import run_stage
from ganflow.training import translation
from ganflow.training.pix2pix import Pix2PixModel


def main() -> None:
    params = config.load_params()
    objective = params.pix2pix.objective if params.pix2pix.lambda_gan else "L1 only"
    translation.train_translator("pix2pix", params, Pix2PixModel, objective)


if __name__ == "__main__":
    run_stage(main)
