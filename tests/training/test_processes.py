"""How a training is shared by processes, without starting any (tests/stages/test_processes.py starts them)."""

import pytest
import torch

from ganflow.config import Params
from ganflow.errors import UserError
from ganflow.training.processes import launched


def test_more_processes_than_gpus_are_refused_in_one_line(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match=r"compute\.processes = 4: .* torch finds 2 here"):
        launched(params.compute.model_copy(update={"device": "auto", "processes": 4}))


def test_one_process_is_not_launched_anew(params: Params) -> None:
    assert not launched(params.compute.model_copy(update={"processes": 1}))
