"""How a training is shared by processes, without starting any (tests/stages/test_processes.py starts them)."""

from pathlib import Path

import pytest
import torch
from torch import distributed

from ganflow.config import Params
from ganflow.errors import UserError
from ganflow.training.processes import World, fail_together, launched, leave


def test_more_processes_than_gpus_are_refused_in_one_line(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match=r"compute\.processes = 4: .* torch finds 2 here"):
        launched(params.compute.model_copy(update={"device": "auto", "processes": 4}))


def test_a_process_stays_in_the_group_until_it_leaves_or_fails(tmp_path: Path) -> None:
    """Also between two parts of the training that fail together: the weights to start from are the first of them."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    with fail_together(World(0, 2)):
        pass
    assert distributed.is_initialized()
    with pytest.raises(UserError, match="by itself"), fail_together(World(0, 2)):
        raise UserError("by itself")
    assert not distributed.is_initialized()
    leave()


def test_one_process_is_not_launched_anew(params: Params) -> None:
    assert not launched(params.compute.model_copy(update={"processes": 1}))
