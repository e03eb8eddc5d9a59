"""Cores of this process, and how many of them the libraries take that compute for a task."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController

__all__ = ["n_cores", "one_blas_thread", "take_threads"]

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
"""Read by libraries when they are loaded, and by processes that a backend starts."""


def n_cores() -> int:
    """Cores that this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Sums of BLAS depend on its threads in their last bits, so a task has one, wherever it is done."""
    with _libraries(len(sys.modules)).limit(limits=1, user_api="blas"):
        yield


def take_threads(n: int) -> None:
    """Let Numba, OpenMP and torch take so many threads in this process from now on, and BLAS one.

    What a task gives does not depend on it. A user's own, smaller limits in the environment hold.
    """
    import numba

    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    numba.set_num_threads(min(n, most))  # which each thread has of its own
    _take(n, len(sys.modules))


@functools.lru_cache(maxsize=1)
def _take(n: int, n_modules: int) -> None:
    """Anew where another number is asked for, or where there may be other libraries than before."""
    for name, most in _own_limits().items():
        os.environ[name] = str(min(n, most))
    _libraries(n_modules).limit(limits={"blas": 1, "openmp": min(n, _own_limits()["OMP_NUM_THREADS"])})
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(min(n, _own_limits()["OMP_NUM_THREADS"]))


@functools.lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    """Looks for libraries with threads, which takes milliseconds; that of SciPy is there from now on."""
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()


@functools.cache
def _own_limits() -> dict[str, int]:
    """What the environment allowed before it was changed here."""
    found = {name: os.environ.get(name, "").partition(",")[0].strip() for name in _VARIABLES}
    return {name: int(text) if text.isdigit() and int(text) else n_cores() for name, text in found.items()}
