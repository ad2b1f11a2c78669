"""The `ganflow` command: what a user does with trained models and finished runs, outside the pipeline."""

import argparse
import itertools
import math
import os
from pathlib import Path
from typing import Any

from ganflow.errors import UserError, run_main
from ganflow.files import check_output, project_root, whole_file

MOST_SAMPLES = 1000
MOST_DIGITS = 10_000
EXAMPLES = """\
examples:
  ganflow translate photo.jpg -o map.png              your own photo as a map
  ganflow translate photo.jpg -o map.png --samples 4  four different maps of it
  ganflow pairs check my/pairs     your own pairs instead of the maps
  ganflow translate photos -o maps                    a folder of photos
  ganflow sample --digit 7 -n 64 -o sevens.png        digits to order
  ganflow app                      a page: drop a photo, order digits
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
    commands = parser.add_subparsers(
        prog="ganflow", required=True, title="commands (ganflow COMMAND --help says more)", metavar="COMMAND ..."
    )
    command = commands.add_parser("translate", help="draw aerial photos of any size as maps")
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
    command.add_argument(
        "--max-megapixels",
        type=_number("--max-megapixels", 0.001, 1e6, float),
        default=200.0,
        metavar="X",
        help="largest picture that is read at once (200); a TIFF of any size is read piece by piece",
    )
    command.set_defaults(run=_translate)
    command = commands.add_parser("pairs", help="your own pairs: `ganflow pairs check FOLDER`")
    actions = command.add_subparsers(required=True, metavar="check FOLDER")
    command = actions.add_parser("check", help="what is in a folder of pairs, what is wrong, what to type next")
    command.add_argument("folder", type=Path, help="side-by-side pictures, or two folders (docs/your-own-pairs.md)")
    command.set_defaults(run=_pairs_check)
    command = commands.add_parser("sample", help="draw digits, or several maps of one photo, in one picture")
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
    command.set_defaults(run=_sample)
    command = commands.add_parser("export", help="a trained model as one file for other programs: ONNX or pt2")
    command.add_argument("model", metavar="MODEL", help="as --model of translate, e.g. models/pix2pix/best")
    command.add_argument("-o", "--output", type=Path, required=True, help="the file, e.g. model.onnx")
    command.add_argument("--format", choices=("onnx", "pt2"), help="(as the file's name ends)")
    command.add_argument("--epoch", choices=("best", "last"), default="best", help="which of a folder that holds both")
    command.set_defaults(run=_export)
    command = commands.add_parser("app", help="a page on this machine: drop a photo, see its map; digits to order")
    command.add_argument("models", nargs="*", metavar="MODEL", help="as --model of translate (all that are at hand)")
    command.add_argument("--port", type=int, default=7000, help="(7000)")
    command.add_argument("--host", default="127.0.0.1", help="an address of this machine (127.0.0.1: for it alone)")
    command.add_argument(
        "--max-megapixels",
        type=_number("--max-megapixels", 0.001, 1e6, float),
        default=20.0,
        metavar="X",
        help="largest photo (20)",
    )
    command.set_defaults(run=_app)
    command = commands.add_parser("diff", help="what changed between two runs, and whether it is noise")
    command.add_argument("before", nargs="?", default="HEAD", help="a commit or an experiment's name (HEAD)")
    command.add_argument("after", nargs="?", default="workspace", help="the same (the files in this folder)")
    command.set_defaults(run=_diff)
    command = commands.add_parser("seeds", help="mean and deviation over several seeds")
    command.set_defaults(run=_seeds)
    command = commands.add_parser("runs", help="runs in MLflow; of one name, with commands to remake them")
    command.add_argument(
        "name", nargs="?", metavar="EXPERIMENT", help='also a commit, "workspace", a run\'s name or id'
    )
    command.set_defaults(run=_runs)
    command = commands.add_parser("compare", help="two runs on one page, with pictures")
    command.add_argument("a", metavar="RUN_A", help="an id or its beginning, a run's name, or a DVC experiment's")
    command.add_argument("b", metavar="RUN_B", help="the same")
    command.add_argument("--task", help="which model, if both names have runs of several")
    command.add_argument("-o", "--output", type=Path, default=Path("compare.html"), help="the page (compare.html)")
    command.set_defaults(run=_compare)
    command = commands.add_parser("ui", help="MLflow's pages, with an address for each model")
    command.add_argument("--port", type=int, default=5000, help="on 127.0.0.1 (5000)")
    command.set_defaults(run=_ui)
    command = commands.add_parser("doctor", help="checks versions, device, disk, data, runs; says what to do")
    command.set_defaults(run=_doctor)
    command = commands.add_parser("checkpoints", help="lists or removes checkpoints on this disk")
    command.add_argument("prefix", nargs="?", default="", metavar="NAME", help="only names that begin with it (all)")
    command.add_argument("--remove", action="store_true", help="remove them, except running ones, without asking")
    command.set_defaults(run=_checkpoints)
    arguments = parser.parse_args()
    if arguments.run not in (_translate, _sample, _export, _app):
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


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise UserError(f"--port {port}: a port is a number from 1 to 65535")


def _load(arguments: argparse.Namespace, *tasks: str) -> Any:
    """The model that the arguments name, of the first of `tasks` that is there."""
    import torch

    from ganflow.find_model import find_model
    from ganflow.inference.hardware import usable_cores
    from ganflow.inference.model import load_model

    found = find_model(arguments.model, tasks, arguments.epoch)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(usable_cores())
    model = load_model(found.folder)
    print(found.said)
    return model


def _translate(arguments: argparse.Namespace) -> None:
    # torch takes seconds to import: `ganflow --help` must not wait for it.
    from ganflow.data.kinds import PHOTO
    from ganflow.inference.model import TranslationModel
    from ganflow.inference.translate_files import Options, plan, translate_files

    jobs = plan(arguments.photos, arguments.output, arguments.samples)
    # The model at hand without a name is Pix2Pix; a run that is named may be one of the conditional VAE.
    if arguments.samples:
        tasks = ["cvae"]
    elif arguments.reverse:
        tasks = ["cyclegan"]
    else:
        tasks = ["pix2pix", *["cvae", "cyclegan"] * bool(arguments.model)]
    model = _load(arguments, *tasks)
    if not isinstance(model, TranslationModel):
        raise UserError(f"{model.folder} draws digits: `ganflow sample --model {model.folder} -o digits.png`")
    if arguments.reverse:
        model = model.reverse()
    if not arguments.side_by_side and model.gives != PHOTO:  # its answers may need another format
        jobs = plan(arguments.photos, arguments.output, arguments.samples, model.gives)
    options = Options(
        arguments.seed,
        arguments.side_by_side,
        arguments.metres_per_pixel,
        arguments.fit,
        round(arguments.max_megapixels * 1e6),
        arguments.range,
    )
    translate_files(model, jobs, options)


def _sample(arguments: argparse.Namespace) -> None:
    from ganflow.inference import sample_files
    from ganflow.inference.model import DigitModel, TranslationModel

    wanted = sample_files.Wanted(arguments.n, arguments.digit, arguments.each, arguments.walk, arguments.seed)
    target = sample_files.checked_target(wanted, arguments.output, arguments.photo)
    if arguments.photo:
        model = _load(arguments, "cvae")
        if not isinstance(model, TranslationModel):
            raise UserError(f"{model.folder} draws digits: leave {arguments.photo} out")
        sample_files.write_samples(target, sample_files.sampled_maps(model, Path(arguments.photo), wanted))
    else:
        model = _load(arguments, "cgan", "gan")
        if not isinstance(model, DigitModel):
            raise UserError(f"{model.folder} draws maps of photos: `ganflow sample photo.jpg -o maps.png`")
        sample_files.write_samples(target, sample_files.sampled_digits(model, wanted))
    print(arguments.output)


def _export(arguments: argparse.Namespace) -> None:
    file_format = arguments.format or arguments.output.suffix.removeprefix(".")
    if file_format not in ("onnx", "pt2"):
        raise UserError(
            f"cannot tell the format of {arguments.output}: --format onnx, --format pt2, or a name like m.onnx"
        )
    check_output(arguments.output)

    from ganflow.find_model import TASKS, find_model
    from ganflow.inference.export import export_model
    from ganflow.inference.model import load_model

    found = find_model(arguments.model, TASKS, arguments.epoch)
    print(found.said)
    use = export_model(load_model(found.folder, "cpu"), arguments.output, file_format)
    print(f"{arguments.output}: {use}")


def _app(arguments: argparse.Namespace) -> None:
    _check_port(arguments.port)

    from ganflow.app.answers import Answers
    from ganflow.app.server import server
    from ganflow.find_model import TASKS, find_model, models_at_hand

    folders = {name: find_model(name, TASKS).folder for name in arguments.models} or models_at_hand()
    page = server(Answers(folders, round(arguments.max_megapixels * 1e6)), arguments.host, arguments.port)
    print(f"models: {', '.join(folders)}")
    print(f"http://{arguments.host}:{page.server_address[1]}  (Ctrl-C ends it)", flush=True)
    page.serve_forever()


def _pairs_check(arguments: argparse.Namespace) -> None:
    from ganflow.config import load_params
    from ganflow.data import pair_check
    from ganflow.data.pair_folder import list_pairs
    from ganflow.data.pair_survey import survey
    from ganflow.data.unpaired_folder import has_no_pairs, list_unpaired, sizes_of

    folder, seed = arguments.folder, load_params().data.seed
    found = list_pairs(folder)
    if has_no_pairs(found):
        unpaired = list_unpaired(folder)
        sizes = sizes_of(unpaired)
        print(*pair_check.findings_unpaired(unpaired, sizes, seed), sep="\n")
        chosen = pair_check.settings_unpaired(unpaired, sizes, seed)
        stages = ("evaluate_cyclegan", "render_cyclegan")
        print(f"\nNext, to train, measure and draw it:\n\n{pair_check.command(chosen, *stages)}")
        return
    read = survey(found)
    chosen = pair_check.settings(read, str(folder), seed)
    manifest = pair_check.write_manifest(read)
    print(*pair_check.findings(read, seed), sep="\n")
    print(f"manifest: {manifest or 'not written, the folder is read-only'}")
    print(
        f"\nNext, to train, measure, draw and report both translators:\n\n{pair_check.command(chosen, 'report_pairs')}"
    )


def _diff(arguments: argparse.Namespace) -> None:
    from ganflow.comparison.revisions import WORKSPACE, differences_between, stale_results

    if WORKSPACE in (arguments.before, arguments.after):
        for line in stale_results():
            print(f"note: {line}")
    for task, group in itertools.groupby(differences_between(arguments.before, arguments.after), lambda row: row.task):
        rows = list(group)
        print(f"\n{task:34} {arguments.before[:14]:>14} {arguments.after[:14]:>14} {'change':>9} {'± 95 %':>9}")
        if rows[0].why_not:
            print(rows[0].why_not)
        for name, failed in zip((arguments.before, arguments.after), rows[0].failures, strict=True):
            if failed:
                print(f"{name} is {failed}: it is not called better")
        for row in rows:
            digits = row.measure.digits
            name = f"{row.measure.name} {row.measure.arrow}"
            values = f"{name:34} {row.before:14.{digits}f} {row.after:14.{digits}f}"
            change = f" {row.after - row.before:+9.{digits}f} {row.plus_minus:9.{digits}f}  {row.verdict}"
            print(values if row.why_not else values + change + (", same images" if row.paired else ""))


def _seeds(arguments: argparse.Namespace) -> None:
    from ganflow.comparison.revisions import across_seeds

    groups = across_seeds()
    if not groups:
        raise UserError("no two experiments differ only in their seed: `make seeds` runs three")
    for group in groups:
        table = group.table.to_string(float_format="{:.4g}".format, na_rep="–")
        print("", group.names, *group.why_not, table, sep="\n")


def _runs(arguments: argparse.Namespace) -> None:
    from ganflow.tracking.lookup import runs_of
    from ganflow.tracking.reading import list_runs, open_store

    with open_store() as client:
        runs = runs_of(client, arguments.name) if arguments.name else list_runs(client)
        print(f"{'RUN':10}{'STARTED':13}{'MODEL':12}{'NAME':32}VALIDATION, BEST EPOCH")
        for run in runs:
            state = run.validation_in_words() if run.status == "FINISHED" else run.status.lower()
            print(f"{run.run_id[:8]:10}{run.started:%m-%d %H:%M}  {run.task:12}{run.name:32}{state}".rstrip())
            if run.failure:
                print(f"{'':10}{run.failure}")
            if arguments.name and run.remake:
                print(f"{'':10}{run.remake}")
            for one in run.evaluations if arguments.name else ():
                print(f"{'':10}{one.run_id[:8]}  {one.name}")
    print("\nTwo of them side by side: ganflow compare RUN_A RUN_B. All of them: make ui")


def _compare(arguments: argparse.Namespace) -> None:
    from ganflow.comparison.page import page
    from ganflow.tracking.reading import list_runs, open_store, two_runs

    check_output(arguments.output)
    with open_store() as client:
        a, b = two_runs(list_runs(client), arguments.a, arguments.b, arguments.task)
        content = page(a, b)
    with whole_file(arguments.output) as partial:
        partial.write_text(content, encoding="utf-8")
    print(f"{arguments.output}: {a.task}, A is {a.name} ({a.run_id[:12]}), B is {b.name} ({b.run_id[:12]})")


def _ui(arguments: argparse.Namespace) -> None:
    from ganflow.errors import without_secrets
    from ganflow.tracking import ui
    from ganflow.tracking.address import SERVER
    from ganflow.tracking.reading import open_store

    _check_port(arguments.port)
    with open_store() as client:
        store = client.tracking_uri
        has_pages = store.startswith(SERVER)
        base = without_secrets(store.rstrip("/")) if has_pages else f"http://127.0.0.1:{arguments.port}"
        for task, address in ui.addresses(client, base).items():
            print(f"{task:16} {address}")
    print("A line above each list says which run is best. Open it for parameters, pictures, commands.", flush=True)
    if not has_pages:
        ui.serve(store, arguments.port)


def _doctor(arguments: argparse.Namespace) -> None:
    from ganflow.doctor import examine, report

    report(examine())


def _checkpoints(arguments: argparse.Namespace) -> None:
    from ganflow.pipeline.checkpoint_folders import list_folders, remove

    shown = [folder for folder in list_folders(project_root()) if folder.name.startswith(arguments.prefix)]
    removed = [folder for folder in shown if arguments.remove and folder.state != "running" and remove(folder.path)]
    for folder in shown:
        print(f"{'removed ' if folder in removed else ''}{folder.name}: {folder}")
    size = sum(folder.bytes for folder in (removed if arguments.remove else shown)) / 1e6
    print(f"{size:,.1f} MB removed" if arguments.remove else f"{size:,.1f} MB in all")


if __name__ == "__main__":
    main()
