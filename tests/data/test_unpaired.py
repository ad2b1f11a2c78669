"""Batches without pairs: what a batch shows of one side says nothing about the other."""

import torch

from ganflow.data.batches import to_bytes
from ganflow.data.unpaired import UnpairedBatches

CPU = torch.device("cpu")


def marked_pairs(count: int, size: int = 20) -> torch.Tensor:
    """Pairs whose pixels tell the pair (red) and the column (blue); the map's are 100 higher in red."""
    pairs = torch.zeros(count, 2, size, size, 3, dtype=torch.uint8)
    pairs[..., 0] = torch.arange(count).view(-1, 1, 1, 1).to(torch.uint8)
    pairs[:, 1, ..., 0] += 100
    pairs[..., 2] = torch.arange(size).to(torch.uint8)
    return pairs


def batch(pairs: torch.Tensor, indices: list[int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return UnpairedBatches(pairs, 8, "aerial2map", CPU).batch(torch.tensor(indices))


def test_a_target_depends_on_the_seed_alone_and_never_on_its_input() -> None:
    pairs = marked_pairs(count=6)
    assert torch.equal(batch(pairs, [0, 1, 2])[1], batch(pairs, [5, 5, 3])[1])
    assert not torch.equal(batch(pairs, [0, 1, 2])[1], batch(pairs, [0, 1, 2], seed=1)[1])


def test_other_partners_change_no_input_and_the_same_targets_come_from_elsewhere() -> None:
    """With the maps in another order, a batch differs by that order alone: who belongs to whom has no say."""
    pairs, order = marked_pairs(count=6), torch.tensor([4, 2, 0, 5, 1, 3])
    other = torch.stack([pairs[:, 0], pairs[order, 1]], dim=1)
    (x, y), (same_x, moved_y) = batch(pairs, [0, 1, 2, 3]), batch(other, [0, 1, 2, 3])
    assert torch.equal(x, same_x)
    marks, moved = (to_bytes(side)[:, 0, 0, 0].astype(int) - 100 for side in (y, moved_y))
    assert [int(order[mark]) for mark in marks] == moved.tolist()


def test_an_epoch_shows_every_input_and_targets_of_every_place_each_cropped_for_itself() -> None:
    x, y = batch(marked_pairs(count=6), list(range(6)) * 10)
    assert {int(mark) for mark in to_bytes(x)[:, 0, 0, 0]} == set(range(6))
    assert {int(mark) - 100 for mark in to_bytes(y)[:, 0, 0, 0]} == set(range(6))
    assert not torch.equal(x[:, 1:], y[:, 1:]), "the places of the crops"
