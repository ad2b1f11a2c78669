"""The exercises of docs/models.md come out as the page says."""

import re
from pathlib import Path

import pytest
from first_gan import EXERCISES, MEAN, SPREAD, train

PAGE = (Path(__file__).parents[1] / "docs/models.md").read_text(encoding="utf-8")


def test_it_draws_like_the_data_and_the_discriminator_ends_near_one_half() -> None:
    found = train()
    assert found["mean"] == pytest.approx(MEAN, abs=0.3)
    assert found["spread"] == pytest.approx(SPREAD, abs=0.25)
    assert found["verdict"] == pytest.approx(0.5, abs=0.1)


def test_after_ten_steps_nothing_is_learned() -> None:
    assert abs(train(**EXERCISES["ten steps only"])["mean"] - MEAN) > 1


def test_against_a_generator_that_stays_the_discriminator_becomes_sure() -> None:
    assert train(**EXERCISES["G stays as it is"])["verdict"] < 0.01


def test_without_noise_it_draws_the_same_number_again_and_again() -> None:
    found = train(**EXERCISES["no noise"])
    assert found["mean"] == pytest.approx(MEAN, abs=0.5), "each is fine"
    assert found["spread"] < 0.01, "and all are the same: collapse"


def test_the_page_names_every_exercise() -> None:
    assert re.findall(r"^\| \*\*(.+?)\*\*", PAGE[PAGE.index("## Exercises") :], re.MULTILINE) == list(EXERCISES)
