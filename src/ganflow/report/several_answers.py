"""The report's section on the conditional VAE: several answers to one input."""

from pathlib import Path
from typing import Any

from ganflow.config import Params
from ganflow.metrics.comparable import IMAGES, JUDGED, not_comparable
from ganflow.metrics.failures import failure
from ganflow.metrics.intervals import in_text
from ganflow.metrics.measures import SAMPLES, TRANSLATION_PIXELS
from ganflow.report.parts import (
    Figure,
    Fold,
    ModelSection,
    Table,
    Text,
    corner,
    picture_of,
    plain_rows,
    table_rows,
    verdict_of,
)
from ganflow.report.pictures import SAMPLES_SHOWN
from ganflow.report.translators import COLUMNS, class_measures_of, curves_fold, loss_terms

CARD_COLUMNS = 5  # of the grid of samples (report.pictures.cvae_pictures): the input and four of them


def several_answers_section(
    table: dict[str, Any], of_pix2pix: dict[str, Any], params: Params, figures: dict[str, Path]
) -> ModelSection:
    """The conditional VAE: one sample and its prior's mean, beside Pix2Pix on the same photos and baselines."""
    about, rows = table["about"], table["rows"]
    own = params.cvae
    columns = {"one sample": rows["model"], "the prior's mean": rows["centre"]}
    if not not_comparable(table.get(JUDGED), of_pix2pix.get(JUDGED), only=(*IMAGES, "checkpoint")):
        columns["Pix2Pix"] = of_pix2pix["rows"]["model"]
    networks = [place for place, values in enumerate(columns.values()) if not failure(rows, values)]
    columns |= {COLUMNS[key]: rows[key] for key in ("nearest", "constant")}
    class_measures, _ = class_measures_of(table)
    diversity = table["diversity"]
    has_lpips = "lpips" in diversity["cvae"]
    differences = {
        name: [(f"{found['pixels'][0]:.2f}", in_text(found["pixels"][1], 2))]
        + ([(f"{found['lpips'][0]:.3f}", in_text(found["lpips"][1], 3))] if has_lpips else [])
        for name, found in diversity.items()
    }
    used = ", ".join(f"{value:.2f}" for value in table["kl_by_dimension"])
    grid_columns = 1 + min(SAMPLES_SHOWN, params.evaluate.samples) + len(("mean", "spread", "real"))
    return ModelSection(
        id="several",
        title=f"Several {about['target']}s for one {about['input']}",
        drew=f"Conditional VAE: any number of {about['target']}s for one {about['input']}.",
        **verdict_of("cvae", table),
        card=picture_of(corner(figures["cvae_samples"], grid_columns, CARD_COLUMNS), "Inputs, each beside its samples"),
        pictures=[
            Figure(
                picture_of(
                    figures["cvae_samples"],
                    "Rows of input, several samples, their mean, their spread and the real image",
                ),
                f"Samples from random latents, the same ones in every row; the mean of all {params.evaluate.samples}; "
                "their standard deviation at each pixel (dark: samples differ; black is the largest in the picture).",
            )
        ],
        folds=[
            Fold(
                "All measures, and how they were measured",
                [
                    Text(
                        f"{_kind(own)}. {about['n']:,} test pairs at {about['size']} px, {about['checkpoint']} "
                        f"weights, of epoch {about['epoch']}. The column “one sample” measures one random sample per "
                        "input; the column “the prior's mean” uses the mean of the latent instead, without randomness."
                    ),
                    Table(
                        "One output per input",
                        list(columns),
                        table_rows((*class_measures, *TRANSLATION_PIXELS), list(columns.values()), networks),
                    ),
                    Table("The latent", ["this run"], table_rows(SAMPLES, [rows["model"]])),
                    Table(
                        f"Mean absolute difference of two samples for one input, over {table['sampled_pairs']} test "
                        "inputs (0: always the same)",
                        ["0 to 255", *(["LPIPS"] if has_lpips else [])],
                        plain_rows(differences),
                    ),
                    Text(
                        f"KL of each latent dimension, in nats: {used}. One near 0 has collapsed onto the prior: the "
                        "generator ignores it."
                    ),
                ],
            ),
            Fold(
                "More pictures: interpolation, the best of n",
                [
                    Figure(
                        picture_of(figures["cvae_walk"], "Rows of images that change gradually from left to right"),
                        "From one latent to another along a great circle: what changes here is what the samples "
                        "differ in.",
                    ),
                    Figure(
                        picture_of(
                            figures["cvae_best_of"],
                            "Error of the best of n samples against n, for the conditional VAE and Pix2Pix",
                        ),
                        "The expected error of the best of n samples, if somebody can choose the best one. A flat line "
                        "means that more samples bring nothing.",
                        chart=True,
                    ),
                ],
            ),
            curves_fold("cvae", "the conditional VAE", about, figures),
        ],
    )


def _kind(own: Any) -> str:
    kind = "BicycleGAN" if own.lambda_gan and own.lambda_latent else "cVAE-GAN" if own.lambda_gan else "conditional VAE"
    return f"{kind}: {loss_terms(own)}, KL {own.lambda_kl:g}, latent {own.lambda_latent:g}"
