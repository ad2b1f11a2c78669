"""The download stages as DVC runs them: a mirror on a local server, and no way out to the published addresses."""

import hashlib
import http.server
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from workspace import ROOT, stage

NAME = "train-images-idx3-ubyte.gz"
CONTENT = bytes(range(256)) * 100
PAIRS = {f"maps/{part}/{n}.jpg": f"{part} {n}".encode() for part in ("train", "val") for n in (1, 2)}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Parameters and manifests of files small enough for a test."""
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    content["maps"]["test_pairs"] = 1
    folder = tmp_path / "project"
    (folder / "data" / "manifests").mkdir(parents=True)
    YAML(typ="safe").dump(content, folder / "params.yaml")
    for name, files in (("mnist", {NAME: CONTENT}), ("maps", PAIRS)):
        lines = [f"{hashlib.sha256(files[file]).hexdigest()}  {file}\n" for file in files]
        (folder / "data" / "manifests" / f"{name}.sha256").write_text("".join(lines))
    return folder


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder as GANFLOW_MIRROR wants it."""
    folder = tmp_path / "mirror"
    (folder / "mnist").mkdir(parents=True)
    (folder / "mnist" / NAME).write_bytes(CONTENT)
    with tarfile.open(folder / "maps.tar.gz", "w:gz") as archive:
        for name, content in PAIRS.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return folder


@pytest.fixture
def address(mirror: Path) -> Iterator[str]:
    """The mirror behind HTTP."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(mirror))) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def download(project: Path, name: str, mirror: Path | str) -> subprocess.CompletedProcess[str]:
    # A proxy on a closed port: the published addresses are out of reach, whatever network the machine has.
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:1")
    local = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1")
    return stage(project, name, GANFLOW_MIRROR=str(mirror), **closed, **local)


def raw(project: Path) -> dict[str, bytes]:
    root = project / "data" / "raw"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_both_sets_come_from_a_mirror_behind_an_address(project: Path, address: str) -> None:
    for name in ("download_mnist", "download_maps"):
        done = download(project, name, address)
        assert done.returncode == 0, done.stderr
    wanted = {name: content for name, content in PAIRS.items() if name != "maps/val/2.jpg"}
    assert raw(project) == {f"mnist/{NAME}": CONTENT} | wanted
    assert not [path for path in (project / "data" / ".partial").iterdir() if path.suffix != ".lock"]


def test_a_folder_gives_the_same_files_as_an_address(project: Path, mirror: Path, address: str) -> None:
    assert download(project, "download_maps", address).returncode == 0
    served = raw(project)
    assert download(project, "download_maps", mirror).returncode == 0
    assert raw(project) == served


def test_nothing_reachable_is_one_error_that_names_the_two_ways_on(project: Path, tmp_path: Path) -> None:
    done = download(project, "download_maps", tmp_path / "nowhere")
    assert done.returncode == 1
    (error,) = done.stderr.splitlines()
    assert error.startswith("error: no source gave maps.tar.gz")
    assert "GANFLOW_MIRROR" in error
    assert "make demo" in error
    assert error.count("maps.tar.gz: ") == 3, "the reason of the mirror and of each published address"
    assert "Traceback" not in done.stderr
    assert not raw(project)


def test_generated_data_needs_no_source(project: Path, tmp_path: Path) -> None:
    content = YAML(typ="safe").load((project / "params.yaml").read_text())
    content["data"]["source"] = "generated"
    YAML(typ="safe").dump(content, project / "params.yaml")
    for name in ("download_mnist", "download_maps"):
        assert download(project, name, tmp_path / "nowhere").returncode == 0
    assert set(raw(project)) == {"mnist/GENERATED.txt", "maps/GENERATED.txt"}
