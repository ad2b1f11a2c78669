"""Verified data: a mirror first, then the published addresses; checked by digest, all or nothing."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import url2pathname

from ganflow.data.download import SlowSourceError, SourceError, download
from ganflow.data.maps_archive import unpack
from ganflow.errors import UserError, one_line, without_secrets
from ganflow.files import locked, project_root, sha256, whole_dir

MNIST_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MAPS_URLS = (
    "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/",
    "https://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/datasets/",
)
FILE = "file://"


def read_manifest(path: Path) -> dict[str, str]:
    """Name to sha256 of a file in sha256sum's format."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        manifest = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines if line)}
    except (OSError, ValueError) as fault:
        raise UserError(f"the manifest {path} cannot be read: {fault}") from None
    return manifest


def fetch_mnist(manifest: dict[str, str], folder: Path, urls: Sequence[str] = MNIST_URLS) -> None:
    """Put the four MNIST files into `folder`, each with the digest that the manifest gives it.

    Raises:
        UserError: no source gave one of them whole. `folder` is then as it was.
    """
    with _sole_writer(folder), whole_dir(folder) as partial:
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
    with _sole_writer(folder), whole_dir(folder) as partial:
        _from_first_good(
            name,
            _sources(name, [url + name for url in urls]),
            lambda archive: unpack(archive, manifest, wanted, partial),
        )


def _sources(path: str, urls: list[str]) -> list[str]:
    """The mirror's copy of `path`, if there is a mirror, then the published addresses."""
    mirror = os.environ.get("GANFLOW_MIRROR")
    return [f"{mirror.rstrip('/')}/{path}", *urls] if mirror else urls


def _sole_writer(folder: Path) -> AbstractContextManager[bool]:
    """Two downloads into one folder take turns: each would remove what the other has half done."""
    return locked(_kept(f"{folder.name}.lock"), wait=True)


def _kept(name: str) -> Path:
    """A file outside the stage's outs: DVC deletes those before each run, and a partial download must survive that."""
    return project_root() / "data" / ".partial" / name


def _from_first_good(name: str, sources: list[str], use: Callable[[Path], None]) -> None:
    """Call `use` on the file of the first source for which it succeeds."""
    reasons = []
    waiting = [(source, False) for source in sources]  # and whether it may be slow
    while waiting:
        source, patient = waiting.pop(0)
        try:
            if source.lower().startswith(("http://", "https://")):
                _use_download(source, name, use, patient=patient)
            else:
                _use_local(Path(url2pathname(source.removeprefix(FILE)) if source.startswith(FILE) else source), use)
        except SourceError as fault:  # its text may quote the server, and the address may hold a password
            reasons.append(one_line(without_secrets(f"{source}: {fault}"), 600))
            if isinstance(fault, SlowSourceError):
                waiting.append((source, True))
        else:
            for reason in reasons:
                print(f"warning: {reason}; another source gave {name}", file=sys.stderr)
            return
    raise UserError(
        f"no source gave {name} ({'; '.join(reasons)}). Two ways to continue: set GANFLOW_MIRROR to a folder or URL "
        "that holds mnist/*.gz and maps.tar.gz, or see the whole workflow on built-in data with `make demo`"
    )


def _use_local(path: Path, use: Callable[[Path], None]) -> None:
    try:
        if not path.is_file():
            raise SourceError("there is no such file")
        path.open("rb").close()
    except OSError as fault:
        raise SourceError(f"it cannot be read ({fault.strerror})") from None
    use(path)


def _use_download(url: str, name: str, use: Callable[[Path], None], *, patient: bool) -> None:
    partial = _kept(name)
    note = partial.with_name(f"{name}.source")  # the address and version that the partial file came from
    with locked(partial.with_name(f"{name}.lock"), wait=True):
        download(url, partial, note, patient=patient)
        try:
            use(partial)
        except SourceError:  # the file is invalid; after other faults (a full disk), the next run uses it
            _remove(partial, note)
            raise
        _remove(partial, note)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
