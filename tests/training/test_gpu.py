"""A step of every model on a GPU that is not there: torch's fake tensors have a device, a shape and a type, no values.

This shows what no run on a CPU can: a tensor left on the CPU, a type that an operation on a GPU refuses. Nothing is
computed, and as autograd wants a real device, gradients are made up.
"""

import itertools
import multiprocessing
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily

from ganflow.config import Params
from ganflow.data.batches import DigitBatches, PairBatches
from ganflow.data.unpaired import UnpairedBatches
from ganflow.losses import OBJECTIVES
from ganflow.training.classifier import ClassifierModel
from ganflow.training.compute import Machine
from ganflow.training.cvae import CvaeModel
from ganflow.training.cyclegan import CycleGanModel
from ganflow.training.gan import GanModel
from ganflow.training.loop import Batches, Model
from ganflow.training.pix2pix import Pix2PixModel
from ganflow.training.processes import World

GPU = torch.device("cuda")
SMALL = {"channels": 4, "generator_channels": 4, "encoder_channels": 4, "discriminator_channels": 4, "latent_dim": 4}


def cases() -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Model, its options and whether in bf16. The two GANs, and the two translators, share out each pair of options."""
    for place, objective in enumerate(OBJECTIVES):
        odd, bf16 = place % 2 == 1, place // 2 % 2 == 1
        penalised = objective in ("wgan_gp", "relativistic")
        norm = "none" if odd or penalised else "batch"
        yield "gan", {"objective": objective, "norm": norm, "deep": odd}, odd
        yield "cgan", {"objective": objective, "norm": norm, "deep": not odd, "wrong_classes": 0.2 * odd}, not odd
        norms = ("batch", "instance") if odd else ("instance", "batch")
        if penalised:
            norms = ("instance", "instance")
        yield "pix2pix", {"objective": objective, "norm": norms[0], "upsample": "resize", "dropout": 0.5 * odd}, bf16
        bicycle = {"lambda_latent": 1.0, "lambda_features": 1.0, "prior": "normal"} if odd else {}
        yield "cvae", {"objective": objective, "norm": norms[1]} | bicycle, not bf16
        yield "cyclegan", {"objective": objective, "norm": norms[1], "lambda_identity": 5.0 * odd}, not bf16
    yield "cvae", {"objective": "wgan_gp", "lambda_latent": 1.0}, True
    yield "cvae", {"objective": "relativistic", "lambda_latent": 1.0, "lambda_features": 1.0}, True
    for bf16 in (False, True):
        yield "pix2pix", {"lambda_gan": 0.0}, bf16
        yield "classifier", {}, bf16


def build(task: str, params: Params, options: dict[str, Any], machine: Machine) -> tuple[Model, Batches]:
    section = getattr(params, task)
    small = {name: value for name, value in SMALL.items() if name in type(section).model_fields}
    own = type(section).model_validate(section.model_dump() | small | options)
    if task == "cyclegan":
        nothing, colours = np.zeros((0, 32, 32, 3), np.uint8), torch.zeros(own.palette, 3, dtype=torch.uint8)
        pairs = torch.zeros(4, 2, 36, 36, 3, dtype=torch.uint8, device=GPU)
        model = CycleGanModel(own, 32, 0, machine, (nothing, nothing), (colours, colours[:0]))
        return model, UnpairedBatches(pairs, 32, "aerial2map", GPU)
    if task in ("pix2pix", "cvae"):
        nothing, common = np.zeros((0, 32, 32, 3), np.uint8), torch.zeros(3, dtype=torch.uint8)
        colours = torch.zeros(own.palette, 3, dtype=torch.uint8)
        kind = Pix2PixModel if task == "pix2pix" else CvaeModel
        pairs = torch.zeros(4, 2, 36, 36, 3, dtype=torch.uint8, device=GPU)
        return kind(own, 32, 0, machine, (nothing, nothing), common, colours), PairBatches(pairs, 32, "aerial2map", GPU)
    images, labels = (torch.zeros(4, *size, dtype=torch.uint8, device=GPU) for size in ((28, 28), ()))
    batches = DigitBatches(images, labels, GPU)
    if task == "classifier":
        return ClassifierModel(own, 0, machine), batches
    return GanModel(own, 0, machine, 10 if task == "cgan" else 0), batches


def pretend() -> None:
    """Put other ways in the place of what fake tensors cannot do, in this process."""
    moved: list[nn.Module] = []

    def to(module: nn.Module, device: torch.device) -> nn.Module:  # torch's own swaps a storage that is not there
        for part in module.modules():
            for name, value in [*part.named_parameters(recurse=False)]:
                setattr(part, name, nn.Parameter(value.detach().to(device)))
            for name, value in [*part.named_buffers(recurse=False)]:
                setattr(part, name, value.to(device))
        moved.append(module)
        return module

    def backward(_: Tensor) -> None:
        for parameter in itertools.chain(*(module.parameters() for module in moved)):
            if parameter.requires_grad:
                parameter.grad = torch.empty_like(parameter)

    def draw(*given: Any) -> Tensor:  # on the CPU and with values: places and sizes are made of it
        with unset_fake_temporarily():
            return drawn(*given)

    drawn = World.draw
    replaced: list[tuple[Any, str, Any]] = [
        (World, "draw", draw),
        (nn.Module, "to", to),
        (Tensor, "backward", backward),
        (torch.autograd, "grad", lambda _, of, **__: (torch.empty_like(of),)),
        # Else autocast finds no GPU and turns itself off
        (torch.cuda.amp.common, "amp_definitely_not_available", lambda: False),
        (torch.cuda, "is_bf16_supported", lambda: True),
    ]
    for owner, name, own in replaced:
        setattr(owner, name, own)


def step(params: Params, task: str, options: dict[str, Any], bf16: bool) -> None:
    pretend()
    order, machine = torch.arange(4), Machine(GPU, bf16, "test")
    with FakeTensorMode(allow_non_fake_inputs=True):
        square = torch.ones(2, 2, device=GPU)
        with machine.autocast():
            assert (square @ square).dtype == (torch.bfloat16 if bf16 else torch.float32)
        model, data = build(task, params, options, machine)
        scalars = model.step(data.batch(order, machine.world.draw), 4)
        held = [value for network in model.networks.values() for value in network.state_dict().values()]
        states = [state for optimiser in model.optimisers.values() for state in optimiser.state.values()]
        assert states, "no optimiser took a step"
        held += [value for state in states for value in state.values()]
        assert {value.device.type for value in [*scalars.values(), *held]} == {"cuda"}


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Have torch import what fake tensors need once, and not in every process."""
    with FakeTensorMode():
        layers = nn.Sequential(nn.Conv2d(1, 4, 4), nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4))
        layers(torch.rand(2, 1, 8, 8)).mean()


@pytest.mark.parametrize(("task", "options", "bf16"), [*cases()])
def test_a_step_runs_on_a_gpu(params: Params, task: str, options: dict[str, Any], bf16: bool) -> None:
    """In a process of its own: what fake tensors leave behind in torch crashes the next case."""
    process = multiprocessing.get_context("fork").Process(target=step, args=(params, task, options, bf16))
    process.start()
    process.join(300)
    process.kill()
    process.join()
    assert process.exitcode == 0, "see its traceback below"
