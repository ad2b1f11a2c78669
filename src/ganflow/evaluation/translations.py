"""Evaluate stages of the translators: what evaluate_pix2pix and evaluate_cvae have in common."""

import sys
from typing import Any

import numpy as np
import torch

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.data.pairs import median_colour
from ganflow.evaluation.results import record_results
from ganflow.evaluation.threads import map_rows
from ganflow.metrics import classes, perceptual, translation
from ganflow.metrics.bootstrap import multiplicities
from ganflow.metrics.nearest import nearest_targets, resized


def evaluate_translator(
    task: str,
    params: Params,
    model: dict[str, Any],  #  config.json of the model
    answers: dict[str, np.ndarray],  # "model" and what else it has to say: uint8 [N, H, W, 3] for each test input
    found: perceptual.Weights | perceptual.Absent,  # of the networks that FID, KID and LPIPS look through
    device: torch.device,
    more_of_model: dict[str, tuple[float, float]] | None = None,  # measures of its own
    more: dict[str, Any] | None = None,
) -> None:
    """Measure `answers` and the baselines that take no network with their noise, and publish it all."""
    to_map = model["direction"] == "aerial2map"
    known, targets = prepared.pairs("train", model["direction"])
    inputs, real = prepared.pairs("test", model["direction"])
    baselines = {
        # Of the training images: a baseline that has seen the test set is none.
        "constant": np.broadcast_to(median_colour(targets), real.shape),
        "nearest": nearest_targets(known, targets, inputs)[0],
        "input": inputs,
    }
    weights = multiplicities(len(real), params.seed)
    frames = map_rows(lambda answer: translation.per_image(answer, real, to_map), answers | baselines)
    rows = {name: translation.with_noise(frame, weights) for name, frame in frames.items()}
    rows["model"] |= more_of_model or {}

    seen_through: dict[str, Any]
    if isinstance(found, perceptual.Absent):
        # Why exactly may differ from one network to the next, and so is for people's eyes, not for an out.
        print(f"FID, KID and LPIPS are not measured: {found.reason}", file=sys.stderr)
        off = params.evaluate.perceptual == "off"
        seen_through = {"absent": "evaluate.perceptual is off" if off else "their weights were not at hand"}
    else:
        seen_through = perceptual.conditions(real)
        of_real = perceptual.inception_features(real, found, device)
        distances = perceptual.lpips(answers["model"], real, found, device)
        floor = resized(targets[: len(real)], real.shape[1])
        for name, images, paired in (("model", answers["model"], distances), ("floor", floor, None)):
            features = perceptual.inception_features(images, found, device)
            rows.setdefault(name, {}).update(perceptual.summary(features, of_real, paired, params.seed))

    record_results(
        task,
        about={
            "source": model["source"],
            "direction": model["direction"],
            "checkpoint": params.evaluate.checkpoint,
            "epoch": model["epoch"],
            "n": len(real),
            "size": real.shape[1],
            "test_data": prepared.about("maps", "test")["digest"][:12],
        },
        rows=rows,
        more={
            "perceptual": seen_through,
            "confusion": classes.confusions(answers["model"], real).sum(0).tolist() if to_map else None,
            **(more or {}),
        },
        images=frames["model"],
    )
