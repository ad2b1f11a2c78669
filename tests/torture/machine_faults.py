"""Faults of the machine: no space, no memory, a process that is stopped or killed."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
import psutil
import torch
from bad_server import CONTENT, NAME, serving
from network_faults import FORKS, ended, fetched
from PIL import Image
from small_disk import files_of_at_most
from small_model import small_model

from ganflow.data import map_pairs
from ganflow.errors import foreseeable, run_main
from ganflow.files import whole_dir, write_json
from ganflow.pipeline.out_of_memory import told_if_killed
from ganflow.tracking import store
from ganflow.tracking.run import Dataset, start_run
from ganflow.training.checkpoint import Checkpoints
from ganflow.training.lifetime import sole_user, stop_on_signals

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


class NotTriedError(Exception):
    """The machine cannot show this fault; the text says why."""


def download_into(folder: Path) -> None:
    with serving() as server:
        server.files[NAME] = CONTENT
        assert fetched(folder / "raw", server.url)


def prepare_into(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(3):
        Image.new("RGB", (128, 64)).save(folder / f"{number}.png")
    with whole_dir(folder / "prepared") as partial:
        map_pairs.write_pairs(partial / "train.npy", [folder / f"{number}.png" for number in range(3)], 64)


def checkpoint_into(folder: Path) -> None:
    os.environ["DVC_ROOT"] = str(folder)
    kept = Checkpoints("gan", "mark")
    kept.save(1, {"weights": torch.zeros(20_000)})
    state = kept.load()
    assert state is not None


def model_into(folder: Path) -> None:
    with whole_dir(folder / "models/gan") as partial:
        small_model(partial)
        write_json(partial / "numbers.json", {"values": list(range(20_000))})


def results_into(folder: Path) -> None:
    write_json(folder / "metrics.json", {"values": np.arange(20_000).tolist()})


WRITING = (download_into, prepare_into, checkpoint_into, model_into, results_into)


def interrupted(write: Callable[[Path], None], folder: Path) -> None:
    """`write` meets a full disk: one line, nothing half-written."""
    before = whole_files(folder)
    try:
        write(folder)
    except Exception as fault:
        assert "the disk is full" in foreseeable(fault), f"{write.__name__}: {fault!r}"
        assert {path: content for path, content in whole_files(folder).items() if path in before} == before


def whole_files(folder: Path) -> dict[Path, bytes]:
    """Files under their final names: no partial download, no input of ours."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".partial" not in str(path))
    return {path: path.read_bytes() for path in found if path.suffix not in (".lock", ".png")}


def files_that_may_not_grow(folder: Path, chance: Random) -> None:
    """A disk that fills up while anything is written: one line, earlier results whole, the same command goes on"""
    for write in WRITING:
        own = folder / write.__name__
        own.mkdir()
        os.environ["DVC_ROOT"] = str(own)
        with files_of_at_most(chance.choice((0, 100, 5_000, 30_000, 70_000, 200_000))):
            interrupted(write, own)
        write(own)  # the same command goes on
        earlier = whole_files(own)
        with files_of_at_most(chance.choice((0, 5_000, 30_000))):
            interrupted(write, own)
        assert whole_files(own).keys() == earlier.keys()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A tmpfs of this size, mounted at `folder`."""
    if os.geteuid() != 0:
        raise NotTriedError("needs root, for a tmpfs")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise NotTriedError(f"no tmpfs here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def a_full_disk(folder: Path, chance: Random) -> None:
    """A small disk that is full (tmpfs): one line, nothing half-written"""
    disk = folder / "disk"
    disk.mkdir()
    with small_disk(disk, f"{chance.randrange(64, 1500)}k"):
        for write in WRITING:
            own = disk / write.__name__
            own.mkdir()
            os.environ["DVC_ROOT"] = str(own)
            interrupted(write, own)


def a_full_store(folder: Path, chance: Random) -> None:
    """A full disk below MLflow: the training ends, the next run is whole"""
    os.environ["DVC_ROOT"] = str(folder)
    store.client()
    for training, size in (("first", chance.choice((0, 4096, 100_000))), ("second", resource.RLIM_INFINITY)):
        with files_of_at_most(size) if training == "first" else files_of_at_most(resource.RLIM_INFINITY):
            tracker = start_run(
                "gan", params={"seed": 0}, dataset=Dataset("mnist", "00", "x"), training=training, tags={}
            )
            for step in range(1, 200):
                tracker.metrics({"loss": 1 / step}, step)
            tracker.image(
                Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)), "samples", 1
            )
            tracker.finish("FINISHED")
    run = store.client().get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert len(store.client().get_metric_history(tracker.run_id, "curves/loss")) == 199


def memory_that_is_too_small(folder: Path, chance: Random) -> None:
    """More memory asked for than there is: one line says what to reduce"""
    numbers = 10 ** chance.randrange(13, 16)
    for ask in (lambda: torch.zeros(numbers), lambda: np.ones(numbers)):
        try:
            run_main(ask)
        except SystemExit as end:
            assert "the memory is not enough: reduce batch_size" in str(end.code)
        else:
            raise AssertionError("it had petabytes")


def memory_that_runs_out(folder: Path, chance: Random) -> None:
    """Memory that runs out in the middle of a training: one line says what to reduce"""
    np.save(folder / "data.npy", np.zeros((200, 256, 256, 3), np.uint8))
    process = FORKS.Process(target=train_within, args=(folder / "data.npy", chance.randrange(20, 400) * 2**20))
    process.start()
    assert ended(process) == 0


def train_within(data: Path, more: int) -> None:
    """Larger and larger batches, with `more` bytes of memory beside what is used already."""
    network = torch.nn.Sequential(*(torch.nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)))

    def train() -> None:
        for size in (2**power for power in range(30)):
            images = torch.from_numpy(np.load(data, mmap_mode="r")[:size].astype(np.float32))
            network(images.permute(0, 3, 1, 2).repeat(size, 1, 1, 1))

    torch.set_num_threads(1)  # with more a fork waits for ever for the threads of the process it was forked from
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + more, hard))
    try:
        run_main(train)
    except SystemExit as end:
        sys.exit(None if "the memory is not enough: reduce batch_size" in str(end.code) else end.code)
    raise AssertionError("it had no end")


@contextmanager
def limit_of_memory(limit: int) -> Iterator[Path]:
    """A new cgroup (v1 or v2): whoever writes its process number to this file has no more than `limit` bytes."""
    group, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
    if not group.exists():
        group, name = Path("/sys/fs/cgroup"), "memory.max"
    own = group / f"ganflow-torture-{os.getpid()}"
    try:
        own.mkdir()
        (own / name).write_text(str(limit))
    except OSError as fault:
        raise NotTriedError(f"needs a cgroup with a limit of memory: {fault}") from None
    try:
        yield own / "cgroup.procs"
    finally:
        own.rmdir()


def a_containers_limit_of_memory(folder: Path, chance: Random) -> None:
    """A container's limit of memory, at which Linux kills the stage: a sentence says what to reduce"""
    with limit_of_memory(chance.randrange(40, 200) * 2**20) as members, (folder / "said").open("w+") as said:
        process = FORKS.Process(target=more_and_more, args=(members, said.fileno()))
        process.start()
        assert ended(process) == -signal.SIGKILL
        for _ in range(600):  # the sentence comes after the end, by a shell that is in the cgroup too
            if not members.read_text():
                break
            time.sleep(0.1)
        said.seek(0)
        assert "Linux has killed a process because the memory was not enough" in said.read()


def more_and_more(members: Path, stderr: int) -> None:
    os.dup2(stderr, 2)
    members.write_text(str(os.getpid()))
    with told_if_killed("train_gan"):
        taken = [np.ones(2**20, np.uint8)]
        while sum(map(len, taken)) < 2**30:
            taken.append(np.ones(2**20, np.uint8))


def a_full_disk_below_dvcs_cache(folder: Path, chance: Random) -> None:
    """A disk that fills up in DVC's commit: it says so in a line, the same command goes on"""
    cache = folder / ".dvc/cache"
    cache.mkdir(parents=True)
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n")
    numbers = chance.sample(range(10**6), chance.randrange(2, 9))
    command = "; ".join(
        f"head -c 300000 /dev/zero | tr '\\0' {n % 10} > made-{n}; echo {n} >> made-{n}" for n in numbers
    )
    outs = ", ".join(f"made-{number}" for number in numbers)
    (folder / "dvc.yaml").write_text(f"stages:\n  make:\n    cmd: {command}\n    outs: [{outs}]\n")
    with small_disk(cache, f"{chance.randrange(100, 300 * len(numbers))}k"):
        done = dvc(folder, "repro")
        assert done.returncode
        assert "ERROR: failed to reproduce 'make': [Errno 28] No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,size=20m", str(cache)], check=True)
        assert dvc(folder, "repro").returncode == 0
        assert (folder / "dvc.lock").exists()


def dvc(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "dvc", "--cd", str(folder)]
    return subprocess.run([*program, *words], capture_output=True, text=True, check=False)


STEPS = 200


def count_and_save() -> None:
    """A training in small: its state is saved after every step."""
    kept = Checkpoints("gan", "mark")
    with sole_user(kept.folder), stop_on_signals() as stop:
        state = kept.load() or {"step": 0, "sum": torch.zeros(1, dtype=torch.int64)}
        while state["step"] < STEPS and not stop.received:
            state["step"] += 1
            state["sum"] += state["step"]
            kept.save(state["step"], state)


def signals_of_every_kind(folder: Path, chance: Random) -> None:
    """Any signal at any time while it saves: it goes on, no step is lost or taken twice"""
    os.environ["DVC_ROOT"] = str(folder)
    ends = [*(signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSTOP) * 2]
    chance.shuffle(ends)
    for number in (*ends, None):
        process = FORKS.Process(target=count_and_save)
        process.start()
        assert process.pid
        if number is not None:
            time.sleep(chance.random() * 0.2)
            os.kill(process.pid, number)
        if number == signal.SIGSTOP:
            time.sleep(chance.random() * 2)  # to it, any length is as long as another
            os.kill(process.pid, signal.SIGCONT)
            time.sleep(chance.random() * 0.1)
            os.kill(process.pid, signal.SIGTERM)
        code = ended(process)
    assert code == 0
    state = Checkpoints("gan", "mark").load()
    assert state is not None
    assert (state["step"], int(state["sum"])) == (STEPS, STEPS * (STEPS + 1) // 2)


FAULTS = (
    files_that_may_not_grow,
    a_full_disk,
    a_full_store,
    a_full_disk_below_dvcs_cache,
    memory_that_is_too_small,
    memory_that_runs_out,
    a_containers_limit_of_memory,
    signals_of_every_kind,
)
