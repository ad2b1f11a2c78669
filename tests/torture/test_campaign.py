"""One try of every fault of `make torture`, and that its table names tests that exist."""

import random
import re
from pathlib import Path

import campaign
import machine_faults
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("fault", campaign.FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_lost(fault: campaign.Fault, tmp_path: Path) -> None:
    try:
        fault(tmp_path, random.Random(0))
    except machine_faults.NotTriedError as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("wanted", sorted({test for tests in campaign.HELD_BY_TESTS.values() for test in tests}))
def test_a_test_that_the_table_counts_on_exists(wanted: str) -> None:
    path, _, function = wanted.partition("::")
    assert re.search(rf"^def {function}", (ROOT / path).read_text(), re.MULTILINE)


def test_the_table_counts_what_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(folder: Path, chance: random.Random) -> None:
        """A fault: an outcome"""
        raise AssertionError("gone")

    def cannot(folder: Path, chance: random.Random) -> None:
        """Another: an outcome"""
        raise machine_faults.NotTriedError("needs root")

    monkeypatch.setattr(campaign, "FAULTS", (fails, cannot))
    rows = campaign.repeat(0, 0)
    assert campaign.table(rows).splitlines()[2:] == [
        "| A fault | 1 | an outcome | 1 times |",
        "| Another | 0 | not tried: needs root | nothing |",
    ]
    assert rows[0].lost[0].startswith("fails, seed 0: ")
