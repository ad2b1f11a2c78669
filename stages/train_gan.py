"""Stage train_gan: the digit GAN."""

from ganflow import config
from ganflow.pipeline.stage import run
from ganflow.training import digits


def main() -> None:
    digits.train("gan", config.load())


if __name__ == "__main__":
    run(main)
