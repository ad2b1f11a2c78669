"""The report in a real browser: offline, at three widths, by keyboard, in both colour schemes."""

from pathlib import Path

import pytest
from playwright.sync_api import Page
from report_page import page as built

from ganflow.config import Params

SHOWN = "getComputedStyle(document.querySelector('.stage img:nth-child({})')).clipPath"


@pytest.fixture
def opened(page: Page, tmp_path: Path, params: Params) -> Page:
    """The page; a message or an error on its console fails the test."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda fault: said.append(str(fault)))
    file = tmp_path / "index.html"
    file.write_text(built(tmp_path, params))
    page.goto(file.as_uri())
    assert said == []
    return page


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_nothing_is_wider_than_the_screen_and_every_picture_is_drawn(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate("[...document.images].every(image => image.complete && image.naturalWidth == 4)")


def test_the_wipe_moves_by_keyboard_and_shows_another_image(opened: Page) -> None:
    wipe = opened.get_by_role("slider")
    wipe.focus()
    opened.keyboard.press("Home")
    assert wipe.get_attribute("aria-valuetext") == "100 % aerial photo"
    assert opened.evaluate(SHOWN.format(2)) == "inset(0px 100% 0px 0px)", "nothing of the generated map"
    opened.keyboard.press("ArrowRight")
    assert wipe.get_attribute("aria-valuetext") == "5 % generated map, 95 % aerial photo"
    assert opened.evaluate(SHOWN.format(2)) == "inset(0px 95% 0px 0px)"
    opened.keyboard.press("End")
    assert wipe.get_attribute("aria-valuetext") == "100 % real map"
    assert opened.evaluate(SHOWN.format(3)) == "inset(0px 0% 0px 0px)", "all of the real one"


def test_another_pair_can_be_chosen_for_the_wipe(opened: Page) -> None:
    which = opened.get_by_label("Test pair", exact=True)
    assert which.locator("option").count() == 6
    which.select_option(index=1)
    assert (opened.locator(".stage").get_attribute("aria-label") or "").startswith("Test pair 7:")


@pytest.mark.parametrize("name", ["enlarge: A grid of generated digits", "enlarge: test pair 7"])
def test_a_grid_enlarges_and_closes_by_keyboard(opened: Page, name: str) -> None:
    button = opened.get_by_role("button", name=name, exact=True)
    button.focus()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    opened.keyboard.press("Shift+Tab")
    opened.keyboard.press("Tab")
    assert opened.evaluate(outline) == "solid", "where the focus is can be seen"
    opened.keyboard.press("Enter")
    dialog = opened.get_by_role("dialog")
    assert dialog.is_visible()
    box = dialog.locator("img").first.bounding_box()
    assert box is not None
    assert box["width"] > 300
    opened.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert opened.evaluate("document.activeElement.className") == "enlarge", "back where one was"


CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgb = colour => {  // whatever its notation, as drawn
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [.2126, .7152, .0722][k], 0);
  const under = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255];
  };
  const texts = "p, h1, h2, h3, th, td, small, caption, figcaption, a, dt, dd, pre, button, .noise";
  return [...document.querySelectorAll(texts)]
    .filter(element => element.checkVisibility() && element.textContent.trim())
    .map(element => {
      const [a, b] = [light(rgb(getComputedStyle(element).color)), light(under(element))].sort((x, y) => y - x);
      return [(a + .05) / (b + .05), element.tagName, element.textContent.trim().slice(0, 30)];
    }).sort((x, y) => x[0] - y[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_colour_schemes(opened: Page, scheme: str) -> None:
    """At least 4.5 to 1, WCAG's level AA."""
    opened.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = opened.evaluate(CONTRAST)
    assert len(found) > 100
    assert found[0][0] >= 4.5, found[:5]
    paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")


def test_without_javascript_everything_is_there_and_nothing_is_dead(
    opened: Page, tmp_path: Path, outside: list[str]
) -> None:
    assert opened.context.browser is not None
    plain = opened.context.browser.new_context(java_script_enabled=False).new_page()
    plain.goto((tmp_path / "index.html").as_uri())
    assert not plain.get_by_role("button").count()
    assert not plain.get_by_role("slider").count()
    assert plain.get_by_role("img", name="real map of test pair 7").is_visible()
    plain.context.close()
