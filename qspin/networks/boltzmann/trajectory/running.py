"""A run along a trajectory, and what is made of it: checkpoints that swap well, and ln Z of the last one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qspin.analysis.reweighting import two_states
from qspin.networks.boltzmann.trajectory.exchange import Ladder, exchange, started, sweep
from qspin.progress import report_progress

__all__ = ["Length", "LogPartition", "Run", "farthest_neighbours", "log_partition_of", "run"]


class Length(NamedTuple):
    """How long a run is: replicas, sweeps before recording and of it, draws, sweeps between exchanges."""

    n_replicas: int
    n_burn_in: int
    n_sweeps: int
    n_draws: int
    swap_every: int = 1

    def draw_of(self, sweep: int) -> int | None:
        """Number of the draw that is recorded after a sweep of the recorded phase, both from 0."""
        before, after = (s * self.n_draws // self.n_sweeps for s in (sweep, sweep + 1))
        return before if after > before else None


class Run(NamedTuple):
    """What a run has recorded.

    Parameters
    ----------
    at : configurations (state, replica, draw, N) of the states that were asked for
    works : (pair, 2, replica, draw), see `exchange.works_of`
    swap_rates : (pair,)
    round_trips : (replica,)
    """

    at: Tensor
    works: NDArray[np.float64]
    swap_rates: NDArray[np.float64]
    round_trips: NDArray[np.int64]


class LogPartition(NamedTuple):
    """ln Z of the last checkpoint.

    Parameters
    ----------
    value, error : its standard error is over replicas
    drift : of the second half of the draws against the first one, in standard errors
    overlaps : of every state with the next (pair,), see `qspin.analysis.reweighting.row_overlaps`
    """

    value: float
    error: float
    drift: float
    overlaps: NDArray[np.float64]


@torch.no_grad()
def run(ladder: Ladder, length: Length, generator: torch.Generator, *, everywhere: bool = False) -> Run:
    """Temper along a ladder.

    Parameters
    ----------
    everywhere : record configurations of all states, not of the last one alone
    """
    walkers = started(ladder, length.n_replicas, generator)
    recorded = list(range(len(ladder))) if everywhere else [len(ladder) - 1]
    kept = walkers.at.new_empty((len(recorded), length.n_replicas, length.n_draws, walkers.at.shape[-1]))
    works = np.empty((*walkers.works.shape, length.n_draws))
    total = length.n_burn_in + length.n_sweeps
    for done in range(total):
        if done == length.n_burn_in:
            walkers.count_anew()
        sweep(ladder, walkers, generator)
        draw = length.draw_of(done - length.n_burn_in) if done >= length.n_burn_in else None
        if draw is not None:
            kept[:, :, draw] = walkers.at[recorded]
        turn, rest = divmod(done + 1, length.swap_every)
        if not rest:
            exchange(ladder, walkers, turn % 2, generator)
        if draw is not None:
            works[..., draw] = walkers.works
        report_progress((done + 1) / total)
    return Run(kept, works, walkers.swap_rates, walkers.round_trips)


def farthest_neighbours(ladder: Ladder, at: Tensor, least: float) -> list[tuple[int, float]]:
    """States from the first to the last, each as far from the one before as swaps are accepted often enough.

    Parameters
    ----------
    at : configurations (state, replica, draw, N)
    least : accepted share of swaps

    Returns
    -------
    (state, accepted share of swaps with the one before), the first state left out; neighbours are kept
    however seldom they swap
    """
    found: list[tuple[int, float]] = []
    here, last = 0, len(ladder) - 1
    while here < last:
        there, share = here + 1, acceptance(ladder, here, here + 1, at)
        while there < last and (farther := acceptance(ladder, here, there + 1, at)) >= least:
            there, share = there + 1, farther
        found.append((there, share))
        here = there
    return found


def acceptance(ladder: Ladder, k: int, other: int, at: Tensor) -> float:
    """Accepted share of swaps of two states, by their configurations (state, replica, draw, N).

    Those of two replicas are taken together, which are independent also where a run has just begun.
    """
    x, y = at[k].flatten(0, 1), at[other].roll(1, 0).flatten(0, 1)
    after = ladder.log_weights_at(k, y) + ladder.log_weights_at(other, x)
    before = ladder.log_weights_at(k, x) + ladder.log_weights_at(other, y)
    return float(torch.exp((after - before).clamp(max=0)).mean())


def log_partition_of(ladder: Ladder, works: NDArray[np.float64]) -> LogPartition:
    """By the acceptance ratio of Bennett from each state to the next, from independent units on.

    Parameters
    ----------
    works : (pair, 2, replica, draw)
    """
    pooled = [two_states(pair.reshape(2, -1)) for pair in works]
    value = ladder.log_partition - sum(found.difference for found in pooled)
    _, error = _over_replicas(_risen(works))
    half = works.shape[3] // 2
    drift = 0.0
    if half:
        mean, own = _over_replicas(_risen(works[..., -half:]) - _risen(works[..., :half]))
        drift = abs(mean) / own if own else 0.0
    return LogPartition(value, error, drift, np.array([found.overlap for found in pooled]))


def _risen(works: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln Z of the last state less that of the first, of each replica alone."""
    return np.array(
        [-sum(two_states(pair[:, r]).difference for pair in works) for r in range(works.shape[2])]
    )


def _over_replicas(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
