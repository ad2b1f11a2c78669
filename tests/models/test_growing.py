"""The growing digit networks: their schedule, worked by hand, and what their stages have in common."""

import pytest
import torch

from ganflow.models.dcgan import DigitDiscriminator, DigitGenerator, with_classes
from ganflow.models.growing import GROWN, GrowingDiscriminator, GrowingGenerator, Stage, faded, stage_at

SHAPES = [(classes, deep, norm) for classes in (0, 3) for deep in (False, True) for norm in ("none", "batch")]
LABELS = torch.tensor([0, 1, 2, 0])


def players(classes: int = 0, deep: bool = True, norm: str = "none") -> tuple[GrowingGenerator, GrowingDiscriminator]:
    torch.manual_seed(0)
    network = DigitGenerator(8, 4, classes, deep).eval()
    return GrowingGenerator(network), GrowingDiscriminator(DigitDiscriminator(4, classes, deep, norm))


def latent(classes: int = 0) -> torch.Tensor:
    noise = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    return with_classes(noise, LABELS, classes) if classes else noise


def digits() -> torch.Tensor:
    return torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.mark.parametrize(
    ("images", "level", "alpha"),
    [
        *((1, 0, 1), (99, 0, 1), (100, 1, 0), (125, 1, 0.25), (199, 1, 0.99), (200, 1, 1), (299, 1, 1)),
        *((300, 2, 0), (350, 2, 0.5), (399, 2, 0.99), (400, 2, 1), (10**9, 2, 1)),
    ],
)
def test_the_stage_follows_from_the_images_seen(images: int, level: int, alpha: float) -> None:
    """Over 400 images: 100 at 7 px, 100 while 14 px fade in, 100 at 14 px, 100 while 28 px fade in."""
    stage = stage_at(images, 400)
    assert stage.level == level
    assert stage.alpha == pytest.approx(alpha)


def test_what_does_not_grow_is_grown() -> None:
    assert stage_at(1, 0) == GROWN
    assert stage_at(3 * 700, 3 * 700.0) == GROWN, "after the last step of the last epoch of growth"


@pytest.mark.parametrize(("classes", "deep", "norm"), SHAPES)
def test_once_grown_they_are_the_networks_alone(classes: int, deep: bool, norm: str) -> None:
    g, d = players(classes, deep, norm)
    labels = LABELS if classes else None
    assert torch.equal(g(latent(classes)), g.network(latent(classes)))
    assert torch.equal(d(digits(), labels), d.network(digits(), labels))


@pytest.mark.parametrize(("classes", "deep", "norm"), SHAPES)
@pytest.mark.parametrize("level", [1, 2])
def test_a_level_begins_as_the_one_below_and_ends_without_it(level: int, classes: int, deep: bool, norm: str) -> None:
    g, d = players(classes, deep, norm)
    labels = LABELS if classes else None

    def answers(stage: Stage) -> tuple[torch.Tensor, torch.Tensor]:
        g.stage = d.stage = stage
        return g(latent(classes)), d(digits(), labels)

    stages = [Stage(level - 1, 1), *(Stage(level, alpha) for alpha in (0, 0.5, 1))]
    before, begun, half, ended = map(answers, stages)
    for small, new, mixed, large in zip(before, begun, half, ended, strict=True):
        torch.testing.assert_close(new, small)
        assert not torch.allclose(mixed, small)
        assert not torch.allclose(mixed, large)
    torch.testing.assert_close(half[0], (before[0] + ended[0]) / 2)


@pytest.mark.parametrize(("level", "side"), [(0, 7), (1, 14), (2, 28)])
def test_a_stage_knows_no_more_pixels_than_it_has(level: int, side: int) -> None:
    """G repeats each of its pixels, and D sees nothing of what the mean over such a block does not show."""
    g, d = players()
    g.stage = d.stage = Stage(level, 1.0)
    drawn, block = g(latent()), 28 // side
    coarse = drawn[..., ::block, ::block].repeat_interleave(block, 2).repeat_interleave(block, 3)
    assert drawn.shape == (4, 1, 28, 28)
    assert torch.equal(drawn, coarse)
    blocks = digits().view(4, 1, side, block, 28).flip(3)  # turned upside down within each block
    assert torch.allclose(d(blocks.reshape(4, 1, 28, 28)), d(digits()), atol=1e-6)
    assert not torch.allclose(d(digits().flip(2)), d(digits()), atol=1e-6)


def test_real_digits_fade_as_generated_ones_do() -> None:
    """Rows of 0 and 1 by turns are 0.5 at half the size: a quarter of the way there, 0.375 and 0.625."""
    rows = torch.arange(28).remainder(2).float().view(1, 1, 28, 1).expand(1, 1, 28, 28)
    assert torch.equal(faded(rows, Stage(2, 1.0)), rows)
    assert torch.equal(faded(rows, Stage(1, 1.0)), rows), "D averages, as it does what G draws"
    expected = 0.375 + 0.25 * rows
    torch.testing.assert_close(faded(rows, Stage(2, 0.25)), expected)
