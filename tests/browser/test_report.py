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


@pytest.fixture
def unfolded(opened: Page) -> Page:
    """The page with all its folds open."""
    opened.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    return opened


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_nothing_is_wider_than_the_screen_and_every_picture_is_drawn(unfolded: Page, width: int) -> None:
    unfolded.set_viewport_size({"width": width, "height": 900})
    assert unfolded.evaluate("document.documentElement.scrollWidth") <= width
    assert unfolded.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def test_the_first_screen_shows_a_picture_of_every_model_and_the_page_is_short(opened: Page) -> None:
    opened.set_viewport_size({"width": 1280, "height": 800})
    cards = opened.locator(".card img")
    assert cards.count() == 4
    boxes = [card.bounding_box() for card in cards.all()]
    assert max(box["y"] + box["height"] for box in boxes if box) < 700, "whole, before any scrolling"
    assert opened.evaluate("document.documentElement.scrollHeight") < 5000, "with all folds closed"


def test_sections_have_the_same_order(opened: Page) -> None:
    """Pictures, then key numbers, then folds: a reader learns it once."""
    orders = opened.locator("main > section:has(.numbers)").evaluate_all(
        "all => all.map(one => [...one.children].map(part => part.tagName)"
        ".filter((tag, place, tags) => tag !== tags[place - 1]).join(' '))"
    )
    assert [order.replace("DIV", "FIGURE") for order in orders] == ["H2 FIGURE DL DETAILS"] * 4


def test_on_a_phone_no_number_leaves_the_screen(unfolded: Page) -> None:
    """A row is a card: each value stands with the name of its baseline."""
    unfolded.set_viewport_size({"width": 390, "height": 800})
    row = unfolded.locator("table.cards tr", has_text="mean absolute error").first
    cells = row.locator("td")
    assert cells.count() == 4
    for cell in cells.all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    names = cells.evaluate_all("all => all.map(cell => getComputedStyle(cell, '::before').content)")
    assert names == ['"this run"', '"nearest training pair"', '"constant colour"', '"the input"']
    clipped = unfolded.evaluate(
        "[...document.querySelectorAll('table.cards')].filter(t => t.scrollWidth > t.parentElement.clientWidth).length"
    )
    assert clipped == 0


def test_the_wipe_moves_by_keyboard_and_shows_another_image(unfolded: Page) -> None:
    wipe = unfolded.get_by_role("slider")
    wipe.focus()
    unfolded.keyboard.press("Home")
    assert wipe.get_attribute("aria-valuetext") == "100 % aerial photo"
    assert unfolded.evaluate(SHOWN.format(2)) == "inset(0px 100% 0px 0px)", "nothing of the generated map"
    unfolded.keyboard.press("ArrowRight")
    assert wipe.get_attribute("aria-valuetext") == "5 % generated map, 95 % aerial photo"
    assert unfolded.evaluate(SHOWN.format(2)) == "inset(0px 95% 0px 0px)"
    unfolded.keyboard.press("End")
    assert wipe.get_attribute("aria-valuetext") == "100 % real map"
    assert unfolded.evaluate(SHOWN.format(3)) == "inset(0px 0% 0px 0px)", "all of the real one"


def test_another_pair_can_be_chosen_for_the_wipe(unfolded: Page) -> None:
    which = unfolded.get_by_label("Test pair", exact=True)
    assert which.locator("option").count() == 6
    which.select_option(index=1)
    assert (unfolded.locator(".stage").get_attribute("aria-label") or "").startswith("Test pair 7:")


@pytest.mark.parametrize("name", ["enlarge: A grid of generated digits", "enlarge: test pair 7"])
def test_a_grid_enlarges_and_closes_by_keyboard(opened: Page, name: str) -> None:
    button = opened.get_by_role("button", name=name, exact=True).first
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
  const texts = "p, h1, h2, th, td, small, caption, figcaption, a, dt, dd, li, summary, pre, button, .noise, .soft";
  return [...document.querySelectorAll(texts)]
    .filter(element => element.checkVisibility() && element.textContent.trim())
    .map(element => {
      const [a, b] = [light(rgb(getComputedStyle(element).color)), light(under(element))].sort((x, y) => y - x);
      return [(a + .05) / (b + .05), element.tagName, element.textContent.trim().slice(0, 30)];
    }).sort((x, y) => x[0] - y[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_colour_schemes(unfolded: Page, scheme: str) -> None:
    """At least 4.5 to 1, WCAG's level AA."""
    opened = unfolded
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
    assert plain.get_by_role("img", name="real map of test pair 7").first.is_visible()
    plain.context.close()
