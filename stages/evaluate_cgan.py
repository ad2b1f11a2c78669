"""Stage evaluate_cgan: metrics of class-conditional digits with their noise, lower bound and trivial baseline."""

from ganflow import config
from ganflow.evaluation import digits
from ganflow.pipeline.stage import run_stage


def main() -> None:
    digits.evaluate_digits("cgan", config.load_params())


if __name__ == "__main__":
    run_stage(main)
