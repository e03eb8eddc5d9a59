"""The hybrid Boltzmann machine: Gaussian hidden units, without which it is a Hopfield model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from qspin.errors import InputError
from qspin.networks.boltzmann.machines.accepted import real_values
from qspin.networks.boltzmann.machines.layers import Layers
from qspin.networks.boltzmann.machines.machine import Machine, Terms
from qspin.networks.boltzmann.machines.restricted import RestrictedBoltzmannMachine
from qspin.validate import checked_patterns, checked_real

__all__ = ["HybridBoltzmannMachine"]


class HybridBoltzmannMachine(RestrictedBoltzmannMachine):
    """``E(v, z) = |z|^2 / 2 - sum v W z - sum b v - sum c z``, z real (Barra et al. 2012, Neural Netw. 34).

    Summed over z it is the Hopfield model ``-|v W + c|^2 / 2 - sum b v``, which is its `problem`: of visible
    units alone, since a sampler of spins draws no real numbers. Parameters as of
    `RestrictedBoltzmannMachine`.
    """

    @classmethod
    def hopfield(cls, patterns: ArrayLike, beta: float = 1.0) -> HybridBoltzmannMachine:
        """The Hopfield model of patterns at an inverse temperature: weights sqrt(beta / N) xi.

        Parameters
        ----------
        patterns : (P, N) of -1 and +1
        beta : of it; at its own beta = 1 the machine is exp[(beta / 2N) sum_mu (xi^mu . s)^2]

        Raises
        ------
        InputError
            If the patterns are none, or beta is negative.
        """
        xi = checked_patterns(patterns)
        if (beta := checked_real(beta, "beta")) < 0:
            raise InputError(f"beta must not be negative; got {beta:g}")
        machine = cls(xi.shape[1], xi.shape[0])
        with torch.no_grad():
            machine.weights.copy_(torch.as_tensor(xi.T * math.sqrt(beta / xi.shape[1])))
        return machine

    @classmethod
    def layers_of(cls, machines: Sequence[Machine], base: Tensor) -> Layers:
        return dataclasses.replace(super().layers_of(machines, base), is_gaussian=True)

    def energies(self, configurations: Any) -> Tensor:
        """Of visible values and real hidden ones (..., n_visible + n_hidden)."""
        expected = f"an array of {len(self.labels)} units (..., {len(self.labels)})"
        x = real_values(configurations, "configurations", expected).to(self.like.device, self.like.dtype)
        if x.shape[-1:] != (len(self.labels),):
            raise InputError(
                f"configurations must have shape (..., {len(self.labels)}); got {tuple(x.shape)}"
            )
        v, z = self.checked_visible(x[..., : self.n_visible]), x[..., self.n_visible :]
        return (z * (z / 2 - self.hidden_gains(v))).sum(-1) - v @ self.visible_biases

    @property
    def problem_labels(self) -> Sequence[Hashable]:
        return self.visible

    def terms(self) -> Terms:
        weights, b, c = (
            p.detach().to("cpu", torch.float64).numpy()
            for p in (self.weights, self.visible_biases, self.hidden_biases)
        )
        own, n = weights @ weights.T, self.n_visible
        i, j = np.triu_indices(n, 1)
        fields, diagonal = -b - weights @ c, np.diag(own) / 2
        constant = -float(c @ c) / 2 - self.n_hidden / 2 * math.log(2 * math.pi)
        if self.units.low < 0:  # s^2 = 1, and x^2 = x
            constant -= float(diagonal.sum())
        else:
            fields = fields - diagonal
        return Terms(i, j, -own[i, j], fields, constant)

    def hidden_means(self, visible: Tensor) -> Tensor:
        return self.hidden_gains(visible)

    def sides(self) -> Mapping[str, tuple[int, int]]:
        return {"visible": (self.n_visible, self.n_visible)}

    def side_energy(self, side: str, states: Tensor) -> Tensor:
        squares = (self.hidden_gains(states) ** 2).sum(-1)
        return -states @ self.visible_biases - squares / 2 - self.n_hidden / 2 * math.log(2 * math.pi)

    @torch.no_grad()
    def completed(self, side: str, states: Tensor, generator: torch.Generator) -> Tensor:
        return torch.cat([states, self._drawn(self.hidden_gains(states), generator)], dim=-1)

    @torch.no_grad()
    def swept(
        self,
        configurations: Tensor,
        generator: torch.Generator,
        *,
        beta: float = 1.0,
        base: Tensor | None = None,
        hold_visible: bool = False,
    ) -> Tensor:
        """As of any machine; on the path hidden units keep the variance 1: E_0 = |z|^2 / 2 - sum base v."""
        v = configurations[..., : self.n_visible]
        rest = 0.0 if base is None else (1 - beta) * base[: self.n_visible]
        z = self._drawn(beta * self.hidden_gains(v), generator)
        if not hold_visible:
            v = self.units.draw(beta * self.visible_gains(z) + rest, generator)
        return torch.cat([v, z], dim=-1)

    @torch.no_grad()
    def log_weights(self, configurations: Tensor, beta: float, base: Tensor) -> Tensor:
        v = configurations[..., : self.n_visible]
        gains = beta * self.visible_biases + (1 - beta) * base[: self.n_visible]
        squares = ((beta * self.hidden_gains(v)) ** 2).sum(-1)
        return v @ gains + squares / 2 + self.n_hidden / 2 * math.log(2 * math.pi)

    def log_partition_of(self, base: Tensor) -> float:
        visible = self.units.log_sum(base[: self.n_visible]).sum()
        return float(visible) + self.n_hidden / 2 * math.log(2 * math.pi)

    def drawn_from(self, base: Tensor, n: int, generator: torch.Generator) -> Tensor:
        self.require_room(n)
        of_visible = base[: self.n_visible].expand(n, -1)
        hidden = torch.zeros(n, self.n_hidden, dtype=base.dtype, device=base.device)
        return torch.cat([self.units.draw(of_visible, generator), self._drawn(hidden, generator)], dim=-1)

    @staticmethod
    def _drawn(means: Tensor, generator: torch.Generator) -> Tensor:
        normal = torch.randn(means.shape, generator=generator, device=means.device, dtype=means.dtype)
        return means + normal
