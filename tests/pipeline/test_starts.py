"""What `start_from` may name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_model import EXAMPLE, small_model

from ganflow.comparison.champion import ValidationScore
from ganflow.config import Params
from ganflow.errors import UserError
from ganflow.files import sha256, write_json
from ganflow.models.saved import CPU, DISCRIMINATOR, WEIGHTS, save_weights
from ganflow.pipeline.starts import KINDS, check_starts, find_start
from ganflow.tracking.run import BEST_WEIGHTS_TAG, WEIGHTS_TAG, Dataset, start_run
from ganflow.training.compute import Machine
from ganflow.training.cvae import CvaeModel
from ganflow.training.cyclegan import CycleGanModel
from ganflow.training.gan import GanModel
from ganflow.training.pix2pix import Pix2PixModel
from ganflow.training.start import Start, copy_start

UNET = {"levels": 7, "channels": 24, "norm": "instance", "upsample": "transposed", "dropout": 0.0}


def start(params: Params, task: str, address: str, **changes: object) -> Params:
    own = getattr(params, task).model_copy(update={"start_from": address, **changes})
    return params.model_copy(update={task: own})


def model(folder: Path, network: str, **arguments: Any) -> None:
    write_json(folder / "config.json", {"network": network, "arguments": arguments})
    save_weights(folder / WEIGHTS, torch.nn.Linear(1, 1))


def test_a_folder_is_found_from_here_and_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a queued experiment the two differ."""
    model(tmp_path / "models/pix2pix/best", "UNet")
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    for address in ("models/pix2pix/best", "models/pix2pix", str(tmp_path / "models/pix2pix")):
        assert find_start("pix2pix", address).resolve() == tmp_path / "models/pix2pix/best"
    model(tmp_path / "copy/models/pix2pix/best", "UNet")
    assert find_start("pix2pix", "models/pix2pix").resolve() == tmp_path / "copy/models/pix2pix/best"


def test_what_fits_passes(params: Params, tmp_path: Path) -> None:
    check_starts(params)
    model(tmp_path, "UNet", **UNET)
    check_starts(start(params, "pix2pix", str(tmp_path)))
    model(tmp_path, "UNet", **UNET | {"dropout": 0.5})  # no weight depends on it
    check_starts(start(params, "pix2pix", str(tmp_path)))


def test_whether_g_adds_to_its_input_is_taken_from_the_start_or_must_agree(params: Params, tmp_path: Path) -> None:
    model(tmp_path, "UNet", **UNET | {"residual": True})
    check_starts(start(params, "pix2pix", str(tmp_path)))  # "auto"
    with pytest.raises(UserError, match=r"trained with residual = True, and pix2pix\.residual asks for False"):
        check_starts(start(params, "pix2pix", str(tmp_path), residual="off"))
    model(tmp_path, "UNet", **UNET)  # of before there was `residual`
    with pytest.raises(UserError, match=r"trained with residual = False, and pix2pix\.residual asks for True"):
        check_starts(start(params, "pix2pix", str(tmp_path), residual="on"))


@pytest.mark.parametrize(
    ("task", "network", "arguments"),
    [("pix2pix", "UNet", UNET | {"palette": 3}), ("cyclegan", "CycleGenerators", {"palettes": [3, 0]})],
)
def test_how_many_colours_are_mixed_is_taken_from_the_start_but_for_none(
    params: Params, tmp_path: Path, task: str, network: str, arguments: dict[str, Any]
) -> None:
    model(tmp_path, network, **arguments)
    check_starts(start(params, task, str(tmp_path)))
    with pytest.raises(UserError, match=rf"trained with palettes? = .*, and {task}\.palette asks for"):
        check_starts(start(params, task, str(tmp_path), palette=0))


SMALL = {"channels": 4, "generator_channels": 4, "discriminator_channels": 8, "encoder_channels": 4}


def networks(task: str, params: Params) -> tuple[dict[str, Any], torch.nn.Module]:
    """The arguments of G and the discriminator of a new model, of 1 and 2 channels if it translates."""
    own, machine = getattr(params, task), Machine(CPU, False, "a test")
    if task in ("gan", "cgan"):
        digits = GanModel(own, 0, machine, 10 if task == "cgan" else 0)
        return digits.arguments, digits.discriminator
    examples = np.zeros((1, 32, 32, 1), np.uint8), np.zeros((1, 32, 32, 2), np.uint8)
    grey, none = torch.zeros(2, dtype=torch.uint8), torch.zeros(0, 2, dtype=torch.uint8)
    if task == "cyclegan":
        model: Any = CycleGanModel(own, 32, 0, machine, examples, (none, none[:, :1]))
    else:
        model = {"pix2pix": Pix2PixModel, "cvae": CvaeModel}[task](own, 32, 0, machine, examples, grey, none)
    return model.arguments, model.networks["D"]


@pytest.mark.parametrize(
    ("task", "name", "value"),
    [
        ("gan", "norm", "none"),
        ("cgan", "norm", "none"),
        ("pix2pix", "discriminator_channels", 16),
        ("cvae", "discriminator_channels", 16),
        ("cyclegan", "discriminator_channels", 16),
    ],
)
def test_another_discriminator_is_refused_before_anything_runs(
    params: Params, tmp_path: Path, task: str, name: str, value: object
) -> None:
    own = getattr(params, task)
    small = own.model_copy(update={key: size for key, size in SMALL.items() if hasattr(own, key)})
    pairs = params.pairs.model_copy(update={"folder": "of our own", "crop_size": 32})
    ours = params.model_copy(update={task: small, "pairs": pairs})
    arguments, trained = networks(task, ours)
    model(tmp_path, KINDS[task], **arguments)
    save_weights(tmp_path / DISCRIMINATOR, trained)
    check_starts(start(ours, task, str(tmp_path)))
    changed = start(ours, task, str(tmp_path), **{name: value})
    with pytest.raises(UserError, match=rf"of D is .*, here it is .*: set {task}\.{name} as it was trained, or"):
        check_starts(changed)
    (tmp_path / DISCRIMINATOR).unlink()
    check_starts(changed)


def test_weights_that_are_missing_or_unreadable_are_refused_before_anything_runs(
    params: Params, tmp_path: Path
) -> None:
    model(tmp_path, "UNet", **UNET)
    (tmp_path / DISCRIMINATOR).write_bytes(b"?")
    with pytest.raises(UserError, match=r"discriminator\.safetensors cannot be read"):
        check_starts(start(params, "pix2pix", str(tmp_path)))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UserError, match=r"does not hold a readable model: config\.json names no network"):
        check_starts(start(params, "pix2pix", str(tmp_path)))
    model(tmp_path, "UNet", **UNET)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(UserError, match=r"model\.safetensors cannot be read: No such file"):
        check_starts(start(params, "pix2pix", str(tmp_path)))


@pytest.mark.parametrize(
    ("task", "network", "arguments", "said"),
    [
        (
            "pix2pix",
            "UNet",
            UNET | {"channels": 8},
            "trained with channels = 8, and pix2pix.generator_channels asks for",
        ),
        ("pix2pix", "UNet", UNET | {"levels": 8}, "trained with levels = 8, and maps.crop_size asks for 7"),
        ("pix2pix", "UNet", UNET | {"norm": "batch"}, "trained with norm = batch, and pix2pix.norm asks for instance"),
        ("cvae", "UNet", UNET, "holds a UNet, and cvae trains a ConditionalVae"),
        ("cgan", "DigitGenerator", {"classes": 0}, "trained with classes = 0, and cgan asks for 10"),
        ("gan", "DigitGenerator", {"classes": 0, "latent_dim": 7}, "latent_dim = 7, and gan.latent_dim asks for"),
    ],
)
def test_another_network_is_refused_before_anything_runs(
    params: Params, tmp_path: Path, task: str, network: str, arguments: dict[str, Any], said: str
) -> None:
    model(tmp_path, network, **arguments)
    with pytest.raises(UserError, match=said) as fault:
        check_starts(start(params, task, str(tmp_path)))
    assert str(fault.value).startswith(f"{task}.start_from = {tmp_path}: it ")


def logged(folder: Path) -> str:
    """The id of a run that trained a small Pix2Pix, the champion."""
    model = small_model(folder)
    data = Dataset("maps", "ab" * 32, "download")
    tracker = start_run("pix2pix", params={"seed": 0}, dataset=data, training="one", tags={})
    score = ValidationScore("mean_iou", True, {"n": 96}, "download", "", np.linspace(0.4, 0.6, 11))
    tracker.model(model, EXAMPLE, "model", score)
    tracker.tag(BEST_WEIGHTS_TAG, sha256(model / WEIGHTS))
    tracker.finish("FINISHED")
    assert tracker.run_id
    return tracker.run_id


def test_a_run_and_the_champion_are_weights_to_start_from(params: Params, tmp_path: Path) -> None:
    """And that run is the parent of the training."""
    run = logged(tmp_path)
    trained = (tmp_path / "small" / WEIGHTS).read_bytes()
    for address in (run, run[:9], "models:/pix2pix@champion", "models:/pix2pix/1"):
        copy_start(find_start("pix2pix", address), tmp_path / "start")
        assert (tmp_path / "start" / WEIGHTS).read_bytes() == trained
        with pytest.raises(UserError, match=f"{address}: it was trained with channels = 1, and .* asks for 24"):
            check_starts(start(params, "pix2pix", address))
    weights = Start(run, tmp_path / "start").weights
    parent = {WEIGHTS_TAG: weights, BEST_WEIGHTS_TAG: weights}
    tracker = start_run("pix2pix", params={}, dataset=Dataset("maps", "", ""), training="two", tags={}, parent=parent)
    tracker.finish("FINISHED")
    assert tracker.parent == run
    with pytest.raises(UserError, match=r"^cvae.start_from = .*: no trained model is there; '.*' trained pix2pix"):
        find_start("cvae", run)
    with pytest.raises(UserError, match="holds a UNet, and cvae trains a ConditionalVae"):
        check_starts(start(params, "cvae", "models:/pix2pix@champion"))
    with pytest.raises(UserError, match="there is no models:/pix2pix/7"):
        find_start("pix2pix", "models:/pix2pix/7")


def test_other_channels_than_the_maps_are_refused(params: Params, tmp_path: Path) -> None:
    model(tmp_path, "UNet", **UNET, inputs=4)
    with pytest.raises(UserError, match=r"trained with inputs = 4, and pairs\.folder \(the maps\) asks for 3"):
        check_starts(start(params, "pix2pix", str(tmp_path)))


def test_nothing_there_is_one_line(params: Params, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained model is there; name the folder"):
        check_starts(start(params, "gan", str(tmp_path / "nowhere")))
    with pytest.raises(UserError, match="no trained model is there; there are no runs here yet"):
        check_starts(start(params, "gan", "some-run"))
