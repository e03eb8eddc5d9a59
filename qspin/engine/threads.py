"""Cores of this process, and how many of them the libraries take that compute for a task."""

from __future__ import annotations

import functools
import os
import sys

from threadpoolctl import ThreadpoolController

__all__ = ["n_cores", "take_threads"]

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
"""Read by libraries when they are loaded, and by processes that a backend starts."""


def n_cores() -> int:
    """Cores that this process may use, at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def take_threads(n: int) -> None:
    """Let Numba, BLAS, OpenMP and torch take so many threads in this process from now on.

    What a task gives does not depend on it. A user's own, smaller limits in the environment hold.
    """
    _take(n, len(sys.modules))


@functools.lru_cache(maxsize=1)
def _take(n: int, n_modules: int) -> None:
    """Anew where another number is asked for, or where there may be other libraries than before."""
    import numba

    for name, most in _own_limits().items():
        os.environ[name] = str(min(n, most))
    numba.set_num_threads(min(n, int(numba.config.NUMBA_NUM_THREADS)))  # type: ignore[attr-defined]
    _libraries(n_modules).limit(limits=min(n, min(_own_limits().values())))
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(min(n, _own_limits()["OMP_NUM_THREADS"]))


@functools.lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    """Looks for libraries with threads, which takes milliseconds."""
    return ThreadpoolController()


@functools.cache
def _own_limits() -> dict[str, int]:
    """What the environment allowed before it was changed here."""
    found = {name: os.environ.get(name, "").partition(",")[0].strip() for name in _VARIABLES}
    return {name: int(text) if text.isdigit() and int(text) else n_cores() for name, text in found.items()}
