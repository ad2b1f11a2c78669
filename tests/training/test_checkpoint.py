import re
from unittest.mock import ANY

import pytest
import torch
from safetensors.torch import save_file

from ganflow.training.checkpoint import KEPT, Checkpoints, Identity


def state(value: float) -> dict[str, object]:
    return {
        "step": int(value),
        "network": {"weight": torch.full((2, 3), value), "count": torch.tensor(3)},
        "optimiser": {"state": {0: {"step": torch.tensor(7.0)}, 1: {}}, "groups": [{"lr": 0.1, "params": [0, 1]}]},
        "history": [{"loss": 0.1 + 0.2}],
        "nothing": None,
    }


def picture(checkpoints: Checkpoints, name: str) -> None:
    checkpoints.samples.mkdir(parents=True, exist_ok=True)
    (checkpoints.samples / name).write_text(name)
    checkpoints.add_picture(checkpoints.samples / name)


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


def test_a_trainings_id_is_kept_beside_what_it_belongs_to_whatever_happens_to_it() -> None:
    checkpoints = Checkpoints("gan", "mark")
    first = checkpoints.begin({"params": {"seed": 0}})
    assert first == Checkpoints("gan", "mark").begin({"params": {"seed": 0}})
    assert first != Checkpoints("gan", "other").begin({"params": {"seed": 0}})
    for damage in (b"", b"[]", b"\xff", b'{"training": "\' or 1=1"}'):
        (checkpoints.folder / "training.json").write_bytes(damage)
        assert re.fullmatch("[0-9a-f]{32}", checkpoints.begin({"params": {}}).training)


def damaged_at_will(checkpoints: Checkpoints, contents: list[bytes], capsys: pytest.CaptureFixture[str]) -> int:
    """Load each of `contents` in place of the newest state; returns how many were skipped, by name."""
    newest = max(checkpoints.folder.glob("step-*"))
    skipped = 0
    for content in contents:
        newest.write_bytes(content)
        found, said = checkpoints.load(), capsys.readouterr().err
        if f"skipping damaged checkpoint {newest}" in said:
            assert equal(found, state(1))
            skipped += 1
        else:
            assert equal(found, state(2)), "another state was taken for the saved one"
            assert said == ""
    return skipped


def test_no_bit_of_a_checkpoint_can_change_without_its_being_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """The header's numbers, names, shapes and types included: the same state, or skipped with a line."""
    checkpoints = Checkpoints("gan", "mark")
    picture(checkpoints, "epoch_0001.png")
    for step in (1, 2):
        checkpoints.save(step, state(step))
    whole = max(checkpoints.folder.glob("step-*")).read_bytes()
    flipped = [
        whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]
        for place in range(len(whole))
        for bit in (range(8) if place % 16 == 0 else [place % 8])
    ]
    skipped = damaged_at_will(checkpoints, flipped, capsys)
    assert skipped > 0.98 * len(flipped)  # others: blanks that became another kind of blank


def test_no_byte_of_a_checkpoint_can_be_missing_doubled_or_another(capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints = Checkpoints("gan", "mark")
    for step in (1, 2):
        checkpoints.save(step, state(step))
    whole = max(checkpoints.folder.glob("step-*")).read_bytes()
    contents = [whole[:place] + (b"", b"0", b"9")[place % 3] + whole[place + 1 :] for place in range(0, len(whole), 2)]
    contents += [whole[:length] for length in range(0, len(whole), 29)] + [whole + b"\0", whole * 2, b"PK\3\4" * 99]
    assert damaged_at_will(checkpoints, contents, capsys) > 0.9 * len(contents)


def test_a_whole_checkpoint_of_another_training_is_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    other, checkpoints = Checkpoints("gan", "other"), Checkpoints("gan", "mark")
    for one in (other, checkpoints):
        one.save(1, state(1))
        one.save(2, state(2))
    contents = [max(other.folder.glob("step-*")).read_bytes()]
    foreign = other.folder / "foreign"
    save_file({"a": torch.zeros(2)}, foreign)
    contents.append(foreign.read_bytes())
    save_file({"a": torch.zeros(2)}, foreign, {"ganflow": '{"state": 1}', "sha256": ""})
    contents.append(foreign.read_bytes())
    assert damaged_at_will(checkpoints, contents, capsys) == len(contents)


def test_what_is_no_file_of_ours_is_left_alone() -> None:
    checkpoints = Checkpoints("gan", "mark")
    checkpoints.save(1, state(1))
    (checkpoints.folder / "step-000000009.safetensors").mkdir()
    (checkpoints.folder / "step-new.safetensors").touch()
    for step in (2, 3, 4):
        checkpoints.save(step, state(step))
    assert equal(checkpoints.load(), state(4))
    assert len(list(checkpoints.folder.iterdir())) == 2 + KEPT


def test_after_a_damaged_one_two_whole_ones_are_kept_again() -> None:
    checkpoints = Checkpoints("gan", "mark")
    for step in (1, 5):
        checkpoints.save(step, state(step))
    max(checkpoints.folder.glob("step-*")).write_bytes(b"")
    assert equal(checkpoints.load(), state(1))
    for step in (2, 3):
        checkpoints.save(step, state(step))
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == [
        f"step-{step:09d}.safetensors" for step in (2, 3)
    ]


@pytest.mark.parametrize("damage", [b"", b"\x89PNG", None])
def test_a_state_whose_picture_is_damaged_is_skipped(damage: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    """The pictures are an out too."""
    checkpoints = Checkpoints("gan", "mark")
    picture(checkpoints, "epoch_0001.png")
    checkpoints.save(1, state(1))
    picture(checkpoints, "epoch_0002.png")
    checkpoints.save(2, state(2))
    again = Checkpoints("gan", "mark")
    assert equal(again.load(), state(2))
    assert again.pictures == checkpoints.pictures
    second = checkpoints.samples / "epoch_0002.png"
    second.unlink() if damage is None else second.write_bytes(damage)
    assert equal(again.load(), state(1))
    assert list(again.pictures) == ["epoch_0001.png"]
    assert "epoch_0002.png" in capsys.readouterr().err


def test_a_state_made_on_another_kind_of_device_is_taken_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Checkpoints("gan", "mark", "cuda in bf16").save(1, state(1))
    assert equal(Checkpoints("gan", "mark", "cuda in bf16").load(), state(1))
    assert capsys.readouterr().err == ""
    assert equal(Checkpoints("gan", "mark", "cpu in fp32").load(), state(1))
    said = capsys.readouterr().err
    assert "was made on cuda in bf16, this is cpu in fp32" in said
    assert said.count("\n") == 1


def test_a_checkpoint_of_other_code_is_named_and_not_taken(capsys: pytest.CaptureFixture[str]) -> None:
    Checkpoints("gan", "asked-before").save(7, state(7))
    Checkpoints("gan", "else-before").save(8, state(8))
    assert Checkpoints("gan", "asked-after").load() is None
    said = capsys.readouterr().err
    assert "gan: a checkpoint of other code exists at step 7 " in said
    assert said.count("\n") == 1


def begun(length: str, constant_steps: int, steps: tuple[int, ...] = ()) -> tuple[Checkpoints, Identity]:
    """A training whose rate falls after `constant_steps`, with the states that it has saved."""
    checkpoints = Checkpoints("gan", f"0123456789ab-{length}-ba9876543210", constant_steps=constant_steps)
    identity = checkpoints.begin({})
    for step in steps:
        if step == 10:
            picture(checkpoints, "epoch_0001.png")
        checkpoints.save(step, state(step))
    return checkpoints, identity


def test_the_state_before_the_rate_falls_is_kept_for_longer_trainings() -> None:
    _, shorter = begun("e4d2", 20, (10, 20, 30, 40))
    longer, identity = begun("e9d2", 70)
    assert (identity.continues, identity.step) == (shorter.training, 20)
    assert equal(longer.load(), state(20))
    assert (longer.samples / "epoch_0001.png").read_text() == "epoch_0001.png"
    assert begun("e9d2", 70)[1] == identity, "also when it is resumed"
    assert begun("e3d2", 10)[1].continues == "", "a shorter one would have seen a lower rate by then"


def test_the_newest_state_that_two_trainings_share_is_continued() -> None:
    begun("e4d2", 20, (10, 20))
    middle = begun("e9d2", 70, (30, 40))[1]
    assert begun("e8d2", 60)[1] == Identity(ANY, middle.training, 40), "an interrupted one counts"
    begun("e5d2", 30)
    assert begun("e5d2", 30)[1].step == 30


def test_a_damaged_state_is_not_continued(capsys: pytest.CaptureFixture[str]) -> None:
    shorter, _ = begun("e4d2", 20, (10, 20, 30, 40))
    kept = shorter.folder / "kept-000000020.safetensors"
    for damage in (lambda: (shorter.samples / "epoch_0001.png").write_text("?"), lambda: kept.write_bytes(b"")):
        damage()
        assert begun("e9d2", 70)[1].continues == ""
        assert f"skipping damaged checkpoint {kept}" in capsys.readouterr().err


def test_a_takeover_that_is_killed_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _, shorter = begun("e4d2", 20, (10, 20))
    with monkeypatch.context() as killed:
        killed.setattr(Checkpoints, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            begun("e9d2", 70)
    longer, identity = begun("e9d2", 70)
    assert identity.continues == shorter.training
    assert equal(longer.load(), state(20))
