import pytest
import torch

from ganflow.config import Compute
from ganflow.errors import UserError
from ganflow.training import compute


def test_an_absent_device_is_one_line() -> None:
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(UserError, match=rf"compute\.device = '{missing}'"):
        compute.prepare(Compute(device=missing, precision="fp32", threads=1))


@pytest.mark.parametrize(
    ("precision", "hardware", "bf16"),
    [("auto", True, True), ("auto", False, False), ("fp32", True, False), ("bf16", False, True)],
)
def test_bf16_is_chosen_where_the_hardware_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, precision: str, hardware: bool, bf16: bool
) -> None:
    monkeypatch.setattr(compute, "_multiplies_bf16", lambda device: hardware)
    machine = compute.prepare(Compute(device="cpu", precision=precision, threads=1))  # type: ignore[arg-type]
    assert machine.bf16 is bf16
    with machine.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if bf16 else torch.float32)


def test_step_seeds_are_the_same_everywhere_and_differ_by_step() -> None:
    assert compute.step_seed(0, "gan", 1) == 6418147537688783054
    assert len({compute.step_seed(0, name, step) for name in ("gan", "pix2pix") for step in range(100)}) == 200
