"""Stage start_weights: a copy of the weights that each `start_from` names, taken when the parameter is set.

The copy is what trainings depend on: a champion that changes, or a folder that the training itself replaces, changes
no result behind the user's back. `dvc repro --force start_weights` takes the present ones.
"""

from ganflow import config
from ganflow.pipeline.stage import run_stage
from ganflow.pipeline.starts import find_start
from ganflow.training.start import FOLDER, copy_start


def main() -> None:
    params = config.load_params()
    for task in ("gan", "cgan", "pix2pix", "cvae", "cyclegan"):
        address = getattr(params, task).start_from
        copy_start(find_start(task, address) if address else None, FOLDER / task)


if __name__ == "__main__":
    run_stage(main)
