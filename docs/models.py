"""Draw the pictures of docs/models.md from our own losses and the models of the default run, and print their numbers.

python docs/models.py --l1 MODELS/pix2pix --collapsed MODELS/gan --map2aerial MODELS     # after `dvc repro`

The three folders are models of other runs: `make repro PROFILE=l1`, and the two whose commands stand in docs/models.md.
"""

import argparse
import io
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ganflow.data import prepared
from ganflow.inference.digits import draw, every_class
from ganflow.inference.features import classify
from ganflow.inference.grids import digit_grid, translation_grid
from ganflow.inference.translation import translate
from ganflow.losses import minimax_generator, non_saturating_generator
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.cvae import ConditionalVae
from ganflow.models.dcgan import DigitGenerator, with_classes
from ganflow.models.unet import UNet
from ganflow.seeds import latents

OUT = Path("docs/pictures")
CPU = torch.device("cpu")
BLUE, ORANGE = "#0072B2", "#D55E00"
PHOTOS = [0, 85, 142]  # test pairs: streets, a shore, both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--l1", type=Path, required=True, help="folder with best/ of Pix2Pix trained on L1 alone")
    parser.add_argument("--collapsed", type=Path, required=True, help="folder with last/ of a GAN that collapsed")
    parser.add_argument("--map2aerial", type=Path, required=True, help="models/ of a map → aerial run")
    arguments = parser.parse_args()
    gradients()
    players()
    collapse(arguments.collapsed)
    conditioning()
    patches(arguments.l1)
    variational()
    other_way(arguments.map2aerial)


def gradients() -> None:
    """How hard a generated digit is pushed, by how surely D rejects it: autograd on the losses themselves."""
    logits = torch.linspace(-8, 4, 200)
    figure, axes = plt.subplots(figsize=(7, 3.6), dpi=110, layout="constrained")
    for loss, label, colour in (
        (minimax_generator, "minimax: log(1 − s(D))", ORANGE),
        (non_saturating_generator, "non-saturating: −log s(D)", BLUE),
    ):
        each = logits.clone().requires_grad_()
        torch.stack([loss(one) for one in each]).sum().backward()
        assert each.grad is not None
        axes.plot(torch.sigmoid(logits), each.grad.abs(), color=colour, label=label, linewidth=2)
        for probability in (0.01, 0.5):
            at = torch.logit(torch.tensor(probability)).requires_grad_()
            loss(at).backward()
            assert at.grad is not None
            print(f"gradient of {label} at s(D) = {probability}: {at.grad.abs():.2f}")
    axes.set_xlabel("probability of being real that D gives a generated digit")
    axes.set_ylabel("size of the gradient at D's output")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    _save(figure, "gradients")


def players() -> None:
    """The same eight latents after each epoch of the default run."""
    pictures = sorted(Path("reports/samples/gan").glob("epoch_*.png"))
    rows = []
    for path in pictures:
        with Image.open(path) as picture:
            rows.append(np.asarray(picture.convert("RGB"))[: 2 * 28 + 2])
    Image.fromarray(np.concatenate(rows)).save(OUT / "epochs.webp", lossless=True)


def collapse(folder: Path) -> None:
    """Digits and class shares of the default GAN and of one that collapsed."""
    classifier = saved.load_network(Path("models/classifier"), DigitClassifier)[0]
    for name, place in (("default", Path("models/gan/best")), ("collapsed", folder / "last")):
        generator = saved.load_network(place, DigitGenerator)[0]
        digits = draw(generator, latents(2000, generator.latent_dim, 0, "gan", "docs"))
        shares = np.bincount(_read(classifier, digits), minlength=10) / len(digits)
        print(f"{name}: class shares {(100 * shares).round(1).tolist()} %")
        digit_grid(digits[:40], 20).save(OUT / f"digits_{name}.webp", lossless=True)


def conditioning() -> None:
    """The class-conditional GAN with its class input, and with that input always saying 0."""
    classifier = saved.load_network(Path("models/classifier"), DigitClassifier)[0]
    generator = saved.load_network(Path("models/cgan/best"), DigitGenerator)[0]
    shared = latents(12, generator.latent_dim, 0, "gan", "docs")
    digit_grid(draw(generator, every_class(shared, generator.classes)), 12).save(OUT / "classes.webp", lossless=True)
    asked = torch.arange(2000) % generator.classes
    latent = latents(2000, generator.latent_dim, 0, "gan", "docs")
    told = with_classes(latent, asked, generator.classes)
    untold = with_classes(latent, torch.zeros_like(asked), generator.classes)
    for name, inputs in (("told the class", told), ("told 0 always", untold)):
        right = (_read(classifier, draw(generator, inputs)) == asked.numpy()).mean()
        print(f"class-conditional GAN, {name}: {100 * right:.1f} % read as the digit asked for")


def patches(l1: Path) -> None:
    """What the discriminator is worth: the same photos by L1 alone and by Pix2Pix."""
    test = prepared.array("maps", "test")[PHOTOS]
    columns = {"aerial": test[:, 0]}
    for name, folder in (("L1 alone", l1 / "best"), ("with a PatchGAN", Path("models/pix2pix/best"))):
        columns[name] = translate(saved.load_network(folder, UNet)[0], test[:, 0], 1, CPU)
    translation_grid(columns | {"real map": test[:, 1]}).save(OUT / "l1.webp", quality=85)


def variational() -> None:
    """Samples of the conditional VAE."""
    test = prepared.array("maps", "test")[PHOTOS]
    columns = {"aerial": test[:, 0]} | _samples(Path("models/cvae/best"), test[:, 0], 4)
    translation_grid(columns | {"real map": test[:, 1]}).save(OUT / "samples.webp", quality=85)


def other_way(models: Path) -> None:
    """Aerial photos from maps: Pix2Pix at the epoch of the least error and at its last one, samples of the VAE."""
    test = prepared.array("maps", "test")[PHOTOS]
    columns = {"map": test[:, 1]}
    for name, checkpoint in (("Pix2Pix, least error", "best"), ("Pix2Pix, last epoch", "last")):
        columns[name] = translate(saved.load_network(models / "pix2pix" / checkpoint, UNet)[0], test[:, 1], 1, CPU)
    columns |= _samples(models / "cvae" / "best", test[:, 1], 3)
    translation_grid(columns | {"real photo": test[:, 0]}).save(OUT / "map2aerial.webp", quality=85)


def _samples(folder: Path, inputs: np.ndarray, count: int) -> dict[str, np.ndarray]:
    vae = saved.load_network(folder, ConditionalVae)[0]
    return {
        f"sample {number}": translate(vae, inputs, 1, CPU, latent.expand(len(inputs), -1))
        for number, latent in enumerate(latents(count, vae.latent_dim, 0, "cvae", "docs"), start=1)
    }


def _read(classifier: DigitClassifier, digits: np.ndarray) -> np.ndarray:
    return classify(classifier, digits)[1].argmax(1)


def _save(figure: Figure, name: str) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    Image.open(buffer).convert("RGB").save(OUT / f"{name}.webp", lossless=True)


if __name__ == "__main__":
    main()
