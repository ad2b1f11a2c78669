"""Stage check_params: refuse a wrong params.yaml before any other stage has touched anything.

DVC removes a stage's outs before running it. Listed first in dvc.yaml, this stage sees every change of a parameter
first, and ends the run while all earlier results are still in place.
"""

import os

from ganflow import config
from ganflow.errors import UserError
from ganflow.pipeline.stage import run


def main() -> None:
    try:
        config.load()
    except UserError as fault:
        if "DVC_EXP_NAME" not in os.environ:
            raise
        # `dvc exp run -S` writes the file before it runs anything, and leaves it so.
        raise UserError(f"{fault} (params.yaml keeps it; `git checkout params.yaml` takes it back)") from None


if __name__ == "__main__":
    run(main)
