"""Verified downloads: a mirror first, then the published addresses; resumed, checked by digest, all or nothing."""

import gzip
import hashlib
import os
import sys
import tarfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import requests
import urllib3
from tqdm import tqdm

from ganflow.errors import UserError
from ganflow.files import locked, project_root, sha256, whole_dir

MNIST_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MAPS_URLS = (
    "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/",
    "https://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/datasets/",
)
TIMEOUT = (10, 30)  # seconds to connect, and to wait for more data
ATTEMPTS = 3  # per address; an interrupted download is resumed
CHUNK = 1 << 20


class SourceError(Exception):
    """A source did not give a valid file; the next source may."""


def read_manifest(path: Path) -> dict[str, str]:
    """Name to sha256 of a file in sha256sum's format."""
    try:
        lines = path.read_text().splitlines()
        manifest = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line)}
    except (OSError, ValueError) as fault:
        raise UserError(f"the manifest {path} cannot be read: {fault}") from None
    return manifest


def fetch_mnist(manifest: dict[str, str], folder: Path, urls: Sequence[str] = MNIST_URLS) -> None:
    """Put the four MNIST files into `folder`, each with the digest that the manifest gives it.

    Raises:
        UserError: no source gave one of them whole. `folder` is then as it was.
    """
    with whole_dir(folder) as partial:
        for name, expected in manifest.items():

            def verify(path: Path, name: str = name, expected: str = expected) -> None:
                if (actual := sha256(path)) != expected:
                    raise SourceError(f"its sha256 is {actual}, not {expected}")
                (partial / name).write_bytes(path.read_bytes())

            _from_first_good(name, _sources(f"mnist/{name}", [url + name for url in urls]), verify)


def fetch_maps(manifest: dict[str, str], folder: Path, test_pairs: int, urls: Sequence[str] = MAPS_URLS) -> None:
    """Put all training pairs and the first `test_pairs` of the official val set into `folder`/{train,val}/N.jpg.

    The archive has no published digest: each file in it is checked against the manifest instead.

    Raises:
        UserError: no source gave all of them whole. `folder` is then as it was.
    """
    name = "maps.tar.gz"
    wanted = {f"maps/val/{n}.jpg" for n in range(1, test_pairs + 1)}
    wanted |= {member for member in manifest if member.startswith("maps/train/")}
    with whole_dir(folder) as partial:
        _from_first_good(
            name,
            _sources(name, [url + name for url in urls]),
            lambda archive: _unpack(archive, manifest, wanted, partial),
        )


def _unpack(archive: Path, manifest: dict[str, str], wanted: set[str], folder: Path) -> None:
    """Write the wanted members below `folder`, refusing an archive that holds anything the manifest does not know.

    Members are written to paths made from the manifest's own names, never to a path that the archive gives.
    """
    missing = set(wanted)
    try:
        with tarfile.open(archive, "r:gz") as members:
            for member in members:
                if member.isdir() and member.name.strip("./") in ("maps", "maps/train", "maps/val", ""):
                    continue
                if not member.isfile() or member.name not in manifest:
                    raise SourceError(f"it holds {member.name!r}, which is not a file of the manifest")
                if member.name not in missing:
                    continue
                stream = members.extractfile(member)
                assert stream is not None  # isfile() was checked
                content = stream.read()
                if (actual := hashlib.sha256(content).hexdigest()) != manifest[member.name]:
                    raise SourceError(f"the sha256 of {member.name} is {actual}, not {manifest[member.name]}")
                path = folder / Path(member.name).relative_to("maps")
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
                missing.remove(member.name)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as fault:
        raise SourceError(f"it is truncated or damaged ({fault})") from None
    if missing:
        first = min(missing, key=lambda name: (name.rpartition("/")[0], len(name), name))
        raise SourceError(f"it lacks {len(missing)} of {len(wanted)} files, among them {first}")


def _sources(path: str, urls: list[str]) -> list[str]:
    """The mirror's copy of `path`, if there is a mirror, then the published addresses."""
    mirror = os.environ.get("GANFLOW_MIRROR")
    return [f"{mirror.rstrip('/')}/{path}", *urls] if mirror else urls


def _from_first_good(name: str, sources: list[str], use: Callable[[Path], None]) -> None:
    """Call `use` on the file of the first source for which it succeeds."""
    reasons = []
    for source in sources:
        url = urlparse(source)
        try:
            if url.scheme in ("http", "https"):
                _use_download(source, name, use)
            else:
                _use_local(Path(url2pathname(url.path) if url.scheme == "file" else source), use)
        except SourceError as fault:
            reasons.append(f"{source}: {fault}")
        else:
            for reason in reasons:
                print(f"warning: {reason}; another source gave {name}", file=sys.stderr)
            return
    raise UserError(
        f"no source gave {name} ({'; '.join(reasons)}). Two ways to continue: set GANFLOW_MIRROR to a folder or URL "
        "that holds mnist/*.gz and maps.tar.gz, or see the whole workflow on built-in data with `make demo`"
    )


def _use_local(path: Path, use: Callable[[Path], None]) -> None:
    if not path.is_file():
        raise SourceError("there is no such file")
    try:
        path.open("rb").close()
    except OSError as fault:
        raise SourceError(f"it cannot be read ({fault.strerror})") from None
    use(path)


def _use_download(url: str, name: str, use: Callable[[Path], None]) -> None:
    # Outside the stage's outs: DVC deletes those before each run, and a partial file must survive that.
    partial = project_root() / "data" / ".partial" / name
    note = partial.with_name(f"{name}.source")  # the address and version that the partial file came from
    with locked(partial.with_name(f"{name}.lock"), wait=True):
        _download(url, partial, note)
        try:
            use(partial)
        except SourceError:  # the file is invalid; after other faults (a full disk), the next run uses it
            _remove(partial, note)
            raise
        _remove(partial, note)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _download(url: str, partial: Path, note: Path) -> None:
    """Download `url` to `partial`, resuming what is there. Raises SourceError."""
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(attempt)
        try:
            _download_once(url, partial, note)
        except requests.HTTPError as fault:
            reason = str(fault)  # status and address
            if fault.response is not None and fault.response.status_code < 500:  # it will not change
                break
        except (requests.RequestException, urllib3.exceptions.HTTPError) as fault:
            # requests nests the cause three deep: its class says what happened in one word.
            reason = f"not reachable ({type(fault).__name__})"
        else:
            return
    raise SourceError(reason)


def _download_once(url: str, partial: Path, note: Path) -> None:
    offset, version = 0, ""
    if partial.exists() and note.exists():
        origin, _, version = note.read_text().partition("\n")
        offset = partial.stat().st_size if origin == url and version else 0
    headers = {"Accept-Encoding": "identity"}
    if offset:
        # If-Range: should the file have changed meanwhile, the server sends it whole.
        headers |= {"Range": f"bytes={offset}-", "If-Range": version}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing to send: the partial file is complete, or the file has changed
            if answer.headers.get("Content-Range") == f"bytes */{offset}":
                return
            partial.unlink()
            raise requests.ConnectionError("the partial file does not match the server's")
        answer.raise_for_status()
        if answer.status_code != 206:
            offset = 0
        note.write_text(f"{url}\n{answer.headers.get('ETag') or answer.headers.get('Last-Modified') or ''}")
        total = offset + int(answer.headers.get("Content-Length", 0))
        if not sys.stderr.isatty():  # a bar there would fill a log
            print(f"fetching {url} ({total / 1e6:.1f} MB)", file=sys.stderr)
        with (
            partial.open("ab" if offset else "wb") as out,
            tqdm(
                total=total or None,
                initial=offset,
                desc=partial.name,
                unit="B",
                unit_scale=True,
                disable=None,  # where there is no terminal
            ) as bar,
        ):
            # read1, not iter_content: that one drops an incomplete chunk when the connection breaks.
            while chunk := answer.raw.read1(CHUNK):
                out.write(chunk)
                bar.update(len(chunk))
    if total and partial.stat().st_size != total:
        raise requests.ConnectionError("the connection ended early")
