"""Annealed importance sampling of ln Z, forwards and backwards (Neal 2001, Stat. Comput. 11, 125).

Forwards, from independent units to the machine, the mean weight is Z without bias, so that its logarithm lies
below ln Z on average; backwards, from samples of the machine, it is 1 / Z, and the logarithm lies above.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qspin.networks.boltzmann.machines import Machine

__all__ = ["Bound", "annealed", "base_of", "reversed_anneal"]

_SMOOTHED = 0.5  # of a datum, added to counts so that no unit is sure


class Bound(NamedTuple):
    """An estimate of ln Z that is on one side of it on average, and its standard error over chains."""

    value: float
    error: float


def base_of(machine: Machine, data: Tensor) -> Tensor:
    """Gains of independent units (N,) with the means of the data; hidden ones are even."""
    up = (data == 1).sum(0).to(machine.like.dtype) + _SMOOTHED
    down = len(data) + 2 * _SMOOTHED - up
    base = torch.zeros(len(machine.labels), dtype=machine.like.dtype, device=machine.like.device)
    base[: machine.n_visible] = torch.log(up / down) / machine.units.step
    return base


def annealed(
    machine: Machine, base: Tensor, n_chains: int, n_betas: int, generator: torch.Generator
) -> tuple[Bound, Tensor]:
    """The bound from below, and where the chains end (n_chains, N)."""
    betas = np.linspace(0, 1, n_betas)
    x = machine.drawn_from(base, n_chains, generator)
    logs = torch.zeros(n_chains, dtype=torch.float64, device=x.device)
    for before, after in itertools.pairwise(betas.tolist()):
        logs += machine.log_weights(x, after, base) - machine.log_weights(x, before, base)
        x = machine.swept(x, generator, beta=after, base=base)
    found = _log_mean(logs.cpu().numpy())
    return Bound(machine.log_partition_of(base) + found.value, found.error), x


def reversed_anneal(
    machine: Machine, base: Tensor, start: Tensor, n_betas: int, generator: torch.Generator
) -> Bound:
    """The bound from above, from samples of the machine (n_chains, N)."""
    betas, x = np.linspace(0, 1, n_betas)[::-1], start
    logs = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for before, after in itertools.pairwise(betas.tolist()):
        x = machine.swept(x, generator, beta=before, base=base)
        logs += machine.log_weights(x, after, base) - machine.log_weights(x, before, base)
    found = _log_mean(logs.cpu().numpy())
    return Bound(machine.log_partition_of(base) - found.value, found.error)


def _log_mean(logs: NDArray[np.float64]) -> Bound:
    """ln of the mean of exp, and its error by the jackknife."""
    largest = logs.max()
    weights = np.exp(logs - largest)
    n, total = len(weights), weights.sum()
    value = float(largest + np.log(total / n))
    if n < 2:
        return Bound(value, float("nan"))
    rest = np.maximum((total - weights) / (n - 1), np.finfo(np.float64).tiny)
    left_out = np.log(rest)
    return Bound(value, float(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())))
