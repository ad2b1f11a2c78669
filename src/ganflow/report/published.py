"""Published numbers of aerial photo → map, beside those of a run: each row states its conditions."""

from typing import Any

from ganflow.report.parts import Part, Table, Text

PUBLISHED = (
    {
        "system": "CycleGAN",
        "conditions": "unpaired, 1,098 test pairs; in Fu et al. 2019, arXiv:1809.05852",
        "gcgan_rmse": "28.15",
        "gcgan_acc5": "41.8",
        "gcgan_acc10": "63.7",
    },
    {
        "system": "GcGAN, best of each measure",
        "conditions": "unpaired, 1,098 test pairs; Fu et al. 2019, arXiv:1809.05852",
        "gcgan_rmse": "27.98",
        "gcgan_acc5": "42.8",
        "gcgan_acc10": "64.6",
    },
    {
        "system": "Pix2Pix",
        "conditions": "the authors' weights, as measured by others; protocol not stated",
        "fid": "149.7",
    },
    {"system": "Pix2Pix", "conditions": "retrained by MMagic; protocol of its own", "fid": "122.6"},
)


def beside_published(
    rows: dict[str, dict[str, tuple[float, float]]], about: dict[str, Any], how: str = "paired"
) -> list[Part]:
    """This run (trained `how`), one constant colour and the published systems, each with its conditions."""
    keys = {"gcgan_rmse": 2, "gcgan_acc5": 1, "gcgan_acc10": 1, "fid": 1}
    ours = [
        {
            "system": system,
            "conditions": f"{trained}, {about['n']:,} test pairs at {about['size']} px",
            **{key: f"{rows[row][key][0]:.{digits}f}" for key, digits in keys.items() if key in rows[row]},
        }
        for system, row, trained in (
            ("this run", "model", how),
            ("one constant colour", "constant", "learned nothing"),
        )
    ]
    cells = [
        {"name": row["system"], "description": row["conditions"], "arrow": "", "better": ""}
        | {"cells": [{"text": row.get(key, "–"), "noise": "", "best": False, "even": False} for key in keys]}
        for row in (*ours, *PUBLISHED)
    ]
    return [
        Text(
            "Conditions differ; each row states them. The published RMSE and accuracies are of systems trained "
            "unpaired, which is harder, on images resized to 256 px with OpenCV's bilinear filter; ours with a bicubic "
            "one, which alone changes the constant colour's RMSE by 0.6. Compare them with the constant colour: it "
            "does about as well, so these measures alone prove no skill. Published FIDs of the same method differ by "
            "more than most improvements, and seldom state direction, size, filter, weights and n."
        ),
        Table("Aerial photo → map", ["GcGAN RMSE ↓", "acc, % δ < 5 ↑", "acc, % δ < 10 ↑", "FID ↓"], cells),
    ]
