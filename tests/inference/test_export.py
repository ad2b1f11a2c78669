"""Exported models answer as PyTorch does, at any batch and size, and say what they take."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_model import ARGUMENTS

from ganflow import cli
from ganflow.data.kinds import Kind
from ganflow.inference.digits import draw
from ganflow.inference.export import export_model
from ganflow.inference.model import DigitModel, TranslationModel, load_model
from ganflow.inference.translation import translate
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.dcgan import DigitGenerator, with_classes
from ganflow.models.unet import UNet

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
CVAE = {"levels": 2, "channels": 1, "encoder_channels": 1, "norm": "instance", "upsample": "transposed"}
CVAE |= {"latent_dim": 3, "prior": "learned"}
SCAN = {"name": "scan", "channels": 1, "dtype": "uint16", "low": 0.0, "high": 4095.0, "classes": None}
BANDS = SCAN | {"name": "bands", "channels": 4}
DIGITS = {"latent_dim": 4, "channels": 2, "classes": 10}
ABOUT: dict[str, Any] = {"eval_size": 16, "source": "generated"}

Answers = Callable[..., np.ndarray]  # of arrays, in the order of the inputs


def exported(model: TranslationModel | DigitModel, file_format: str, folder: Path) -> tuple[Answers, dict[str, Any]]:
    """The model's file as another program uses it, and what it says of itself."""
    if file_format == "onnx":
        pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
        onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `export` is not installed")
    path = folder / f"model.{file_format}"
    export_model(model, path, file_format)
    assert str(ROOT).encode() not in path.read_bytes(), "no path of this machine"
    if file_format == "pt2":
        extra = {"config.json": ""}
        module = torch.export.load(path, extra_files=extra).module()
        return lambda *given: module(*map(torch.from_numpy, given)).numpy(), json.loads(extra["config.json"])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    about = json.loads(session.get_modelmeta().custom_metadata_map["ganflow"])
    return lambda *given: session.run(None, dict(zip(names, given, strict=True)))[0], about


def loaded(folder: Path, network: torch.nn.Module, arguments: dict[str, Any], **about: object) -> Any:
    saved.save_network(folder / "m", network, arguments, ABOUT | about)
    return load_model(folder / "m", "cpu")


def test_pictures_of_any_number_and_size_within_one_level(tmp_path: Path) -> None:
    torch.manual_seed(0)
    arguments = ARGUMENTS | {"palette": 4}
    network = UNet(**arguments)
    with torch.no_grad():
        network.output.colours.uniform_(-1, 1)  # else its answers are all alike
    model = loaded(tmp_path, network, arguments)
    answers, about = exported(model, "onnx", tmp_path)
    assert (about["network"], about["eval_size"]) == ("UNet", 16)
    assert about["use"].startswith(
        "pictures: uint8 [N, height, width, 3], 0 to 255, height and width multiples of 4 ->"
    )
    for shape in ((1, 16, 16, 3), (3, 20, 48, 3)):
        pictures = RNG.integers(0, 256, shape, np.uint8)
        drawn = answers(pictures)
        assert (drawn.shape, drawn.dtype) == (shape, np.uint8)
        assert np.abs(drawn.astype(int) - translate(model.network, pictures, 4, CPU)).max() <= 1
        assert drawn.std() > 1


def test_values_of_16_bits_and_four_bands_keep_their_range(tmp_path: Path) -> None:
    torch.manual_seed(0)
    arguments = ARGUMENTS | {"inputs": 1, "outputs": 4}
    model = loaded(tmp_path, UNet(**arguments), arguments, input=SCAN, target=BANDS)
    answers, about = exported(model, "pt2", tmp_path)
    assert "-> translated: float32 [N, height, width, 4], 0 to 4095" in about["use"]
    scans = RNG.integers(0, 4096, (2, 8, 12, 1)).astype(np.float32)
    levels = translate(model.network, Kind(**SCAN).levels(scans, 0, 4095), 2, CPU)
    assert np.abs(answers(scans) - Kind(**BANDS).values(levels)).max() <= 1


def test_samples_of_the_conditional_vae_by_the_noise_given(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = loaded(tmp_path, ConditionalVae(**CVAE), CVAE)
    answers, about = exported(model, "pt2", tmp_path)
    assert "noise: float32 [N, 3], from N(0, 1)" in about["use"]
    pictures, noise = RNG.integers(0, 256, (3, 8, 16, 3), np.uint8), RNG.normal(size=(3, 3)).astype(np.float32)
    expected = translate(model.network, pictures, 3, CPU, torch.from_numpy(noise))
    assert np.abs(answers(pictures, noise).astype(int) - expected).max() <= 1


def test_digits_to_order(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = loaded(tmp_path, DigitGenerator(**DIGITS), DIGITS)
    answers, _ = exported(model, "pt2", tmp_path)
    latent, digit = torch.randn(5, 4), torch.tensor([7, 3, 0, 9, 7])
    drawn = answers(latent.numpy(), digit.numpy())
    assert drawn.shape == (5, 28, 28)
    assert np.abs(drawn.astype(int) - draw(model.network, with_classes(latent, digit, 10))).max() <= 1


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    saved.save_network(tmp_path / "m", DigitGenerator(**DIGITS), DIGITS, ABOUT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["ganflow", "export", "m", "-o", "digits.pt2"])
    cli.main()
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith("digits.pt2: latent: float32 [N, 4], from N(0, 1); digit: int64 [N], 0 to 9 -> drawn:")
    assert (tmp_path / "digits.pt2").stat().st_size > 1000
    for words, why in {
        ("m", "-o", "digits.bin"): "cannot tell the format of digits.bin: --format onnx",
        ("m", "-o", "m/model.safetensors/x.onnx"): "cannot write",
        ("nothing", "-o", "x.pt2"): "no runs here",
    }.items():
        monkeypatch.setattr("sys.argv", ["ganflow", "export", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert why in str(end.value.code)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setattr("sys.argv", ["ganflow", "export", "m", "-o", "digits.onnx"])
    with pytest.raises(SystemExit, match=r"needs the extra `export`: pip install .*\[export\]"):
        cli.main()
    assert not (tmp_path / "digits.onnx").exists()
