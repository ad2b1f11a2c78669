"""One core per row of a table: NumPy lets go of Python's lock while it works."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

Given = TypeVar("Given")
Found = TypeVar("Found")


def map_rows(function: Callable[[Given], Found], rows: Mapping[str, Given]) -> dict[str, Found]:
    """`function` of each value, under its key, on as many threads as `compute.threads` gives torch.

    NumPy's and scikit-learn's own threads rest meanwhile: two rows that each want every core wait for each other.
    """
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(torch.get_num_threads(), initializer=_alone) as pool:
        return dict(zip(rows, pool.map(function, rows.values()), strict=True))


def _alone() -> None:
    """OpenMP counts its threads by the thread that asks for them, so each of the pool has to say it for itself."""
    threadpool_limits(1, user_api="openmp")
