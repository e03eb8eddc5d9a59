"""A state to start warm from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem

__all__ = ["greedy_state"]


def greedy_state(problem: IsingProblem, seed: int, n_starts: int = 20) -> NDArray[np.int8]:
    """The lowest of several descents, each by the flip that gains most until none gains (n_spins,)."""
    rng = np.random.default_rng(seed)
    states = rng.choice(np.array([-1, 1], dtype=np.int8), size=(n_starts, problem.n_spins))
    for spins in states:
        while problem.n_spins:
            gains = 2 * spins * (problem.fields + problem.couplings @ spins.astype(np.float64))
            best = int(np.argmax(gains))
            if gains[best] <= 0:
                break
            spins[best] *= -1
    return states[int(np.argmin(problem.energies(states)))]
