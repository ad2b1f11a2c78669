"""`ganflow doctor`: checks the machine and the project, and says what to do about each problem."""

import contextlib
import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import psutil
import requests

from ganflow import config
from ganflow.config import Params
from ganflow.errors import UserError, one_line, say, without_secrets
from ganflow.files import project_root
from ganflow.pipeline import checkpoint_folders, place, rwlock

DISK_NEEDED = 5e9  # bytes: data, cache and runs of a default run, with room for a few experiments
MEMORY_NEEDED = 3e9
SERVER_SECONDS = 3.0  # within which a tracking server has to answer
NAMED = ("ganflow", "torch", "dvc", "mlflow")  # whose versions are shown


@dataclass(frozen=True)
class Finding:
    """The result of one check. `advice` says what to do, and is empty where all is well."""

    name: str
    state: str
    advice: str = ""


def examine() -> list[Finding]:
    """Run all checks, in the order in which a user would need them. Changes nothing, downloads nothing."""
    root = project_root()
    try:
        params, found = config.load_params(), Finding("params.yaml", "valid")
    except UserError as fault:
        params, found = None, Finding("params.yaml", str(fault), "correct it; every key is explained in it")
    findings = [_versions(root), found, *_folder(root), _git(root), *_disk_and_memory(root), _mirror()]
    if params:
        findings += [_machine(params), _data("mnist", params), _data("maps", params)]
    return [*findings, _models(root), *_trainings(root), _store(), _remote(root), _next_step(root)]


def _versions(root: Path) -> Finding:
    shown = ", ".join(f"{name} {_version(name)}" for name in NAMED)
    pinned = dict(line.split("==") for line in (_lines(root / "constraints.txt")) if "==" in line)
    other = [f"{name} {_version(name)} (pinned: {pin})" for name, pin in pinned.items() if _version(name) != pin]
    other = [text for text in other if "not installed" not in text]  # of another platform
    state = f"Python {platform.python_version()}, {shown}"
    if other:
        return Finding("versions", f"{state}; {len(other)} not as pinned: {', '.join(other[:3])}", "make setup")
    return Finding("versions", state)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def _git(root: Path) -> Finding:
    for fault in place.git_faults(root, experiments=True):
        state, _, advice = fault.partition(": ")
        return Finding("git", state, advice)
    done = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=False)
    changed = len(done.stdout.splitlines())
    return Finding("git", f"{changed} files differ from the last commit" if changed else "clean")


def _folder(root: Path) -> Iterator[Finding]:
    """Problems with the project's path and with DVC's lock file."""
    for fault in place.path_faults(root, copies=True):
        state, _, advice = fault.rpartition(": ")
        yield Finding("this folder", state, advice)
    lock = rwlock.damaged(root)
    if lock:
        advice = f"`make repro` removes it; or, when no DVC runs: rm {lock.relative_to(root)}"
        yield Finding("DVC's lock", f"{lock.relative_to(root)} is damaged: every `dvc repro` will fail", advice)


def _disk_and_memory(root: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(root).free
    advice = "" if free > DISK_NEEDED else "free some space: `dvc gc -w` drops results that are not in this folder"
    yield Finding("disk", f"{free / 1e9:.0f} GB free", advice)
    memory = psutil.virtual_memory().available  # with what the kernel keeps of files, and gives back when asked
    advice = "" if memory > MEMORY_NEEDED else "a smaller evaluate.batch_size or evaluate.digits needs less"
    yield Finding("memory", f"{memory / 1e9:.0f} GB free", advice)


def _mirror() -> Finding:
    mirror = os.environ.get("GANFLOW_MIRROR")
    if not mirror:
        return Finding("GANFLOW_MIRROR", "not set: data comes from the published addresses")
    if "://" in mirror or Path(mirror).is_dir():
        return Finding("GANFLOW_MIRROR", without_secrets(mirror))
    return Finding("GANFLOW_MIRROR", f"{mirror} is no folder", "set it to one that holds mnist/*.gz and maps.tar.gz")


def _machine(params: Params) -> Finding:
    # torch takes seconds to import
    from ganflow.inference import compute

    try:
        return Finding("machine", compute.set_up(params.compute).reason)
    except UserError as fault:
        return Finding("machine", str(fault), "change compute.device")


def _data(name: str, params: Params) -> Finding:
    from ganflow.data import prepared

    try:
        training, test = prepared.about(name), prepared.about(name, "test")
    except UserError as fault:
        return Finding(f"data: {name}", "not prepared yet", str(fault).partition(": ")[2])
    source, wanted = training["source"], _wanted_source(name, params)
    if source == "folder":
        source = f"folder {training['name']}"
    counts = f"{training['train']} train, {training['val']} val, {test['test']} test, {source}"
    if source != wanted:
        return Finding(f"data: {name}", f"{counts}, where params.yaml wants {wanted}", "dvc repro")
    return Finding(f"data: {name}", counts)


def _wanted_source(name: str, params: Params) -> str:
    """download, generated, or of a user's folder "folder" and the name that its prepared data has."""
    if name == "mnist" and params.own_digits:
        return f"folder {Path(params.mnist.folder).resolve().name}"
    if name == "maps" and params.own_pairs:
        derived = "" if params.pairs.derive == "none" else f", {params.pairs.derive}"
        return f"folder {Path(params.pairs.folder).resolve().name}{derived}"
    return params.data.source


def _models(root: Path) -> Finding:
    own, demo = (_trained(folder) for folder in (root / "models", root / "demo/models"))
    if own or not demo:
        return Finding("models", ", ".join(own) or "none yet", "" if own else "make repro (or make demo)")
    return Finding("models", f"none in models/; of the demo, in demo/models/: {', '.join(demo)}")


def _next_step(root: Path) -> Finding:
    """What to type next, once nothing above is amiss: after the clone, the demo, the real run, or one of own pairs."""
    reports = {"reports/index.html": "", "reports/translators/index.html": " report_pairs"}
    for report, stage in reports.items():
        if (root / report).exists():
            return Finding(
                "next step", f"look at {report}; then change something: dvc exp run -S pix2pix.lambda_l1=50{stage}"
            )
    if _trained(root / "models"):
        return Finding(
            "next step", "dvc repro: measures and draws the models that are trained, and goes on with the rest"
        )
    if (root / "demo/index.html").exists():
        return Finding("next step", "look at demo/index.html; then the real data: make repro")
    return Finding("next step", "make demo: the whole workflow in minutes, without a download")


def _trained(folder: Path) -> list[str]:
    return sorted({path.relative_to(folder).parts[0] for path in folder.glob("**/config.json")})


def _trainings(root: Path) -> Iterator[Finding]:
    """Trainings that run, were interrupted, are finished and not committed, or can be gone on from."""
    advice_by_state = {
        "running": "",
        "interrupted": "the command that began it continues it",
        "finished": "`dvc repro` puts its results in place",
        "kept": "",
    }
    for folder in checkpoint_folders.list_folders(root):
        old = folder.other and folder.state != "running"
        advice = (
            f"`ganflow checkpoints {folder.name} --remove` frees the disk" if old else advice_by_state[folder.state]
        )
        yield Finding(f"training: {folder.name.partition('/')[0]}", f"{folder} (checkpoints/{folder.name})", advice)


def _store() -> Finding:
    """Where runs are kept. Opened for reading only: nothing is created, moved or repaired."""
    from ganflow.tracking.address import SERVER, VARIABLE, address, sqlite_file

    try:
        store = address()
    except UserError as fault:
        return Finding("runs", str(fault), f"correct or unset {VARIABLE}; trainings go on without it")
    if store.startswith(SERVER):
        return _server(store)
    file = sqlite_file(store)
    if file is None:
        return Finding("runs", f"in the database {without_secrets(store)} (not checked)")
    if not file.exists():
        return Finding("runs", f"none yet: the first training makes {file.name}")
    # A reader too would create the write-ahead log's two files. Where they are missing, nothing is being written.
    mode = "mode=ro" if Path(f"{file}-wal").exists() else "mode=ro&immutable=1"
    if Path(f"{file}-journal").exists():
        return Finding("runs", f"in {file.name}: a write runs or was interrupted, and the next run will undo it")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?{mode}", uri=True)) as database:
            (count,) = database.execute("SELECT count(*) FROM runs").fetchone()
    except sqlite3.Error as fault:
        return Finding("runs", f"{file.name} cannot be read: {fault}", "put it aside: the next run makes a new one")
    return Finding("runs", f"{count} in {file.name} (make ui)")


def _server(address: str) -> Finding:
    """Whether an MLflow server answers."""
    shown = without_secrets(address)
    try:
        answer = requests.get(f"{address.rstrip('/')}/health", timeout=SERVER_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as fault:
        advice = "start it or unset MLFLOW_TRACKING_URI (docs/servers.md); trainings go on without it"
        return Finding("runs", f"{shown} does not answer ({type(fault).__name__})", advice)
    return Finding("runs", f"at {shown}, which answers")


def _remote(root: Path) -> Finding:
    """Where `dvc push` would take data and results to."""
    if not (root / ".dvc").is_dir():
        return Finding("DVC", "this is no DVC project", "work in a clone")
    from dvc.config import Config, ConfigError

    try:
        remote = Config(str(root / ".dvc"))["core"].get("remote")
    except ConfigError as fault:
        return Finding("DVC", f"its configuration cannot be read: {one_line(fault)}", "correct .dvc/config")
    return Finding("DVC remote", remote or "none: data and results are on this machine alone (docs/servers.md)")


def report(findings: list[Finding], say: Callable[[str], object] = say) -> None:
    """Print each finding on a line, and its advice on the next."""
    for found in findings:
        say(f"{'!' if found.advice else ' '} {found.name:18} {found.state}")
        if found.advice:
            say(f"{'':21}→ {found.advice}")
