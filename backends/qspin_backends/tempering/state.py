"""The state of one ladder while it runs, and the two functions that make and advance it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.problem import CSR
from qspin_backends.tempering.kernels import advance, refresh

__all__ = ["LadderState", "advance_to", "start_ladder"]

_UPDATES_PER_CALL = 2_000_000  # spin updates between two looks at the stop flag: about 50 ms


@dataclass
class LadderState:
    """Everything that evolves: see `kernels.advance` for shapes. Walkers are numbered 0 .. n_betas - 1."""

    spins: NDArray[np.int8]
    local: NDArray[np.float64]
    energies: NDArray[np.float64]
    order: NDArray[np.int64]
    heading: NDArray[np.int64]
    random_state: NDArray[np.uint64]
    attempts: NDArray[np.int64]
    accepted: NDArray[np.int64]
    n_done: int = 0
    round_trips: int = 0


def start_ladder(csr: CSR, n_betas: int, stream: np.random.SeedSequence) -> LadderState:
    """Random spins at every beta, and random numbers of its own from `stream`."""
    initial, kernel = stream.spawn(2)
    n_spins = len(csr.fields)
    spins = np.random.default_rng(initial).choice(np.array([-1, 1], np.int8), size=(n_betas, n_spins))
    state = LadderState(
        spins=spins,
        local=np.empty((n_betas, n_spins)),
        energies=np.empty(n_betas),
        order=np.arange(n_betas),
        heading=np.zeros(n_betas, np.int64),
        random_state=kernel.generate_state(4, np.uint64).astype(np.uint64),
        attempts=np.zeros(max(n_betas - 1, 0), np.int64),
        accepted=np.zeros(max(n_betas - 1, 0), np.int64),
    )
    refresh(*csr, state.spins, state.local, state.energies)
    return state


def advance_to(
    state: LadderState, csr: CSR, betas: NDArray[np.float64], sweep: int, stopped: Callable[[], bool]
) -> bool:
    """Run until `sweep` sweeps are done; False if `stopped` said so before.

    Local fields and energies are recomputed from the spins before each stretch, so rounding cannot build up.
    """
    step = max(1, _UPDATES_PER_CALL // max(1, state.spins.size))
    while state.n_done < sweep:
        if stopped():
            return False
        refresh(*csr, state.spins, state.local, state.energies)
        n_sweeps = min(step, sweep - state.n_done)
        state.round_trips += advance(
            csr.indptr, csr.indices, csr.couplings, betas,
            state.spins, state.local, state.energies, state.order, state.heading,
            state.random_state, state.attempts, state.accepted, state.n_done, n_sweeps,
        )  # fmt: skip
        state.n_done += n_sweeps
    return True
