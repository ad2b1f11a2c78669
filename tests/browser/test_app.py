"""`ganflow app` in a real browser: a photo and its answers, digits of a chosen class, by mouse and keyboard."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, Route, expect

from ganflow.app import server as app
from ganflow.app.answers import Answers
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.dcgan import DigitGenerator

CVAE = {"levels": 2, "channels": 1, "encoder_channels": 1, "norm": "instance", "upsample": "resize"}
CVAE |= {"latent_dim": 3, "prior": "learned"}
DIGITS = {"latent_dim": 4, "channels": 2, "classes": 10}
ABOUT = {"eval_size": 16, "source": "generated"}


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Iterator[Page]:
    """The page; a message or an error on its console fails the test."""
    torch.manual_seed(0)
    saved.save_network(tmp_path / "cvae", ConditionalVae(**CVAE), CVAE, ABOUT)
    saved.save_network(tmp_path / "cgan", DigitGenerator(**DIGITS), DIGITS, ABOUT)
    server = app.server(Answers({name: tmp_path / name for name in ("cvae", "cgan")}, most_pixels=100_000))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    said: list[str] = []
    page.on("pageerror", lambda fault: said.append(str(fault)))
    page.goto(f"http://127.0.0.1:{server.server_address[1]}")
    yield page
    server.shutdown()
    server.server_close()
    thread.join()
    assert said == []


def photo(folder: Path, size: tuple[int, int] = (60, 40)) -> Path:
    Image.effect_noise(size, 60).convert("RGB").save(folder / "my photo.png")
    return folder / "my photo.png"


def test_a_photo_is_dropped_translated_and_wiped(opened: Page, tmp_path: Path) -> None:
    opened.set_input_files("#file", photo(tmp_path))
    expect(opened.locator("#photo-said")).to_contain_text("my photo.png, 60 × 40")
    sizes = "Promise.all(['under', 'over'].map(id => at(id).decode().then(() => at(id).naturalWidth)))"
    assert opened.evaluate(sizes) == [60, 60]
    answers = opened.get_by_role("group", name="Answers").get_by_role("button")
    expect(answers).to_have_count(4)
    first = opened.locator("#over").get_attribute("src")
    answers.nth(2).click()
    assert opened.locator("#over").get_attribute("src") != first
    expect(answers.nth(2)).to_have_attribute("aria-pressed", "true")
    wipe = opened.get_by_role("slider")
    wipe.focus()
    opened.keyboard.press("End")
    assert opened.evaluate("getComputedStyle(at('over')).clipPath") == "inset(0px 0% 0px 0px)"
    opened.keyboard.press("Home")
    assert wipe.get_attribute("aria-valuetext") == "0 % the answer, 100 % your picture"
    assert opened.evaluate("getComputedStyle(at('over')).clipPath") == "inset(0px 100% 0px 0px)"
    with opened.expect_download() as download:
        opened.get_by_role("link", name="Save this answer").click()
    assert download.value.suggested_filename == "my photo-answer.png"
    assert np.asarray(Image.open(download.value.path())).shape == (40, 60, 3)
    opened.get_by_role("button", name="Other answers").click()
    expect(answers.nth(0)).to_have_attribute("aria-pressed", "true")


def test_digits_to_order(opened: Page) -> None:
    drawn = opened.locator("#drawn")
    expect(drawn).to_have_attribute("alt", "36 generated digits")
    opened.get_by_label("How many").fill("9")
    opened.get_by_role("button", name="7", exact=True).click()
    expect(drawn).to_have_attribute("alt", "9 generated digits: 7")
    opened.get_by_label("How many").fill("1000")
    opened.get_by_role("button", name="Draw").click()
    expect(opened.locator("#digits-said")).to_have_text("n takes a number from 1 to 100")


def test_what_is_no_picture_is_said_and_the_next_one_works(opened: Page, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    opened.set_input_files("#file", tmp_path / "notes.txt")
    expect(opened.locator("#photo-said")).to_contain_text("the photo is not a readable picture")
    expect(opened.locator("#result")).to_be_hidden()
    opened.set_input_files("#file", photo(tmp_path))
    expect(opened.locator("#result")).to_be_visible()


def test_a_picture_that_is_there_before_the_models_is_translated_when_they_are(opened: Page, tmp_path: Path) -> None:
    held: list[Route] = []
    opened.route("**/models", lambda route: held.append(route))
    with opened.expect_request("**/models"):
        opened.reload()
    opened.set_input_files("#file", photo(tmp_path))
    expect(opened.locator("#result")).to_be_hidden()
    held[0].continue_()
    expect(opened.locator("#result")).to_be_visible()


def test_a_model_that_cannot_be_read_is_named_beside_those_that_can(opened: Page) -> None:
    found = [{"name": "cvae", "error": "it is damaged"}, {"name": "cgan", "does": "draw", "classes": 10}]
    opened.route("**/models", lambda route: route.fulfill(json=found))
    opened.reload()
    expect(opened.locator("#page-said .error")).to_have_text("cvae: it is damaged")
    expect(opened.locator("#photos")).to_be_hidden()
    expect(opened.locator("#drawn")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_screen(opened: Page, tmp_path: Path, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    opened.set_input_files("#file", photo(tmp_path, (900, 100)))
    expect(opened.locator("#result")).to_be_visible()
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
