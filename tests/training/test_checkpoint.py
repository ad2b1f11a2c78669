import shutil
import sys
import types
from pathlib import Path

import pytest
import torch

from ganflow.training.checkpoint import KEPT, Checkpoints, fingerprint


def state(value: float) -> dict[str, object]:
    return {
        "step": int(value),
        "network": {"weight": torch.full((2, 3), value), "count": torch.tensor(3)},
        "optimiser": {"state": {0: {"step": torch.tensor(7.0)}, 1: {}}, "groups": [{"lr": 0.1, "params": [0, 1]}]},
        "history": [{"loss": 0.1 + 0.2}],
        "nothing": None,
    }


def equal(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(equal, a, b))
    return a == b


def test_a_state_comes_back_as_it_was() -> None:
    checkpoints = Checkpoints("gan", "mark")
    assert checkpoints.load() is None
    checkpoints.save(5, state(5))
    assert equal(checkpoints.load(), state(5))


def test_the_last_two_are_kept_and_the_newest_is_loaded() -> None:
    checkpoints = Checkpoints("gan", "mark")
    for step in (1, 20, 300):
        checkpoints.save(step, state(step))
    assert len(list(checkpoints.folder.iterdir())) == KEPT == 2
    assert equal(checkpoints.load(), state(300))


def test_what_a_killed_process_was_writing_is_cleared_away() -> None:
    checkpoints = Checkpoints("gan", "mark")
    checkpoints.save(1, state(1))
    (checkpoints.folder / ".step-000000002.safetensors.4711.partial").write_bytes(b"half")
    checkpoints.save(3, state(3))
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == [
        f"step-{step:09d}.safetensors" for step in (1, 3)
    ]


def test_a_kill_while_the_folder_is_removed_leaves_no_state_without_its_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoints = Checkpoints("gan", "mark")
    checkpoints.save(1, state(1))
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # it does not come to that
    checkpoints.remove()
    assert checkpoints.load() is None


def test_a_trainings_id_lasts_as_long_as_its_folder() -> None:
    checkpoints = Checkpoints("gan", "mark")
    first = checkpoints.training()
    assert first == Checkpoints("gan", "mark").training() != Checkpoints("gan", "other").training()
    checkpoints.remove()
    assert Checkpoints("gan", "mark").training() != first


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "foreign"])
def test_a_damaged_newest_is_skipped_with_a_warning(damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints = Checkpoints("gan", "mark")
    checkpoints.save(1, state(1))
    checkpoints.save(2, state(2))
    newest = max(checkpoints.folder.iterdir())
    content = bytearray(newest.read_bytes())
    match damage:
        case "cut":
            newest.write_bytes(content[:-5])
        case "empty":
            newest.write_bytes(b"")
        case "flipped":
            content[-3] ^= 1  # a weight: only the checksum can tell
            newest.write_bytes(content)
        case "foreign":
            newest.write_bytes(b"PK\x03\x04 something else" * 10)
    assert equal(checkpoints.load(), state(1))
    assert newest.name in capsys.readouterr().err


def test_other_parameters_data_or_code_have_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = fingerprint({"gan": {"lr": 0.1}}, "digest")
    assert mark == fingerprint({"gan": {"lr": 0.1}}, "digest")
    assert mark != fingerprint({"gan": {"lr": 0.2}}, "digest")
    assert mark != fingerprint({"gan": {"lr": 0.1}}, "other")
    module = types.ModuleType("ganflow.late")
    module.__file__ = str(tmp_path / "late.py")
    monkeypatch.setitem(sys.modules, "ganflow.late", module)
    marks = set()
    for code in ("a = 1", "a = 2"):
        Path(module.__file__).write_text(code)
        marks.add(fingerprint({"gan": {"lr": 0.1}}, "digest"))
    assert len(marks | {mark}) == 3
