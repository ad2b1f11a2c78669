"""Digit GANs that grow: steps at every stage, resumed trainings, and the one network that is left."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from ganflow.config import Params
from ganflow.data.batches import DigitBatches
from ganflow.losses import OBJECTIVES
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.dcgan import DigitGenerator
from ganflow.models.growing import GrowingGenerator, Stage
from ganflow.seeds import latents
from ganflow.training.checkpoint import Checkpoints
from ganflow.training.compute import Machine
from ganflow.training.gan import GanModel, digit_validation
from ganflow.training.loop import train
from ganflow.training.plan import Plan
from ganflow.training.processes import World
from ganflow.training.run import _NoCurves

BATCH = 8
STEPS = range(1, 10)  # grown at the eighth: every phase has two steps
CPU = Machine(torch.device("cpu"), False, "test")


def growing(params: Params, task: str = "gan", machine: Machine = CPU, **changes: object) -> GanModel:
    own = getattr(params, task).model_copy(update={"channels": 4, "latent_dim": 8, **changes})
    return GanModel(own, 0, machine, classes=10 if task == "cgan" else 0, growing_images=8 * BATCH)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(BATCH, 1, 28, 28, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return images, torch.arange(BATCH)


def step(model: GanModel, number: int) -> dict[str, torch.Tensor]:
    model.machine.world.reseed(number)
    return model.step(batch(), number * BATCH)


def parts(model: GanModel) -> dict[str, Any]:
    return {**model.networks, **{f"{name} optimiser": part for name, part in model.optimisers.items()}}


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(value, b.state_dict()[key]) for key, value in a.state_dict().items())


@pytest.mark.parametrize("task", ["gan", "cgan"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_step_trains_the_image_layers_of_its_stage_alone(params: Params, task: str, objective: str) -> None:
    norm = "none" if OBJECTIVES[objective].penalised or OBJECTIVES[objective].relativistic else "batch"
    model = growing(params, task, objective=objective, norm=norm)
    players = {"G": model.networks["G"].image_layers, "D": model.networks["image layers of D"]}
    of_7_and_14 = {1: [True, False], 3: [True, True], 5: [False, True], 7: [False, True], 8: [False, False]}
    for number, trained in of_7_and_14.items():
        before = copy.deepcopy(players)
        assert all(value.isfinite() for value in step(model, number).values())
        for name, layers in players.items():
            moved = [not torch.equal(a.weight, b.weight) for a, b in zip(layers, before[name], strict=True)]
            assert moved == trained, (name, number)


@pytest.mark.parametrize("objective", ["non_saturating", "wgan_gp"])
def test_a_growing_training_that_is_resumed_after_each_step_is_the_same(params: Params, objective: str) -> None:
    """Its stage is in no checkpoint, and Adam knows nothing yet of a layer that no step has used."""
    norm = "batch" if objective == "non_saturating" else "none"
    whole, broken = (growing(params, objective=objective, norm=norm) for _ in range(2))
    for number in STEPS:
        step(whole, number)
        step(broken, number)
        checkpoints = Checkpoints("gan", "a growing one")
        checkpoints.save(number, {name: part.state_dict() for name, part in parts(broken).items()})
        state, broken = checkpoints.load(), growing(params, objective=objective, norm=norm)
        assert state
        for name, part in parts(broken).items():
            part.load_state_dict(state[name])
    assert all(same(network, broken.networks[name]) for name, network in whole.networks.items())
    assert isinstance(broken.finished(), DigitGenerator), "a training resumed at its end has grown"


def test_only_grown_epochs_can_be_chosen_and_are_ordinary_models(params: Params, tmp_path: Path) -> None:
    """Two epochs of growth, three in all; a validation that likes early ones better."""
    torch.manual_seed(0)
    images = torch.randint(256, (4 * BATCH, 28, 28), dtype=torch.uint8)
    model, eye, inputs = growing(params), DigitClassifier().eval(), latents(60, 8, "validate")
    check = digit_validation("gan", eye, images.numpy().repeat(2, 0)[:60], inputs)
    plan = Plan("gan", 0, len(images), BATCH, 3, 0.002)
    data = DigitBatches(images, torch.zeros(len(images)), CPU.device)
    trained = train(model, data, plan, Checkpoints("gan", "grown"), _NoCurves(), check)
    epochs = trained.history.dropna(subset=["val_frechet_classifier"])["epoch"].tolist()
    assert epochs == [2, 3]
    assert trained.history.dropna(subset=["val_frechet_growing"])["epoch"].tolist() == [1]
    assert trained.best is not None
    assert trained.best.epoch in epochs
    network = model.finished()
    network.load_state_dict(trained.best.weights)
    saved.save_network(tmp_path, network, model.arguments, {})
    loaded, _ = saved.load_network(tmp_path, DigitGenerator)
    assert torch.equal(loaded(inputs), network(inputs))


def test_what_is_shown_while_growing_has_28_pixels(params: Params) -> None:
    model = growing(params)
    step(model, 1)
    network = model.finished()
    assert isinstance(network, GrowingGenerator)
    assert network.stage == Stage(0, 1.0)
    assert model.sample(network).size[0] > 8 * 28


def test_processes_take_layers_that_no_step_uses_yet(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """With torch's averaging of gradients, in a group of one process, the steps are those of one without it."""
    world = World(0, 2)
    monkeypatch.setattr(world, "draw", CPU.world.draw)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        alone, grouped = growing(params), growing(params, machine=Machine(CPU.device, False, "test", world=world))
        for number in STEPS:
            for model in (alone, grouped):
                CPU.world.reseed(number)
                model.step(batch(), number * BATCH)
    finally:
        dist.destroy_process_group()
    assert isinstance(grouped._synchronised_d, nn.parallel.DistributedDataParallel)
    for name in ("G", "D"):
        assert same(alone.networks[name], grouped.networks[name])
