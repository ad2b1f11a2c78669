"""Several samples of the conditional VAE for one input: diversity, best of n, and the use of its latent."""

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
from ganflow.metrics.no_data import as_real_without_data
from ganflow.metrics.samples import best_of_n, diversity, mean_absolute_difference
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.unet import UNet
from ganflow.seeds import latents, step_seed


def sample_measures(
    params: Params,
    vae: ConditionalVae,
    inputs: np.ndarray,
    real: np.ndarray,
    legend: classes.Legend | None,
    networks: perceptual.Weights | perceptual.Absent,
    device: torch.device,
    has_data: np.ndarray | None = None,
    pictures: np.ndarray | None = None,
) -> tuple[dict[str, tuple[float, float]], dict[str, Any]]:
    """Diversity and best of n of the VAE's samples, beside Pix2Pix's output and, if it has dropout, samples by dropout.

    `inputs`, `real`: [N, H, W, C], levels 0 to 255. `has_data`: the pixels of `real` that are measured, bool [N, H, W];
    None: all; elsewhere every sample is the target itself. `pictures` [N]: the picture that each is a tile of;
    None: all are whole. Returns the VAE's own measures, as (value, plus-minus), and the tables that the report shows.
    """
    networks = perceptual.usable(networks, real)
    if pictures is not None:
        pictures = np.unique(pictures, return_inverse=True)[1]  # some may have no tile here: numbers without gaps
    own, count = params.evaluate, params.evaluate.samples
    random_latents = latents(count, vae.latent_dim, params.seed, "cvae", "samples")
    pix2pix = saved.load_network(Path("models/pix2pix") / own.checkpoint, UNet, device)[0]
    sampled = {
        "cvae": [translate(vae, inputs, own.batch_size, device, one.expand(len(inputs), -1)) for one in random_latents],
        "pix2pix": [translate(pix2pix, inputs, own.batch_size, device)],
    }
    if any(isinstance(layer, torch.nn.Dropout) for layer in pix2pix.modules()):
        torch.manual_seed(step_seed(params.seed, "pix2pix", "dropout"))
        pix2pix.train()  # switches dropout on, the paper's source of noise; the norms do the same in both modes
        sampled["pix2pix with dropout"] = [translate(pix2pix, inputs, own.batch_size, device) for _ in range(count)]

    sampled = {
        name: [as_real_without_data(one, real, has_data) for one in answers] for name, answers in sampled.items()
    }
    curves: dict[str, dict[str, list[float]]] = {"mae": {}}
    differences: dict[str, dict[str, tuple[float, float]]] = {}
    for name, answers in sampled.items():
        errors = np.stack([mean_absolute_difference(one, real, has_data) for one in answers], axis=1)
        curves["mae"][name] = best_of_n(errors).tolist()
        if legend is not None:
            counts = [classes.confusions(one, real, legend, has_data) for one in answers]
            ious = np.stack([classes.scores(one, legend.names)["mean_iou"] for one in counts], axis=1)
            curves.setdefault("mean_iou", {})[name] = (-best_of_n(-ious)).tolist()
        if len(answers) > 1:
            differences[name] = {"pixels": mean(diversity(np.stack(answers, axis=1), has_data), pictures)}
            if isinstance(networks, perceptual.Weights):
                neighbours = [perceptual.lpips(a, b, networks, device) for a, b in itertools.pairwise(answers)]
                differences[name]["lpips"] = mean(np.mean(neighbours, axis=0), pictures)
    # An upper bound of diversity: samples for one photo should differ less than maps of different places.
    others = np.roll(real, 1, axis=0)
    apart = mean(mean_absolute_difference(real, others, has_data), pictures)
    differences["real maps of different places"] = {"pixels": apart}
    if isinstance(networks, perceptual.Weights):
        distances = perceptual.lpips(real, others, networks, device)
        differences["real maps of different places"]["lpips"] = mean(distances, pictures)
    own_measures = {"diversity": differences["cvae"]["pixels"]}
    return own_measures, {"best_of": curves, "diversity": differences, "sampled_pairs": len(inputs)}


@torch.no_grad()
def kl_by_dimension(
    vae: ConditionalVae, inputs: np.ndarray, real: np.ndarray, batch_size: int, device: torch.device
) -> np.ndarray:
    """KL(posterior given the target || prior given the input) of each pair, [N, H, W, C]: [N, Z], nats."""
    found = []
    for start in range(0, len(real), batch_size):
        x, y = (to_input(images[start : start + batch_size], device) for images in (inputs, real))
        found.append(kl_divergence(vae.posterior(y), vae.prior(x)).cpu().numpy())
    return np.concatenate(found).astype(np.float64)
