"""config.json from a stranger: refused in one line before it costs time or memory."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from small_model import small_model

from ganflow import cli
from ganflow.errors import UserError
from ganflow.inference.model import load_model
from ganflow.models import saved

NUMBERS = [-1, 10**6, 10**30, 1e308, float("nan"), float("inf"), None, [], {}]
TILES = ["64", 0, -64, 65, 2**31, 1.5, None, [], True]
CONTENTS = [b"", b"[]", b"null", b"{", b"\xff", b'{"network": []}', b'{"network": "UNet"}', b"[" * 10**5]
CONTENTS += [b'{"network": "UNet", "arguments": []}', b'{"network": "UNet", "arguments": {"x": 1}}', bytes(2 * 10**6)]


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as fault:
        load_model(folder, "cpu")
    assert str(fault.value).isprintable()
    assert str(folder) in str(fault.value)
    return str(fault.value)


def changed(folder: Path, **values: Any) -> Path:
    config = json.loads((folder / "config.json").read_text())
    arguments = {name: value for name, value in values.items() if name in config["arguments"]}
    config |= {name: value for name, value in values.items() if name not in arguments}
    config["arguments"] |= arguments
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
@pytest.mark.parametrize("name", ["levels", "channels", "dropout"])
def test_a_number_that_builds_no_network_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    assert f"says {name} = " in refused(changed(small_model(tmp_path), **{name: value}))


@pytest.mark.parametrize("value", TILES, ids=repr)
def test_a_tile_that_the_network_cannot_halve_is_refused(tmp_path: Path, value: Any) -> None:
    assert "says eval_size = " in refused(changed(small_model(tmp_path), eval_size=value))


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: repr(content[:40]))
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = small_model(tmp_path)
    (folder / "config.json").write_bytes(content)
    refused(folder)


def test_a_network_larger_than_its_weights_is_never_built(tmp_path: Path) -> None:
    """At 12 levels and 4096 channels it would take terabytes."""
    assert "has fewer weights than" in refused(changed(small_model(tmp_path), levels=12, channels=4096, eval_size=4096))


def test_terminal_escapes_are_not_printed(tmp_path: Path) -> None:
    for name in ("network", "source", "trained on"):
        folder = changed(small_model(tmp_path), **{name: "A\x1b[31m\nB"})
        assert "control characters" in refused(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    folder = small_model(tmp_path)
    weights = load_file(folder / saved.WEIGHTS)
    weights[min(weights)].view(-1)[-1] = value
    save_file(weights, folder / saved.WEIGHTS)
    assert "not all finite" in refused(folder)


@pytest.mark.parametrize("content", [b"", b"hello" * 10, (2**60).to_bytes(8, "little"), b"\xff" * 100], ids=repr)
def test_weights_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    folder = small_model(tmp_path)
    (folder / saved.WEIGHTS).write_bytes(content)
    refused(folder)
    (folder / saved.WEIGHTS).unlink()
    (folder / saved.WEIGHTS).mkdir()
    refused(folder)


@pytest.mark.parametrize("model", ["photo.png", "small/config.json", "small/model.safetensors", "x" * 300])
def test_a_model_that_is_no_folder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    small_model(tmp_path)
    Image.new("RGB", (20, 20)).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ganflow", "translate", "photo.png", "-o", "map.png", "--model", model])
    with pytest.raises(SystemExit, match=r"^error: ") as fault:
        cli.main()
    assert str(fault.value).isprintable()


def test_weights_are_as_readable_as_their_config(tmp_path: Path) -> None:
    folder = small_model(tmp_path)
    modes = {stat.S_IMODE((folder / name).stat().st_mode) for name in ("config.json", saved.WEIGHTS)}
    (tmp_path / "any").touch()
    assert modes == {stat.S_IMODE((tmp_path / "any").stat().st_mode)}
