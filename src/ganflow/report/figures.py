"""Charts of the report: curves and bars."""

import io

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

plt.rcParams["text.parse_math"] = False  # a class may be named $x^$, which as a formula ends in an error
# Okabe & Ito's palette: safe for colour blindness.
BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#777777"
LABELS = {
    "loss_d": ("discriminator", BLUE),
    "loss_g": ("generator, adversarial", ORANGE),
    "loss_l1": ("generator, L1", GREEN),
    "loss_features": ("generator, features of D", SKY),
    "loss_latent": ("latent recovered, L1", PURPLE),
    "d_real": ("on real", BLUE),
    "d_fake": ("on generated", ORANGE),
}


def curves(
    history: pd.DataFrame, equilibrium: dict[str, float], probability: bool, best_by: str, best_epoch: int, title: str
) -> Image.Image:
    """Losses, discriminator outputs (if there is one) and the validation measure over the images seen.

    `history` has the columns images, loss_*, d_real and d_fake, and val_* at the end of each epoch. `equilibrium` gives
    the values of loss_d and of both outputs (d) at the equilibrium, where the objective has one. `probability`: whether
    the outputs are probabilities. The chosen epoch is marked.
    """
    has_discriminator = "d_real" in history
    figure, panels = plt.subplots(
        1, 2 + has_discriminator, figsize=(5 + 5 * (1 + has_discriminator), 4), dpi=110, layout="constrained"
    )
    figure.suptitle(title, fontsize=11)
    losses, outputs, validated = panels[0], panels[1] if has_discriminator else None, panels[-1]
    for name, (label, colour) in LABELS.items():
        if name in history:
            axes = losses if name.startswith("loss") else outputs
            assert axes is not None
            _line(axes, history, name, label, colour)
    losses.set_title("losses", fontsize=10)
    if outputs is not None:
        _equilibrium(losses, equilibrium.get("loss_d"), "discriminator at equilibrium")
        _equilibrium(outputs, equilibrium.get("d"), "equilibrium")
        outputs.set_title(
            "mean output of the discriminator" + (", as a probability" if probability else ""), fontsize=10
        )
        if probability:
            outputs.set_ylim(0, 1)
    epochs = history.dropna(subset=[f"val_{best_by}"])
    validated.plot(epochs["images"], epochs[f"val_{best_by}"], color=BLUE, marker=".", label="by epoch")
    chosen = epochs[epochs["epoch"] == best_epoch]
    label = f"the best epoch, {best_epoch}"
    validated.plot(chosen["images"], chosen[f"val_{best_by}"], "o", ms=9, mfc="none", color=ORANGE, label=label)
    validated.set_title(f"validation: {best_by.replace('_', ' ')}", fontsize=10)
    for axes in panels:
        axes.set_xlabel("images seen")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(alpha=0.25)
        # Below the axes: wherever it is put inside, it hides a part of some training.
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False)
    shown = [name for name in LABELS if name.startswith("loss") and name in history]
    if history[shown].to_numpy().min() > 0:
        losses.set_ylim(bottom=0)
    return _picture(figure)


def best_of_n_curves(curves_by_measure: dict[str, dict[str, list[float]]]) -> Image.Image:
    """A panel per measure: for each system, the expected value of the best of 1 to n samples."""
    titles = {"mae": "mean absolute error ↓", "mean_iou": "mean class IoU of a map ↑"}
    figure, panels = plt.subplots(
        1,
        len(curves_by_measure),
        figsize=(5 * len(curves_by_measure), 3.6),
        dpi=110,
        layout="constrained",
        squeeze=False,
    )
    for axes, (measure, by_system) in zip(panels[0], curves_by_measure.items(), strict=True):
        for (system, values), colour in zip(by_system.items(), (BLUE, GREY, ORANGE), strict=False):
            if len(values) == 1:  # a system with a single output
                axes.axhline(values[0], color=colour, linestyle="--", label=f"{system}, its one answer")
            else:
                axes.plot(range(1, len(values) + 1), values, color=colour, marker=".", label=system)
        axes.set_title(titles[measure], fontsize=10)
        axes.set_xlabel("answers, of which the best counts")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, frameon=False)
    return _picture(figure)


def class_share_bars(shares: list[float], names: list[str]) -> Image.Image:
    """The share of each class among the generated digits, beside an even share."""
    figure, axes = plt.subplots(figsize=(7, 2.8), dpi=110, layout="constrained")
    bars = axes.bar(range(len(shares)), [100 * share for share in shares], color=BLUE)
    axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.axhline(100 / len(shares), color=GREY, linestyle="--", linewidth=1)
    axes.set_xticks(range(len(names)), names, rotation=30 if max(map(len, names)) > 6 else 0)
    axes.set_xlabel("class, as read by the classifier")
    axes.set_ylabel("%")
    axes.margins(y=0.12)
    return _picture(figure)


def _picture(figure: Figure) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None}, bbox_inches="tight", pad_inches=0.08)
    plt.close(figure)
    with Image.open(buffer) as picture:
        return picture.convert("RGB")


def side_by_side(*pictures: Image.Image) -> Image.Image:
    """Pictures of the same height next to each other."""
    page = Image.new("RGB", (sum(picture.width for picture in pictures), pictures[0].height), "white")
    left = 0
    for picture in pictures:
        page.paste(picture, (left, 0))
        left += picture.width
    return page


def _equilibrium(axes: Axes, value: float | None, what: str) -> None:
    if value is not None:
        text = "log 4" if np.isclose(value, np.log(4)) else "½" if value == 0.5 else f"{value:g}"
        axes.axhline(value, color=GREY, linestyle="--", linewidth=1, label=f"{what}: {text}")


def _line(axes: Axes, history: pd.DataFrame, name: str, label: str, colour: str) -> None:
    """A running median over a faint line of every point."""
    window = max(1, len(history) // 25)
    smooth = history[name].rolling(window, center=True, min_periods=1).median()
    axes.plot(history["images"], history[name], color=colour, alpha=0.25, linewidth=0.8)
    marker = "o" if len(history) == 1 else None  # a line of one point is invisible
    axes.plot(history["images"], smooth, color=colour, label=label, linewidth=1.6, marker=marker)
