"""Machines of two layers, many at once: one product of matrices in the place of one a machine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from qspin.networks.boltzmann.machines.units import Units

__all__ = ["Layers"]


@dataclass(frozen=True)
class Layers:
    """Restricted machines of one size, configurations of which are (machine, n, N).

    Parameters
    ----------
    weights : (machine, n_visible, n_hidden)
    visible, hidden : biases (machine, 1, n_visible), (machine, 1, n_hidden)
    units : of both layers, of the visible one alone where hidden units are Gaussian
    is_gaussian : whether they are, with variance 1
    """

    weights: Tensor
    visible: Tensor
    hidden: Tensor
    units: Units
    is_gaussian: bool = False

    def swept(self, configurations: Tensor, generator: torch.Generator) -> Tensor:
        """After one sweep of block Gibbs, hidden units first."""
        gains = self._hidden_gains(configurations)
        if self.is_gaussian:
            h = gains + torch.randn(gains.shape, generator=generator, device=gains.device, dtype=gains.dtype)
        else:
            h = self.units.draw(gains, generator)
        v = self.units.draw(torch.baddbmm(self.visible, h, self.weights.mT), generator)
        return torch.cat([v, h], dim=-1)

    def log_weights(self, configurations: Tensor) -> Tensor:
        """ln of the weights (machine, n), hidden units summed over."""
        v, gains = configurations[..., : self.weights.shape[1]], self._hidden_gains(configurations)
        if self.is_gaussian:
            summed = (gains**2).sum(-1) / 2 + gains.shape[-1] / 2 * math.log(2 * math.pi)
        else:
            summed = self.units.log_sum(gains).sum(-1)
        return (v @ self.visible.mT)[..., 0] + summed

    def _hidden_gains(self, configurations: Tensor) -> Tensor:
        return torch.baddbmm(self.hidden, configurations[..., : self.weights.shape[1]], self.weights)
