"""The `ganflow` command: what can be typed. What each command does is in commands.py."""

import argparse
import math
import os
from pathlib import Path
from typing import Any

from ganflow import commands
from ganflow.errors import UserError, run_main
from ganflow.files import project_root

MOST_SAMPLES = 1000
MOST_DIGITS = 10_000
EXAMPLES = """\
examples:
  ganflow translate photo.jpg -o map.png              your own photo as a map
  ganflow translate photo.jpg -o map.png --samples 4  four different maps of it
  ganflow pairs check my/pairs     your own pairs instead of the maps
  ganflow translate photos -o maps                    a folder of photos
  ganflow sample --digit 7 -n 64 -o sevens.png        digits of a chosen class
  ganflow app                      a page: drop a photo, ask for digits
  ganflow export models/pix2pix/best -o map.onnx      for other programs
  ganflow diff                     this folder against the last commit
  ganflow diff HEAD my-experiment  an experiment against the last commit
  ganflow seeds                    after `make seeds`
  ganflow runs my-experiment       its runs in MLflow, and their commands
  ganflow compare RUN_A RUN_B      two runs on one page: compare.html
  ganflow ui                       the pages of all runs: `make ui`
  ganflow doctor                   first, and when something goes wrong
  ganflow checkpoints              trainings under way, interrupted, old
  ganflow checkpoints --remove     remove them, except running ones

elsewhere:
  make help                        the workflow: demo, real run, tests, pages
  dvc exp run -S pix2pix.lambda_l1=50   one parameter changed
  dvc exp show                     all experiments in a table
  docs/first-run.md, docs/compare.md, docs/report.md, docs/troubleshooting.md
"""


def main() -> None:
    """Entry point of `ganflow`."""
    run_main(_main)


def _main() -> None:
    parser = argparse.ArgumentParser(
        prog="ganflow",
        usage="ganflow COMMAND ...",
        description="Use and compare what `dvc repro` made. The workflow itself: `make help`.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(
        prog="ganflow", required=True, title="commands (ganflow COMMAND --help says more)", metavar="COMMAND ..."
    )
    command = subparsers.add_parser("translate", help="draw aerial photos of any size as maps")
    command.add_argument("photos", nargs="+", metavar="PHOTO", help="files, folders or patterns ('photos/*.jpg')")
    command.add_argument("-o", "--output", required=True, help="a file, e.g. map.png or map.tif, or a folder")
    _add_model_options(command)
    command.add_argument(
        "--samples",
        type=_number("--samples", 1, MOST_SAMPLES),
        metavar="N",
        help="N different answers by the conditional VAE (cvae) instead of one: map-1.png to map-N.png",
    )
    command.add_argument("--reverse", action="store_true", help="the way back, of a CycleGAN: map to photo")
    command.add_argument("--side-by-side", action="store_true", help="photo and map in one picture")
    scale = command.add_mutually_exclusive_group()
    scale.add_argument(
        "--metres-per-pixel",
        type=_number("--metres-per-pixel", 0.001, 1000, float),
        metavar="X",
        help="of the photos: they are brought to the model's scale",
    )
    scale.add_argument("--fit", action="store_true", help="a photo shows as much ground as one training picture")
    command.add_argument(
        "--range",
        type=_range,
        metavar="LOW,HIGH",
        help="values of the photos that are black and white, e.g. 0,4095 (found in the file, and said)",
    )
    _add_max_megapixels(
        command, 200, "largest picture that is read at once (200); a TIFF of any size is read piece by piece"
    )
    command.set_defaults(run=commands.run_translate)
    command = subparsers.add_parser("pairs", help="your own pairs: `ganflow pairs check FOLDER`")
    actions = command.add_subparsers(required=True, metavar="check FOLDER")
    command = actions.add_parser("check", help="what is in a folder of pairs, what is wrong, what to type next")
    command.add_argument("folder", type=Path, help="side-by-side pictures, or two folders (docs/your-own-pairs.md)")
    command.add_argument(
        "--no-data",
        metavar="VALUE",
        help="pixels that have none: alpha, a number, a colour (#e0e0c0); as pairs.no_data, which it is by default",
    )
    command.set_defaults(run=commands.run_pairs_check)
    command = subparsers.add_parser("sample", help="draw digits, or several maps of one photo, in one picture")
    command.add_argument("photo", nargs="?", help="maps of it, by the conditional VAE, instead of digits")
    command.add_argument("-o", "--output", required=True, help="a picture, or a folder for a picture each")
    command.add_argument(
        "-n", type=_number("-n", 1, MOST_DIGITS), help="how many (64; 8 maps; of --each 10; of --walk 8)"
    )
    command.add_argument("--digit", type=int, help="only this one")
    command.add_argument("--each", action="store_true", help="n of every digit, a row each")
    command.add_argument(
        "--walk", type=_number("--walk", 2, 100), metavar="STEPS", help="n rows from one digit to another"
    )
    _add_model_options(command)
    command.set_defaults(run=commands.run_sample)
    command = subparsers.add_parser("export", help="a trained model as one file for other programs: ONNX or pt2")
    command.add_argument("model", metavar="MODEL", help="as --model of translate, e.g. models/pix2pix/best")
    command.add_argument("-o", "--output", type=Path, required=True, help="the file, e.g. model.onnx")
    command.add_argument("--format", choices=("onnx", "pt2"), help="(as the file's name ends)")
    command.add_argument("--epoch", choices=("best", "last"), default="best", help="which of a folder that holds both")
    command.set_defaults(run=commands.run_export)
    command = subparsers.add_parser("app", help="a page on this machine: drop a photo, see its map; ask for digits")
    command.add_argument("models", nargs="*", metavar="MODEL", help="as --model of translate (all that are at hand)")
    command.add_argument("--port", type=int, default=7000, help="(7000)")
    command.add_argument("--host", default="127.0.0.1", help="an address of this machine (127.0.0.1: for it alone)")
    _add_max_megapixels(command, 20, "largest photo (20)")
    command.set_defaults(run=commands.run_app)
    command = subparsers.add_parser("diff", help="what changed between two runs, and whether it is noise")
    command.add_argument("before", nargs="?", default="HEAD", help="a commit or an experiment's name (HEAD)")
    command.add_argument("after", nargs="?", default="workspace", help="the same (the files in this folder)")
    command.set_defaults(run=commands.run_diff)
    command = subparsers.add_parser("seeds", help="mean and deviation over several seeds")
    command.set_defaults(run=commands.run_seeds)
    command = subparsers.add_parser("runs", help="runs in MLflow; of one name, with commands to remake them")
    command.add_argument(
        "name", nargs="?", metavar="EXPERIMENT", help='also a commit, "workspace", a run\'s name or id'
    )
    command.set_defaults(run=commands.run_runs)
    command = subparsers.add_parser("compare", help="two runs on one page, with pictures")
    command.add_argument("a", metavar="RUN_A", help="an id or its beginning, a run's name, or a DVC experiment's")
    command.add_argument("b", metavar="RUN_B", help="the same")
    command.add_argument("--task", help="which model, if both names have runs of several")
    command.add_argument("-o", "--output", type=Path, default=Path("compare.html"), help="the page (compare.html)")
    command.set_defaults(run=commands.run_compare)
    command = subparsers.add_parser("ui", help="MLflow's pages, with an address for each model")
    command.add_argument("--port", type=int, default=5000, help="on 127.0.0.1 (5000)")
    command.set_defaults(run=commands.run_ui)
    command = subparsers.add_parser("doctor", help="checks versions, device, disk, data, runs; says what to do")
    command.set_defaults(run=commands.run_doctor)
    command = subparsers.add_parser("checkpoints", help="lists or removes checkpoints on this disk")
    command.add_argument("prefix", nargs="?", default="", metavar="NAME", help="only names that begin with it (all)")
    command.add_argument("--remove", action="store_true", help="remove them, except running ones, without asking")
    command.set_defaults(run=commands.run_checkpoints)
    arguments = parser.parse_args()
    if arguments.run not in (commands.run_translate, commands.run_sample, commands.run_export, commands.run_app):
        _work_in_root(arguments)
    arguments.run(arguments)


def _work_in_root(arguments: argparse.Namespace) -> None:
    """These commands read models/, metrics/ and the repository of the project: go to its root, from any subfolder."""
    root = project_root()
    if root != Path.cwd():
        for name, value in vars(arguments).items():
            if isinstance(value, Path):
                setattr(arguments, name, Path(os.path.relpath(value, root)))
        os.chdir(root)


def _add_model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        metavar="MODEL",
        help='a folder, "demo", a run, an experiment or models:/pix2pix@champion (models/, demo/models/ or champion)',
    )
    command.add_argument("--epoch", choices=("best", "last"), default="best", help="which of a folder that holds both")
    command.add_argument("--seed", type=int, default=0, help="random seed of the samples (0)")


def _add_max_megapixels(command: argparse.ArgumentParser, default: float, words: str) -> None:
    number = _number("--max-megapixels", 0.001, 1e6, float)
    command.add_argument("--max-megapixels", type=number, default=default, metavar="X", help=words)


def _number(option: str, low: float, high: float, kind: type[float] = int) -> Any:
    """An option's type: a number within these bounds. A UserError is one line, where argparse prints the usage too."""

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise UserError(f"{option} {text}: it takes a number") from None
        if not low <= value <= high:
            raise UserError(f"{option} {text}: it takes a number from {low:g} to {high:g}")
        return value

    return number


def _range(text: str) -> tuple[float, float]:
    """The type of --range."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise UserError(f"--range {text}: it takes two numbers, as in --range 0,4095") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"--range {text}: the first number is black and less than the second, which is white")
    return low, high


if __name__ == "__main__":
    main()
