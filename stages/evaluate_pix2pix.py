"""Stage evaluate_pix2pix: metrics of translated test photos with their noise, and of baselines without a network."""

from pathlib import Path

from ganflow import config
from ganflow.data import prepared
from ganflow.evaluation import translations
from ganflow.inference import compute
from ganflow.inference.translation import translate
from ganflow.metrics import perceptual
from ganflow.models import saved
from ganflow.models.unet import UNet
from ganflow.pipeline.stage import run_stage


def main() -> None:
    params = config.load_params()
    device = compute.set_up(params.compute).device
    generator, model = saved.load_network(Path("models/pix2pix") / params.evaluate.checkpoint, UNet, device)
    inputs, _ = prepared.pairs("test", model["direction"])
    answers = {"model": translate(generator, inputs, params.evaluate.batch_size, device)}
    networks = perceptual.weights(params.evaluate.perceptual)
    translations.evaluate_translator("pix2pix", params, model, answers, networks, device)


if __name__ == "__main__":
    run_stage(main)
