"""What several answers of the conditional VAE to one input are worth, and how much of its latent it uses."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganflow.config import Params
from ganflow.inference.translation import to_input, translate
from ganflow.losses import kl_divergence
from ganflow.metrics import classes, perceptual
from ganflow.metrics.intervals import mean
from ganflow.metrics.samples import apart, best_of_n, diversity
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.unet import UNet
from ganflow.seeds import latents, step_seed


def of_samples(
    params: Params,
    vae: ConditionalVae,
    inputs: np.ndarray,
    real: np.ndarray,
    direction: str,
    found: perceptual.Weights | perceptual.Absent,
    device: torch.device,
) -> tuple[dict[str, tuple[float, float]], dict[str, Any]]:
    """Diversity and best-of-n of the VAE's samples, beside Pix2Pix's one answer and those of its dropout, if any."""
    own, count = params.evaluate, params.evaluate.samples
    drawn = latents(count, vae.latent_dim, params.seed, "cvae", "samples")
    pix2pix = saved.load_network(Path("models/pix2pix") / own.checkpoint, UNet)[0].to(device)
    sampled = {
        "cvae": [translate(vae, inputs, own.batch_size, device, one.expand(len(inputs), -1)) for one in drawn],
        "pix2pix": [translate(pix2pix, inputs, own.batch_size, device)],
    }
    if any(isinstance(layer, torch.nn.Dropout) for layer in pix2pix.modules()):
        torch.manual_seed(step_seed(params.seed, "pix2pix", "dropout"))
        pix2pix.train()  # its norms mean the same either way: this switches dropout on, the paper's source of noise
        sampled["pix2pix with dropout"] = [translate(pix2pix, inputs, own.batch_size, device) for _ in range(count)]

    curves: dict[str, dict[str, list[float]]] = {"mae": {}}
    differing: dict[str, dict[str, tuple[float, float]]] = {}
    for name, answers in sampled.items():
        curves["mae"][name] = best_of_n(np.stack([apart(one, real) for one in answers], axis=1)).tolist()
        if direction == "aerial2map":
            ious = np.stack([classes.scores(classes.confusions(one, real))["mean_iou"] for one in answers], axis=1)
            curves.setdefault("mean_iou", {})[name] = (-best_of_n(-ious)).tolist()
        if len(answers) > 1:
            differing[name] = {"pixels": mean(diversity(np.stack(answers, axis=1)))}
            if isinstance(found, perceptual.Weights):
                neighbours = [perceptual.lpips(a, b, found, device) for a, b in itertools.pairwise(answers)]
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
