"""Stage evaluate_cvae: one sample per test photo with the baselines, and several samples for some photos."""

from pathlib import Path

from ganflow import config
from ganflow.data import prepared
from ganflow.evaluation import samples, translations
from ganflow.inference import compute
from ganflow.inference.translation import translate
from ganflow.metrics import perceptual
from ganflow.metrics.classes import legend_of
from ganflow.metrics.intervals import mean
from ganflow.metrics.samples import used_dimensions
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.pipeline.stage import run_stage
from ganflow.seeds import latents


def main() -> None:
    params = config.load_params()
    own = params.evaluate
    device = compute.set_up(params.compute).device
    vae, model = saved.load_network(Path("models/cvae") / own.checkpoint, ConditionalVae, device)
    inputs, real = prepared.pairs("test", model["direction"])

    one_each = latents(len(inputs), vae.latent_dim, params.seed, "cvae", "evaluate")
    answers = {
        "model": translate(vae, inputs, own.batch_size, device, one_each),
        "centre": translate(vae, inputs, own.batch_size, device),  # the mean of the prior: without randomness
    }
    chosen = prepared.evenly(own.sampled_pairs, len(inputs))
    networks = perceptual.weights(own.perceptual)
    has_data, pictures = prepared.has_data("test", model["direction"]), prepared.pictures("test")
    measures, more = samples.sample_measures(
        params,
        vae,
        inputs[chosen],
        real[chosen],
        legend_of(prepared.sides(model["direction"])[1]),
        networks,
        device,
        None if has_data is None else has_data[chosen],
        None if pictures is None else pictures[chosen],
    )
    kl = samples.kl_by_dimension(vae, inputs, real, own.batch_size, device)
    measures["kl"] = mean(kl.sum(1), pictures)
    measures["used_dimensions"] = used_dimensions(kl, params.seed, pictures)
    more["kl_by_dimension"] = kl.mean(0).tolist()
    sampling = ("samples", "sampled_pairs")
    translations.evaluate_translator("cvae", params, model, answers, networks, device, measures, more, sampling)


if __name__ == "__main__":
    run_stage(main)
