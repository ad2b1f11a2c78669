"""The evaluation of a translator on test pictures without pairs: whole sets are compared."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.data.trivial_answers import median_colour
from ganflow.evaluation.results import record_results
from ganflow.metrics import perceptual
from ganflow.metrics.comparable import judged
from ganflow.metrics.nearest import resized
from ganflow.metrics.texture import texture_of_sets


def evaluate_unpaired(
    task: str,
    params: Params,
    model: dict[str, Any],  #  config.json of the model
    answer: np.ndarray,  #     uint8 [N, H, W, 3], one per test input; there are M test targets
    networks: perceptual.Weights | perceptual.Absent,  # of FID and KID
    device: torch.device,
) -> None:
    """Measure the answers, the baselines without a network and real training targets, and record the results."""
    source, target = prepared.sides(model["direction"])
    _, train_targets = prepared.pairs("train", model["direction"])
    inputs, real = prepared.pairs("test", model["direction"])
    of_inputs, of_real = prepared.pictures_of_sides("test", model["direction"])
    of_train = prepared.pictures_of_sides("train", model["direction"])[1]
    floor = prepared.evenly(len(real), len(train_targets))
    sets = {  # of images, and the pictures that they were cut from
        "model": (answer, of_inputs),
        "constant": (np.broadcast_to(median_colour(train_targets), real.shape), of_real),
        "input": (inputs, of_inputs),
        "floor": (
            resized(train_targets[floor], real.shape[1]),
            np.unique(of_train[floor], return_inverse=True)[1],  # numbers without gaps
        ),
    }
    networks = perceptual.usable(networks, real)
    rows = {
        name: {"texture_of_sets": texture_of_sets(images, real, (pictures, of_real), params.seed)}
        for name, (images, pictures) in sets.items()
    }
    if isinstance(networks, perceptual.Weights):
        real_features = perceptual.inception_features(real, networks, device)
        for name in ("model", "floor"):
            images, pictures = sets[name]
            features = perceptual.inception_features(images, networks, device)
            rows[name].update(perceptual.summary(features, real_features, None, params.seed, of_real, pictures))
    test_data = prepared.about("maps", "test")["digest"]
    conditions = {"n": len(real), "size": real.shape[1], "direction": model["direction"]}
    conditions |= {"checkpoint": params.evaluate.checkpoint}
    record_results(
        task,
        params=params,
        judged=judged(task, test_images=test_data, **conditions),
        about={
            "source": model["source"],
            "epoch": model["epoch"],
            "input": source["name"],
            "target": target["name"],
            "test_data": test_data[:12],
            "unpaired": True,
            **conditions,
        },
        rows=rows,
        more={"perceptual": perceptual.conditions(networks, params.evaluate.perceptual, real), "classes": []},
        images=pd.DataFrame(index=range(len(answer))),
    )
