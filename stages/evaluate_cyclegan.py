"""Stage evaluate_cyclegan: every measure of Pix2Pix, on the same test pairs, of a translator without pairs."""

from pathlib import Path

from ganflow import config
from ganflow.data import prepared
from ganflow.evaluation import translations
from ganflow.evaluation.unpaired import evaluate_unpaired
from ganflow.inference import compute
from ganflow.inference.translation import translate
from ganflow.metrics import perceptual
from ganflow.models import saved
from ganflow.models.cyclegan import CycleGenerators
from ganflow.pipeline.stage import run_stage


def main() -> None:
    params = config.load_params()
    device = compute.set_up(params.compute).device
    generators, model = saved.load_network(
        Path("models/cyclegan") / params.evaluate.checkpoint, CycleGenerators, device
    )
    inputs, _ = prepared.pairs("test", model["direction"])
    answer = translate(generators, inputs, params.evaluate.batch_size, device)
    networks = perceptual.weights(params.evaluate.perceptual)
    if prepared.about("maps", "test").get("unpaired"):
        evaluate_unpaired("cyclegan", params, model, answer, networks, device)
    else:
        translations.evaluate_translator("cyclegan", params, model, {"model": answer}, networks, device)


if __name__ == "__main__":
    run_stage(main)
