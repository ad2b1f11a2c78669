"""Stage evaluate_gan: metrics of generated digits with their noise, and the lower bound and trivial baseline."""

from ganflow import config
from ganflow.evaluation import digits
from ganflow.pipeline.stage import run_stage


def main() -> None:
    digits.evaluate_digits("gan", config.load_params())


if __name__ == "__main__":
    run_stage(main)
