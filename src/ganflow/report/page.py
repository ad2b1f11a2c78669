"""The report: one self-contained HTML page from metrics, figures and facts of the data.

No time and no run id, so that equal results give equal bytes.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from ganflow.config import Params
from ganflow.report.digits import cgan_section, gan_section
from ganflow.report.parts import ModelSection
from ganflow.report.several_answers import several_answers_section
from ganflow.report.translators import one_answer_section
from ganflow.report.without_pairs import without_pairs_section
from ganflow.templates import QUALITY, template


def build_report(
    tables: dict[str, dict[str, Any]],
    l1: dict[str, Any],
    data: list[dict[str, Any]],
    params: Params,
    figures: dict[str, Path],
    pairs: dict[str, dict[str, list[dict[str, Any]]]],
    digit_names: list[str] | None = None,
    digit_confusion: list[list[float]] | None = None,
) -> str:
    """The page as HTML text, which loads nothing from elsewhere.

    `tables`: metrics/tables/*.json by task, in the order of the page: pix2pix is among them, gan and cgan on a page
    with the digits; `l1`: the table of the L1 baseline, shown if it is comparable; `data`: facts of the data sets;
    `figures`: PNG files by name; `pairs`: test pairs of each translator with one answer (report.sources.shown_pairs);
    `digit_names`: of the digits' classes; `digit_confusion`: of each requested class (rows), the share that the
    classifier reads as each class [K, K].
    """
    digits = (digit_names or [], digit_confusion)
    sections = [_section(task, tables, l1, params, figures, pairs, *digits) for task in tables]
    about = tables["pix2pix"]["about"]
    sets = (f"{entry['name']} ({entry['source']}, sha256 {entry['digest'][:12]})" for entry in data)
    return template("report/report.html.j2").render(
        sections=sections,
        generated=any(
            entry["source"] == "generated" for entry in (*(table["about"] for table in tables.values()), *data)
        ),
        data=data,
        data_in_words=", ".join(sets),
        seed=params.seed,
        parameters=_as_yaml(params, digits="gan" in tables),
        sides=f"{about['input']} → {about['target']}",
        digits="gan" in tables,
        quality=QUALITY,
    )


def _section(
    task: str,
    tables: dict[str, dict[str, Any]],
    l1: dict[str, Any],
    params: Params,
    figures: dict[str, Path],
    pairs: dict[str, dict[str, list[dict[str, Any]]]],
    digit_names: list[str],
    digit_confusion: list[list[float]] | None,
) -> ModelSection:
    """A model's section, by its kind."""
    table = tables[task]
    match task:
        case "gan":
            return gan_section(table, params.gan.objective, figures, digit_names)
        case "cgan":
            return cgan_section(table, params.cgan.objective, figures, digit_names, digit_confusion)
        case "cvae":
            return several_answers_section(table, tables["pix2pix"], params, figures)
        case "cyclegan":
            return without_pairs_section(table, tables["pix2pix"], params.cyclegan, figures)
        case _:
            baseline = l1 if task == "pix2pix" else None
            return one_answer_section(task, table, getattr(params, task), figures, pairs[task], baseline)


def _as_yaml(params: Params, digits: bool) -> str:
    # The machine is recorded in MLflow; another machine must not change the report.
    left_out = {"compute"} | (set() if digits else {"mnist", "classifier", "gan", "cgan"})
    text = StringIO()
    YAML().dump(params.model_dump(exclude=left_out), text)
    return text.getvalue()
