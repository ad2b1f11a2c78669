import re
from pathlib import Path

import forks
import pytest
import torch

from ganflow.errors import UserError
from ganflow.seeds import step_seed
from ganflow.training import compute

SRC = Path(__file__).parents[2] / "src"


def test_step_seeds_are_the_same_everywhere_and_differ_by_step() -> None:
    assert step_seed(0, "gan", 1) == 6418147537688783054
    assert len({step_seed(0, name, step) for name in ("gan", "pix2pix") for step in range(100)}) == 200


def test_compiling_is_for_long_trainings_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert compute._choose_compile("auto", torch.device("cuda"), 100_000)[0]
    assert not compute._choose_compile("auto", torch.device("cuda"), 100)[0]
    assert not compute._choose_compile("auto", torch.device("cpu"), 100_000)[0]
    assert compute._choose_compile("on", torch.device("cuda"), 1)[0]
    assert not compute._choose_compile("off", torch.device("cuda"), 100_000)[0]


@pytest.mark.parametrize(("device", "compiler", "variable"), [("cpu", "clang++", "CXX"), ("cuda", "clang", "CC")])
def test_compiling_without_a_compiler_is_one_line(
    monkeypatch: pytest.MonkeyPatch, device: str, compiler: str, variable: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(compute.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match=r"compute\.compile = 'on'.*" + re.escape(compiler)):
        compute._choose_compile("on", torch.device(device), 1)
    compiled, said = compute._choose_compile("auto", torch.device("cuda"), 100_000)
    assert not compiled
    assert "not compiled (torch.compile needs gcc or clang" in said


def test_using_and_evaluating_a_model_needs_nothing_of_how_it_is_trained(tmp_path: Path) -> None:
    """One exception: digits are also measured by what a classifier learns from them, in steps of its own training."""
    script = tmp_path / "using.py"
    script.write_text("""
import sys, ganflow.evaluation.translations, ganflow.evaluation.samples, ganflow.inference.compute
import ganflow.inference.translation, ganflow.inference.digits, ganflow.inference.features
print(*sorted(name for name in sys.modules if name.startswith("ganflow.training")))
import ganflow.evaluation.digits
print(*sorted(name for name in sys.modules if name.startswith("ganflow.training.")))
""")
    done = forks.run([str(script)], tmp_path, {"PYTHONPATH": str(SRC)})
    assert done.returncode == 0, done.stderr
    without, of_digits = done.stdout.splitlines()
    assert without == ""
    names = ("classifier", "compute", "plan", "processes", "train_on_samples")
    assert of_digits.split() == [f"ganflow.training.{name}" for name in names]
