import numpy as np
import pytest

from ganflow.inference import grids

RNG = np.random.default_rng(0)


def test_digit_grid_places_digits_row_by_row() -> None:
    digits = np.stack([np.full((28, 28), 10 * n, np.uint8) for n in range(5)])
    page = np.asarray(grids.digit_grid(digits, columns=3, zoom=1))
    assert page.shape == (2 * 30 + 2, 3 * 30 + 2, 3)
    assert (page[2:30, 32:60] == 10).all()
    assert (page[32:60, 2:30] == 30).all()
    assert (page[32:60, 62:90] == 255).all()  # the sixth place is empty


@pytest.mark.parametrize("size", [32, 256])
def test_translation_grid_has_a_captioned_column_each(size: int) -> None:
    photos, maps = (np.full((2, size, size, 3), level, np.uint8) for level in (60, 200))
    page = np.asarray(grids.translation_grid({"aerial": photos, "map": maps}))
    header = page.shape[0] - (2 * (size + 2) + 2)
    assert header > 0
    assert (page[:header] < 128).any(), "no caption"
    assert (page[header + 2 : header + 2 + size, 2 : 2 + size] == 60).all()
    assert (page[-2 - size : -2, -2 - size : -2] == 200).all()


def test_spherical_path_keeps_the_ends_and_the_radius() -> None:
    start, end = RNG.normal(size=(2, 4, 16))
    end *= np.linalg.norm(start, axis=1, keepdims=True) / np.linalg.norm(end, axis=1, keepdims=True)
    path = grids.spherical_path(start, end, 7)
    assert path.shape == (4, 7, 16)
    np.testing.assert_allclose(path[:, 0], start, rtol=1e-5)
    np.testing.assert_allclose(path[:, -1], end, rtol=1e-5)
    radius = np.linalg.norm(path, axis=2)
    np.testing.assert_allclose(radius, np.broadcast_to(radius[:, :1], radius.shape), rtol=1e-5)


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_spherical_path_between_parallel_and_opposite_latents_is_finite(factor: float) -> None:
    start = RNG.normal(size=(2, 8))
    assert np.isfinite(grids.spherical_path(start, factor * start, 5)).all()
