"""Every command that README.md and docs/*.md show: run here in a small project, run by CI, or excused with a reason."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import forks
import pytest
from PIL import Image
from ruamel.yaml import YAML
from workspace import ROOT, as_committed

PROGRAMS = (
    *("make", "dvc", "ganflow", "mlflow", "git", "source", "export", "touch", "python", "python3", "pip"),
    *("torchrun", "docker", "pre-commit", ".ci/run"),
)
MODULES = {"ganflow": "ganflow.cli", "dvc": "dvc"}  # whose commands run as forks
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])

# Run for real, in this order, in a project where every stage has run once. NAME, URL and /srv/... are filled in.
HERE = (
    "make help",
    "ganflow doctor",
    "dvc repro",
    "dvc repro report",
    "dvc repro --force start_weights",
    "dvc dag",
    "dvc metrics show",
    "ganflow translate photo.jpg -o map.png",
    "ganflow translate photo.jpg -o map.png --samples 4",
    "ganflow translate photos -o maps",
    "ganflow sample --digit 7 -n 64 -o sevens.png",
    "ganflow sample photo.jpg -n 8 -o maps.png",
    "dvc remote add -d shared /srv/dvc",
    'git commit -am "A shared data remote"',
    "dvc push",
    "git push",
    "dvc exp run -S pix2pix.lambda_l1=50",
    "ganflow diff",
    "dvc params diff",
    "dvc metrics diff",
    "dvc plots diff",
    "dvc exp show",
    "ganflow runs",
    "dvc exp push origin NAME",
    "git checkout params.yaml dvc.lock",
    "dvc checkout",
    "dvc exp run --queue -S pix2pix.lambda_l1=10,50,100",
    "dvc queue status",
    "git clone URL ganflow",  # from here on in the clone
    "dvc pull",
    "dvc repro",
    "dvc exp list --all-commits origin",
    "dvc exp pull origin NAME",
    "dvc exp apply NAME",
)

# Run elsewhere: by .ci/run, or by the named test. Both are looked for.
DOWNLOADS = "tests/stages/test_download.py"
GOING_ON = "tests/stages/test_going_on.py"
ELSEWHERE = {
    "make test": ".ci/run",
    "make demo": ".ci/run",
    "make lint": ".ci/run",
    "ganflow translate docs/pictures/town.jpg -o map.png --fit --side-by-side": (
        "tests/inference/test_translate_files.py::test_photo_and_map_side_by_side"
    ),
    "ganflow translate photo.jpg -o map.png --metres-per-pixel 0.6": (
        "tests/inference/test_translate_files.py::test_the_scale_is_that_of_the_georeference_or_as_given_and_is_said"
    ),
    "ganflow translate scan.tif -o map.tif --range 0,4095": (
        "tests/inference/test_translate_files.py::test_floats_and_a_range_that_is_given"
    ),
    "ganflow translate photo.jpg -o map.png --model models:/pix2pix@champion": (
        "tests/tracking/test_logged_model.py::test_a_translator_takes_photos_of_any_size"
    ),
    "ganflow export models/pix2pix/best -o map.onnx": (
        "tests/inference/test_export.py::test_pictures_of_any_number_and_size_within_one_level"
    ),
    "ganflow app": "tests/browser/test_app.py::test_a_photo_is_dropped_translated_and_wiped",
    "ganflow sample --each -n 10 -o digits.png": (
        "tests/inference/test_sample_files.py::test_digits_to_order_in_one_picture"
    ),
    "ganflow sample --walk 12 -n 8 -o walks.png": (
        "tests/inference/test_sample_files.py::test_digits_to_order_in_one_picture"
    ),
    "MLFLOW_TRACKING_URI=sqlite:///mlflow.db mlflow models serve -m models:/pix2pix@champion --env-manager local": (
        "tests/tracking/test_serving.py::test_a_photo_of_any_size_posted_comes_back_as_a_map"
    ),
    "ganflow compare RUN_A RUN_B": "tests/browser/test_runs.py::test_the_page_of_a_comparison",
    "dvc exp run -S compute.processes=2 -S cyclegan.batch_size=2": (
        "tests/stages/test_processes.py::test_two_processes_train_to_the_end"
    ),
    "ganflow pairs check FOLDER": "tests/test_cli.py::test_a_folder_of_pairs_is_checked_and_the_next_command_printed",
    "ganflow pairs check FOLDER --no-data 255": (
        "tests/test_cli.py::test_what_is_no_data_is_told_to_the_check_and_printed_for_the_training"
    ),
    "dvc exp run -S mnist.folder=FOLDER evaluate_gan evaluate_cgan render_digits": (
        "tests/stages/test_own_digits.py::test_a_folder_of_three_classes_is_trained_and_measured"
    ),
    "dvc exp run -S pairs.folder=FOLDER -S pairs.direction=a2b -S pix2pix.epochs=100 report_pairs": (
        "tests/stages/test_own_pairs.py::test_values_of_16_bits_and_four_channels_are_trained_and_measured"
    ),
    "dvc exp run -S pairs.folder=PICTURES -S pairs.derive=denoise report_pairs": (
        "tests/stages/test_own_pairs.py::test_a_task_is_made_of_single_pictures"
    ),
    "dvc exp run -S pairs.folder=FOLDER -S pairs.unpaired=true evaluate_cyclegan render_cyclegan": (
        "tests/stages/test_own_pairs.py::test_pictures_without_pairs_are_trained_measured_and_drawn"
    ),
    "ganflow translate map.png -o photo.png --reverse": (
        "tests/inference/test_translate_files.py::test_a_cyclegan_translates_both_ways"
    ),
    "dvc exp run -S pix2pix.epochs=90": GOING_ON + "::test_a_longer_training_is_the_shorter_one_continued",
    "dvc exp run -S pix2pix.start_from=models/pix2pix/last": (
        GOING_ON + "::test_a_training_that_starts_from_given_weights_begins_at_their_quality"
    ),
    "python -m ganflow.pipeline.deps": (
        "tests/stages/test_pipeline.py::test_writing_the_code_deps_anew_changes_nothing_and_mends_what_is_wrong"
    ),
    "GANFLOW_MIRROR=/folder/or/url make repro": DOWNLOADS + "::test_both_sets_come_from_a_mirror_behind_an_address",
}

# Run by nobody, each with the reason.
NOBODY = {
    "make exact": "minutes of killing; its short form is tests/stages/test_kills.py",
    "make exps": "sets up an environment first; it is `dvc exp show --csv`, sifted",
    "make torture": "minutes of faults; tests/torture/test_campaign.py tries each once",
    "make bench": "minutes of timing; tests/benchmarks/test_bench.py runs every bench once, tiny",
    "python benchmarks/run.py step loop": "as make bench",
    ".ci/run": "is what CI runs",
    "make repro": "hours on real data; the same stages run in tests/stages, the data's first in .ci/run",
    "dvc exp run -S compute.processes=8 -S pix2pix.batch_size=8 -S cvae.batch_size=8 -S cyclegan.batch_size=8": (
        "needs eight GPUs"
    ),
    "torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29500 stages/train_pix2pix.py": (
        "needs two hosts"
    ),
    "make setup": "every CI command begins with it (a target that the others need)",
    "make ui": "does not end; a server for a browser",
    "make seeds": "three times the whole pipeline: hours",
    "make repro PROFILE=paper": "a GPU's job of days",
    "make repro PROFILE=best": "an hour of a GPU; its parameters are validated by tests/test_config.py",
    "make repro PROFILE=l1": "hours; its parameters are validated by tests/test_config.py",
    "source .venv/bin/activate": "changes the shell it is typed in, nothing else",
    "python3 -m venv .venv": "7 GB of packages: make setup does the same",
    ".venv/bin/pip install torch==2.14.1 torchvision==0.29.1 "
    "--index-url https://download.pytorch.org/whl/cpu": "that index is out of a test's reach",
    ".venv/bin/pip install -c constraints.txt -e '.[dev]'": "7 GB of packages: make setup does the same",
    "python docs/licences.py": "of what is installed; tests/test_supply.py holds its page to it",
    "python tests/torture/soak.py --minutes 60": "an hour",
    "touch .venv/.ready": "belongs to the two above",
    "python3 -m venv server": "needs a package index; docs/servers.md says what was seen by hand",
    "server/bin/pip install mlflow==3.17.2 psycopg2-binary==2.9.13": "as above",
    "server/bin/mlflow server --backend-store-uri postgresql+psycopg2://ganflow@127.0.0.1:5432/mlflow "
    "--artifacts-destination /srv/artifacts --host 127.0.0.1 --port 5000": "needs PostgreSQL; seen by hand",
    "export MLFLOW_TRACKING_URI=http://127.0.0.1:5000": "needs that server; seen by hand",
    "dvc queue start -j 2": "workers that outlive the command; seen by hand (docs/servers.md)",
    "dvc queue logs NAME": "needs a queue that was started",
    "dvc exp run -S pix2pix.objective=lsgan -S gan.objective=hinge": "as with lambda_l1, other knobs: tests/training",
    "dvc exp run -S maps.test_pairs=1098": "needs the real data",
    "dvc exp run -S maps.direction=map2aerial": "as with lambda_l1, another knob: tests/report/test_page.py",
    "dvc exp run --temp --name map2aerial -S maps.direction=map2aerial -S pix2pix.epochs=4 -S pix2pix.decay_epochs=2 "
    "-S cvae.epochs=2 -S cvae.decay_epochs=1": "minutes, on real data",
    "dvc get . reports --rev map2aerial -o /tmp/map2aerial": "belongs to the one above",
}


@dataclass(frozen=True)
class Command:
    text: str
    page: str
    line: int


def commands() -> list[Command]:
    """Commands in indented blocks, one per line (or per `;`), without comments; `\\` at the end joins lines."""
    found = []
    for page in PAGES:
        lines = page.read_text().splitlines()
        for number, line in enumerate(lines, start=1):
            if not line.startswith("    "):
                continue
            text = line.strip()
            while text.endswith("\\"):
                text = f"{text[:-1].strip()} {lines[number].strip()}"
                number += 1
            words = text.split("#")[0].strip()
            program = re.sub(r"^(\w+=\S+ )+", "", words).split(" ")[0]
            if re.sub(r"^\S+/bin/", "", program) in PROGRAMS:
                parts = (part.strip() for part in words.split(";"))
                found += [Command(part, page.name, number) for part in parts if part]
    return found


def test_the_commands_are_found() -> None:
    texts = {command.text for command in commands()}
    assert {"make demo", "dvc exp run -S pix2pix.lambda_l1=50", "dvc params diff", "dvc push"} <= texts


@pytest.mark.parametrize("command", commands(), ids=lambda command: f"{command.page}:{command.line}")
def test_someone_runs_it(command: Command) -> None:
    assert command.text in (*HERE, *ELSEWHERE, *NOBODY), (
        f"{command.page}:{command.line} shows `{command.text}`, which nobody runs. In {__file__}, add it to HERE if it "
        "takes seconds in a small project, to ELSEWHERE with the test or CI command that runs it, or to NOBODY with "
        "the reason."
    )


def test_no_entry_outlives_its_command() -> None:
    shown = {command.text for command in commands()}
    assert {*HERE, *ELSEWHERE, *NOBODY} - shown == set(), "remove these: no page shows them any more"


@pytest.mark.parametrize("where", sorted(ELSEWHERE.values()))
def test_the_other_place_exists(where: str) -> None:
    if where == ".ci/run":
        run = (ROOT / ".ci/run").read_text().splitlines()
        assert {command for command, place in ELSEWHERE.items() if place == where} <= set(run)
    else:
        path, _, name = where.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text()


def test_the_documented_commands_work(whole: Path, tmp_path: Path) -> None:
    """In one go, as a reader would type them."""
    project, clone = tmp_path / "project", tmp_path / "ganflow"
    as_committed(project, whole)
    Image.new("RGB", (50, 40), "green").save(project / "photo.jpg")
    (project / "photos").mkdir()
    Image.new("RGB", (50, 40), "green").save(project / "photos" / "photo.jpg")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),  # git's and DVC's own configuration
        **{f"GIT_{who}_{what}": "reader" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    for name in ("DVC_ROOT", "GANFLOW_MIRROR", "MLFLOW_TRACKING_URI"):
        environment.pop(name, None)
    folder, experiment = project, "none yet"

    def run(command: str) -> str:
        command = command.replace("/srv", str(tmp_path)).replace("URL", str(tmp_path / "origin.git"))
        words = shlex.split(command.replace("NAME", experiment))
        env = environment | {"PYTHONPATH": str(folder / "src")}
        if words[0] in MODULES:
            done = forks.run(["-m", MODULES[words[0]], *words[1:]], folder, env, timeout=300)
        else:
            done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, (command, done.stdout[-1500:], done.stderr[-1500:])
        return done.stdout

    for command in ("git init --quiet --initial-branch main", "git add -A", "git commit --quiet -m whole"):
        run(command)
    run("dvc commit --force --quiet")  # what `whole` made, as if made here
    for command in (
        "git add -A",
        "git commit --quiet --allow-empty -m made",
        f"git clone --quiet --bare . {tmp_path}/origin.git",
        f"git remote add origin {tmp_path}/origin.git",
        "git fetch --quiet origin",
        "git branch --quiet --set-upstream-to origin/main",
    ):
        run(command)

    said: dict[str, list[str]] = {}
    for command in HERE:
        where = tmp_path if command.startswith("git clone") else folder
        folder = where
        said.setdefault(command, []).append(run(command))
        if command.startswith("git clone"):
            folder = clone
        if command.startswith("dvc exp run -S"):
            (experiment,) = re.findall(r"Ran experiment\(s\): (\S+)", said[command][-1])
    assert all("up to date" in output for output in said["dvc repro"]), "also in the clone, after `dvc pull`"
    experiment_ran = said["dvc exp run -S pix2pix.lambda_l1=50"][0]
    assert re.findall(r"Running stage '(\w+)'", experiment_ran)[0] in ("check_params", "train_pix2pix")
    assert "Running stage 'train_gan'" not in experiment_ran
    assert "ganflow diff" in experiment_ran.split("Running stage 'report'")[1], "the end says where to look"
    assert (project / "map-4.png").exists()
    assert YAML(typ="safe").load((clone / "params.yaml").read_text())["pix2pix"]["lambda_l1"] == 50
    changed = (project / "models/pix2pix/best/model.safetensors").read_bytes()
    assert changed == (whole / "models/pix2pix/best/model.safetensors").read_bytes(), "`dvc checkout` took it back"
    assert (clone / "models/pix2pix/best/model.safetensors").read_bytes() != changed, "`dvc exp apply` brought it"
