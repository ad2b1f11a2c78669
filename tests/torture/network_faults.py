"""Faults of the network: servers that answer anything, two downloads at once."""

import hashlib
import multiprocessing
from multiprocessing.context import ForkProcess
from pathlib import Path
from random import Random
from unittest import mock

from bad_server import CONTENT, NAME, Server, serving

from ganflow.data import download
from ganflow.data.fetch import fetch_mnist
from ganflow.errors import UserError

MANIFEST = {NAME: hashlib.sha256(CONTENT).hexdigest()}
FORKS = multiprocessing.get_context("fork")


def fetched(folder: Path, *urls: str) -> bool:
    """Whether the file came. If not, there is one line, and the folder is as it was; if so, it is whole."""
    before = sorted(folder.glob("*"))
    try:
        with mock.patch.object(download.time, "sleep"):
            fetch_mnist(MANIFEST, folder, urls)
    except UserError as fault:
        assert "\n" not in str(fault)
        assert sorted(folder.glob("*")) == before
        return False
    assert (folder / NAME).read_bytes() == CONTENT
    return True


def ended(process: ForkProcess) -> int | None:
    """Its exit code, within a minute: then it is killed. Nothing waits for ever here."""
    process.join(60)
    process.kill()
    process.join()
    return process.exitcode


def misbehave(server: Server, chance: Random) -> None:
    """Any mixture of what servers do wrong."""
    server.files[NAME] = chance.choice(
        [CONTENT, CONTENT[:-1], CONTENT + b"x", b"", b"<html>log in first</html>", bytes(len(CONTENT)), CONTENT]
    )
    server.cut_after = [chance.randrange(len(CONTENT) + 1) for _ in range(chance.randrange(4))]
    server.refuse_with = [
        chance.choice([301, 400, 403, 404, 408, 416, 429, 500, 503]) for _ in range(chance.randrange(3))
    ]
    server.ranges, server.redirect = chance.random() < 0.7, chance.random() < 0.1
    server.etag = chance.choice(['"one"', '"two"', "", "W/weak"])
    server.headers = chance.choice([{}, {}, {"Content-Length": "abc"}, {"Content-Range": "x"}, {"Retry-After": "soon"}])


def servers_of_every_kind(folder: Path, chance: Random) -> None:
    """A server that lies, cuts, refuses, changes its file: the whole file or one line, the next source is used"""
    with serving() as bad, serving() as good:
        good.files[NAME] = CONTENT
        for _ in range(8):  # what one left behind is met by the next
            misbehave(bad, chance)
            fetched(folder / "raw", bad.url)
        assert fetched(folder / "raw", bad.url, good.url), "a good source follows"


def plain_http_where_tls_is_expected(folder: Path, chance: Random) -> None:
    """TLS where none is spoken, unknown names, closed ports: one line, or the next source"""
    with serving() as server:
        server.files[NAME] = CONTENT
        wrong = ["http://127.0.0.1:1/", "http://none.invalid/", "https://[::1/", server.url.replace("http", "https")]
        chance.shuffle(wrong)
        assert not fetched(folder / "none", *wrong)
        assert fetched(folder / "raw", *wrong, server.url)


def two_downloads_at_once(folder: Path, chance: Random) -> None:
    """Two downloads at once into one folder: both end with the whole file"""
    with serving() as server:
        server.files[NAME] = CONTENT
        server.cut_after = [chance.randrange(len(CONTENT)) for _ in range(3)]
        both = [FORKS.Process(target=fetched, args=(folder / "raw", server.url)) for _ in range(2)]
        for process in both:
            process.start()
        assert [ended(process) for process in both] == [0, 0]
    assert (folder / "raw" / NAME).read_bytes() == CONTENT


FAULTS = (servers_of_every_kind, plain_http_where_tls_is_expected, two_downloads_at_once)
