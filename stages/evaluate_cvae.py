"""Stage evaluate_cvae: one sample per test photo beside the baselines, and what several samples are worth."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganflow import config
from ganflow.config import Params
from ganflow.data import prepared
from ganflow.errors import run
from ganflow.evaluation import translations
from ganflow.losses import kl_divergence
from ganflow.metrics import classes, perceptual
from ganflow.metrics.bootstrap import mean
from ganflow.metrics.samples import apart, best_of, diversity
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.unet import UNet
from ganflow.training import compute
from ganflow.training.compute import step_seed
from ganflow.translate import prior_latents, to_input, translate

USED = 0.05  # nats: a latent dimension below it has collapsed onto the prior and says nothing


def main() -> None:
    params = config.load()
    own = params.evaluate
    device = compute.prepare(params.compute).device
    vae, model = saved.load(Path("models/cvae") / own.checkpoint, ConditionalVae)
    vae.to(device)
    to_map = model["direction"] == "aerial2map"
    test = prepared.array("maps", "test")
    inputs, real = (test[:, 0], test[:, 1]) if to_map else (test[:, 1], test[:, 0])

    one_each = prior_latents(len(test), vae.latent_dim, params.seed, "evaluate")
    answers = {
        "model": translate(vae, inputs, own.batch_size, device, one_each),
        "centre": translate(vae, inputs, own.batch_size, device),  # the mean of the prior: no luck in it
    }
    chosen = np.linspace(0, len(test) - 1, min(own.sampled_pairs, len(test))).round().astype(int)
    found = perceptual.weights(own.perceptual)
    measures, more = of_samples(params, vae, inputs[chosen], real[chosen], to_map, found, device)
    kl = kl_by_dimension(vae, inputs, real, own.batch_size, device)
    measures["kl"] = mean(kl.sum(1))
    measures["used_dimensions"] = (float((kl.mean(0) > USED).sum()), 0.0)
    more["kl_by_dimension"] = kl.mean(0).tolist()
    translations.evaluate("cvae", params, model, answers, found, device, measures, more)


def of_samples(
    params: Params,
    vae: ConditionalVae,
    inputs: np.ndarray,
    real: np.ndarray,
    to_map: bool,
    found: perceptual.Weights | perceptual.Absent,
    device: torch.device,
) -> tuple[dict[str, tuple[float, float]], dict[str, Any]]:
    """Diversity and best-of-n of the VAE's samples, beside Pix2Pix's one answer and those that its dropout gives."""
    own, count = params.evaluate, params.evaluate.samples
    latents = prior_latents(count, vae.latent_dim, params.seed, "samples")
    pix2pix = saved.load(Path("models/pix2pix") / own.checkpoint, UNet)[0].to(device)
    sampled = {
        "cvae": [translate(vae, inputs, own.batch_size, device, one.expand(len(inputs), -1)) for one in latents],
        "pix2pix": [translate(pix2pix, inputs, own.batch_size, device)],
    }
    torch.manual_seed(step_seed(params.seed, "pix2pix", "dropout"))
    pix2pix.train()  # its norms mean the same either way: this switches dropout on, the paper's source of noise
    sampled["pix2pix with dropout"] = [translate(pix2pix, inputs, own.batch_size, device) for _ in range(count)]

    curves: dict[str, dict[str, list[float]]] = {"mae": {}}
    differing: dict[str, dict[str, tuple[float, float]]] = {}
    for name, drawn in sampled.items():
        curves["mae"][name] = best_of(np.stack([apart(one, real) for one in drawn], axis=1)).tolist()
        if to_map:
            ious = np.stack([classes.scores(classes.confusions(one, real))["mean_iou"] for one in drawn], axis=1)
            curves.setdefault("mean_iou", {})[name] = (-best_of(-ious)).tolist()
        if len(drawn) > 1:
            differing[name] = {"pixels": mean(diversity(np.stack(drawn, axis=1)))}
            if isinstance(found, perceptual.Weights):
                neighbours = [perceptual.lpips(a, b, found, device) for a, b in itertools.pairwise(drawn)]
                differing[name]["lpips"] = mean(np.mean(neighbours, axis=0))
    # As different as the maps of other places: no two answers to one photo should be.
    others = np.roll(real, 1, axis=0)
    differing["real maps of different places"] = {"pixels": mean(apart(real, others))}
    if isinstance(found, perceptual.Weights):
        differing["real maps of different places"]["lpips"] = mean(perceptual.lpips(real, others, found, device))
    own_measures = {"diversity": differing["cvae"]["pixels"]}
    return own_measures, {"best_of": curves, "diversity": differing, "sampled_pairs": len(inputs)}


@torch.no_grad()
def kl_by_dimension(
    vae: ConditionalVae, inputs: np.ndarray, real: np.ndarray, batch_size: int, device: torch.device
) -> np.ndarray:
    """KL of the posterior of each target to the prior of its input, both uint8 [N, H, W, 3]: [N, Z], nats."""
    found = []
    for start in range(0, len(real), batch_size):
        x, y = (to_input(images[start : start + batch_size], device) for images in (inputs, real))
        found.append(kl_divergence(vae.posterior(y), vae.prior(x)).cpu().numpy())
    return np.concatenate(found).astype(np.float64)


if __name__ == "__main__":
    run(main)
