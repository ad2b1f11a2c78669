"""What each `ganflow` command does: outside the pipeline, with trained models and finished runs.

torch and MLflow take seconds to import, for which `ganflow --help` must not wait: each function imports what it needs.
"""

import argparse
import itertools
import os
from pathlib import Path
from typing import Any

from ganflow.errors import UserError, say
from ganflow.files import check_output, project_root, whole_file


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
    say(found.said)
    return model


def run_translate(arguments: argparse.Namespace) -> None:
    from ganflow.data.kinds import PHOTO
    from ganflow.inference.model import TranslationModel
    from ganflow.inference.translate_files import Options, plan, translate_files

    jobs = plan(arguments.photos, arguments.output, arguments.samples)
    # The model at hand without a name is Pix2Pix; a run that is named may be one of the conditional VAE.
    if arguments.reverse:
        tasks = ["cyclegan"]
    elif arguments.samples:
        tasks = ["cvae"]
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


def run_sample(arguments: argparse.Namespace) -> None:
    from ganflow.inference import sample_files
    from ganflow.inference.model import DigitModel, TranslationModel

    wanted = sample_files.Wanted(arguments.n, arguments.digit, arguments.each, arguments.walk, arguments.seed)
    sample_files.check_target(wanted, arguments.output, arguments.photo)
    if arguments.photo:
        model = _load(arguments, "cvae")
        if not isinstance(model, TranslationModel):
            raise UserError(f"{model.folder} draws digits: leave {arguments.photo} out")
        drawn = sample_files.sampled_maps(model, Path(arguments.photo), wanted)
    else:
        model = _load(arguments, "cgan", "gan")
        if not isinstance(model, DigitModel):
            raise UserError(f"{model.folder} draws maps of photos: `ganflow sample photo.jpg -o maps.png`")
        drawn = sample_files.sampled_digits(model, wanted)
    sample_files.write_samples(arguments.output, drawn)
    say(*drawn.notes, arguments.output)


def run_export(arguments: argparse.Namespace) -> None:
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
    say(found.said)
    use = export_model(load_model(found.folder, "cpu"), arguments.output, file_format)
    say(f"{arguments.output}: {use}")


def run_app(arguments: argparse.Namespace) -> None:
    _check_port(arguments.port)

    from ganflow.app.answers import Answers
    from ganflow.app.server import server
    from ganflow.find_model import TASKS, find_model, models_at_hand

    folders = {name: find_model(name, TASKS).folder for name in arguments.models} or models_at_hand()
    page = server(Answers(folders, round(arguments.max_megapixels * 1e6)), arguments.host, arguments.port)
    say(f"models: {', '.join(folders)}")
    say(f"http://{arguments.host}:{page.server_address[1]}  (Ctrl-C ends it)")
    page.serve_forever()


def run_pairs_check(arguments: argparse.Namespace) -> None:
    from ganflow.config import NO_DATA, is_no_data, load_params
    from ganflow.data import pair_check
    from ganflow.data.pair_folder import list_pairs
    from ganflow.data.pair_survey import survey
    from ganflow.data.unpaired_folder import has_no_pairs, list_unpaired, sizes_of, without_copies

    folder, params = arguments.folder, load_params()
    seed, no_data = params.data.seed, arguments.no_data or params.pairs.no_data
    if not is_no_data(no_data):
        raise UserError(f"--no-data {no_data}: it takes {NO_DATA}")
    found = list_pairs(folder)
    if has_no_pairs(found):
        unpaired = without_copies(list_unpaired(folder))
        sizes = sizes_of(unpaired)
        say(*pair_check.findings_unpaired(unpaired, sizes, seed))
        chosen = pair_check.settings_unpaired(unpaired, sizes, seed)
        stages = ("evaluate_cyclegan", "render_cyclegan")
        say("", "Next, to train, measure and draw it:", "", pair_check.command(chosen, *stages))
        return
    read = survey(found, no_data=no_data)
    chosen = pair_check.settings(read, str(folder), seed, arguments.no_data)
    manifest = pair_check.write_manifest(read)
    say(*pair_check.findings(read, seed))
    say(f"manifest: {manifest or 'not written, the folder is read-only'}")
    command = pair_check.command(chosen, "report_pairs")
    say("", pair_check.direction_in_words(read, str(chosen["pairs.direction"])))
    say("Next, to train, measure, draw and report both translators:", "", command)


def run_diff(arguments: argparse.Namespace) -> None:
    from ganflow.comparison.revisions import WORKSPACE, differences_between, stale_results

    if WORKSPACE in (arguments.before, arguments.after):
        for line in stale_results():
            say(f"note: {line}")
    wide = max(14, *(min(len(name), 40) for name in (arguments.before, arguments.after)))
    for task, group in itertools.groupby(differences_between(arguments.before, arguments.after), lambda row: row.task):
        rows = list(group)
        heads = f"{arguments.before[:wide]:>{wide}} {arguments.after[:wide]:>{wide}}"
        say("", f"{task:34} {heads} {'change':>9} {'± 95 %':>9}")
        if rows[0].why_not:
            say(rows[0].why_not)
        for name, failed in zip((arguments.before, arguments.after), rows[0].failures, strict=True):
            if failed:
                say(f"{name} is {failed}: it is not called better")
        for row in rows:
            digits = row.measure.digits
            name = f"{row.measure.name} {row.measure.arrow}"
            values = f"{name:34} {row.before:{wide}.{digits}f} {row.after:{wide}.{digits}f}"
            change = f" {row.after - row.before:+9.{digits}f} {row.plus_minus:9.{digits}f}  {row.verdict}"
            say(values if row.why_not else values + change + (", same images" if row.paired else ""))


def run_seeds(arguments: argparse.Namespace) -> None:
    from ganflow.comparison.revisions import across_seeds

    groups = across_seeds()
    if not groups:
        raise UserError("no two experiments differ only in their seed: `make seeds` runs three")
    for group in groups:
        table = group.table.to_string(float_format="{:.4g}".format, na_rep="–")
        say("", group.names, *group.why_not, *table.splitlines())


def run_runs(arguments: argparse.Namespace) -> None:
    from ganflow.tracking.lookup import runs_of
    from ganflow.tracking.reading import list_runs, open_store

    with open_store() as client:
        runs = runs_of(client, arguments.name) if arguments.name else list_runs(client)
        say(f"{'RUN':10}{'STARTED':13}{'MODEL':12}{'NAME':32}VALIDATION, BEST EPOCH")
        for run in runs:
            state = run.validation_in_words() if run.status == "FINISHED" else run.status.lower()
            say(f"{run.run_id[:8]:10}{run.started:%m-%d %H:%M}  {run.task:12}{run.name:32}{state}".rstrip())
            if run.failure:
                say(f"{'':10}{run.failure}")
            if arguments.name and run.remake:
                say(f"{'':10}{run.remake}")
            for one in run.evaluations if arguments.name else ():
                say(f"{'':10}{one.run_id[:8]}  {one.name}")
    say("", "Two of them side by side: ganflow compare RUN_A RUN_B. All of them: make ui")


def run_compare(arguments: argparse.Namespace) -> None:
    from ganflow.comparison.page import page
    from ganflow.tracking.reading import list_runs, open_store, two_runs

    check_output(arguments.output)
    with open_store() as client:
        a, b = two_runs(list_runs(client), arguments.a, arguments.b, arguments.task)
        content = page(a, b)
    with whole_file(arguments.output) as partial:
        partial.write_text(content, encoding="utf-8")
    say(f"{arguments.output}: {a.task}, A is {a.name} ({a.run_id[:12]}), B is {b.name} ({b.run_id[:12]})")


def run_ui(arguments: argparse.Namespace) -> None:
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
            say(f"{task:16} {address}")
    say("A line above each list says which run is best. Open it for parameters, pictures, commands.")
    if not has_pages:
        ui.serve(store, arguments.port)


def run_doctor(arguments: argparse.Namespace) -> None:
    from ganflow.doctor import examine, report

    report(examine())


def run_checkpoints(arguments: argparse.Namespace) -> None:
    from ganflow.pipeline.checkpoint_folders import list_folders, remove

    shown = [folder for folder in list_folders(project_root()) if folder.name.startswith(arguments.prefix)]
    removed = [folder for folder in shown if arguments.remove and folder.state != "running" and remove(folder.path)]
    for folder in shown:
        say(f"{'removed ' if folder in removed else ''}{folder.name}: {folder}")
    size = sum(folder.bytes for folder in (removed if arguments.remove else shown)) / 1e6
    say(f"{size:,.1f} MB removed" if arguments.remove else f"{size:,.1f} MB in all")
