from typing import Any

import pytest
import torch

from ganflow.config import Compute
from ganflow.errors import UserError
from ganflow.inference import compute, hardware

PLAIN: dict[str, Any] = {"device": "cpu", "precision": "fp32", "compile": "off", "threads": 1, "processes": 1}


def test_an_absent_device_is_one_line() -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(UserError, match=rf"compute\.device = '{missing}'"):
        compute.set_up(Compute.model_validate(PLAIN | {"device": missing}))


@pytest.mark.parametrize(
    ("precision", "faster", "bf16"),
    [("auto", True, True), ("auto", False, False), ("fp32", True, False), ("bf16", False, True)],
)
def test_bf16_is_chosen_where_it_is_faster_and_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, precision: str, faster: bool, bf16: bool
) -> None:
    monkeypatch.setattr(hardware, "cpu_runs_bf16_faster", lambda cpuinfo: (faster, "the reason"))
    runtime = compute.set_up(Compute.model_validate(PLAIN | {"precision": precision}))
    assert runtime.bf16 is bf16
    assert ("the reason" in runtime.reason) is (precision == "auto")
    with runtime.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if bf16 else torch.float32)


@pytest.mark.parametrize(
    ("asked", "processes", "threads"), [(0, 1, 6), (0, 2, 3), (0, 4, 1), (0, 8, 1), (2, 1, 2), (2, 4, 2)]
)
def test_processes_share_the_usable_cores_unless_threads_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: int, processes: int, threads: int
) -> None:
    monkeypatch.setattr(hardware, "usable_cores", lambda: 6)
    before = torch.get_num_threads()
    try:
        compute.set_up(Compute.model_validate(PLAIN | {"threads": asked}), processes)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
