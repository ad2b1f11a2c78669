"""Compute the rows of a table in parallel threads: NumPy releases Python's lock while it works."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

Value = TypeVar("Value")
Result = TypeVar("Result")


def map_rows(function: Callable[[Value], Result], rows: Mapping[str, Value]) -> dict[str, Result]:
    """`function` of each value, under its key, on as many threads as `compute.threads` gives torch.

    NumPy and scikit-learn run on one thread each meanwhile: rows that each use every core would slow each other down.
    """
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(torch.get_num_threads(), initializer=_one_openmp_thread) as pool,
    ):
        return dict(zip(rows, pool.map(function, rows.values()), strict=True))


def _one_openmp_thread() -> None:
    """OpenMP's limit belongs to the calling thread, so each thread of the pool has to set it."""
    threadpool_limits(1, user_api="openmp")
