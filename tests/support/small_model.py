"""A trained model as small as one can be, for tests of what is done with it."""

from pathlib import Path

import numpy as np
import torch

from ganflow.models import saved
from ganflow.models.unet import UNet

EXAMPLE = np.zeros((1, 4, 4, 3), np.uint8)  # input of the model as MLflow serves it
ARGUMENTS = {"levels": 2, "channels": 1, "norm": "instance", "upsample": "resize", "dropout": 0.0}


def small_model(folder: Path, seed: int = 0) -> Path:
    """Write an untrained U-Net of 16 px tiles into folder/small, which it returns."""
    torch.manual_seed(seed)
    about = {"eval_size": 16, "source": "generated"}
    saved.save_network(folder / "small", UNet(**ARGUMENTS), ARGUMENTS, about)
    return folder / "small"
