"""The report's sections on the two digit GANs."""

from pathlib import Path
from typing import Any

from ganflow.metrics.measures import CONDITIONAL, DIGITS
from ganflow.report.parts import (
    Figure,
    Fold,
    Matrix,
    ModelSection,
    Part,
    Table,
    Text,
    corner,
    picture_of,
    plain_rows,
    table_rows,
    verdict_of,
)

COLUMNS = {
    "model": "generated",
    "floor": "lower bound: other real digits",
    "copies": "copies: nearest training digits",
    "ceiling": "trivial baseline: Gaussian on pixels",
}


def gan_section(table: dict[str, Any], objective: str, figures: dict[str, Path], names: list[str]) -> ModelSection:
    """The GAN that draws any digit, from its table (metrics/tables/gan.json) and its figures."""
    named = zip(names, table["class_shares"], strict=True)
    shares = ", ".join(f"{name}: {100 * share:.1f} %" for name, share in named)
    variety = _of_digits(table, names)
    return ModelSection(
        id="digits",
        title="Digits",
        drew="Any digit, from noise.",
        **verdict_of("gan", table),
        card=picture_of(corner(figures["gan_digits"]), "The first of the generated digits"),
        pictures=[
            Figure(
                picture_of(figures["gan_digits"], "A grid of generated digits"),
                "Digits from random latents, not selected: look for strokes that join to no digit, and for the same "
                "digit again and again.",
            )
        ],
        folds=[
            Fold(
                "All measures, and how they were measured",
                [
                    Text(_how_measured(table)),
                    Table(f"Digit GAN ({objective})", list(COLUMNS.values()), _rows(table, DIGITS)),
                    *variety,
                    Text(_inception(table["perceptual"])),
                ],
            ),
            Fold(
                "More pictures: copies, balance, interpolation",
                [
                    Figure(
                        picture_of(
                            figures["gan_neighbours"], "Rows of generated digits, each over its nearest training digits"
                        ),
                        "Does it copy? The first, third, … row: generated digits. Below each, its nearest training "
                        "digit, by pixels: a copy would be the same picture twice.",
                    ),
                    Figure(
                        picture_of(figures["gan_shares"], "Bars: the share of each class among the generated digits"),
                        f"How often it draws each class, as the classifier reads them (dashed: evenly). {shares}.",
                        chart=True,
                    ),
                    Figure(
                        picture_of(
                            figures["gan_interpolation"], "Rows of digits that change gradually from left to right"
                        ),
                        "Each row goes along a great circle from one latent to another. Gradual change means that the "
                        "latent has meaning; a jump, that it has not.",
                    ),
                ],
            ),
            _curves("gan", "the digit GAN", table, figures),
        ],
    )


def cgan_section(
    table: dict[str, Any],
    objective: str,
    figures: dict[str, Path],
    names: list[str],
    confusion: list[list[float]] | None,
) -> ModelSection:
    """The GAN that draws the digit asked for. `confusion`: of each digit asked for, the share read as each [K, K]."""
    by_class = table["by_class"]
    rows = {
        names[int(digit)]: [
            (f"{100 * found['class_accuracy'][0]:.2f}", ""),
            _of_floor(by_class, digit, "class_accuracy", 100, 2),
            (f"{found['frechet_by_class'][0]:.1f}", f"{found['frechet_by_class'][1]:.1f}"),
            _of_floor(by_class, digit, "frechet_by_class", 1, 1),
        ]
        for digit, found in by_class["model"].items()
    }
    digit_by_digit: list[Part] = [
        Table(
            "Of the digits requested, the percentage that the classifier reads as requested, and the Fréchet distance "
            "to the real test digits of that class",
            ["read as requested, %", "lower bound", "Fréchet distance", "lower bound"],
            plain_rows(rows),
        ),
        *_of_digits(table, names),
    ]
    if confusion:
        caption = "Of the digits requested (rows), the percentage that the classifier reads as each digit (columns)"
        digit_by_digit.append(Matrix(caption, "requested", names, confusion))
    return ModelSection(
        id="classes",
        title="Class-conditional digits",
        drew="The digit asked for.",
        **verdict_of("cgan", table),
        card=picture_of(corner(figures["cgan_classes"]), "The first of the generated digits, a class per row"),
        pictures=[
            Figure(
                picture_of(figures["cgan_classes"], "A row of generated digits for each class"),
                "A digit per row, a latent per column: down a column the style stays, the digit changes. Two columns "
                "that look alike mean that the latent is ignored.",
            )
        ],
        folds=[
            Fold(
                "All measures, and how they were measured",
                [
                    Text(_how_measured(table)),
                    Table(
                        f"Class-conditional digit GAN ({objective})",
                        list(COLUMNS.values()),
                        _rows(table, CONDITIONAL + DIGITS),
                    ),
                    Text(_inception(table["perceptual"])),
                ],
            ),
            Fold("Digit by digit", digit_by_digit),
            _curves("cgan", "the class-conditional GAN", table, figures),
        ],
    )


def _rows(table: dict[str, Any], measures: tuple[Any, ...]) -> list[dict[str, Any]]:
    return table_rows(measures, [table["rows"][key] for key in COLUMNS])


def _of_floor(by_class: dict[str, Any], digit: str, key: str, scale: float, digits: int) -> tuple[str, str]:
    floor = by_class["floor"].get(digit)
    return (f"{scale * floor[key][0]:.{digits}f}" if floor else "–", "")


def _of_digits(table: dict[str, Any], names: list[str]) -> list[Part]:
    """How varied each digit is; nothing for a table of an older version."""
    covered = table.get("coverage_by_class")
    if not covered:
        return []
    rows = {
        names[int(digit)]: [(f"{100 * share:.1f}", ""), (f"{100 * covered['floor'].get(digit, 0):.1f}", "")]
        for digit, share in covered["model"].items()
    }
    caption = "Of the real digits of each class, the percentage that generated ones of the class are like: how varied"
    return [Table(caption, ["covered, %", "by other real digits, %"], plain_rows(rows))]


def _how_measured(table: dict[str, Any]) -> str:
    about = table["about"]
    fewer = " (fewer than were generated, which raises their Fréchet distance a little)"
    asked = " The digits are asked for as often as they occur in training." if "by_class" in table else ""
    return (
        f"{about['n']:,} generated digits ({about['checkpoint']} weights, of epoch {about['epoch']}) against "
        f"{about['n_reference']:,} real test digits, by the features of the project's own classifier, which reads "
        f"{100 * about['classifier_accuracy']:.2f} ± {100 * about['classifier_accuracy_pm']:.2f} % of the real test "
        f"digits correctly.{asked} These distances are comparable only among models measured with the same classifier; "
        f"they are not FID. The lower bound is {about['n_floor']:,} other real digits, on which neither the GAN nor "
        f"the classifier was trained{fewer if about['n_floor'] < about['n'] else ''}; copies are the training digits "
        "nearest to the generated ones, which a generator that memorised would produce; the trivial baseline is a "
        "Gaussian fitted to the pixels. ± is half the 95 % interval over digits; over "
        f"{about['repeats']} independent sets of generated digits the Fréchet distance has a standard deviation of "
        f"{about['frechet_classifier_repeats_sd']:.2f}."
    )


def _inception(conditions: dict[str, Any]) -> str:
    if "absent" in conditions:
        return f"FID and KID of Inception were not measured: {conditions['absent']}."
    return (
        f"FID and KID are Inception's, of at most {conditions['n']:,} digits of each set, {conditions['fid_resize']}, "
        f"weights {conditions['fid_weights']}: a second opinion, by a network that never saw a digit."
    )


def _curves(task: str, name: str, table: dict[str, Any], figures: dict[str, Path]) -> Fold:
    return Fold(
        "Training curves",
        [
            Figure(
                picture_of(figures[f"{task}_curves"], f"Losses and discriminator outputs over the training of {name}"),
                "Faint: every logged point; strong: their running median. Dashed: the equilibrium, if the objective "
                "has one, where the discriminator cannot tell generated from real. The circle marks epoch "
                f"{table['about']['epoch']}, chosen on validation digits, never on test digits.",
                chart=True,
            )
        ],
    )
