"""Trainings by several processes: the same steps as by one, and one fate for all."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import forks
import pytest
import torch
from workspace import ROOT, checkpoints, environment, outs, project, until

from ganflow.losses import OBJECTIVES
from ganflow.training.processes import World

# Three steps of every model under every objective, in fp32, by all the processes of this job; then the leader's weights
# in one file. Batch norm and dropout are those of each process alone: they are left out.
STEPS = """
import sys
import torch
from pathlib import Path
import numpy as np
from safetensors.torch import save_file
from torch import nn
from ganflow import config
from ganflow.losses import OBJECTIVES
from ganflow.models import dcgan
from ganflow.training import compute, cvae, cyclegan, gan, patch_adversary, pix2pix
from ganflow.training.cvae import CvaeModel
from ganflow.training.cyclegan import CycleGanModel
from ganflow.training.gan import GanModel
from ganflow.training.pix2pix import Pix2PixModel


class ByImage(nn.GroupNorm):  # in place of batch norm, by which each process would normalise its own share
    def __init__(self, channels, track_running_stats=True):
        super().__init__(1, channels)


dcgan.nn.BatchNorm2d = ByImage
# Adam makes a step of a gradient's last bits. With a weight of 100 on L1 a larger rate makes much of them too.
for module, rate in ((gan, 0.02), (patch_adversary, 0.02), (pix2pix, 0.0001), (cvae, 0.0001), (cyclegan, 0.001)):
    module.adam = lambda network, params, rate=rate: torch.optim.SGD(network.parameters(), rate)
params = config.load_params(Path(sys.argv[1]))
machine = compute.prepare(params.compute.model_copy(update={"precision": "fp32", "threads": 1}))
rng = torch.Generator().manual_seed(1)
digits = torch.rand(4, 1, 28, 28, generator=rng) * 2 - 1, torch.arange(4)
pairs = torch.rand(2, 4, 3, 32, 32, generator=rng) * 2 - 1
colours = torch.tensor([[232, 228, 224], [254, 254, 254]])
common = torch.zeros(3, dtype=torch.uint8), colours
shown = (np.zeros((0, 32, 32, 3), np.uint8),) * 2
small = {"generator_channels": 4, "encoder_channels": 4, "discriminator_channels": 4, "latent_dim": 3, "channels": 4}
every = {"lambda_latent": 1.0, "lambda_rare": 1.0, "lambda_features": 1.0, "critic_steps": 2}
kept = {}
for objective in OBJECTIVES:
    def of(section, **changes):
        known = {name: value for name, value in small.items() if name in type(section).model_fields}
        return section.model_copy(update=known | {"objective": objective, **changes})

    norm = "none" if objective in ("wgan_gp", "relativistic") else "batch"
    models = {
        "gan": (GanModel(of(params.gan, norm=norm), 0, machine), digits),
        "cgan": (GanModel(of(params.cgan, norm=norm), 0, machine, classes=10), digits),
        "pix2pix": (Pix2PixModel(of(params.pix2pix, dropout=0.0), 32, 0, machine, shown, *common), tuple(pairs)),
        "cvae": (CvaeModel(of(params.cvae), 32, 0, machine, shown, *common), tuple(pairs)),
        # The full weight of the gradient's penalty makes much of last bits, where D sees single images.
        "cyclegan": (
            CycleGanModel(of(params.cyclegan, lambda_gp=0.1), 32, 0, machine, shown, (colours, colours)),
            tuple(pairs),
        ),
        "bicycle": (CvaeModel(of(params.cvae, **every), 32, 0, machine, shown, *common), tuple(pairs)),
    }
    for name, (model, batch) in models.items():
        for step in range(3):
            machine.world.reseed(0, name, step)
            model.step(tuple(machine.world.share(part) for part in batch), 4 * (step + 1))
        for part, network in model.networks.items():
            kept |= {f"{objective}/{name}/{part}/{key}": value for key, value in network.state_dict().items()}
if machine.world.leads:
    save_file({key: value.clone() for key, value in kept.items()}, sys.argv[2])
"""
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


# What a training does first, without the rest: whether it is one of several, and what these have in common.
SEVERAL = r"""
import sys
import torch
from ganflow import config
from ganflow.training import processes

compute = config.load_params().compute
if not processes.launched(compute):
    world = processes.join("cpu")
    sum_of_ranks = world.size * world.mean(torch.tensor(float(world.rank)))
    line = f"{world.rank} {world.size} {int(sum_of_ranks)} {sys.argv[1]}\n"
    sys.stdout.write(line)  # at once: print writes in pieces where nothing is buffered, and both write to one pipe
    processes.leave()
"""


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return forks.run(list(words), folder, environment(folder) | {"GLOO_SOCKET_IFNAME": "lo"}, timeout=300)


def test_a_command_runs_as_several_processes(tmp_path: Path) -> None:
    """Processes that the launcher starts anew. In the other tests they are forks, which start sooner."""
    folder = project(tmp_path / "several", compute={"processes": 2, "device": "cpu"})
    (folder / "several.py").write_text(SEVERAL)
    done = subprocess.run(
        [sys.executable, "several.py", "an argument"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["0 2 1 an argument", "1 2 1 an argument"]


def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    script = tmp_path / "steps.py"
    script.write_text(STEPS)
    params = str(ROOT / "params.yaml")
    for name, launcher in (("one", ()), ("two", TORCHRUN)):
        done = run(*launcher, str(script), params, str(tmp_path / name), folder=tmp_path)
        assert done.returncode == 0, done.stderr
    one, two = load_file(tmp_path / "one"), load_file(tmp_path / "two")
    assert one.keys() == two.keys()
    assert {name.split("/")[0] for name in one} == set(OBJECTIVES)
    for name, weights in one.items():
        # CycleGAN's D sees an untrained generator's images alone: of nearly one colour, whose last bits instance norm
        # enlarges.
        atol = 1e-3 if "/cyclegan/D/" in name else 2e-5
        torch.testing.assert_close(two[name], weights, atol=atol, rtol=1e-4, msg=lambda said, of=name: f"{of}: {said}")


def test_a_share_is_a_part_of_the_whole_draw() -> None:
    def draw(rank: int, size: int) -> torch.Tensor:
        world = World(rank, size)
        world.reseed(0, "gan", 7)
        return world.draw(lambda count, rng: torch.randn(count, 2, generator=rng), 12 // size)

    assert torch.equal(torch.cat([draw(rank, 3) for rank in range(3)]), draw(0, 1))


def test_what_is_drawn_alone_differs_by_process() -> None:
    def alone(rank: int) -> float:
        World(rank, 2).reseed(0, "gan", 7)
        return torch.rand(1).item()

    assert alone(0) != alone(1)
    assert alone(0) == alone(0)


@pytest.fixture
def pair(prepared: Path, tmp_path: Path) -> Path:
    """A project in which Pix2Pix is trained by two processes, for long."""
    folder = project(tmp_path / "pair", compute={"processes": 2}, pix2pix={"epochs": 2000, "norm": "instance"})
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    return folder


def start(folder: Path) -> forks.Fork:
    return forks.Fork([str(ROOT / "stages" / "train_pix2pix.py")], folder, environment(folder))


def members(job: forks.Fork) -> list[int]:
    """The processes that torch's launcher started. (A shell beside them watches the memory: out_of_memory.py.)"""
    children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text() != "sh\n"]


def test_two_processes_stop_together_and_one_goes_on(pair: Path) -> None:
    with start(pair) as job:
        until(lambda: list((pair / "checkpoints").rglob("epoch_0002.png")))
        processes = members(job)
        assert len(processes) == 2
        os.kill(processes[1], signal.SIGTERM)  # whichever is asked: here not the one that writes
        done = job.done(60)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert done.stderr.count("the same command goes on") == 1
    assert len(checkpoints(pair)) == 1

    alone = project(pair, compute={"processes": 1}, pix2pix={"epochs": 2000})
    with start(alone) as job:
        until(lambda: "resuming after step" in job.said())
        job.process.terminate()
        assert job.done(60).returncode == 128 + signal.SIGTERM


def test_a_process_that_dies_takes_the_others_along(pair: Path) -> None:
    """The one that writes; by the test above it is the other one that is asked to stop."""
    with start(pair) as job:
        until(lambda: list((pair / "checkpoints").rglob("epoch_0002.png")))
        processes = members(job)
        os.kill(processes[0], signal.SIGKILL)
        done = job.done(20)
    assert done.returncode == 128 + signal.SIGKILL
    assert "error: process 0 of 2 was ended by SIGKILL; the others were stopped" in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)


def test_a_loss_that_is_not_finite_in_one_process_stops_all(pair: Path) -> None:
    script = pair / "broken.py"
    script.write_text(
        f"""
import os, runpy
from ganflow.training import pix2pix
healthy = pix2pix.Pix2PixModel.step
def step(self, batch, images_seen):
    scalars = healthy(self, batch, images_seen)
    if os.environ.get("RANK") == "1" and images_seen == 20:
        scalars["loss_l1"] = scalars["loss_l1"] * float("nan")
    return scalars
pix2pix.Pix2PixModel.step = step
runpy.run_path({str(ROOT / "stages" / "train_pix2pix.py")!r}, run_name="__main__")
"""
    )
    done = run(str(script), folder=pair)
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1, done.stderr
    assert "a loss is no longer finite at step 10" in done.stderr
    assert not checkpoints(pair)


def test_two_processes_train_to_the_end(prepared: Path, tmp_path: Path) -> None:
    folder = project(tmp_path / "whole", compute={"processes": 2})
    (folder / "data" / "prepared").symlink_to(prepared / "data" / "prepared")
    done = run(str(ROOT / "stages" / "train_pix2pix.py"), folder=folder)
    assert done.returncode == 0, done.stderr
    assert {"models/pix2pix/best/model.safetensors", "metrics/history/pix2pix.csv"} <= set(outs(folder))
    assert json.loads((folder / "models/pix2pix/last/config.json").read_text())["epoch"] == 8
    assert len(checkpoints(folder)) == 1, "the last state stays until DVC has committed the outs"
