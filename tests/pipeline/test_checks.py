"""What is refused before anything runs, against the data and the stages that it speaks for."""

import re
from pathlib import Path
from typing import Any

import pytest

from ganflow.config import Params
from ganflow.data import generated_digits
from ganflow.data.map_pairs import split
from ganflow.errors import UserError
from ganflow.pipeline import checks

ROOT = Path(__file__).parents[2]


def changed(params: Params, **sections: dict[str, Any]) -> Params:
    content = params.model_dump()
    for name, values in sections.items():
        content[name] |= values
    return Params.model_validate(content)


def test_the_committed_parameters_pass(params: Params) -> None:
    checks.check(params)
    assert checks.training_images(params) == {"mnist": 55000, "maps": 1000}


def test_the_numbers_are_those_of_the_data(params: Params) -> None:
    assert len(generated_digits.digits(10**6, 10**6, seed=0)[0]) == checks.GENERATED_DIGITS
    listed = (ROOT / "data/manifests/maps.sha256").read_text().splitlines()
    pairs = [line for line in listed if line.split()[1].startswith("maps/train/")]
    assert len(pairs) == checks.DOWNLOADED_PAIRS
    train, _ = split(pairs, params.maps.val_pairs, seed=0)
    assert len(train) == checks.training_images(params)["maps"]


@pytest.mark.parametrize("model", checks.TRAININGS)
@pytest.mark.parametrize("source", ["download", "generated"])
def test_a_batch_may_be_as_large_as_the_data_and_no_larger(params: Params, model: str, source: str) -> None:
    params = changed(params, data={"source": source})
    images = checks.training_images(params)[checks.TRAININGS[model]]
    checks.check(changed(params, **{model: {"batch_size": images}}))
    with pytest.raises(UserError, match=rf"^{model}\.batch_size = {images + 1}: there are only {images} training"):
        checks.check(changed(params, **{model: {"batch_size": images + 1}}))


@pytest.mark.parametrize("page", ["compare", "scaling"])
def test_the_documented_numbers_of_processes_share_every_batch(params: Params, page: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    dvc exp run (?=.*compute\.processes)([^#\n]*)", text, re.MULTILINE)
    assert commands
    for command in commands:
        sections: dict[str, dict[str, Any]] = {}
        for section, name, value in re.findall(r"-S (\w+)\.(\w+)=(\d+)", command):
            sections.setdefault(section, {})[name] = int(value)
        checks.check(changed(params, **sections))


def test_published_tiles_are_not_enlarged(params: Params) -> None:
    with pytest.raises(UserError, match=r"^maps\.eval_size = 1024: the published tiles have 600 px$"):
        checks.check(changed(params, maps={"eval_size": 1024}))
    checks.check(changed(params, maps={"eval_size": 1024}, data={"source": "generated"}))


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"data": {"source": "generated"}, "maps": {"generated_pairs": 96}},
            r"maps\.val_pairs = 96: there are only 96",
        ),
        ({"compute": {"processes": 3}}, r"classifier\.batch_size = 128 cannot be shared evenly by 3 processes"),
        ({"compute": {"device": "mps"}}, r"compute\.device = 'mps'"),
    ],
)
def test_contradictions_are_refused(params: Params, sections: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        checks.check(changed(params, **sections))


def test_a_folder_of_own_pairs_has_to_be_there_and_counts_its_pairs_itself(params: Params) -> None:
    own = str(ROOT / "tests/data/cells")
    checks.check(changed(params, pairs={"folder": own}, maps={"val_pairs": 1000}, pix2pix={"batch_size": 500}))
    with pytest.raises(UserError, match="nowhere is not a folder"):
        checks.check(changed(params, pairs={"folder": "nowhere"}))
