"""What would not fit in memory is refused before anything is allocated."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from qspin.errors import CapacityError

__all__ = [
    "allocate_spins",
    "machine_memory",
    "require_bytes",
    "require_memory",
    "require_spins",
    "samples_bytes",
]

_BYTES_PER_SPIN = 128  # of a sparse problem: fields, row pointers, their copies while it is made
_BYTES_PER_ENERGY = 8
_BYTES_PER_ENTRY = 160  # of each coupling: both triangles, as coordinates and as rows


def allocate_spins(n_betas: int, n_replicas: int, n_draws: int, n_spins: int) -> NDArray[np.int8]:
    """An int8 array (beta, replica, draw, spin) to be filled; raises as `require_memory`."""
    require_memory(n_betas, n_replicas, n_draws, n_spins)
    return np.empty((n_betas, n_replicas, n_draws, n_spins), dtype=np.int8)


def samples_bytes(n_betas: int, n_replicas: int, n_draws: int, n_spins: int) -> int:
    """Bytes that samples take: spins and energies."""
    return n_betas * n_replicas * n_draws * (n_spins + _BYTES_PER_ENERGY)


def require_memory(n_betas: int, n_replicas: int, n_draws: int, n_spins: int) -> None:
    """Refuse samples that would not fit in memory, before anything is allocated.

    Raises
    ------
    CapacityError
        If it would take more than half of the machine's memory.
    """
    require_bytes(
        n_betas * n_replicas * n_draws * n_spins,
        f"{n_betas} betas x {n_replicas} replicas x {n_draws} draws of {n_spins} spins",
        "keep fewer draws (n_draws) or replicas",
    )


def require_spins(n_spins: int, n_couplings: int) -> None:
    """Refuse a sparse problem that would not fit in memory; raises as `require_memory`."""
    require_bytes(
        n_spins * _BYTES_PER_SPIN + n_couplings * _BYTES_PER_ENTRY,
        f"{n_spins} spins with {n_couplings} couplings",
        "take a smaller problem",
    )


def require_bytes(needed: int, what: str, remedy: str, *, limit: int | None = None) -> None:
    """Refuse what would not fit in memory, before anything is allocated.

    Parameters
    ----------
    needed : bytes
    what : takes them, a plural for the message
    remedy : what the user can do
    limit : bytes allowed; default half of the machine's memory

    Raises
    ------
    CapacityError
        If more is needed than allowed.
    """
    allowed, whose = limit, "the limit that was set"
    if allowed is None:
        if (machine := machine_memory()) is None:  # let NumPy decide
            return
        allowed, whose = machine // 2, f"half of the {machine / 2**30:.1f} GiB of this machine"
    if needed > allowed:
        raise CapacityError(
            f"{what} take {_gib(needed)} GiB, more than {whose} ({allowed / 2**30:.3g} GiB); {remedy}"
        )


def machine_memory() -> int | None:
    """Bytes of this machine; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return None


def _gib(n_bytes: int) -> str:
    """Also of a number that no float can hold."""
    return f"{n_bytes / 2**30:.3g}" if n_bytes < 2**1000 else "more than 1e+290"
