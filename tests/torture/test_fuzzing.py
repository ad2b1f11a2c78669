"""Properties that hold for any input, tried on inputs that hypothesis makes up: the same ones on every machine."""

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from ruamel.yaml import YAML

from ganflow import config
from ganflow.errors import UserError, one_line, without_secrets
from ganflow.inference.rows import at_size, of_array
from ganflow.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]
FEW = settings(max_examples=15, deadline=None, derandomize=True, database=None)
MANY = settings(FEW, max_examples=80)
CONTENT = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
KEYS = [(section, key) for section, values in CONTENT.items() if isinstance(values, dict) for key in values]
# Some library here flushes subnormal numbers to zero, and hypothesis refuses to make them up.
FLOATS = st.floats(allow_subnormal=False)
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)
LETTERS = st.text(st.characters(exclude_characters="/'\"@", exclude_categories=("Z", "C")), min_size=4, max_size=20)


@settings(FEW, max_examples=6)
@given(st.sampled_from(KEYS), ANYTHING)
def test_any_value_of_a_parameter_is_taken_or_refused_in_one_line(place: tuple[str, str], value: Any) -> None:
    changed = copy.deepcopy(CONTENT)
    changed[place[0]][place[1]] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        YAML(typ="safe").dump(changed, path)
        try:
            config.load_params(path)
        except UserError as fault:
            if not str(fault).isprintable():
                pytest.fail(f"{fault!r} is not one printable line")


@MANY
@given(LETTERS, LETTERS)
def test_no_password_of_an_address_is_shown(user: str, password: str) -> None:
    shown = without_secrets(f"asked http://{user}:{password}@host.example/a for x")
    assert shown == "asked http://***@host.example/a for x"


@MANY
@given(st.text())
def test_whatever_is_printed_is_one_line_without_control_characters(text: str) -> None:
    assert one_line(text).isprintable()


@FEW
@given(*[st.integers(1, 40)] * 4, st.integers(0, 99))
def test_a_picture_resized_row_by_row_is_the_one_resized_at_once(
    height: int, width: int, to_height: int, to_width: int, seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    whole = Image.fromarray(pixels).resize((to_width, to_height), Image.Resampling.BICUBIC)
    by_rows = at_size(of_array(pixels), to_height, to_width).rows(0, to_height)
    assert np.abs(by_rows.astype(int) - np.asarray(whole)).max() <= 1


STATES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_subnormal=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers() | st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@FEW
@given(STATES)
def test_any_state_of_a_training_comes_back_as_it_was(state: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_ROOT", folder)
        Checkpoints("gan", "mark").save(1, {"state": state})
        assert Checkpoints("gan", "mark").load() == {"state": state}
