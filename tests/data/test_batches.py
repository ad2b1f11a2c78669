from pathlib import Path

import numpy as np
import pytest
import torch

from ganflow.data.batches import DigitBatches, PairBatches, open_array, to_bytes, to_unit

CPU = torch.device("cpu")


def marked_pairs(count: int = 3, size: int = 20) -> torch.Tensor:
    """Pairs whose pixels tell pair (red), row (green) and column (blue); the map's are 100 higher in red."""
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    pairs = torch.zeros(count, 2, size, size, 3, dtype=torch.uint8)
    pairs[..., 0] = torch.arange(count).view(-1, 1, 1, 1).to(torch.uint8)
    pairs[:, 1, ..., 0] += 100
    pairs[..., 1], pairs[..., 2] = row.to(torch.uint8), column.to(torch.uint8)
    return pairs


def test_bytes_survive_the_way_to_unit_range_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert to_unit(levels).min() == -1
    assert to_unit(levels).max() == 1
    assert np.array_equal(to_bytes(to_unit(levels).view(1, 1, 16, 16)).ravel(), levels.numpy())


@pytest.mark.parametrize("direction", ["aerial2map", "map2aerial"])
def test_input_and_target_are_cropped_and_flipped_alike(direction: str) -> None:
    batches = PairBatches(marked_pairs(), 8, direction, CPU)
    torch.manual_seed(0)
    flipped = set()
    for _ in range(8):
        source, target = (torch.from_numpy(to_bytes(part)).int() for part in batches.batch(torch.tensor([2, 0])))
        first = 0 if direction == "aerial2map" else 100
        assert source[0, 0, 0, 0] == 2 + first
        assert target[0, 0, 0, 0] == 102 - first
        assert torch.equal(source[..., 1:], target[..., 1:])
        steps = source[..., 2].diff(dim=2)
        assert (steps.abs() == 1).all()  # neighbouring columns, in one direction or the other
        flipped |= set(steps.flatten().tolist())
    assert flipped == {-1, 1}


def test_a_batch_comes_from_torchs_generator_alone() -> None:
    batches = PairBatches(marked_pairs(), 8, "aerial2map", CPU)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(batches.batch(torch.tensor([0, 1, 2]))[0])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_crops_reach_every_corner() -> None:
    batches = PairBatches(marked_pairs(size=10), 8, "aerial2map", CPU)
    torch.manual_seed(0)
    tops = {int(to_bytes(batches.batch(torch.tensor([0]))[0])[0, 0, 0, 1]) for _ in range(60)}
    assert tops == {0, 1, 2}


def test_digits() -> None:
    images = torch.arange(3 * 28 * 28).view(3, 28, 28).to(torch.uint8)
    batch, labels = DigitBatches(images, torch.tensor([7, 8, 9], dtype=torch.uint8), CPU).batch(torch.tensor([2, 0]))
    assert batch.shape == (2, 1, 28, 28)
    assert np.array_equal(to_bytes(batch), images[[2, 0]].numpy())
    assert labels.tolist() == [9, 7]


def test_an_array_stays_on_disk_on_the_cpu(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(10, dtype=np.uint8))
    array = open_array(tmp_path / "a.npy", CPU)
    assert array.tolist() == list(range(10))
    array[0] = 5  # copy-on-write: the file stays as it was
    assert np.load(tmp_path / "a.npy")[0] == 0
