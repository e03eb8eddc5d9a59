"""What a run will take, before it takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from qspin.problem import IsingProblem
from qspin.sampler import require_bytes
from qspin_backends.tempering.planning import KernelName
from qspin_backends.tempering.recording import Averages

__all__ = ["Size", "parts_of", "require_room"]


class Size(NamedTuple):
    """How much is sampled at once, and how much of it is kept.

    Parameters
    ----------
    n_betas, n_replicas, n_draws : of the samples
    n_walkers : that move at once
    is_averaged : whether averages are kept in the place of spins
    kernel : that was asked for
    has_clusters : whether there may be cluster moves
    """

    n_betas: int
    n_replicas: int
    n_draws: int
    n_walkers: int
    is_averaged: bool
    kernel: KernelName
    has_clusters: bool = False


def require_room(problem: IsingProblem, size: Size, limit: int | None) -> None:
    """Refuse a run that would not fit in memory.

    Parameters
    ----------
    limit : bytes that a run may take; None is half of the machine's memory

    Raises
    ------
    CapacityError
        Naming what takes most.
    """
    parts = parts_of(problem, size)
    largest = max(parts, key=lambda part: parts[part][0])
    total = sum(bytes_ for bytes_, _ in parts.values())
    note = largest if total < 1.1 * parts[largest][0] else f"{largest} and what goes with them"
    require_bytes(total, note, parts[largest][1], limit=limit)


def parts_of(problem: IsingProblem, size: Size) -> Mapping[str, tuple[int, str]]:
    """What takes memory -> bytes, and what to do about it.

    Counted are recorded spins or statistics, the words of all walkers with the cached fields of a dense
    kernel, and the couplings as the kernel and cluster moves read them.
    """
    n, n_betas = problem.n_spins, size.n_betas
    kept, what = n_betas * size.n_replicas * size.n_draws * n, f"{size.n_draws} draws of {n} spins"
    if size.is_averaged:
        kept = Averages.n_bytes(problem, n_betas, size.n_replicas) + n_betas * size.n_replicas * n
        what = f"statistics of {n} spins and {problem.n_couplings} couplings"
    n_entries = 2 * problem.n_couplings
    could_be_dense = size.kernel == "dense" or (size.kernel == "auto" and n_entries > 0.3 * n * n)
    walking = size.n_walkers * n * 4 if could_be_dense else size.n_walkers * n * 2
    reading = 12 * n * n if could_be_dense else 16 * n_entries + 32 * n
    reading += 20 * n_entries if size.has_clusters else 0
    return {
        f"{n_betas} betas x {size.n_replicas} replicas x {what}": (
            kept, "keep fewer draws (n_draws) or replicas, or store 'statistics' instead of spins"
        ),
        f"{size.n_walkers} walkers of {n} spins": (walking, "take fewer replicas or betas"),
        f"{problem.n_couplings} couplings": (reading, "use a sparse matrix, or a smaller problem"),
    }  # fmt: skip
