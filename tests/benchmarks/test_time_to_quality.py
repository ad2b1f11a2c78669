"""A search counts images, so the same recipe and seed have the same curve on a busy machine and on a quiet one."""

import pytest
import time_to_quality
import torch

from ganflow.config import Params
from ganflow.data.batches import DigitBatches
from ganflow.training.compute import Machine
from ganflow.training.gan import GanModel


def game(params: Params, rates: list[float]) -> time_to_quality.Game:
    """A digit GAN on noise; `rates` receives the learning rate of each scored step."""
    machine = Machine(torch.device("cpu"), False, "test")
    model = GanModel(params.gan, 0, machine)
    images = torch.randint(256, (20, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)

    def measure(network: torch.nn.Module) -> dict[str, float]:
        rates.append(model.optimisers["G"].param_groups[0]["lr"])
        return {"sum": float(sum(p.sum() for p in network.parameters()))}

    return time_to_quality.Game(model, DigitBatches(images, torch.zeros(20), machine.device), measure, machine.world)


def test_a_training_is_as_long_as_its_images_and_the_same_each_time(params: Params) -> None:
    small = {"channels": 4, "latent_dim": 4, "batch_size": 4, "epochs": 4, "decay_epochs": 1, "learning_rate": 0.01}
    own = params.gan.model_copy(update=small)
    changed = params.model_copy(update={"gan": own})
    curves = []
    for _ in range(2):
        rates: list[float] = []
        curves.append([point for point, _ in time_to_quality.train(game(changed, rates), own, 3, 48, 4)])
        assert rates == pytest.approx([0.01, 0.01, 0.01, 0.01 / 3]), "the last quarter falls, towards 0"
    assert [point["images"] for point in curves[0]] == [12, 24, 36, 48]
    assert curves[0] == curves[1]
    assert len({point["sum"] for point in curves[0]}) == 4


def test_recipes_change_parameters_by_their_names(params: Params) -> None:
    changed = time_to_quality.changed(params, {"seed": 4, "gan.deep": False})
    assert (changed.seed, changed.gan.deep, changed.cgan) == (4, False, params.cgan)
    for recipe in time_to_quality.RECIPES.values():
        time_to_quality.changed(params, recipe)
