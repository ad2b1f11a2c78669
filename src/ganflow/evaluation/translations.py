"""Evaluate stages of the translators: what evaluate_pix2pix and evaluate_cvae have in common."""

from typing import Any

import numpy as np
import torch

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.data.trivial_answers import inputs_as_answers, median_colour
from ganflow.evaluation.results import record_results
from ganflow.evaluation.threads import map_rows
from ganflow.metrics import classes, perceptual, translation
from ganflow.metrics.bootstrap import less
from ganflow.metrics.by_colour import classes_by_colour
from ganflow.metrics.comparable import judged
from ganflow.metrics.failures import HEADLINES, TRIVIAL
from ganflow.metrics.nearest import nearest_targets, resized
from ganflow.metrics.no_data import as_real_without_data


def evaluate_translator(
    task: str,
    params: Params,
    model: dict[str, Any],  #  config.json of the model
    answers: dict[str, np.ndarray],  # "model" and other rows: uint8 [N, H, W, 3], an image per test input
    networks: perceptual.Weights | perceptual.Absent,  # of FID, KID and LPIPS
    device: torch.device,
    model_measures: dict[str, tuple[float, float]] | None = None,  # further measures of the model
    more: dict[str, Any] | None = None,
    sampling: tuple[str, ...] = (),  # parameters of "evaluate" that these further measures depend on
) -> None:
    """Measure `answers` and the baselines without a network, with 95 % intervals, and record the results.

    Where a target has no data, nothing is measured: there every answer is the target itself.
    """
    source, target = prepared.sides(model["direction"])
    legend = classes.legend_of(target)
    train_inputs, train_targets = prepared.pairs("train", model["direction"])
    inputs, real = prepared.pairs("test", model["direction"])
    has_data, train_has_data = (prepared.has_data(part, model["direction"]) for part in ("test", "train"))
    # From the training images: a baseline must not use the test set.
    common = median_colour(train_targets, train_has_data)
    nearest, chosen = nearest_targets(train_inputs, train_targets, inputs)
    if train_has_data is not None:
        nearest = np.where(train_has_data[chosen][..., None], nearest, common)
    baselines = {"constant": np.broadcast_to(common, real.shape), "nearest": nearest}
    if (as_answers := inputs_as_answers(inputs, real)) is not None:
        baselines["input"] = as_answers
    if legend is not None and legend != classes.MAPS:
        baselines["colour"] = classes_by_colour(train_inputs, train_targets, inputs, legend, train_has_data)
    answers = {name: as_real_without_data(one, real, has_data) for name, one in (answers | baselines).items()}
    networks = perceptual.usable(networks, real)
    pictures = prepared.pictures("test")
    frames = map_rows(lambda answer: translation.per_image(answer, real, legend, has_data, pictures), answers)
    weights = translation.resamples(frames["model"], params.seed)
    rows = {name: translation.with_noise(frame, weights) for name, frame in frames.items()}
    if model["source"] == "folder":  # the maps' baselines are far off, and their tables stay as they were
        for name in [row for row, *_ in TRIVIAL if row in frames]:
            paired = translation.difference_with_noise(frames["model"], frames[name], weights)
            rows[less(name)] = {key: paired[key] for key in HEADLINES if key in paired}
    rows["model"] |= model_measures or {}

    if isinstance(networks, perceptual.Weights):
        real_features = perceptual.inception_features(real, networks, device)
        distances = perceptual.lpips(answers["model"], real, networks, device)
        real_tiles = resized(train_targets[: len(real)], real.shape[1])
        for name, images, paired in (("model", answers["model"], distances), ("floor", real_tiles, None)):
            features = perceptual.inception_features(images, networks, device)
            rows.setdefault(name, {}).update(perceptual.summary(features, real_features, paired, params.seed, pictures))

    confusion = classes.confusions(answers["model"], real, legend, has_data).sum(0).tolist() if legend else None
    test_data = prepared.about("maps", "test")["digest"]
    record_results(
        task,
        params=params,
        judged=judged(
            task,
            n=len(real),
            size=real.shape[1],
            test_images=test_data,
            direction=model["direction"],
            checkpoint=params.evaluate.checkpoint,
            parameters={f"evaluate.{name}": getattr(params.evaluate, name) for name in sampling},
        ),
        about={
            "source": model["source"],
            "direction": model["direction"],
            "checkpoint": params.evaluate.checkpoint,
            "epoch": model["epoch"],
            "n": len(real),
            "size": real.shape[1],
            "input": source["name"],
            "target": target["name"],
            "test_data": test_data[:12],
            **({} if has_data is None else {"no_data": 1 - float(has_data.mean())}),
        },
        rows=rows,
        more={
            "perceptual": perceptual.conditions(networks, params.evaluate.perceptual, real),
            "classes": list(legend.names) if legend else [],
            "confusion": confusion,
            **(more or {}),
        },
        images=frames["model"],
    )
