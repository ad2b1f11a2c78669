"""The browser that the other tests here look through: that it draws, and that its guard sees what would leave."""

from pathlib import Path

import pytest
from playwright.sync_api import Page


def test_a_page_of_this_machine_is_drawn(page: Page, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>here</title><h1>drawn</h1>")
    page.goto((tmp_path / "index.html").as_uri())
    assert page.title() == "here"
    assert page.locator("h1").bounding_box()


@pytest.mark.parametrize(
    "asks",
    [
        "<img src='http://example.org/a.png'>",
        "<link rel=stylesheet href='https://fonts.example.org/f.css'>",
        "<script>fetch('https://example.org/telemetry', {method: 'POST', mode: 'no-cors'}).catch(() => 0)</script>",
        "<script>navigator.sendBeacon('https://example.org/beacon', 'x')</script>",
        "<script>new WebSocket('wss://example.org/live')</script>",
    ],
)
def test_what_asks_outside_is_seen_and_refused(page: Page, outside: list[str], tmp_path: Path, asks: str) -> None:
    (tmp_path / "index.html").write_text(f"<body>{asks}</body>")
    page.goto((tmp_path / "index.html").as_uri())
    page.wait_for_timeout(300)
    assert [url.split("/")[2].endswith("example.org") for url in outside] == [True]
    outside.clear()  # else `page` itself fails this test, as it should any other
