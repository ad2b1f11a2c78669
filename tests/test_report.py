import base64
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

ROOT = Path(__file__).parents[1]
FIGURES = ("gan_digits", "gan_interpolation", "gan_curves", "pix2pix_pairs", "pix2pix_curves")
GAN = {
    "n": 1000,
    "n_reference": 300,
    "classifier_accuracy": 0.992,
    "frechet_classifier": 12.345,
    "floor/frechet_classifier": 0.5,
    "ceiling/frechet_classifier": 90.0,
    "score": 8.5,
    "floor/score": 9.8,
    "kl_uniform": 0.01,
    **{f"class_share/{digit}": 0.1 for digit in range(10)},
}


def pix2pix(direction: str = "aerial2map") -> dict[str, Any]:
    metrics: dict[str, Any] = {"direction": direction, "n": 200, "size": 256}
    for prefix, shift in (("", 0.0), ("constant/", 0.2), ("input/", 0.4)):
        for measure in report.PIXEL_MEASURES:
            metrics[prefix + measure.key] = 10 + shift * (-1 if measure.higher else 1)
        if direction == "aerial2map":
            metrics |= {f"{prefix}iou/{name}": 0.5 - shift for name in CLASSES} | {f"{prefix}mean_iou": 0.5 - shift}
    return metrics


def page(tmp_path: Path, params: Params, source: str = "download", direction: str = "aerial2map") -> str:
    figures = {name: tmp_path / f"{name}.png" for name in FIGURES}
    for path in figures.values():
        Image.new("RGB", (4, 4)).save(path)
    counts = {"train": 10, "test": 5, "digest": "ab" * 32, "source": source}
    data = [{"name": "mnist", **counts}, {"name": "maps", "val": 2, **counts}]
    return report.build(GAN, pix2pix(direction), data, params, figures)


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


def test_numbers_stand_beside_their_baselines_and_the_best_is_marked(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params)
    row = re.search(r"mean absolute error.*?</tr>", text, re.DOTALL)
    assert row
    assert "(best)" in row[0], "not by colour alone"
    assert re.findall(r'<td( class="best")?>(?:<span.*?</span>)?([\d.]+)', row[0]) == [
        (' class="best"', "10.00"),
        ("", "10.20"),
        ("", "10.40"),
    ]
    assert f"<td>{12.345:.2f}</td><td>0.50</td><td>90.00</td>" in text
    assert "1,000 generated digits" in text


def test_a_class_that_is_in_no_map_has_no_row(tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {key: value for key, value in pix2pix().items() if not key.endswith("iou/water")}
    monkeypatch.setattr(sys.modules[__name__], "pix2pix", lambda direction: metrics)
    text = page(tmp_path, params)
    assert re.search("park&nbsp;", text)
    assert not re.search("water&nbsp;", text)


def test_published_rows_state_their_own_conditions(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params)
    assert text.count("learned unpaired, 1,098 test pairs") == len(report.PUBLISHED)
    assert "learned from pairs, 200 test pairs" in text
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
    text = page(tmp_path, params, direction="map2aerial")
    assert "Map → aerial photo" in text
    assert "intersection over union" not in text
    assert "CycleGAN" not in text
