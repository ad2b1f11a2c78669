"""Stage train_cgan: the class-conditional digit GAN."""

from ganflow import config
from ganflow.pipeline.stage import run_stage
from ganflow.training import digits


def main() -> None:
    digits.train_digits("cgan", config.load_params())


if __name__ == "__main__":
    run_stage(main)
