"""Stage evaluate_cgan: measures of the class-conditional digits and of their baselines."""

from ganflow import config
from ganflow.evaluation import digits
from ganflow.pipeline.stage import run_stage


def main() -> None:
    digits.evaluate_digits("cgan", config.load_params())


if __name__ == "__main__":
    run_stage(main)
