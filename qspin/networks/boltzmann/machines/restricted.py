"""The restricted Boltzmann machine: every visible unit is coupled to every hidden one, to nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qspin.memory import require_bytes
from qspin.networks.boltzmann.machines.accepted import checked_precision, checked_spread
from qspin.networks.boltzmann.machines.described import Description
from qspin.networks.boltzmann.machines.layers import Layers
from qspin.networks.boltzmann.machines.machine import Gradients, Machine, Terms, generator_of
from qspin.networks.boltzmann.machines.units import UnitName
from qspin.validate import checked_count

__all__ = ["RestrictedBoltzmannMachine"]

_BYTES_PER_LABEL = 100


class RestrictedBoltzmannMachine(Machine):
    """``E(v, h) = -sum v W h - sum b v - sum c h``: weights as the field writes them, couplings J = -W.

    Parameters
    ----------
    n_visible, n_hidden : units; they are named v0, v1, ... and h0, h1, ...
    units : ``spins`` (-1 and +1) or ``bits`` (0 and 1), of both layers
    spread : standard deviation of the weights at first; biases are 0
    seed : of these
    dtype : of the parameters, float32 or float64; with double precision exact sums are good to 1e-12

    Attributes
    ----------
    weights : (n_visible, n_hidden)
    visible_biases, hidden_biases : (n_visible,), (n_hidden,)

    Raises
    ------
    InputError
        If there is no visible unit, or no such units or precision.
    CapacityError
        If its weights would not fit in memory.

    Examples
    --------
    >>> machine = RestrictedBoltzmannMachine(4, 2, units="bits")
    >>> machine.problem().n_spins, machine.visible
    (6, ('v0', 'v1', 'v2', 'v3'))
    """

    def __init__(
        self,
        n_visible: int,
        n_hidden: int,
        units: UnitName = "spins",
        *,
        spread: float = 0.01,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
    ):
        n_visible = checked_count(n_visible, "n_visible", least=1)
        n_hidden = checked_count(n_hidden, "n_hidden")
        dtype, n_units = checked_precision(dtype), n_visible + n_hidden
        require_bytes(
            2 * dtype.itemsize * n_visible * n_hidden + _BYTES_PER_LABEL * n_units,  # drawn, and scaled
            f"weights of {n_visible} visible and {n_hidden} hidden units",
            "take fewer units",
        )
        labels = [f"v{i}" for i in range(n_visible)] + [f"h{j}" for j in range(n_hidden)]
        super().__init__(units, labels, n_visible)
        generator = generator_of(seed, torch.device("cpu"))
        drawn = torch.randn(n_visible, n_hidden, generator=generator, dtype=dtype)
        self.weights = nn.Parameter(checked_spread(spread) * drawn)
        self.visible_biases = nn.Parameter(torch.zeros(n_visible, dtype=dtype))
        self.hidden_biases = nn.Parameter(torch.zeros(n_hidden, dtype=dtype))

    @classmethod
    def described(cls, description: Description, dtype: torch.dtype) -> RestrictedBoltzmannMachine:
        n = description.n_visible
        return cls(n, len(description.labels) - n, description.units, dtype=dtype)  # type: ignore[arg-type]

    @classmethod
    def layers_of(cls, machines: Sequence[Machine], base: Tensor) -> Layers:
        n, free = machines[0].n_visible, torch.zeros_like(machines[0].get_parameter("weights"))
        weights, b, c = (
            torch.stack([first, *(machine.get_parameter(name).detach() for machine in machines)])
            for name, first in (("weights", free), ("visible_biases", base[:n]), ("hidden_biases", base[n:]))
        )
        return Layers(weights, b[:, None], c[:, None], machines[0].units)

    def energies(self, configurations: Any) -> Tensor:
        x = self.units.checked(configurations, len(self.labels), "configurations", self.like)
        v, h = x[..., : self.n_visible], x[..., self.n_visible :]
        return -((v @ self.weights) * h).sum(-1) - v @ self.visible_biases - h @ self.hidden_biases

    def free_energy(self, visible: Any) -> Tensor:
        return self.side_energy("visible", self.checked_visible(visible, "visible"))

    def hidden_gains(self, visible: Tensor) -> Tensor:
        """What the weights of hidden values are exponential in (..., n_hidden)."""
        return torch.nn.functional.linear(visible, self.weights.T, self.hidden_biases)

    def visible_gains(self, hidden: Tensor) -> Tensor:
        return torch.nn.functional.linear(hidden, self.weights, self.visible_biases)

    def hidden_means(self, visible: Tensor) -> Tensor:
        """<h> given visible units (..., n_hidden)."""
        return self.units.mean(self.hidden_gains(visible))

    def terms(self) -> Terms:
        n_visible, n_hidden = self.weights.shape
        i, j = (ends.ravel() for ends in np.indices((n_visible, n_hidden)))
        weights, b, c = (
            p.detach().to("cpu", torch.float64).numpy()
            for p in (self.weights, self.visible_biases, self.hidden_biases)
        )
        return Terms(i, n_visible + j, -weights.ravel(), -np.concatenate([b, c]))

    def sides(self) -> Mapping[str, tuple[int, int]]:
        return {"visible": (self.n_visible, self.n_visible), "hidden": (self.n_hidden, self.n_hidden)}

    def side_energy(self, side: str, states: Tensor) -> Tensor:
        if side == "visible":
            return -states @ self.visible_biases - self.units.log_sum(self.hidden_gains(states)).sum(-1)
        return -states @ self.hidden_biases - self.units.log_sum(self.visible_gains(states)).sum(-1)

    @torch.no_grad()
    def completed(self, side: str, states: Tensor, generator: torch.Generator) -> Tensor:
        if side == "visible":
            return torch.cat([states, self.units.draw(self.hidden_gains(states), generator)], dim=-1)
        return torch.cat([self.units.draw(self.visible_gains(states), generator), states], dim=-1)

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
        n, v = self.n_visible, configurations[..., : self.n_visible]
        of_visible, of_hidden = (None, None) if base is None else (base[:n], base[n:])
        h = self.units.draw(_on_path(self.hidden_gains(v), beta, of_hidden), generator)
        if not hold_visible:
            v = self.units.draw(_on_path(self.visible_gains(h), beta, of_visible), generator)
        return torch.cat([v, h], dim=-1)

    @torch.no_grad()
    def log_weights(self, configurations: Tensor, beta: float, base: Tensor) -> Tensor:
        v, n = configurations[..., : self.n_visible], self.n_visible
        rest = (1 - beta) * base
        visible = v @ (beta * self.visible_biases + rest[:n])
        return visible + self.units.log_sum(beta * self.hidden_gains(v) + rest[n:]).sum(-1)

    @torch.no_grad()
    def gradients_over(self, configurations: Tensor) -> Gradients:
        v, n = configurations[:, : self.n_visible], len(configurations)
        h = self.hidden_means(v)
        return {
            "weights": v.T @ (h / -n),
            "visible_biases": -v.mean(0),
            "hidden_biases": -h.mean(0),
        }

    def unit_means(self, gradients: Gradients) -> Tensor:
        return -torch.cat([gradients["visible_biases"], gradients["hidden_biases"]])

    def centred(self, gradients: Gradients, offsets: Tensor) -> Gradients:
        of_visible, of_hidden = offsets[: self.n_visible], offsets[self.n_visible :]
        b, c = gradients["visible_biases"], gradients["hidden_biases"]
        weights = torch.addr(gradients["weights"], of_visible, c, alpha=-1)
        return {**gradients, "weights": weights.addr_(b, of_hidden, alpha=-1)}

    @torch.no_grad()
    def follow(self, before: Gradients, offsets: Tensor) -> None:
        change = self.weights - before["weights"]
        self.visible_biases.sub_(change @ offsets[self.n_visible :])
        self.hidden_biases.sub_(change.T @ offsets[: self.n_visible])


def _on_path(gains: Tensor, beta: float, base: Tensor | None) -> Tensor:
    """Of the path of `swept`, from those of the machine; in place."""
    if beta != 1:
        gains.mul_(beta)
    return gains if base is None else gains.add_(base, alpha=1 - beta)
