"""A search counts images, so the same recipe and seed have the same curve on a busy machine and on a quiet one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import time_to_quality
import torch
from PIL import Image

from ganflow.config import Params
from ganflow.data import prepared
from ganflow.data.batches import DigitBatches
from ganflow.errors import UserError
from ganflow.files import write_json
from ganflow.training.compute import Machine
from ganflow.training.gan import GanModel


def game(params: Params, rates: list[float]) -> time_to_quality.Game:
    """A digit GAN on noise; `rates` receives the learning rate of each scored step."""
    machine = Machine(torch.device("cpu"), False, "test")
    model = GanModel(params.gan, 0, machine)
    images = torch.randint(256, (20, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)

    def measure(network: torch.nn.Module) -> dict[str, float]:
        rates.append(model.optimisers["G"].param_groups[0]["lr"])
        return {"sum": float(sum(p.sum() for p in network.parameters()))}

    return time_to_quality.Game(model, DigitBatches(images, torch.zeros(20), machine.device), measure, machine.world)


def test_a_training_is_as_long_as_its_images_and_the_same_each_time(params: Params) -> None:
    small = {"channels": 4, "latent_dim": 4, "batch_size": 4, "epochs": 4, "decay_epochs": 1, "learning_rate": 0.01}
    own = params.gan.model_copy(update=small)
    changed = params.model_copy(update={"gan": own})
    curves = []
    for _ in range(2):
        rates: list[float] = []
        curves.append([point for point, _ in time_to_quality.train(game(changed, rates), own, 3, 48, 4)])
        assert rates == pytest.approx([0.01, 0.01, 0.01, 0.01 / 3]), "the last quarter falls, towards 0"
    assert [point["images"] for point in curves[0]] == [12, 24, 36, 48]
    assert curves[0] == curves[1]
    assert len({point["sum"] for point in curves[0]}) == 4


def test_recipes_change_parameters_by_their_names(params: Params) -> None:
    changed = time_to_quality.changed(params, {"seed": 4, "gan.deep": False})
    assert (changed.seed, changed.gan.deep, changed.cgan) == (4, False, params.cgan)
    for recipe in time_to_quality.RECIPES.values():
        time_to_quality.changed(params, recipe)


@pytest.mark.parametrize(("critic_steps", "steps"), [(1, 10), (4, 12), (12, 12)])
def test_the_speed_is_of_whole_turns_in_which_g_learns_too(
    params: Params, critic_steps: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_to_quality, "SPEED_ROUNDS", 2)
    small = {"channels": 4, "deep": False, "latent_dim": 4, "batch_size": 2, "critic_steps": critic_steps}
    own = params.gan.model_copy(update=small)
    played = game(params.model_copy(update={"gan": own}), [])
    assert time_to_quality.images_per_second(played, own) > 0
    taken = {
        name: {int(state["step"]) for state in optimiser.state.values()}
        for name, optimiser in played.model.optimisers.items()
    }
    assert taken == {"D": {2 * steps}, "G": {2 * steps // critic_steps}}


@pytest.mark.parametrize(
    ("task", "changes", "said"),
    [
        ("pix2pix", {"pix2pix.start_from": "models/pix2pix"}, r"pix2pix\.start_from = models/pix2pix"),
        ("gan", {"gan.start_from": "models/gan"}, r"gan\.start_from"),
        ("pix2pix", {"maps.val_pairs": 5}, r"-S maps\.val_pairs changes nothing here"),
        ("gan", {"maps.crop_size": 64}, r"-S maps\.crop_size"),
        ("pix2pix", {"cvae.latent_dim": 4}, r"-S cvae\.latent_dim"),
    ],
)
def test_what_would_be_recorded_and_not_done_is_refused(
    params: Params, task: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        time_to_quality.check(task, time_to_quality.changed(params, changes), changes)
    done = {"seed": 1, "compute.threads": 1, f"{task}.batch_size": 4}
    time_to_quality.check(task, time_to_quality.changed(params, done), done)


@pytest.fixture
def maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two training pairs and a validation pair, prepared at 32 px; where the scripts look for them."""
    monkeypatch.chdir(tmp_path)
    split_maps(["1.png", "2.png"])
    for n, name in enumerate(("1.png", "2.png", "3.png")):
        Image.new("RGB", (128, 64), (n, n, n)).save(tmp_path / "data/raw/maps" / name)
    return tmp_path


def split_maps(train: list[str]) -> None:
    folder = prepared.PREPARED / "maps"
    for needed in (folder, Path("data/raw/maps")):
        needed.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", len(train)), ("val", 1), ("test", 1)):
        np.save(folder / f"{part}.npy", np.full((count, 2, 32, 32, 3), int(train[0][0]), np.uint8))
    write_json(folder / "names.json", {"train": train})
    counts = {"train": len(train), "val": 1, "test": 1}
    prepared.describe(folder, counts, load_size=32, eval_size=32, median=[[0, 0, 0], [0, 0, 0]], source="download")


@pytest.mark.usefixtures("maps")
def test_pairs_of_another_size_are_those_of_this_split() -> None:
    first = time_to_quality.training_pairs(64)
    assert np.load(first)[:, 0, 0, 0, 0].tolist() == [0, 1]
    assert time_to_quality.training_pairs(64) == first
    split_maps(["2.png", "3.png"])
    assert np.load(time_to_quality.training_pairs(64))[:, 0, 0, 0, 0].tolist() == [1, 2]
    Path("data/raw/maps/2.png").unlink()
    split_maps(["3.png", "2.png"])
    with pytest.raises(UserError, match="missing"):
        time_to_quality.training_pairs(64)
    assert len(list(first.parent.iterdir())) == 2, "nothing half-written"


@pytest.mark.usefixtures("maps")
@pytest.mark.parametrize("task", ["pix2pix", "cvae"])
def test_a_translator_that_adds_to_its_input_is_timed_as_one(params: Params, task: str) -> None:
    small = {"generator_channels": 4, "discriminator_channels": 4, "residual": "on"}
    changes = {f"{task}.{name}": value for name, value in small.items()} | {"maps.crop_size": 32, "maps.load_size": 32}
    machine = Machine(torch.device("cpu"), False, "test")
    played = time_to_quality.game(task, time_to_quality.changed(params, changes), machine, 0)
    assert played.model.arguments["residual"] is True


def test_the_published_recipes_have_the_published_values(params: Params) -> None:
    """Whatever the defaults are."""
    classic = time_to_quality.changed(params, time_to_quality.CLASSIC)
    for own in (classic.gan, classic.cgan):  # Radford et al. 2016, section 4; Adam's own second moment
        assert (own.learning_rate, own.beta1, own.beta2, own.batch_size, own.latent_dim) == (
            0.0002,
            0.5,
            0.999,
            128,
            100,
        )
    assert classic.cgan.wrong_classes == 0
    own = classic.pix2pix  # Isola et al. 2017, appendix 6
    assert (own.learning_rate, own.beta1, own.beta2, own.batch_size, own.residual) == (0.0002, 0.5, 0.999, 1, "off")
