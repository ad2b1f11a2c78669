"""Stage check_params: refuse a wrong params.yaml before any other stage has touched anything.

DVC removes a stage's outs before running it. Listed first in dvc.yaml, this stage sees every change of a parameter
first, and ends the run while all earlier results are still in place.
"""

from ganflow import config
from ganflow.errors import run


def main() -> None:
    config.load()


if __name__ == "__main__":
    run(main)
