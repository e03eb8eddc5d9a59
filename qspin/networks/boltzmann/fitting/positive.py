"""The positive phase: averages over the data and what hidden units do with them."""

from __future__ import annotations

import torch
from torch import Tensor

from qspin.networks.boltzmann.machines import Gradients, Machine, generator_of

__all__ = ["positive_gradients"]


def positive_gradients(machine: Machine, batch: Tensor, seed: int, n_sweeps: int) -> Gradients:
    """<dE/d(parameter)> with visible units at the data: exact where hidden units can be summed over, else
    from hidden units sampled with the visible ones held.

    Parameters
    ----------
    batch : (n, n_visible)
    seed : of that sampling
    n_sweeps : of block Gibbs, from hidden units at random
    """
    if machine.is_summable:
        return machine.gradients_over(batch)
    generator = generator_of(seed, machine.like.device)
    free = torch.zeros(len(machine.labels), dtype=machine.like.dtype, device=machine.like.device)
    x = machine.drawn_from(free, len(batch), generator)
    x[:, : machine.n_visible] = batch
    for _ in range(n_sweeps):
        x = machine.swept(x, generator, hold_visible=True)
    return machine.gradients_over(x)
