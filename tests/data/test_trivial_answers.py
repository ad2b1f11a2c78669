import numpy as np

from ganflow.data.trivial_answers import inputs_as_answers, median_colour


def test_median_colour_is_numpys() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    np.testing.assert_allclose(median_colour(images), np.median(images.reshape(-1, 3), axis=0), atol=0.5)


def test_median_colour_by_hand() -> None:
    """Medians, not means: one odd image of three does not move them."""
    images = np.stack([np.full((4, 4, 3), colour, np.uint8) for colour in ((9, 0, 5), (10, 0, 6), (255, 255, 7))])
    assert median_colour(images).tolist() == [10, 0, 6]


def test_an_input_is_an_answer_where_it_has_the_channels_or_is_grey() -> None:
    real = np.zeros((2, 4, 5, 3), np.uint8)
    colours = np.random.default_rng(0).integers(0, 256, real.shape, np.uint8)
    assert inputs_as_answers(colours, real) is not None
    assert np.array_equal(np.asarray(inputs_as_answers(colours, real)), colours)
    grey = np.asarray(inputs_as_answers(colours[..., :1], real))
    assert grey.shape == real.shape
    assert (grey == colours[..., :1]).all()
    assert inputs_as_answers(colours, real[..., :1]) is None
    assert inputs_as_answers(colours[..., :2], real) is None
