"""A real browser: Debian's chromium, driven by Playwright, that may not leave this machine.

Where it is not installed these tests are skipped, but on CI (the variable CI is set) they fail.
"""

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, sync_playwright

HERE = {"127.0.0.1", "localhost", "::1"}
QUIET = (  # of its own accord chromium asks the network for updates, accounts and time
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-domain-reliability"),
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "there is no chromium here (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))  # in a profile of its own
        yield started
        started.close()


@pytest.fixture
def outside() -> list[str]:
    """The addresses outside this machine that the page asked for (in vain)."""
    return []


@pytest.fixture
def page(browser: Browser, outside: list[str]) -> Iterator[Page]:
    """An empty page. Whatever it is led to: the test fails if any of it asks for something outside this machine."""

    def guard(route: Route) -> None:
        if within(route.request.url):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    def guard_socket(socket: WebSocketRoute) -> None:
        if within(socket.url):
            socket.connect_to_server()
        else:
            outside.append(socket.url)
            socket.close()

    # A service worker's requests would not be seen here.
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    context.route("**/*", guard)
    context.route_web_socket("**/*", guard_socket)
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()
    assert outside == []


def within(url: str) -> bool:
    """Whether it is answered by this machine (or by no machine: a file, data in the page itself)."""
    address = urlsplit(url)
    return address.scheme in {"file", "data", "blob", "about"} or address.hostname in HERE
