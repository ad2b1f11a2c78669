"""Stage evaluate_cgan: measures of the class-conditional digits with their noise, beside their floor and ceiling."""

from ganflow import config
from ganflow.evaluation import digits
from ganflow.pipeline.stage import run


def main() -> None:
    digits.evaluate("cgan", config.load())


if __name__ == "__main__":
    run(main)
