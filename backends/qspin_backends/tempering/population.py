"""Population annealing (Hukushima, Iba 2003; Machta 2010, Phys. Rev. E 82, 026704).

A population of walkers is cooled; at each step walkers are copied or removed by their Boltzmann weights, so
that the population stays in equilibrium and the mean weights multiply to the partition function. Every
replica is a population of its own, and its members are its draws: members of one population share ancestors,
populations share nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import njit
from qspin_backends.tempering.annealing import Cooling
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.packs import Grid, Seeds, start_packs
from qspin_backends.tempering.random import uniform, word_streams
from qspin_backends.tempering.tempering import Rules

__all__ = ["Resampling", "start_populations"]


def start_populations(
    problem: IsingProblem,
    graph: Graph,
    betas: NDArray[np.float64],
    n_populations: int,
    n_members: int,
    seeds: Seeds,
    rules: Rules,
) -> list[Cooling]:
    """Populations at infinite temperature, one a pack."""
    grid = Grid(n_members, n_populations, 1)
    packs = start_packs(
        problem, graph, grid, seeds, kernel=rules.kernel, move=rules.move, largest_beta=float(betas[-1])
    )
    states = word_streams(seeds.exchange, n_populations, 1)[:, 0]
    return [
        Cooling(
            walkers,
            more={
                "resampling": state.copy(),
                "family": np.arange(n_members),
                "log_partition": np.zeros(len(betas)),
                "n_families": np.zeros(len(betas), np.int64),
                "mean_square_family": np.zeros(len(betas)),
                "overlap": np.zeros(len(betas)),
            },
        )
        for walkers, state in zip(packs, states, strict=True)
    ]


class Resampling:
    """What happens to a population when it arrives at a beta; betas (n_betas,) in units of 1/energy.

    Adds to what evolves with it: ``log_partition`` ln [Z(beta) / 2^N] without the offset of the problem,
    ``n_families`` distinct ancestors left, ``mean_square_family`` members sum_f n_f^2 / n_members, and
    ``overlap``, the share of members that the weights leave effective, (sum w)^2 / (n_members sum w^2).
    """

    def __init__(self, betas: NDArray[np.float64]):
        self._betas = betas

    def __call__(self, pack: Cooling, stage: int) -> None:
        walkers, more = pack.walkers, pack.more
        before = self._betas[stage - 1] if stage else 0.0
        energies = walkers.energies[: walkers.n_lanes] * walkers.unit
        exponent = -(self._betas[stage] - before) * energies
        largest = exponent.max()
        weights = np.exp(exponent - largest)
        previous = more["log_partition"][stage - 1] if stage else 0.0
        more["log_partition"][stage] = previous + largest + np.log(weights.mean())
        more["overlap"][stage] = weights.sum() ** 2 / (len(weights) * (weights**2).sum())
        parents = _systematic(weights, more["resampling"])
        more["family"][:] = more["family"][parents]
        walkers.set_bits(walkers.bits()[parents])
        sizes = np.bincount(more["family"])
        more["n_families"][stage] = np.count_nonzero(sizes)
        more["mean_square_family"][stage] = (sizes.astype(np.float64) ** 2).sum() / len(parents)


@njit(cache=True)
def _systematic(weights, state):
    """Parents (n,) of n members in random order: systematic resampling, copies within one of their expected
    number.
    """
    n = len(weights)
    parents = np.empty(n, np.int64)
    total = weights.sum()
    target = uniform(state) * total / n
    summed = weights[0]
    parent = 0
    for k in range(n):
        while summed < target and parent < n - 1:
            parent += 1
            summed += weights[parent]
        parents[k] = parent
        target += total / n
    for k in range(n - 1, 0, -1):  # so that every member has the same distribution, wherever it stands
        j = min(int(uniform(state) * (k + 1)), k)
        parents[k], parents[j] = parents[j], parents[k]
    return parents
