"""The baseline that answers with the input itself."""

import numpy as np

from ganflow.evaluation.translations import inputs_as_answers

REAL = np.zeros((2, 4, 5, 3), np.uint8)


def test_an_input_is_an_answer_where_it_has_the_channels_or_is_grey() -> None:
    colours = np.random.default_rng(0).integers(0, 256, REAL.shape, np.uint8)
    assert inputs_as_answers(colours, REAL) is not None
    assert np.array_equal(np.asarray(inputs_as_answers(colours, REAL)), colours)
    grey = np.asarray(inputs_as_answers(colours[..., :1], REAL))
    assert grey.shape == REAL.shape
    assert (grey == colours[..., :1]).all()
    assert inputs_as_answers(colours, REAL[..., :1]) is None
    assert inputs_as_answers(colours[..., :2], REAL) is None
