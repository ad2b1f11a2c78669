"""A trained model: read from a stranger's folder, and on pictures of another scale."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_model import small_model
from torch import nn

from ganflow.data.labels import legend_entries
from ganflow.errors import UserError
from ganflow.inference.model import TranslationModel, load_model


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


KIND = {"name": "photo", "channels": 3, "dtype": "uint8", "low": 0.0, "high": 255.0, "classes": None}
LABELS = [{"name": "a", "value": [0], "colour": [0, 0, 0]}, {"name": "b", "value": [1], "colour": [255, 0, 0]}]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"eval_size": None}, "eval_size"),
        ({"input": 5}, "the input"),
        ({"input": {"name": "photo"}}, "the input"),
        ({"target": KIND | {"channels": 1}}, "the target"),
        ({"target": KIND | {"dtype": "object"}}, "the target"),
        ({"target": KIND | {"low": 255.0}}, "the target"),
        ({"input": KIND | {"classes": []}}, "the input"),
        ({"input": KIND | {"classes": [LABELS[0], LABELS[1] | {"value": [1, 2]}]}}, "the input"),
        ({"input": KIND | {"classes": [LABELS[0] | {"colour": [0]}]}}, "the input"),
    ],
)
def test_a_translator_that_does_not_say_what_its_pictures_are_is_refused(
    tmp_path: Path, said: dict[str, Any], why: str
) -> None:
    path = small_model(tmp_path) / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"input": KIND, "target": KIND | {"classes": LABELS}}))
    load_model(path.parent)
    path.write_text(json.dumps({key: value for key, value in (config | said).items() if value is not None}))
    with pytest.raises(UserError, match=f"does not hold a readable model: config.json .*{why}"):
        load_model(path.parent)
