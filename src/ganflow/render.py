"""Drawn figures: the curves of a training."""

import io

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

# Okabe & Ito's palette, told apart with any colour vision.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
LABELS = {
    "loss_d": ("discriminator", BLUE),
    "loss_g": ("generator, adversarial", ORANGE),
    "loss_l1": ("generator, L1", GREEN),
    "d_real": ("on real", BLUE),
    "d_fake": ("on generated", ORANGE),
}


def curves(history: pd.DataFrame, equilibrium: dict[str, float], probability: bool, title: str) -> Image.Image:
    """Losses and discriminator outputs over the images seen.

    `history` has the columns images, loss_*, d_real and d_fake. `equilibrium` gives the value of loss_d and of both
    outputs (d) when generated and real data are the same, where the objective has one; `probability`: the outputs are.
    """
    figure, (losses, outputs) = plt.subplots(1, 2, figsize=(10, 4), dpi=110, layout="constrained")
    figure.suptitle(title, fontsize=11)
    for name, (label, colour) in LABELS.items():
        if name in history:
            _line(losses if name.startswith("loss") else outputs, history, name, label, colour)
    losses.set_title("losses", fontsize=10)
    outputs.set_title("mean output of the discriminator" + (", as a probability" if probability else ""), fontsize=10)
    if probability:
        outputs.set_ylim(0, 1)
    for axes, name, what in ((losses, "loss_d", "discriminator at equilibrium"), (outputs, "d", "equilibrium")):
        if name in equilibrium:
            value = equilibrium[name]
            text = "log 4" if np.isclose(value, np.log(4)) else "½" if value == 0.5 else f"{value:g}"
            axes.axhline(value, color=GREY, linestyle="--", linewidth=1, label=f"{what}: {text}")
        axes.set_xlabel("images seen")
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(alpha=0.25)
        # Below the axes: wherever it is put inside, it hides a part of some training.
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False)
    if "loss_g" in history and history[["loss_d", "loss_g"]].to_numpy().min() > 0:
        losses.set_ylim(bottom=0)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.08)
    plt.close(figure)
    with Image.open(buffer) as picture:
        return picture.convert("RGB")


def _line(axes: Axes, history: pd.DataFrame, name: str, label: str, colour: str) -> None:
    """A running median over a faint line of every point."""
    window = max(1, len(history) // 25)
    smooth = history[name].rolling(window, center=True, min_periods=1).median()
    axes.plot(history["images"], history[name], color=colour, alpha=0.25, linewidth=0.8)
    marker = "o" if len(history) == 1 else None  # a line of one point is invisible
    axes.plot(history["images"], smooth, color=colour, label=label, linewidth=1.6, marker=marker)
