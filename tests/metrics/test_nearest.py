import numpy as np

from ganflow.metrics.nearest import nearest_targets

RNG = np.random.default_rng(0)


def test_the_pair_that_looks_most_alike_is_copied_and_brought_to_size() -> None:
    pairs = np.zeros((3, 2, 20, 20, 3), np.uint8)
    for i, (photo, street_map) in enumerate([((10, 90, 10), 50), ((120, 120, 120), 100), ((10, 40, 160), 200)]):
        pairs[i, 0] = photo
        pairs[i, 1] = street_map
    pairs[:, 0] += RNG.integers(0, 8, pairs[:, 0].shape, np.uint8)
    inputs = np.stack([np.full((16, 16, 3), colour, np.uint8) for colour in ((12, 42, 163), (12, 92, 13))])
    copied, chosen = nearest_targets(pairs[:, 0], pairs[:, 1], inputs)
    assert chosen.tolist() == [2, 0]
    assert copied.shape == (2, 16, 16, 3)
    assert (copied[0] == 200).all()
    assert (copied[1] == 50).all()


def test_it_works_in_both_directions_and_finds_a_pair_by_itself() -> None:
    pairs = np.repeat(np.repeat(RNG.integers(0, 256, (6, 2, 4, 4, 3), np.uint8), 8, 2), 8, 3)
    for source in (0, 1):
        copied, chosen = nearest_targets(pairs[:, source], pairs[:, 1 - source], pairs[:, source])
        assert chosen.tolist() == list(range(6))
        assert np.array_equal(copied, pairs[:, 1 - source])
