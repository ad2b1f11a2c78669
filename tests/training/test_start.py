"""Weights to start from, put into real models."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganflow.config import Params
from ganflow.errors import UserError
from ganflow.files import write_json
from ganflow.models import saved
from ganflow.models.dcgan import DigitDiscriminator
from ganflow.training.compute import Machine
from ganflow.training.gan import GanModel
from ganflow.training.pix2pix import Pix2PixModel
from ganflow.training.start import LAST_LAYER, Start, copy_start, load_start, start_of
from ganflow.training.translation import is_residual

MACHINE = Machine(saved.CPU, False, "a test")


def model(params: Params, seed: int, channels: int = 8) -> GanModel:
    return GanModel(params.gan.model_copy(update={"channels": channels}), seed, MACHINE)


def trained(folder: Path, params: Params) -> GanModel:
    found = model(params, seed=1)
    saved.save_network(folder, found.generator, found.arguments, {})
    saved.save_weights(folder / saved.DISCRIMINATOR, found.discriminator)
    return found


def equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(value, b.state_dict()[key]) for key, value in a.state_dict().items())


def test_g_its_average_and_d_get_the_weights(params: Params, tmp_path: Path) -> None:
    expected = trained(tmp_path / "given", params)
    copy_start(tmp_path / "given", tmp_path / "copy")
    found = model(params, seed=2)
    load_start(found.networks, Start("given", tmp_path / "copy"), "gan")
    assert equal(found.generator, expected.generator)
    assert equal(found.ema.average, expected.generator)
    assert equal(found.discriminator, expected.discriminator)


def test_without_weights_of_d_it_begins_anew(params: Params, tmp_path: Path) -> None:
    expected = trained(tmp_path, params)
    whole = Start("given", tmp_path).digest
    (tmp_path / saved.DISCRIMINATOR).unlink()
    assert Start("given", tmp_path).digest != whole, "another start is another training"
    found = model(params, seed=2)
    load_start(found.networks, Start("given", tmp_path), "gan")
    assert equal(found.generator, expected.generator)
    assert equal(found.discriminator, model(params, seed=2).discriminator)


def test_weights_of_other_sizes_are_refused_in_a_line(params: Params, tmp_path: Path) -> None:
    trained(tmp_path, params)
    with pytest.raises(
        UserError, match=r"^gan\.start_from = given: its .* of G is \[.*\], here it is \[.*\]: train"
    ) as fault:
        load_start(model(params, 0, channels=4).networks, Start("given", tmp_path), "gan")
    assert "\n" not in str(fault.value)
    other = DigitDiscriminator(8, 10)
    saved.save_weights(tmp_path / saved.DISCRIMINATOR, other)
    with pytest.raises(UserError, match=r"embedding\.weight of D is \[10, .*\], here it is none"):
        load_start(model(params, 0).networks, Start("given", tmp_path), "gan")
    (tmp_path / saved.WEIGHTS).write_bytes(b"?")
    with pytest.raises(UserError, match=r"model\.safetensors cannot be read"):
        load_start(model(params, 0).networks, Start("given", tmp_path), "gan")


def test_from_scratch_there_is_no_start(tmp_path: Path) -> None:
    assert start_of("gan", "") is None
    copy_start(None, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["start.json"]


def sides(classes: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    a, b = ({"name": name, "channels": 3, "classes": of} for name, of in zip("ab", classes, strict=True))
    return a, b


@pytest.mark.parametrize(
    ("task", "here", "anew"),
    [
        ("pix2pix", (None, "map"), ()),
        ("pix2pix", (None, [{"name": "wall"}]), ("up.0.", "output.")),
        ("pix2pix", ("map", None), ("up.0.", "output.")),  # the other direction
        ("cvae", (None, None), ("generator.up.0.", "generator.output.")),
        ("cyclegan", (None, [{"name": "wall"}]), ("there.up.0.", "there.output.")),
        ("cyclegan", ("map", "map"), ("back.up.0.", "back.output.")),
    ],
)
def test_what_draws_other_classes_than_it_was_trained_on_begins_anew(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    task: str,
    here: tuple[Any, Any],
    anew: tuple[str, ...],
) -> None:
    monkeypatch.setattr("ganflow.training.start.FOLDER", tmp_path)
    source, target = sides((None, "map"))
    write_json(tmp_path / task / "config.json", {"arguments": {}, "input": source, "target": target})
    found = start_of(task, "given", sides(here))
    assert found is not None
    assert found.anew == anew
    assert ("was trained on other classes" in capsys.readouterr().err) == bool(anew)


def test_a_last_layer_that_begins_anew_has_its_own_colours_and_size_and_d_begins_anew_too(
    params: Params, tmp_path: Path
) -> None:
    def translator(seed: int, colours: int) -> Pix2PixModel:
        own = params.pix2pix.model_copy(update={"generator_channels": 4, "discriminator_channels": 4})
        images = np.zeros((1, 32, 32, 3), np.uint8)
        palette = torch.arange(3 * colours, dtype=torch.uint8).reshape(colours, 3) * 8
        return Pix2PixModel(own, 32, seed, MACHINE, (images, images), torch.zeros(3), palette)

    given = translator(1, 4)
    saved.save_network(tmp_path, given.generator, given.arguments, {})
    saved.save_weights(tmp_path / saved.DISCRIMINATOR, given.networks["D"])
    anew = Start("given", tmp_path, LAST_LAYER)
    assert Start("given", tmp_path).palettes("pix2pix") == [4]
    assert anew.palettes("pix2pix") == [None]
    found, initial = translator(2, 7), translator(2, 7)
    load_start(found.networks, anew, "pix2pix")
    for name, value in found.generator.state_dict().items():
        expected = initial if name.startswith(LAST_LAYER) else given
        assert torch.equal(value, expected.generator.state_dict()[name]), name
    assert equal(found.networks["D"], initial.networks["D"])
    with pytest.raises(UserError, match=r"of G is .* here it is"):
        load_start(translator(2, 7).networks, Start("given", tmp_path), "pix2pix")


def test_a_start_tells_whether_its_g_adds_to_its_input(tmp_path: Path) -> None:
    for arguments, expected in (({}, False), ({"residual": False}, False), ({"residual": True}, True)):
        (tmp_path / "config.json").write_text(json.dumps({"network": "UNet", "arguments": arguments}))
        assert Start("given", tmp_path).residual is expected


def test_a_start_that_adds_to_its_input_is_refused_for_pairs_of_other_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start = Start("given", tmp_path)
    write_json(tmp_path / "config.json", {"network": "UNet", "arguments": {"residual": True}})
    for inputs, outputs in ((3, 3), (1, 3), (4, 3)):
        sides = [{"name": name, "channels": n, "classes": None} for name, n in (("a", inputs), ("b", outputs))]
        write_json(tmp_path / "data/prepared/maps/training.json", {"sides": sides})
        np.save(tmp_path / "data/prepared/maps/train.npy", np.zeros((2, 8, 8, inputs + outputs), np.uint8))
        if inputs < 4:
            assert is_residual("auto", "pix2pix", "a2b", start)
    with pytest.raises(UserError, match=r"^pix2pix\.start_from = given adds to its input: 4 channels cannot .* \(set"):
        is_residual("auto", "pix2pix", "a2b", start)
