"""Projects that many tests look at, made once for all test processes."""

import os
from pathlib import Path

import pytest
from workspace import ORDER, project, stage

from ganflow.files import locked


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in a folder that all test processes of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "whole"


@pytest.fixture(scope="session")
def prepared(shared: Path) -> Path:
    """It, once its data is prepared."""
    return _with(shared, ORDER[: ORDER.index("prepare_maps") + 1])


@pytest.fixture(scope="session")
def whole(shared: Path) -> Path:
    """It, once every stage has run."""
    return _with(shared, ORDER)


def _with(folder: Path, stages: tuple[str, ...]) -> Path:
    for name in stages:
        with locked(folder.parent / f"{name}.lock", wait=True):
            mark = folder.parent / f"{name}.done"
            if not mark.exists():
                done = stage(project(folder), name)
                assert done.returncode == 0, (name, done.stderr)
                mark.touch()
    return folder
