"""Stage train_cyclegan: CycleGAN, a translator and its way back, which are shown no pairs."""

from ganflow import config
from ganflow.pipeline.stage import run_stage
from ganflow.training.unpaired import train_cyclegan


def main() -> None:
    train_cyclegan(config.load_params())


if __name__ == "__main__":
    run_stage(main)
