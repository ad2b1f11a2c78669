"""Stage train_cgan: the class-conditional digit GAN."""

from ganflow import config
from ganflow.pipeline.stage import run
from ganflow.training import digits


def main() -> None:
    digits.train("cgan", config.load())


if __name__ == "__main__":
    run(main)
