"""What a run will take, before it takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qspin.problem import IsingProblem
from qspin.sampler import require_bytes
from qspin_backends.tempering.ladder import MOST_BETAS
from qspin_backends.tempering.recording import Averages

if TYPE_CHECKING:
    from qspin_backends.tempering.sampler import Tempering

__all__ = ["require_room"]


def require_room(given: Tempering, problem: IsingProblem) -> None:
    """Refuse a run that would not fit in memory.

    Counted are recorded spins or statistics, the words of all walkers with the cached fields of a dense
    kernel, and the couplings as the kernel reads them. An automatic ladder is taken at its longest.

    Raises
    ------
    CapacityError
        Naming what takes most.
    """
    n, n_betas = problem.n_spins, MOST_BETAS if given.betas == "auto" else len(given.betas)
    copies = given.n_replicas * (2 if given.cluster_every else 1)
    lanes = copies * (
        n_betas if given.method == "tempering" else given.n_population if given.method == "population" else 1
    )
    n_draws = given.draws(n_betas, n)
    kept, what = n_betas * given.n_replicas * n_draws * n, f"{n_draws} draws of {n} spins"
    if given.store == "statistics":
        kept = Averages.n_bytes(problem, n_betas, given.n_replicas) + n_betas * given.n_replicas * n
        what = f"statistics of {n} spins and {problem.n_couplings} couplings"
    n_entries = 2 * problem.n_couplings
    could_be_dense = given.kernel == "dense" or (given.kernel == "auto" and n_entries > 0.3 * n * n)
    walking = lanes * n * 4 if could_be_dense else lanes * n // 2
    reading = 12 * n * n if could_be_dense else 16 * n_entries + 32 * n
    parts = {
        f"{n_betas} betas x {given.n_replicas} replicas x {what}": (
            kept, "keep fewer draws (n_draws) or replicas, or store 'statistics' instead of spins"
        ),
        f"{lanes} walkers of {n} spins": (walking, "take fewer replicas or betas"),
        f"{problem.n_couplings} couplings": (reading, "use a sparse matrix, or a smaller problem"),
    }  # fmt: skip
    largest = max(parts, key=lambda part: parts[part][0])
    total = sum(size for size, _ in parts.values())
    limit = None if given.max_memory is None else int(given.max_memory * 2**30)
    note = largest if total < 1.1 * parts[largest][0] else f"{largest} and what goes with them"
    require_bytes(total, note, parts[largest][1], limit=limit)
