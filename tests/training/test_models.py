"""One step of each adversarial model: who learns from what."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganflow.config import Params
from ganflow.data.batches import to_unit
from ganflow.errors import UserError
from ganflow.inference.digits import draw, every_class
from ganflow.losses import OBJECTIVES, l1, rarity
from ganflow.metrics.classes import MAPS, Legend
from ganflow.metrics.failures import failure
from ganflow.models.classifier import DigitClassifier
from ganflow.seeds import latents
from ganflow.training.compute import Machine
from ganflow.training.cvae import CvaeModel
from ganflow.training.cyclegan import CycleGanModel
from ganflow.training.gan import GanModel
from ganflow.training.gan import digit_validation as gan_validation
from ganflow.training.loop import Validation
from ganflow.training.pix2pix import Pix2PixModel
from ganflow.training.translation import inputs_are_nearer, train_translator
from ganflow.training.translation import translator_validation as translation_validation
from ganflow.training.unpaired import unpaired_validation

DIRECTIONS = ("aerial2map", "map2aerial")
LAND = torch.tensor([232, 228, 224], dtype=torch.uint8)
COLOURS = torch.stack([LAND, torch.full((3,), 254, dtype=torch.uint8)])
CPU = Machine(torch.device("cpu"), False, "test")


def gan(params: Params, **changes: object) -> GanModel:
    small = {"channels": 4, "latent_dim": 8, "norm": "none", **changes}
    return GanModel(params.gan.model_copy(update=small), 0, CPU)


def cgan(params: Params, **changes: object) -> GanModel:
    small = {"channels": 4, "latent_dim": 8, "norm": "none", **changes}
    return GanModel(params.cgan.model_copy(update=small), 0, CPU, classes=10)


def cvae(params: Params, palette: torch.Tensor = COLOURS, **changes: object) -> CvaeModel:
    small = {"generator_channels": 4, "encoder_channels": 4, "discriminator_channels": 4, "latent_dim": 3, **changes}
    return CvaeModel(params.cvae.model_copy(update=small), 32, 0, CPU, (photos(), photos()), LAND, palette)


def pix2pix(params: Params, palette: torch.Tensor = COLOURS, **changes: object) -> Pix2PixModel:
    small = {"generator_channels": 4, "discriminator_channels": 4, "dropout": 0.0, **changes}
    return Pix2PixModel(params.pix2pix.model_copy(update=small), 32, 0, CPU, (photos(), photos()), LAND, palette)


def cyclegan(params: Params, **changes: object) -> CycleGanModel:
    small = {"generator_channels": 4, "discriminator_channels": 4, **changes}
    own, palettes = params.cyclegan.model_copy(update=small), (COLOURS, COLOURS[:0])
    return CycleGanModel(own, 32, 0, CPU, (photos(), photos()), palettes)


def asymgan(params: Params, **changes: object) -> CycleGanModel:
    return cyclegan(params, aux_dim=3, **changes)


def digits(count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 1, 28, 28, generator=generator) * 2 - 1, torch.zeros(count, dtype=torch.long)


def pairs() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return x, y


def photos() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), np.uint8)


class Negative(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return -images


class White(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(images)


def changed(network: nn.Module, before: nn.Module) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(network.parameters(), before.parameters(), strict=True))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_gan_step_moves_both_players_and_the_average(params: Params, objective: str) -> None:
    model = gan(params, objective=objective)
    before = copy.deepcopy(model.networks)
    scalars = model.step(digits(), 8)
    assert all(value.isfinite() for value in scalars.values())
    assert all(changed(model.networks[name], before[name]) for name in before)
    if OBJECTIVES[objective].outputs_probability:
        assert 0 < scalars["d_real"] < 1


@pytest.mark.parametrize("build", [gan, cgan])
def test_batch_norm_sees_real_and_generated_digits_apart(params: Params, build) -> None:
    """Together they would share their statistics, and D would read from them which is which."""
    model, seen = build(params, norm="batch", deep=True), []
    model.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    (images, labels), before = digits(), copy.deepcopy(model.networks)
    model.step((images, labels), 8)
    assert [len(given) for given in seen] == [8] * len(seen)
    assert torch.equal(seen[0], images)
    assert not torch.equal(seen[1], images)
    assert all(changed(model.networks[name], before[name]) for name in before)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_conditional_step_teaches_both_players_the_classes(params: Params, objective: str) -> None:
    model = cgan(params, objective=objective, wrong_classes=0.0)
    before = copy.deepcopy(model.networks)
    images, _ = digits()
    scalars = model.step((images, torch.arange(8)), 8)
    assert all(value.isfinite() for value in scalars.values())
    assert all(changed(model.networks[name], before[name]) for name in before)
    columns = (model.generator.project.weight - before["G"].project.weight)[:, 8:].abs().sum(0)  # type: ignore[operator]
    assert (columns > 0).tolist() == 8 * [True] + 2 * [False], "those of the classes in the batch"
    rows = (model.discriminator.embedding.weight - before["D"].embedding.weight).abs().sum(1)  # type: ignore[union-attr]
    assert (rows > 0).tolist() == 8 * [True] + 2 * [False]


def test_real_digits_under_a_wrong_class_are_rejected(params: Params) -> None:
    """On one batch of 8 classes, D learns to tell them from the same digits under other classes."""
    images, _ = digits()

    def margin(share: float) -> float:
        model = cgan(params, wrong_classes=share, objective="non_saturating")
        for _ in range(40):
            model.step((images, torch.arange(8)), 8)
        right, wrong = (model.discriminator(images, labels) for labels in (torch.arange(8), (torch.arange(8) + 1) % 8))
        return float((right - wrong).detach().mean())

    assert margin(0.5) > 1.25 * margin(0.0)


def test_a_conditional_players_answer_depends_on_the_class(params: Params) -> None:
    model = cgan(params)
    drawn = draw(model.finished(), every_class(latents(1, 8, "test"), 10))
    assert len(np.unique(drawn.reshape(10, -1), axis=0)) == 10
    image = digits()[0][:1].expand(10, -1, -1, -1)
    assert len(model.discriminator(image, torch.arange(10)).unique()) == 10
    with pytest.raises(ValueError, match="takes labels"):
        model.discriminator(image)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(("latent_term", "prior"), [(0.0, "normal"), (0.5, "learned"), (0.5, "normal")])
def test_a_cvae_step_moves_every_player(params: Params, objective: str, latent_term: float, prior: str) -> None:
    model = cvae(params, objective=objective, lambda_latent=latent_term, prior=prior)
    before = copy.deepcopy(model.networks)
    scalars = model.step(pairs(), 2)
    assert all(value.isfinite() for value in scalars.values())
    assert ("loss_latent" in scalars) is (latent_term > 0)
    assert all(changed(model.networks[name], before[name]) for name in before)


def test_the_plain_conditional_vae_has_no_discriminator(params: Params) -> None:
    model = cvae(params, lambda_gan=0.0, lambda_latent=0.0)
    before = copy.deepcopy(model.networks)
    assert set(model.step(pairs(), 2)) == {"loss_l1", "loss_kl"}
    assert {name for name in before if changed(model.networks[name], before[name])} == {
        "G and E",
        "average of G and E",
    }


def test_the_latent_term_teaches_g_alone(params: Params) -> None:
    """Zhu et al. 2017, section 3.3: were E taught too, the two could hide the latent where nobody sees it."""
    model = cvae(params, lambda_gan=0.0, lambda_l1=0.0, lambda_kl=0.0, lambda_latent=1.0, prior="learned")
    model.step(pairs(), 2)

    def moved(network: nn.Module) -> float:
        return sum(float(p.grad.abs().sum()) for p in network.parameters() if p.grad is not None)

    assert moved(model.vae.posterior) == 0
    assert model.vae.learned is not None
    assert moved(model.vae.learned) == 0
    assert moved(model.vae.generator) > 0
    assert all(parameter.requires_grad for parameter in model.vae.parameters())


def test_a_pair_whose_latent_is_the_priors_mean_teaches_the_prior_and_not_e(params: Params) -> None:
    model = cvae(params, lambda_gan=0.0, lambda_kl=0.0, prior_share=1.0)
    x, y = pairs()
    expected = l1(model.vae(x), y, rarity(y, to_unit(LAND), params.cvae.lambda_rare))  # without noise: the mean
    scalars = model.step((x, y), 2)
    assert torch.isclose(scalars["loss_l1"], expected)
    assert model.vae.learned is not None
    taught = [(p.grad is not None and bool(p.grad.any())) for p in model.vae.learned.mean.parameters()]
    assert all(taught)
    assert not any(p.grad is not None and p.grad.any() for p in model.vae.posterior.parameters())


def test_the_other_terms_teach_e(params: Params) -> None:
    none: dict[str, Any] = {"lambda_gan": 0.0, "lambda_l1": 0.0, "lambda_kl": 0.0, "lambda_latent": 0.0}
    none["prior_share"] = 0.0
    for term in ("lambda_l1", "lambda_kl", "lambda_gan"):
        weights: dict[str, Any] = {**none, term: 1.0}
        model = cvae(params, **weights)
        model.step(pairs(), 2)
        assert any(bool(p.grad.abs().sum() > 0) for p in model.vae.posterior.parameters() if p.grad is not None), term


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_pix2pix_step_moves_both_players_and_the_average(params: Params, objective: str, norm: str) -> None:
    model = pix2pix(params, objective=objective, norm=norm)
    before = copy.deepcopy(model.networks)
    scalars = model.step(pairs(), 2)
    assert all(value.isfinite() for value in scalars.values())
    assert all(changed(model.networks[name], before[name]) for name in before)


def test_the_generators_loss_leaves_no_gradient_on_the_discriminator(params: Params) -> None:
    model = pix2pix(params)
    model.step(pairs(), 2)
    discriminator = model.adversary.discriminator
    seen = [parameter.grad.clone() for parameter in discriminator.parameters() if parameter.grad is not None]
    model.optimisers["D"].step = lambda *_: None  # type: ignore[method-assign]
    model.optimisers["G"].step = lambda *_: None  # type: ignore[method-assign]
    reference = copy.deepcopy(model)
    reference.step(pairs(), 2)
    x, y = pairs()
    fake = model.generator(x)
    model.optimisers["D"].zero_grad()
    judge = model.adversary.discriminator
    model.adversary.objective.discriminator(judge(x, y)[-1], judge(x, fake.detach())[-1]).backward()
    for ours, theirs in zip(reference.adversary.discriminator.parameters(), judge.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    assert all(parameter.requires_grad for parameter in judge.parameters())
    assert seen


def test_l1_alone_pulls_the_output_to_the_target(params: Params) -> None:
    """With the adversarial term drowned by lambda, a few steps on one pair bring G(x) nearer to y."""
    model = pix2pix(params, lambda_l1=1000.0, learning_rate=0.002)
    for optimiser in model.optimisers.values():
        optimiser.param_groups[0]["lr"] = 0.002
    first = model.step(pairs(), 2)["loss_l1"]
    for k in range(15):
        last = model.step(pairs(), 2 * (k + 2))["loss_l1"]
    assert last < 0.95 * first


def test_without_an_adversarial_term_there_is_no_discriminator_to_train(params: Params) -> None:
    model = pix2pix(params, lambda_gan=0.0)
    before = copy.deepcopy(model.networks)
    assert set(model.step(pairs(), 2)) == {"loss_l1"}, "no D, and so no features of D"
    assert {name for name in before if changed(model.networks[name], before[name])} == {"G", "average of G"}


def test_the_weight_of_the_adversarial_term_is_its_share_of_the_gradient(params: Params) -> None:
    """Without L1, and Adam aside, the gradient on G is lambda_gan times as large."""
    seen = []
    for weight in (1.0, 3.0):
        model = pix2pix(params, lambda_gan=weight, lambda_l1=0.0, lambda_features=0.0)
        for optimiser in model.optimisers.values():
            optimiser.step = lambda *_: None  # type: ignore[method-assign]
        model.step(pairs(), 2)
        seen.append(torch.cat([p.grad.flatten() for p in model.generator.parameters() if p.grad is not None]))
    torch.testing.assert_close(3 * seen[0], seen[1])


def test_feature_matching_pulls_what_the_discriminator_sees_together(params: Params) -> None:
    """Alone, on a D that stands still, some steps lessen it, and it leaves D as it is."""
    model = pix2pix(params, lambda_gan=1e-9, lambda_l1=0.0, lambda_features=1.0)
    before = copy.deepcopy(model.adversary.discriminator)
    model.optimisers["D"].step = lambda *_: None  # type: ignore[method-assign]
    model.optimisers["G"].param_groups[0]["lr"] = 0.002
    first = model.step(pairs(), 2)["loss_features"]
    for k in range(15):
        last = model.step(pairs(), 2 * (k + 2))["loss_features"]
    assert last < 0.95 * first
    assert not changed(model.adversary.discriminator, before)


def test_a_rare_colour_pulls_harder_than_a_common_one(params: Params) -> None:
    x, _ = pairs()
    common = (LAND.float() / 127.5 - 1).view(1, 3, 1, 1).expand_as(x)

    def loss(target: torch.Tensor, strength: float) -> float:
        model = pix2pix(params, lambda_gan=0.0, lambda_rare=strength)
        return float(model.step((x, target), 2)["loss_l1"].detach())

    assert loss(common, 10.0) == pytest.approx(loss(common, 0.0))
    assert loss(common - 0.5, 10.0) == pytest.approx(6 * loss(common - 0.5, 0.0), rel=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_cyclegan_step_moves_all_four_players_and_the_averages(params: Params, objective: str, norm: str) -> None:
    model = cyclegan(params, objective=objective, norm=norm)
    before = {name: copy.deepcopy(dict(network.named_children())) for name, network in model.networks.items()}
    scalars = model.step(pairs(), 2)
    assert all(value.isfinite() for value in scalars.values())
    for name, players in before.items():
        assert len(players) == 2
        assert all(changed(getattr(model.networks[name], key), player) for key, player in players.items()), name


def test_the_terms_of_a_cyclegan_are_those_of_the_paper(params: Params) -> None:
    """Eq. 2 and section 5.2, on what the generators answer before the step."""
    model, (x, y) = cyclegan(params), pairs()
    g, f = copy.deepcopy(model.generators.there), copy.deepcopy(model.generators.back)
    scalars = model.step((x, y), 2)
    with torch.no_grad():
        cycle, cycle_back = (f(g(x)) - x).abs().mean(), (g(f(y)) - y).abs().mean()
        identity = (g(y) - y).abs().mean() + (f(x) - x).abs().mean()
    torch.testing.assert_close(scalars["loss_cycle"].detach(), cycle)
    torch.testing.assert_close(scalars["loss_cycle_back"].detach(), cycle_back)
    torch.testing.assert_close(scalars["loss_identity"].detach(), identity)
    assert "loss_identity" not in cyclegan(params, lambda_identity=0.0).step((x, y), 2)


def test_the_terms_of_an_asymgan_are_those_of_the_paper_and_a_divergence(params: Params) -> None:
    """Eq. 8, 10 and 11 of Li et al. 2019, on what the networks answer before the step; E(x) beside N(0, 1)."""
    model, (x, y) = asymgan(params), pairs()
    networks = copy.deepcopy(model.generators)
    assert networks.encoder is not None
    model.machine.world.reseed(3)
    noise, z = (model._normal(2) for _ in range(2))
    model.machine.world.reseed(3)
    scalars = model.step((x, y), 2)
    with torch.no_grad():
        mean, log_variance = networks.encoder(x)
        drawn, a = networks.back(y, z), mean + (log_variance / 2).exp() * noise
        expected = {
            "loss_cycle": (networks.back(networks.there(x), a) - x).abs().mean(),
            "loss_cycle_back": (networks.there(drawn) - y).abs().mean(),
            "loss_identity": (networks.there(y) - y).abs().mean() + (networks.back(x, a) - x).abs().mean(),
            "loss_aux": (networks.encoder(drawn)[0] - z).abs().mean(),
            "loss_kl": ((mean.square() + log_variance.exp() - log_variance - 1) / 2).sum(1).mean(),
        }
    for name, value in expected.items():
        torch.testing.assert_close(scalars[name].detach(), value)
    weights = {"aux": params.cyclegan.lambda_aux, "kl": params.cyclegan.lambda_kl}
    assert all(weights.values())
    assert not {"loss_aux", "loss_kl"} & set(cyclegan(params).step((x, y), 2))


def test_an_asymgan_learns_to_draw_what_its_auxiliary_says(params: Params) -> None:
    """Driven by that term alone, F uses z and E reads it: both are taught by it, and G is not."""
    none = dict.fromkeys(("lambda_cycle", "lambda_cycle_back", "lambda_identity"), 0.0)
    model = asymgan(params, **none, lambda_gan=1e-9, lambda_kl=1e-9)
    before = copy.deepcopy(model.generators)
    model.step(pairs(), 2)
    networks = model.generators
    assert [
        any(p.grad is not None and bool(p.grad.abs().sum() > 1e-6) for p in part.parameters())
        for part in (networks.there, networks.back, networks.encoder)  # type: ignore[union-attr]
    ] == [False, True, True]
    assert changed(networks.encoder, before.encoder)  # type: ignore[arg-type]
    network, z = model.finished(), torch.randn(2, 3)
    _, y = pairs()
    assert not torch.equal(network.back(y, z), network.back(y, -z))
    assert model.sample(network).size[0] > 6 * 32


def test_the_discriminators_of_a_cyclegan_see_single_images_of_their_side(params: Params) -> None:
    model, (x, y), seen = cyclegan(params, history=0.0), pairs(), {}
    for name, adversary in (("y", model.of_y), ("x", model.of_x)):
        first = adversary.discriminator.layers[0]
        first.register_forward_pre_hook(lambda _, given, to=name: seen.setdefault(to, given[0].detach().clone()))
    fakes = model.generators.there(x).detach(), model.generators.back(y).detach()
    model.step((x, y), 2)
    torch.testing.assert_close(seen["y"], torch.cat([y, fakes[0]]))
    torch.testing.assert_close(seen["x"], torch.cat([x, fakes[1]]))


def test_a_share_of_what_a_discriminator_rejects_is_of_the_average_and_follows_from_the_step(params: Params) -> None:
    model, x = cyclegan(params, history=0.5), torch.rand(200, 3, 32, 32)

    def from_average(step: int) -> torch.Tensor:
        model.machine.world.reseed(0, "cyclegan", step)
        return model._with_history(lambda: torch.ones_like(x), torch.zeros_like(x))[:, 0, 0, 0] == 1

    assert 60 < from_average(7).sum() < 140
    assert torch.equal(from_average(7), from_average(7))
    assert not torch.equal(from_average(7), from_average(8))
    model.params = model.params.model_copy(update={"history": 0.0})
    assert not from_average(7).any()


def test_no_pair_has_a_say_in_the_epoch_of_a_cyclegan() -> None:
    """Only `mean_iou`, a curve to look at, knows them; the choice is by whole sets of different places."""
    chance, colours = np.random.default_rng(0), np.array([(234, 230, 222), (255, 255, 255), (178, 210, 254)], np.uint8)
    inputs, real = (chance.choice(colours, (6, 32, 32)) for _ in range(2))
    checks = [unpaired_validation(inputs[:3], real[3:], 32, CPU, known, MAPS) for known in (real[:3], inputs[:3])]
    first, other = (check.measure(torch.nn.Identity()) for check in checks)
    assert first["texture_of_sets"] == other["texture_of_sets"]
    assert first["mean_iou"] < 0.5 < other["mean_iou"] == 1
    assert checks[0].best_by == "texture_of_sets"
    assert not checks[0].higher_is_better
    same = unpaired_validation(real[3:][::-1], real[3:], 32, CPU).measure(torch.nn.Identity())
    assert same == {"texture_of_sets": 0}


@pytest.mark.parametrize("legend", [MAPS, None])
def test_translations_are_validated_on_the_crop_in_the_middle(params: Params, legend: Legend | None) -> None:
    real = np.full((3, 64, 64, 3), 255, np.uint8)  # streets, and water around what the network is trained on
    real[:, :16] = real[:, 48:] = real[:, :, :16] = real[:, :, 48:] = (178, 210, 254)
    check = translation_validation("pix2pix", real, real, 32, legend, "aerial2map", CPU)
    found = check.measure(White())
    assert found["mae"] == 0
    assert check.best_by == ("mean_iou" if legend else "texture")
    assert check.higher_is_better is (legend is not None)
    assert found[check.best_by] == (1 if legend else 0)
    assert check.resampled is not None
    assert check.resampled(White())[0] == pytest.approx(found[check.best_by])


def test_what_learns_from_pairs_refuses_pictures_without(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    about = Path("data/prepared/maps/training.json")
    about.parent.mkdir(parents=True)
    about.write_text('{"unpaired": true}')
    with pytest.raises(UserError, match="pix2pix learns from pairs; `dvc repro evaluate_cyclegan`"):
        train_translator("pix2pix", params, Pix2PixModel, "lsgan")


def failure_of(check: Validation, network: torch.nn.Module) -> str:
    assert check.resampled is not None
    return failure(check.resampled(network)[1])


def test_g_adds_to_its_input_where_that_is_nearer_than_one_colour() -> None:
    """Inputs 10 levels from their targets, whose half is 8 or 12 levels from their median."""
    common = np.array([100], np.uint16)
    for spread, nearer in ((8, False), (12, True)):
        targets = np.full((3, 8, 8, 1), 100 - spread, np.uint16)
        targets[:, :, 4:] = 100 + spread
        assert inputs_are_nearer(targets + 10, targets, common) is nearer
        assert inputs_are_nearer(targets - 10, targets, common) is nearer, "no wrap at 0"
    assert inputs_are_nearer(np.zeros((3, 8, 8, 1)), np.zeros((3, 8, 8, 3)), np.array([0, 0, 1])), "grey, in colours"
    patches = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    noisy = patches + np.random.default_rng(1).normal(0, 40, patches.shape).astype(np.float32)
    bright = patches + np.float32(40)
    assert inputs_are_nearer(bright, patches, common), "a blur does not help"
    assert not inputs_are_nearer(noisy, patches, common), "a blur takes away more noise than detail"
    has_data = np.zeros(patches.shape[:3], bool)
    has_data[:, :, :8] = True
    noisy[:, :, :8] = bright[:, :, :8]
    assert inputs_are_nearer(noisy, patches, common, has_data), "the noise is where nothing is measured"
    assert not inputs_are_nearer(np.zeros((3, 8, 8, 3)), np.zeros((3, 8, 8, 1)), common)


def test_a_translator_that_draws_one_colour_has_failed_on_validation() -> None:
    chance = np.random.default_rng(0)
    palette = np.array([(234, 230, 222), (255, 255, 255), (178, 210, 254)], np.uint8)
    real = chance.choice(palette, (20, 32, 32), p=(0.8, 0.1, 0.1))
    of_maps, of_photos = (
        translation_validation("pix2pix", 255 - real, real, 32, legend, "aerial2map", CPU) for legend in (MAPS, None)
    )
    assert failure_of(of_maps, White()) == "worse than one constant colour by mean class IoU"
    assert failure_of(of_maps, Negative()) == ""
    assert failure_of(of_photos, Negative()) == ""


def test_a_translator_that_is_worse_than_its_input_or_than_a_threshold_has_failed_on_validation() -> None:
    """One constant colour is far behind both, and says nothing."""
    chance = np.random.default_rng(0)
    real = chance.choice(np.array([(0,), (255,)], np.uint8), (20, 32, 32))
    noise = np.where(chance.random(real.shape) < 0.1, 255 - real, real)
    legend = Legend(("no", "yes"), (((0,),), ((255,),)))
    cleaned = np.where(chance.random(real.shape) < 0.5, noise, real)
    check = translation_validation("pix2pix", noise, real, 32, legend, "a2b", CPU, by_colour=lambda: cleaned)
    assert failure_of(check, torch.nn.Identity()) == (
        "no better than the input itself by mean class IoU; worse than the pixel's colour alone by mean class IoU"
    )
    photos = chance.integers(0, 256, (20, 32, 32, 3), np.uint8)
    check = translation_validation("pix2pix", photos // 2 + 60, photos, 32, None, "a2b", CPU)
    assert "no better than the input itself by distance of the texture" in failure_of(check, torch.nn.Identity())


@pytest.mark.parametrize("legend", [MAPS, None])
def test_tiles_of_a_validation_picture_are_resampled_together(legend: Legend | None) -> None:
    """Each picture three times says as much as once, and a champion's rule counts pictures."""
    palette = np.array([(234, 230, 222), (255, 255, 255), (178, 210, 254)], np.uint8)
    real = np.random.default_rng(0).choice(palette, (12, 32, 32))
    tiles = np.repeat(real, 3, axis=0)
    once, together, apart = (
        translation_validation("pix2pix", 255 - images, images, 32, legend, "a2b", CPU, pictures=pictures)
        for images, pictures in ((real, None), (tiles, np.repeat(np.arange(12), 3)), (tiles, None))
    )
    values = [check.resampled(White())[0] for check in (once, together, apart) if check.resampled]
    assert values[1] == pytest.approx(values[0])
    assert values[2][1:].std() < 0.7 * values[0][1:].std()
    assert (once.judged.get("pictures"), together.judged["pictures"], together.judged["n"]) == (None, 12, 36)


def test_digits_are_validated_by_their_distance_to_the_held_out_ones(params: Params) -> None:
    torch.manual_seed(0)
    eye = DigitClassifier().eval()
    model = gan(params)
    inputs = latents(60, 8, "validate")
    own = draw(model.finished(), inputs)
    check = gan_validation("gan", eye, own, inputs)
    assert check.measure(model.finished())["frechet_classifier"] == pytest.approx(0, abs=1e-6)
    assert gan_validation("gan", eye, 255 - own, inputs).measure(model.finished())["frechet_classifier"] > 1e-4


def test_digits_are_validated_on_images_and_classifier_weights_not_on_float_features() -> None:
    torch.manual_seed(0)
    one, other = DigitClassifier().eval(), DigitClassifier().eval()
    val = np.zeros((60, 28, 28), np.uint8)
    inputs = latents(60, 8, "validate")
    judged = gan_validation("gan", one, val, inputs).judged
    assert judged["n"] == 60
    assert gan_validation("gan", one, val + 1, inputs).judged != judged
    assert gan_validation("gan", other, val, inputs).judged != judged
    one.features.register_forward_hook(lambda *given: given[2] * (1 + 1e-6))  # another processor's last bits
    assert gan_validation("gan", one, val, inputs).judged == judged


def test_a_generator_that_draws_one_digit_has_failed_on_validation(params: Params) -> None:
    torch.manual_seed(0)
    eye, inputs = DigitClassifier().eval(), latents(60, 8, "validate")
    generator = gan(params).finished()
    real = draw(generator, inputs)
    assert failure_of(gan_validation("gan", eye, real, inputs), generator) == ""
    one_digit = failure_of(gan_validation("gan", eye, real, inputs[:1].expand(60, -1)), generator)
    assert "collapsed: draws few of the digits" in one_digit


BATCHES = [(gan, digits), (cgan, digits), (pix2pix, pairs), (cvae, pairs), (cyclegan, pairs), (asymgan, pairs)]


@pytest.mark.parametrize(("build", "data"), BATCHES)
def test_the_critic_takes_its_steps_before_each_of_the_generator(params: Params, build, data) -> None:
    model, batch = build(params, objective="wgan_gp", critic_steps=3), data()
    (player,) = set(model.optimisers) & set(model.networks) - {"D"}
    names = None
    for step in range(1, 7):
        before = copy.deepcopy(model.networks)
        scalars = model.step(batch, step * len(batch[0]))
        assert changed(model.networks["D"], before["D"])
        assert changed(model.networks[player], before[player]) is (step in (3, 6))
        assert names in (None, list(scalars)), "every step reports the same losses"
        names = list(scalars)


@pytest.mark.parametrize(("build", "data"), BATCHES)
def test_a_training_resumed_between_two_critic_steps_is_the_same(params: Params, build, data) -> None:
    batch = data()

    def steps(model, numbers: range) -> None:
        for step in numbers:
            model.machine.world.reseed(step)
            model.step(batch, step * len(batch[0]))

    whole, first, second = (build(params, objective="wgan_gp", critic_steps=3) for _ in range(3))
    steps(whole, range(1, 7))
    steps(first, range(1, 6))
    for name, network in second.networks.items():
        network.load_state_dict(first.networks[name].state_dict())
    for name, optimiser in second.optimisers.items():
        optimiser.load_state_dict(first.optimisers[name].state_dict())
    steps(second, range(6, 7))
    assert not any(changed(whole.networks[name], second.networks[name]) for name in whole.networks)


@pytest.mark.parametrize("drawings", [1, 2])
def test_the_penalty_is_on_every_drawing(params: Params, drawings: int) -> None:
    """At a random point between each drawing and its target, for every branch that drew."""
    model = pix2pix(params, objective="wgan_gp", lambda_gp=1e6)
    x, y = pairs()
    seen: list[torch.Tensor] = []
    model.adversary.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[1].detach()))
    model.adversary.improve_discriminator(x, y, torch.cat([torch.full_like(y, k + 2.0) for k in range(drawings)]))
    mixed = seen[-1]
    assert len(mixed) == drawings * len(x)
    for k, images in enumerate(mixed.split(len(x))):
        weight = (images - (k + 2.0)) / (y - (k + 2.0))  # of the real image, one per image
        torch.testing.assert_close(weight, weight[:, :1, :1, :1].expand_as(weight), atol=1e-4, rtol=1e-3)
        assert ((weight > 0) & (weight < 1)).all()


@pytest.mark.parametrize(("build", "data"), BATCHES)
def test_the_relativistic_penalty_keeps_the_discriminator_smooth(params: Params, build, data) -> None:
    """On one batch, D under a heavy gamma tells real from generated images less far apart than under a light one."""

    def lead(gamma: float) -> float:
        model, batch = build(params, objective="relativistic", gamma=gamma), data()
        model.optimisers["D"].param_groups[0]["lr"] = 0.002
        for step in range(1, 6):
            model.machine.world.reseed(step)
            scalars = model.step(batch, step * len(batch[0]))
        return float((scalars["d_real"] - scalars["d_fake"]).detach())

    light = lead(1e-6)
    assert light > 0
    assert lead(1e3) < 0.5 * light


@pytest.mark.parametrize("build", [gan, cgan])
def test_a_relativistic_generator_is_judged_beside_the_real_images(params: Params, build) -> None:
    """A constant added to every score of D changes neither loss."""
    seen = []
    for bias in (0.0, 7.0):
        model, batch = build(params, objective="relativistic"), digits()
        with torch.no_grad():
            model.discriminator.head.bias.fill_(bias)
        model.machine.world.reseed(1)
        seen.append(model.step(batch, 8))
    for name in ("loss_d", "loss_g"):
        torch.testing.assert_close(seen[0][name], seen[1][name])


@pytest.mark.parametrize("build", [gan, cgan, pix2pix, cvae, cyclegan, asymgan])
def test_equal_seeds_are_equal_models(params: Params, build) -> None:
    a, b = build(params), build(params)
    for name, network in a.networks.items():
        assert not changed(network, b.networks[name])


def test_sampling_changes_nothing_that_the_next_step_depends_on(params: Params) -> None:
    batch = digits()
    plain, sampled = gan(params), gan(params)
    for model in (plain, sampled):
        model.machine.world.reseed(5)
        model.step(batch, 8)
        if model is sampled:
            assert model.sample(model.finished()).size[0] > 8 * 28
        model.machine.world.reseed(6)
        model.step(batch, 16)
    for name in ("G", "D", "average of G"):
        assert not changed(plain.networks[name], sampled.networks[name])


def test_a_digit_is_drawn_alike_whatever_its_neighbours(params: Params) -> None:
    generator = gan(params).finished()
    inputs = latents(12, 8, "test")
    alone, together = draw(generator, inputs[:1]).astype(int), draw(generator, inputs).astype(int)
    assert abs(alone[0] - together[0]).max() <= 1  # the last bit may round differently in another batch size
