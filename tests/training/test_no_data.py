"""Translators trained on targets that have no data everywhere: what is there in its place teaches nobody."""

import copy

import numpy as np
import pytest
import torch

from ganflow.config import Params
from ganflow.training.compute import Machine
from ganflow.training.cvae import CvaeModel
from ganflow.training.pix2pix import Pix2PixModel

MODELS = {"pix2pix": Pix2PixModel, "cvae": CvaeModel}
GREY = torch.full((3,), 128, dtype=torch.uint8)
X, Y = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
HOLES = torch.ones(2, 1, 32, 32) > 0
HOLES[0, :, 4:20, 8:30] = HOLES[1, :, :9] = False


def built(task: str, params: Params, **changes: object) -> Pix2PixModel | CvaeModel:
    small = {"generator_channels": 4, "discriminator_channels": 4, **changes}
    small |= {"encoder_channels": 4, "latent_dim": 3} if task == "cvae" else {"dropout": 0.0}
    nothing = np.zeros((1, 32, 32, 3), np.uint8)
    machine = Machine(torch.device("cpu"), False, "test")
    own = getattr(params, task).model_copy(update=small)
    return MODELS[task](own, 32, 0, machine, (nothing, nothing), GREY, torch.zeros(0, 3, dtype=torch.uint8))


def trained(task: str, params: Params, batch: tuple[torch.Tensor, ...], **changes: object) -> dict[str, torch.Tensor]:
    """The losses and weights after two steps."""
    model = built(task, params, **changes)
    scalars = {}
    for step in (1, 2):
        torch.manual_seed(step)
        scalars |= model.step(batch, 2 * step)
    weights = {
        f"{name} {key}": value for name, net in model.networks.items() for key, value in net.state_dict().items()
    }
    return scalars | weights


@pytest.mark.parametrize("task", MODELS)
def test_a_mask_without_holes_changes_nothing(params: Params, task: str) -> None:
    without, beside = trained(task, params, (X, Y)), trained(task, params, (X, Y, torch.ones_like(HOLES)))
    assert all(torch.equal(without[name], beside[name]) for name in without if "loss_l1" not in name)
    torch.testing.assert_close(without, beside)


@pytest.mark.parametrize("task", MODELS)
@pytest.mark.parametrize("objective", ["non_saturating", "wgan_gp", "relativistic"])
def test_a_target_without_any_data_teaches_the_generator_nothing(params: Params, task: str, objective: str) -> None:
    changes = {"lambda_kl": 0.0, "prior_share": 0.0} if task == "cvae" else {}
    norm = "instance" if objective == "non_saturating" else "none"
    model = built(task, params, objective=objective, norm=norm, **changes)
    generator = model.networks["G" if task == "pix2pix" else "G and E"]
    before = copy.deepcopy(generator.state_dict())
    scalars = model.step((X, Y, torch.zeros_like(HOLES)), 2)
    assert scalars["loss_l1"] == scalars["loss_features"] == 0
    assert scalars["d_real"] == scalars["d_fake"], "the discriminator has nothing to tell apart"
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())


def test_l1_regression_does_not_depend_on_what_is_under_the_mask(params: Params) -> None:
    no_game = {"lambda_gan": 0.0, "lambda_features": 0.0}
    found = [
        trained("pix2pix", params, (X, torch.where(HOLES, Y, garbage), HOLES), **no_game) for garbage in (-1.0, 0.3)
    ]
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not torch.equal(trained("pix2pix", params, (X, Y), **no_game)["loss_l1"], found[0]["loss_l1"])
