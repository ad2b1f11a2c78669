"""A trained model on pictures of another scale."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganflow.data.labels import legend_entries
from ganflow.inference.model import TranslationModel


@pytest.mark.parametrize("metres", [0.6, 2.5])  # of a pixel; 1.0 of the model's
def test_between_two_classes_there_is_no_third_at_another_scale(metres: float) -> None:
    classes = legend_entries([[number] for number in range(8)], {})
    labels = {"name": "labels", "channels": 3, "dtype": "uint8", "low": 0.0, "high": 255.0, "classes": classes}
    config = {"eval_size": 128, "input": labels, "target": labels, "metres_per_pixel": 1.0}
    same: Any = nn.Identity()
    model = TranslationModel(same, config, Path("model"), torch.device("cpu"))
    areas = np.zeros((40, 30), np.uint8)
    areas[:, 15:], areas[20:] = 1, 2
    answer = np.asarray(model(areas, metres_per_pixel=metres))[..., 0]
    assert answer.shape == areas.shape
    assert set(np.unique(answer)) == {0, 1, 2}
    assert (answer == areas).mean() > 0.9
