"""Proof that results are exact: `make exact`. Twenty minutes or more on two cores, on built-in data.

- Two clean clones of HEAD, `dvc repro` in each: the same dvc.lock, byte for byte.
- Every model's training killed in every kind of moment with every signal, a newest checkpoint cut off or emptied,
  parameters changed in between (stages/kills.py): the same bytes and the same MLflow run as one left alone.
- Another in which `dvc` is killed between each training's end and its commit, once while it writes its own lock file:
  no step is repeated.
- A third clone in which `dvc` itself, or its whole process group, is killed in every training: no orphan, and in the
  end the same dvc.lock and MLflow runs as the first.

Prints a table and ends with 1 if anything is otherwise. Leaves its folder behind only then.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "stages"))

from kills import MODELS, MOMENTS, SIZE, THOROUGH, tracked
from ruamel.yaml import YAML
from workspace import DYING_DVC, ORDER, ROOT, TINY, UNCOMMITTED, project, stage, trains, until


def yaml() -> YAML:
    """One for each use: clones are made in threads, and it keeps a state."""
    return YAML(typ="safe")


SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")


@dataclass
class Proof:
    """One line of the table."""

    what: str
    done: str = ""
    wrong: list[str] = field(default_factory=list)
    landed: Counter[str] = field(default_factory=Counter)  # "SIGNAL moment" → kills
    seconds: float = 0.0


def clone(folder: Path) -> Path:
    """A clean clone of HEAD with small parameters."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    path = folder / "params.yaml"
    content = yaml().load(path.read_text())
    for section, values in TINY.items():
        content[section] |= values
    for model, own in SIZE.items():  # long enough to be killed three times
        content[model] |= own | {"epochs": THOROUGH * own["epochs"]}
    yaml().dump(content, path)
    return folder


def repro(folder: Path, log: Path, *dying: str) -> subprocess.Popen[bytes]:
    """What `make repro` runs in a clone, leading a process group and session of its own, as in a terminal of its own.

    `dying`: a stage and the moment after its end in which this DVC kills itself.
    """
    binaries = Path(sys.executable).parent
    removed = {"DVC_ROOT", "DVC_STAGE", "PYTHONPATH", "MLFLOW_TRACKING_URI", "GANFLOW_MIRROR"}
    environment = {name: value for name, value in os.environ.items() if name not in removed}
    environment |= {"PATH": f"{binaries}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}
    with log.open("w") as out:
        mend = [sys.executable, "-m", "ganflow.pipeline.rwlock"]
        source = environment | {"PYTHONPATH": str(folder / "src")}
        subprocess.run(mend, cwd=folder, env=source, stdout=out, stderr=subprocess.STDOUT, check=True)
        return subprocess.Popen(
            [sys.executable, DYING_DVC, *dying] if dying else [binaries / "dvc", "repro"],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def reproduced(folder: Path) -> Path:
    """The clone, once `dvc repro` has ended."""
    log = folder.with_suffix(".log")
    if repro(folder, log).wait() != 0:
        raise RuntimeError(f"dvc repro in {folder} failed:\n{log.read_text()[-2000:]}")
    return folder


def same_lock(first: Path, second: Path) -> list[str]:
    """Outs whose hashes differ."""
    locks = [(folder / "dvc.lock").read_bytes() for folder in (first, second)]
    if locks[0] == locks[1]:
        return []
    differing = [out for out, digest in hashes(first).items() if hashes(second).get(out) != digest]
    return [f"dvc.lock differs: {', '.join(differing) or 'not in the outs'}"]


def hashes(folder: Path) -> dict[str, str]:
    """Out → its hash in dvc.lock."""
    stages = yaml().load((folder / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for one in stages.values() for out in one.get("outs", [])}


def trainers(folder: Path) -> dict[int, str]:
    """Train stages that run in this clone: process id → model."""
    found = {}
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_text().split("\0")
            named = [re.fullmatch(r"stages/train_(\w+)\.py", part) for part in command[:2]]
            if named[-1] and (process / "cwd").resolve() == folder.resolve() and state(process) != "Z":
                found[int(process.name)] = named[-1][1]
        except (OSError, IndexError):  # no process, or it has ended meanwhile
            continue
    return found


def state(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def kill_dvc(folder: Path) -> Proof:
    """`dvc repro` killed four times in each training, each time followed by the same `dvc repro`."""
    proof, log, slowest = Proof("dvc killed"), folder.with_suffix(".log"), 0.0
    for model in MODELS:
        for number, moment, group in (
            (signal.SIGKILL, "start", False),
            (signal.SIGKILL, "training", False),
            (signal.SIGTERM, "training", True),
            (signal.SIGINT, "training", True),
        ):
            dvc = repro(folder, log)
            begun = has_begun(folder, model, moment)
            until(lambda begun=begun, dvc=dvc: begun() or dvc.poll() is not None, seconds=600)
            killed = time.monotonic()
            alive = trainers(folder)
            (os.killpg if group else os.kill)(dvc.pid, number)
            until(lambda: not trainers(folder), seconds=600)
            dvc.wait()
            slowest = max(slowest, time.monotonic() - killed)
            said = log.read_text()
            if len(alive) != 1 or dvc.returncode == 0:
                proof.wrong.append(f"{number.name} in {model}, {moment}: trainers {alive}, dvc ended {dvc.returncode}")
            elif moment == "training" and "saved after step" not in said:
                proof.wrong.append(f"{number.name} in {model}: the trainer did not save: {said[-300:]}")
            else:
                proof.landed[f"{number.name} {'to the group' if group else 'to dvc'}"] += 1
    reproduced(folder)
    proof.wrong += [f"left behind: {path}" for path in folder.glob("checkpoints/*/*/step-*")]
    proof.done = f"the last trainer ended {slowest:.1f} s after its dvc at the latest"
    return proof


def kill_before_commit(folder: Path) -> Proof:
    """`dvc repro` killed between each training's end and its commit, and followed by what `make repro` runs."""
    proof, log = Proof("no commit"), folder.with_suffix(".log")
    for model in MODELS:
        for number, moment in enumerate(UNCOMMITTED):
            code = repro(folder, log, f"train_{model}", moment).wait()
            said = log.read_text()
            again = re.findall(rf"{model}: resuming after step (\d+) of (\d+)", said)
            cached = f"Stage 'train_{model}' is cached" in said  # killed after its outs were in DVC's run cache
            if code != -signal.SIGKILL:
                proof.wrong.append(f"SIGKILL in {model}, {moment}: dvc ended with {code}: {said[-300:]}")
            elif number > 0 and not cached and not (len(again) == 1 and again[0][0] == again[0][1]):
                proof.wrong.append(f"{model}, {moment}: steps were repeated: {said[-300:]}")
            else:
                proof.landed["SIGKILL before commit"] += 1
    reproduced(folder)
    proof.wrong += [f"left behind: {path}" for path in folder.glob("checkpoints/*/*/step-*")]
    return proof


def has_begun(folder: Path, model: str, moment: str) -> Callable[[], bool]:
    """Whether the trainer of `model` runs, or is in the midst of its training."""
    return lambda: any(
        name == model and (moment == "start" or trains(process)) for process, name in trainers(folder).items()
    )


def kill_training(model: str, base: Path, work: Path, seed: int) -> Proof:
    command = [sys.executable, str(ROOT / "tests/stages/kills.py"), model, str(base), str(work), "--thorough"]
    source = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, "--seed", str(seed)], env=source, capture_output=True, text=True)
    if done.returncode != 0:
        return Proof(model, wrong=[done.stderr[-1000:]])
    told = json.loads(done.stdout)
    return Proof(model, f"{told['steps']} steps", told["wrong"], Counter(told["landed"]))


def timed(function: Callable[..., Proof], *arguments: object) -> Proof:
    began = time.monotonic()
    proof = function(*arguments)
    proof.seconds = time.monotonic() - began
    print(f"{proof.what}: {'as it should be' if not proof.wrong else 'WRONG'}", file=sys.stderr, flush=True)
    return proof


def two_clones(first: Path, second: Path) -> Proof:
    for folder in (first, second):
        reproduced(folder)
    return Proof("two clones", f"{len(hashes(first))} outs, dvc.lock the same", same_lock(first, second))


def prove(work: Path, seed: int, jobs: int) -> list[Proof]:
    base = project(work / "base")
    for name in ORDER[: ORDER.index("train_classifier") + 1]:
        done = stage(base, name)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr}")
    # Of one and the same HEAD.
    first, second, third, fourth = (clone(work / name) for name in ("first", "second", "third", "fourth"))
    with ThreadPoolExecutor(jobs) as pool:
        clones = pool.submit(timed, two_clones, first, second)
        killed_dvc = pool.submit(timed, kill_dvc, third)
        uncommitted = pool.submit(timed, kill_before_commit, fourth)
        trainings = [pool.submit(timed, kill_training, model, base, work / model, seed) for model in MODELS]
        proofs = [clones.result(), killed_dvc.result(), uncommitted.result(), *(one.result() for one in trainings)]
    for proof, folder in zip(proofs[1:3], (third, fourth), strict=True):
        proof.wrong += same_lock(first, folder)
        for model in MODELS:
            proof.wrong += [f"{model}: {fault}" for fault in tracked(model, folder, first)]
    return proofs


def table(proofs: list[Proof]) -> str:
    lines = [f"{'':12}{'SIGKILL':>9}{'SIGTERM':>9}{'SIGINT':>9}{'seconds':>9}  result"]
    for proof in proofs:
        by_signal = Counter(
            {name: sum(n for kill, n in proof.landed.items() if kill.startswith(name)) for name in SIGNALS}
        )
        counts = "".join(f"{by_signal[name]:{width}}" for name, width in zip(SIGNALS, (9, 9, 8), strict=True))
        result = proof.done if not proof.wrong else f"WRONG: {proof.wrong[0]}"
        lines.append(f"{proof.what:12}{counts}{proof.seconds:9.0f}  {result}")
    lines += ["", "Kills by moment:"]
    for moment, meaning in MOMENTS.items():
        landed = sum(n for proof in proofs for kill, n in proof.landed.items() if kill.endswith(f" {moment}"))
        lines.append(f"{landed:5}  {moment}: {meaning}")
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="at once (default: one per core)"
    )
    given = arguments.parse_args()
    work, began = Path(tempfile.mkdtemp(prefix="ganflow-exact-")), time.monotonic()
    commit = subprocess.run(["git", "log", "-1", "--format=%h %s"], cwd=ROOT, capture_output=True, text=True).stdout
    print(f"Seed {given.seed}, HEAD {commit.strip()}", flush=True)
    proofs = prove(work, given.seed, given.jobs)
    print(table(proofs))
    print(f"\n{sum(proof.landed.total() for proof in proofs)} kills, {time.monotonic() - began:.0f} s")
    wrong = [f"{proof.what}: {fault}" for proof in proofs for fault in proof.wrong]
    if wrong:
        sys.exit("\n".join([f"error: not exact ({work} is kept)", *wrong]))
    shutil.rmtree(work)
    print("Everything ended in the same bytes and the same MLflow runs as when left alone.")


if __name__ == "__main__":
    main()
