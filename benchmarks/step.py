"""Training-step speed as a ratio: the project's step against a textbook step on the same networks.

    make bench

The textbook step is what the reference implementations do: fp32, `torch.optim.Adam` with its defaults, `.item()` on
every loss. The two are measured alternately in one run, since the machine may be shared. Prints a table and writes
benchmarks/results/step.json.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ganflow import config
from ganflow.files import write_json
from ganflow.losses import l1, minimax_discriminator, non_saturating_generator
from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator
from ganflow.models.patchgan import PatchGan
from ganflow.models.unet import UNet
from ganflow.training import compute
from ganflow.training.gan import GanModel
from ganflow.training.pix2pix import Pix2PixModel

ROUNDS = 7
RESULT = Path("benchmarks/results/step.json")


def textbook_gan(params: config.Gan, real: torch.Tensor) -> Callable[[], object]:
    g = DigitGenerator(params.latent_dim, params.channels).to(real.device)
    d = DigitDiscriminator(params.channels).to(real.device)
    adam_g, adam_d = (torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in (g, d))

    def step() -> tuple[float, float]:
        fake = g(torch.randn(len(real), params.latent_dim, device=real.device))
        adam_d.zero_grad()
        loss_d = minimax_discriminator(d(real), d(fake.detach()))
        loss_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        loss_g = non_saturating_generator(d(fake))
        loss_g.backward()
        adam_g.step()
        return loss_d.item(), loss_g.item()

    return step


def textbook_pix2pix(params: config.Pix2Pix, levels: int, x: torch.Tensor, y: torch.Tensor) -> Callable[[], object]:
    g = UNet(levels, params.generator_channels, params.norm, params.upsample, params.dropout).to(x.device)
    d = PatchGan(params.discriminator_channels, params.norm).to(x.device)
    adam_g, adam_d = (torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in (g, d))

    def step() -> tuple[float, float, float]:
        fake = g(x)
        adam_d.zero_grad()
        loss_d = 0.5 * minimax_discriminator(d(x, y), d(x, fake.detach()))
        loss_d.backward()
        adam_d.step()
        adam_g.zero_grad()
        loss_g, loss_l1 = non_saturating_generator(d(x, fake)), l1(fake, y)
        (loss_g + params.lambda_l1 * loss_l1).backward()
        adam_g.step()
        return loss_d.item(), loss_g.item(), loss_l1.item()

    return step


def alternate(ours: Callable[[], object], theirs: Callable[[], object], steps: int) -> tuple[float, float, float]:
    """Median seconds a step of each, and the median of the ratios theirs / ours round by round."""
    times: list[tuple[float, float]] = []
    for _ in range(ROUNDS + 1):
        row = []
        for step in (ours, theirs):
            began = time.perf_counter()
            for _ in range(steps):
                step()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            row.append((time.perf_counter() - began) / steps)
        times.append((row[0], row[1]))
    times = times[1:]  # the first round warms up
    own, other = zip(*times, strict=True)
    return statistics.median(own), statistics.median(other), statistics.median(b / a for a, b in times)


def main() -> None:
    params = config.load()
    machine = compute.prepare(params.compute)
    print(machine.reason)
    rows = {}

    own = params.gan
    real = torch.rand(own.batch_size, 1, 28, 28, device=machine.device) * 2 - 1
    gan, labels = GanModel(own, 0, machine), torch.zeros(own.batch_size, dtype=torch.long)
    rows["digit GAN"] = (
        own.batch_size,
        *alternate(lambda: gan.step((real, labels), 1000), textbook_gan(own, real), 10),
    )

    cases = {
        "pix2pix, default": (params.pix2pix, params.maps.crop_size, params.pix2pix.batch_size, 5),
        "pix2pix, the paper's networks": (
            params.pix2pix.model_copy(
                update={"generator_channels": 64, "discriminator_channels": 64, "norm": "batch", "batch_size": 1}
            ),
            256,
            1,
            1,
        ),
    }
    for name, (case, size, batch, steps) in cases.items():
        x, y = torch.rand(2, batch, 3, size, size, device=machine.device) * 2 - 1
        nothing = np.zeros((0, size, size, 3), np.uint8)
        model = Pix2PixModel(case, size, 0, machine, shown=(nothing, nothing))
        levels = int(model.arguments["levels"])
        theirs = textbook_pix2pix(case, levels, x, y)
        rows[f"{name}, {size} px"] = (batch, *alternate(lambda m=model, b=(x, y): m.step(b, 1000), theirs, steps))

    print(f"{'':42} {'images/s':>9} {'textbook':>9} {'ratio':>6}")
    table = {}
    for name, (batch, ours, theirs, ratio) in rows.items():
        print(f"{name:42} {batch / ours:9.1f} {batch / theirs:9.1f} {ratio:6.2f}")
        table[name] = {"images_per_second": batch / ours, "textbook": batch / theirs, "ratio": ratio}
    write_json(RESULT, {"machine": machine.reason, "rounds": ROUNDS, "rows": table})


if __name__ == "__main__":
    main()
