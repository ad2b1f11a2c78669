import threading

import pytest
import torch

from ganflow.evaluation.threads import map_rows


def test_each_row_keeps_its_key_and_order() -> None:
    assert list(map_rows(lambda value: value**2, {"b": 3, "a": 2}).items()) == [("b", 9), ("a", 4)]


def test_as_many_at_a_time_as_torch_has_threads() -> None:
    together = threading.Barrier(torch.get_num_threads(), timeout=20)  # breaks unless all come at once
    rows = {str(number): number for number in range(torch.get_num_threads())}
    map_rows(lambda _: together.wait(), rows)


def test_a_fault_in_a_row_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        map_rows(lambda value: 1 / value, {"a": 1, "b": 0})
