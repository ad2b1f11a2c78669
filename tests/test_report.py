import base64
import html
import io
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from ganflow import report
from ganflow.config import Params
from ganflow.metrics.classes import CLASSES
from ganflow.metrics.measures import TRANSLATION_PIXELS

ROOT = Path(__file__).parents[1]
FIGURES = (
    *("gan_digits", "gan_interpolation", "gan_neighbours", "gan_curves"),
    *("cgan_classes", "cgan_curves", "cvae_samples", "cvae_walk", "cvae_best_of", "cvae_curves"),
    *("pix2pix_pairs", "pix2pix_best", "pix2pix_worst", "pix2pix_curves"),
)
GAN = {
    "about": {
        "source": "download",
        "checkpoint": "best",
        "epoch": 3,
        "n": 1000,
        "n_reference": 300,
        "repeats": 3,
        "classifier_accuracy": 0.992,
        "classifier_accuracy_pm": 0.002,
        "frechet_classifier_repeats_sd": 0.25,
    },
    "rows": {
        "model": {"frechet_classifier": (12.345, 0.5), "score": (8.5, 0.1), "kl_uniform": (0.01, 0.001)},
        "floor": {"frechet_classifier": (0.5, 0.1), "score": (9.8, 0.1)},
        "copies": {"frechet_classifier": (1.5, 0.1)},
        "ceiling": {"frechet_classifier": (90.0, 1.0)},
    },
    "class_shares": [0.1] * 10,
}


CGAN = GAN | {
    "rows": {
        name: row | {"class_accuracy": (0.98, 0.01), "frechet_by_class": (30.0, 1.0)}
        for name, row in GAN["rows"].items()
    },
    "by_class": {
        row: {str(digit): {"class_accuracy": (0.9, 0.01), "frechet_by_class": (20.0, 1.0)} for digit in range(10)}
        for row in ("model", "floor")
    },
}


def cvae(of_pix2pix: dict[str, Any]) -> dict[str, Any]:
    """As good as Pix2Pix, and of several minds."""
    model = of_pix2pix["rows"]["model"]
    of_the_latent = {"diversity": (3.21, 0.1), "kl": (4.0, 0.1), "used_dimensions": (3.0, 0.0)}
    lpips = {} if "absent" in of_pix2pix["perceptual"] else {"lpips": (0.123, 0.01)}
    return of_pix2pix | {
        "rows": of_pix2pix["rows"] | {"model": model | of_the_latent, "centre": model},
        "diversity": {
            "cvae": {"pixels": (3.21, 0.1), **lpips},
            "pix2pix with dropout": {"pixels": (0.5, 0.1), **lpips},
            "real maps of different places": {"pixels": (9, 1), **lpips},
        },
        "kl_by_dimension": [1.5, 0.01],
        "sampled_pairs": 4,
    }


def pix2pix(direction: str = "aerial2map", better: float = 0.0) -> dict[str, Any]:
    """A table in which the model is better than each baseline, by 0.2 to 0.6, with intervals of 0.1."""
    to_map = direction == "aerial2map"
    rows: dict[str, dict[str, tuple[float, float]]] = {}
    for row, shift in (("model", -better), ("nearest", 0.1), ("constant", 0.2), ("input", 0.4)):
        rows[row] = {m.key: (10 + shift * (-1 if m.higher else 1), 0.1) for m in TRANSLATION_PIXELS}
        if to_map:
            keys = ["mean_iou", *(f"{share}/{name}" for name in CLASSES for share in ("iou", "precision", "recall"))]
            rows[row] |= dict.fromkeys(keys, (0.5 - shift, 0.02))
    about = {"source": "download", "direction": direction, "checkpoint": "best", "epoch": 7, "n": 200, "size": 256}
    return {
        "about": {**about, "test_data": "abcdef"},
        "rows": rows,
        "perceptual": {"absent": "evaluate.perceptual is off"},
        "confusion": np.eye(5, dtype=int).tolist() if to_map else None,
    }


def page(
    tmp_path: Path,
    params: Params,
    source: str = "download",
    table: dict[str, Any] | None = None,
    others: dict[str, dict[str, Any]] | None = None,
) -> str:
    figures = {name: tmp_path / f"{name}.png" for name in FIGURES}
    for path in figures.values():
        Image.new("RGB", (4, 4)).save(path)
    counts = {"train": 10, "val": 2, "test": 5, "digest": "ab" * 32, "source": source}
    data = [{"name": name, **counts} for name in ("mnist", "maps")]
    table = table or pix2pix()
    table["about"]["source"] = source
    tables = {"gan": GAN, "cgan": CGAN, "pix2pix": table, "cvae": cvae(table)}
    return report.build(tables, others or {}, data, params, figures)


class Reader(HTMLParser):
    """Collects what the page would load, and its images and headings."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if tag == "img":
            self.images.append(found)
        self.loads += [str(found[name]) for name in ("src", "srcset", "poster", "data") if name in found]
        if tag in ("link", "script", "iframe", "object"):
            self.loads.append(tag)


def test_the_page_loads_nothing(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params)
    reader = Reader()
    reader.feed(text)
    assert reader.loads
    assert all(re.match(r"data:image/(png|webp);base64,", load) for load in reader.loads)
    assert "url(" not in text
    assert "@import" not in text


def test_every_image_says_what_it_shows(tmp_path: Path, params: Params) -> None:
    reader = Reader()
    reader.feed(page(tmp_path, params))
    assert len(reader.images) == len(FIGURES)
    assert all(len(image["alt"] or "") > 10 for image in reader.images)
    assert all(image["width"] == image["height"] == "4" for image in reader.images)
    assert reader.tags.count("h1") == 1


def test_pictures_are_embedded_without_loss_and_as_the_smaller_of_two_formats(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (24, 32, 1), np.uint8).repeat(3, axis=2) * 255
    photo = tmp_path / "photo.png"
    Image.fromarray(pixels).save(photo, compress_level=0)
    found = report._embedded(photo)
    head, _, content = str(found["uri"]).partition(",")
    assert head == "data:image/webp;base64"
    assert len(base64.b64decode(content)) < photo.stat().st_size
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), pixels)
    assert (found["width"], found["height"]) == (32, 24)


def test_the_same_results_are_the_same_bytes(tmp_path: Path, params: Params) -> None:
    assert page(tmp_path, params) == page(tmp_path, params)


@pytest.mark.parametrize("source", ["download", "generated"])
def test_generated_data_says_so_and_shows_no_published_numbers(tmp_path: Path, params: Params, source: str) -> None:
    text = page(tmp_path, params, source)
    assert ("built-in generated data" in text) == (source == "generated")
    assert ("CycleGAN" in text) == (source == "download")


def row_of(text: str, name: str) -> str:
    found = re.search(rf">{name}&nbsp;.*?</tr>", text, re.DOTALL)
    assert found, name
    return found[0]


def test_numbers_stand_with_their_noise_beside_their_baselines(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params)
    row = row_of(text, "mean absolute error")
    assert re.findall(r">(?:<span[^>]*>[✓≈] </span>)?(\d+\.\d\d) <span", row) == ["10.00", "10.10", "10.20", "10.40"]
    assert row.count("±&nbsp;0.10") == 4
    assert "12.35" in row_of(text, "Fréchet distance") or "12.34" in row_of(text, "Fréchet distance")
    assert "1,000 generated digits" in text


def test_the_best_is_marked_and_what_is_no_different_from_the_model(tmp_path: Path, params: Params) -> None:
    cells = row_of(page(tmp_path, params), "mean absolute error").split("<td")[1:]
    assert "(best)" in cells[0], "not by colour alone"
    assert "within the noise" in cells[1], "10.00 and 10.10, each +- 0.1"
    assert not [cell for cell in cells[2:] if "within the noise" in cell or "(best)" in cell]


def test_other_runs_stand_beside_it_if_they_were_measured_on_the_same_images(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params, others={"l1": pix2pix(better=0.3), "previous": pix2pix(better=-0.05)})
    assert text.count('<th scope="col">L1 alone</th>') == text.count('<th scope="col">last commit</th>') == 2
    assert "(best)" in row_of(text, "mean absolute error").split("<td")[3], "this run, last commit, L1 alone, ..."
    other = pix2pix()
    other["about"]["test_data"] = "another"
    text = page(tmp_path, params, others={"l1": other, "previous": pix2pix("map2aerial")})
    assert "L1 alone" not in text
    assert "last commit</th>" not in text


def test_a_class_that_is_in_no_map_has_no_row(tmp_path: Path, params: Params) -> None:
    table = pix2pix()
    for row in table["rows"].values():
        del row["iou/water"]
    text = page(tmp_path, params, table=table)
    assert re.search("park&nbsp;", text)
    assert not re.search("water&nbsp;", text)


def test_measures_that_are_absent_say_why_and_others_their_conditions(tmp_path: Path, params: Params) -> None:
    assert "were not measured: evaluate.perceptual is off" in page(tmp_path, params)
    table = pix2pix()
    table["perceptual"] = {"n": 200, "size": 256, "fid_resize": "some", "fid_weights": "6726", "lpips_weights": "Alex"}
    table["rows"]["model"] |= {"fid": (120.5, 3.0), "kid": (0.05, 0.001), "lpips": (0.3, 0.01)}
    table["rows"]["floor"] = {"fid": (60.0, 2.0), "kid": (0.01, 0.001)}
    text = page(tmp_path, params, table=table)
    assert "weights 6726" in text
    assert "60.0" in row_of(text, "FID")
    assert "120.5" in text[text.index("Published numbers") :], "beside the published ones"
    assert "0.123" in text[text.index("Mean absolute difference of two answers") :]


def test_published_rows_state_their_own_conditions(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params)
    for row in report.PUBLISHED:
        assert row["conditions"] in html.unescape(text)
    assert "paired, 200 test pairs at 256 px" in text
    assert "learned nothing, 200 test pairs" in text


def test_links_lead_to_a_part_of_the_page_or_to_a_source(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params)
    places = re.findall(r'id="(.*?)"', text)
    assert len(places) == len(set(places))
    for link in re.findall(r'href="(.*?)"', text):
        assert link.removeprefix("#") in places or link.startswith("https://arxiv.org/")


def test_a_missing_input_names_the_stage_that_makes_it(tmp_path: Path, params: Params) -> None:
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML().dump(params.model_dump(), stream)
    done = subprocess.run(
        [sys.executable, ROOT / "stages" / "report.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"error: \S+ is missing: `dvc repro render` makes it\n", done.stderr)
    assert not (tmp_path / "reports").exists()


def test_map_to_aerial_has_no_classes(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params, table=pix2pix("map2aerial"))
    assert "Map → aerial photo" in text
    assert "intersection over union" not in text
    assert "CycleGAN" not in text
