from typing import Any

import pytest
import torch

from ganflow.config import Compute
from ganflow.errors import UserError
from ganflow.seeds import step_seed
from ganflow.training import compute

PLAIN: dict[str, Any] = {"device": "cpu", "precision": "fp32", "compile": "off", "threads": 1, "processes": 1}


def test_an_absent_device_is_one_line() -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(UserError, match=rf"compute\.device = '{missing}'"):
        compute.prepare(Compute(**PLAIN | {"device": missing}))


@pytest.mark.parametrize(
    ("precision", "hardware", "bf16"),
    [("auto", True, True), ("auto", False, False), ("fp32", True, False), ("bf16", False, True)],
)
def test_bf16_is_chosen_where_the_hardware_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, precision: str, hardware: bool, bf16: bool
) -> None:
    monkeypatch.setattr(compute, "_multiplies_bf16", lambda device: hardware)
    machine = compute.prepare(Compute(**PLAIN | {"precision": precision}))
    assert machine.bf16 is bf16
    with machine.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if bf16 else torch.float32)


def test_step_seeds_are_the_same_everywhere_and_differ_by_step() -> None:
    assert step_seed(0, "gan", 1) == 6418147537688783054
    assert len({step_seed(0, name, step) for name in ("gan", "pix2pix") for step in range(100)}) == 200


def test_compiling_is_for_long_trainings_on_a_gpu() -> None:
    assert compute._compiles("auto", torch.device("cuda"), 100_000)
    assert not compute._compiles("auto", torch.device("cuda"), 100)
    assert not compute._compiles("auto", torch.device("cpu"), 100_000)
    assert compute._compiles("on", torch.device("cuda"), 1)
    assert not compute._compiles("off", torch.device("cuda"), 100_000)


def test_compiling_without_a_compiler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"compute\.compile = 'on'.* takes g\+\+"):
        compute.prepare(Compute(**PLAIN | {"compile": "on"}))
