import math

import contrastive
import numpy as np
import pytest
import torch
from torch import Tensor

from ganflow.config import Params
from ganflow.training.compute import Machine


@pytest.mark.parametrize(("order", "apart"), [([0, 1], -1.0), ([1, 0], 1.0)])
def test_the_contrast_by_hand(order: list[int], apart: float) -> None:
    """Two places with features at right angles: log(1 + exp((other - own) / temperature))."""
    keys = torch.eye(2)[None]
    wanted = math.log1p(math.exp(apart / contrastive.TEMPERATURE))
    assert contrastive.patch_contrast(keys[:, order], keys).item() == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_a_step_moves_every_network_and_teaches_the_heads_nothing_of_their_keys(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = params.cyclegan.model_copy(update={"generator_channels": 2, "discriminator_channels": 2, "palette": 2})
    images = np.random.default_rng(0).integers(0, 256, (2, 2, 32, 32, 3), np.uint8)
    model = contrastive.ContrastiveModel(
        own, 32, 0, Machine(torch.device("cpu"), False, "test"), (images[0], images[1]), torch.zeros(2, 3)
    )
    keys_have_gradients: list[bool] = []
    contrast = contrastive.patch_contrast

    def spy(queries: Tensor, keys: Tensor) -> Tensor:
        keys_have_gradients.append(keys.requires_grad)
        return contrast(queries, keys)

    monkeypatch.setattr(contrastive, "patch_contrast", spy)
    before = {name: [p.detach().clone() for p in net.parameters()] for name, net in model.networks.items()}
    for optimiser in model.optimisers.values():
        for group in optimiser.param_groups:
            group["lr"] = 0.01
    x, y = (torch.from_numpy(side).permute(0, 3, 1, 2) / 127.5 - 1 for side in images)
    scalars = model.step((x, y), 2)
    assert {"loss_d", "loss_g", "loss_contrast"} <= scalars.keys()
    for name, network in model.networks.items():
        changed = [not torch.equal(p, old) for p, old in zip(network.parameters(), before[name], strict=True)]
        assert all(changed) if name == "heads" else any(changed), name
    assert keys_have_gradients == [False] * 2 * (1 + contrastive.LAYERS)
    assert model.sample(model.finished()) is not None
