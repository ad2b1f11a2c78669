import base64
import html
import io
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_page import FIGURES, GAN, cvae, page, pix2pix
from ruamel.yaml import YAML
from workspace import stage

from ganflow.config import Params
from ganflow.report.parts import picture_of
from ganflow.report.published import PUBLISHED

ROOT = Path(__file__).parents[2]


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
        if tag == "script" and not found:  # inline
            return
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
    stage = [image for image in reader.images if image["alt"] == ""]  # of the wipe: named as a whole
    seen = [image for image in reader.images if image["alt"] != ""]
    assert len(stage) == 3
    assert len(seen) == len(FIGURES) + 6 * 3 + len(("gan", "cgan", "pix2pix", "cvae"))  # a card for each model
    assert all(len(image["alt"] or "") > 10 for image in seen)
    assert {"aerial photo of test pair 7", "generated map of test pair 7"} <= {image["alt"] for image in seen}
    assert all(image["width"] and image["height"] for image in seen)
    assert reader.tags.count("h1") == 1


def kept(path: Path, pixels: np.ndarray) -> np.ndarray:
    Image.fromarray(pixels).save(path)
    found = picture_of(path, "a picture")
    assert (found.width, found.height) == (pixels.shape[1], pixels.shape[0])
    head, _, content = found.uri.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def test_pictures_are_embedded_without_loss_unless_that_costs_too_much(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    drawn = chance.integers(0, 2, (24, 32, 1), np.uint8).repeat(3, axis=2) * 255
    assert np.array_equal(kept(tmp_path / "drawn.png", drawn), drawn)
    smooth = np.linspace(60, 200, 128)[:, None, None] + np.linspace(-30, 30, 128)[None, :, None]
    photo = (smooth + chance.normal(0, 4, (128, 128, 3))).astype(np.uint8)
    seen = kept(tmp_path / "photo.png", photo)
    assert not np.array_equal(seen, photo)
    assert np.abs(seen.astype(int) - photo).mean() < 6


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


def test_no_baseline_is_marked_as_best_and_no_other_where_one_is_ahead(tmp_path: Path, params: Params) -> None:
    """One constant colour draws no hallucination, and beats every network on SSIM: that row shows no skill."""
    table = pix2pix()
    for row, value in (("model", 0.3), ("nearest", 0.4), ("constant", 0.0), ("input", 0.9)):
        table["rows"][row]["hallucinated_images"] = (value, 0.01)
    table["rows"]["constant"]["ssim"] = (99.0, 0.1)
    text = page(tmp_path, params, table=table)
    for name in ("tiles with hallucinations", "SSIM"):
        assert "(best)" not in row_of(text, name)
    assert "(best)" in row_of(text, "MS-SSIM")


def test_what_pairing_is_worth_stands_side_by_side_where_the_photos_are_the_same(
    tmp_path: Path, params: Params
) -> None:
    paired, unpaired = pix2pix(), pix2pix(better=-0.05)
    section = page(tmp_path, params, table=paired, cyclegan=unpaired).partition('<h2 id="unpaired">')[2]
    section = section.partition("<h2")[0]
    row = row_of(section, "mean absolute error").split("<td")[1:]
    assert [re.search(r"\d+\.\d\d", cell)[0] for cell in row] == ["10.05", "10.00", "10.10", "10.20"]  # type: ignore[index]
    assert "(best)" in row[1]
    assert "unpaired, 200 test pairs" in section.replace("&nbsp;", " "), "beside published systems of its own kind"
    unpaired["judged"]["test_images"] = "other"
    assert "with pairs: Pix2Pix" not in page(tmp_path, params, table=paired, cyclegan=unpaired)
    assert "What pairing is worth" not in page(tmp_path, params)


def test_what_lost_to_one_colour_says_so_and_is_marked_nowhere(tmp_path: Path, params: Params) -> None:
    table = pix2pix()
    table["rows"]["model"]["mean_iou"] = (0.1, 0.01)
    table["rows"]["input"]["mean_iou"] = (0.05, 0.01)
    text = page(tmp_path, params, table=table)
    said = "This model is worse than one constant colour by mean class IoU. It is not called best anywhere."
    assert text.count(said) == 2, "on its card and on that of the VAE, which is as good"
    assert "(best)" not in text


def test_every_model_has_a_card_that_says_how_good_it_is_beside_a_baseline_and_how_it_fails(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cards() -> list[str]:
        return page(tmp_path, params).partition('<div class="strip"')[2].partition("</div>")[0].split("<section")[1:]

    gan, cgan, pix2pix_card, cvae_card = cards()
    assert "60 of 100 digits lie among the real ones" in gan
    assert "98 of 100 digits are read as the one asked for (real digits: 98)" in cgan
    assert "Weakest at 0" in cgan
    for card in (pix2pix_card, cvae_card):
        assert "0.500 overlap with the real classes; nearest training pair 0.400, one constant colour 0.300." in card
        assert "the input itself" not in card, "a photo, further from the map than one colour is"
    monkeypatch.setitem(GAN["rows"]["model"], "coverage", (0.0, 0.002))
    assert "This model is collapsed: draws few of the digits. It is not called best anywhere." in cards()[0]


def test_the_noise_of_a_single_picture_is_a_dash(tmp_path: Path, params: Params) -> None:
    table = pix2pix()
    table["rows"] = {row: {key: (value, None) for key, (value, _) in of.items()} for row, of in table["rows"].items()}
    row = row_of(page(tmp_path, params, table=table), "mean absolute error")
    assert "±&nbsp;–" in row
    assert "≈" not in row


def test_three_key_numbers_of_each_model_stand_with_their_baselines_in_words(tmp_path: Path, params: Params) -> None:
    numbers = page(tmp_path, params).split('<dl class="numbers">')[1:]
    assert [one.partition("</dl>")[0].count("<dt>") for one in numbers] == [3, 3, 3, 3]
    assert "one constant colour: <b>0.300</b>" in numbers[2]
    assert "other real digits: <b>98.0 %</b>" in numbers[1]


def test_the_l1_baseline_stands_beside_it_if_it_was_measured_on_the_same_images(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params, l1=pix2pix(better=0.3))
    assert text.count('<th scope="col">L1 alone</th>') == 2
    assert "(best)" in row_of(text, "mean absolute error").split("<td")[2], "this run, L1 alone, ..."
    for condition, reason in (
        ({"test_images": "another"}, "other test images"),
        ({"direction": "map2aerial"}, "other direction (map2aerial and aerial2map)"),
        ({"size": 1}, "other size (1 and 256 pixels)"),
        ({"n": 1}, "other number of images (1 and 200)"),
        ({"checkpoint": "last"}, "other checkpoint rule (last and best)"),
    ):
        other = pix2pix(better=0.3)
        other["judged"] |= condition
        text = page(tmp_path, params, l1=other)
        assert '<th scope="col">L1 alone</th>' not in text
        assert f"L1 alone is not in these tables: not comparable: {reason}." in text
    del other["judged"]
    assert "not comparable: measured by an older version" in page(tmp_path, params, l1=other)


def test_pix2pix_stands_beside_the_vae_only_on_the_same_photos(tmp_path: Path, params: Params) -> None:
    column = '<th scope="col">Pix2Pix</th>'
    assert column in page(tmp_path, params)
    table = pix2pix()
    of_cvae = cvae(table) | {"judged": table["judged"] | {"direction": "map2aerial"}}
    assert column not in page(tmp_path, params, table=table, of_cvae=of_cvae)


def test_a_class_that_is_in_no_map_has_no_row(tmp_path: Path, params: Params) -> None:
    table = pix2pix()
    for row in table["rows"].values():
        del row["iou/water"]
    text = page(tmp_path, params, table=table)
    assert re.search("park: IoU&nbsp;", text)
    assert not re.search("water: IoU&nbsp;", text)


def test_a_pair_says_how_well_it_came_out(tmp_path: Path, params: Params) -> None:
    assert "Test pair 7: mean class IoU 0.250, mean absolute error 9.08" in page(tmp_path, params)


def test_headings_leave_no_level_out_and_tables_have_captions(tmp_path: Path, params: Params) -> None:
    reader = Reader()
    reader.feed(page(tmp_path, params))
    levels = [int(tag[1]) for tag in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert reader.tags.count("table") == reader.tags.count("caption") > 8


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
    assert "0.123" in text[text.index("Mean absolute difference of two samples") :]


def test_published_rows_state_their_own_conditions(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params)
    for row in PUBLISHED:
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
    done = stage(tmp_path, "report")
    assert done.returncode == 1
    assert re.fullmatch(r"error: \S+ is missing: `dvc repro render_digits` makes it\n", done.stderr)
    assert not (tmp_path / "reports").exists()


def test_map_to_aerial_has_no_classes(tmp_path: Path, params: Params) -> None:
    text = page(tmp_path, params, table=pix2pix("map2aerial"))
    assert "Map → aerial photo" in text
    assert "intersection over union" not in text
    assert "CycleGAN" not in text
