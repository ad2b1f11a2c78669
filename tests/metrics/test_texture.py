"""The texture distance tells a blurred picture from a sharp one of its kind; the mean error prefers the blur."""

import numpy as np
from scipy import ndimage

from ganflow.metrics.texture import texture_distance_of_sets, texture_distances

RNG = np.random.default_rng(0)


def grass(channels: int = 3) -> np.ndarray:
    """Four pictures of fine random texture on slow shades."""
    noise = ndimage.gaussian_filter(RNG.normal(0, 60, (4, 64, 64, channels)), (0, 1, 1, 0))
    return (120 + noise).clip(0, 255).astype(np.uint8)


def blurred(images: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(images.astype(np.float32), (0, 4, 4, 0)).astype(np.uint8)


def test_a_blurred_answer_has_the_smaller_error_and_the_larger_texture_distance() -> None:
    real, other = grass(), grass()  # `other` is as sharp, and wrong in every blade
    blur = blurred(real)
    error = [np.abs(answer.astype(int) - real).mean() for answer in (blur, other)]
    assert error[0] < error[1]
    assert (texture_distances(blur, real) > 2 * texture_distances(other, real)).all()


def test_equal_pictures_have_none_whatever_their_channels() -> None:
    for channels in (1, 4):
        real = grass(channels)
        assert (texture_distances(real, real) == 0).all()


def test_the_distance_of_a_picture_depends_on_no_other() -> None:
    """But for the scale of the levels, which is that of all real pictures."""
    real, blur = grass(), blurred(grass())
    whole = texture_distances(blur, real)
    twice = texture_distances(np.concatenate([blur, blur]), np.concatenate([real, real]))
    assert np.allclose(twice, np.concatenate([whole, whole]))


def test_the_distance_of_two_sets_knows_no_pairs_and_a_blurred_set_is_farther() -> None:
    real, other = grass(), grass()
    assert texture_distance_of_sets(real[::-1], real) == 0, "the same pictures in another order"
    assert (texture_distances(real[::-1], real) > 0).all()
    assert texture_distance_of_sets(blurred(other), real) > 5 * texture_distance_of_sets(other, real)
    assert texture_distance_of_sets(other[:2], real) > 0, "sets of different sizes"
