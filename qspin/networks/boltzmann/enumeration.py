"""Sums over all configurations of one side of a machine: ln Z, gradients and independent samples, exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from qspin.errors import CapacityError
from qspin.memory import require_bytes
from qspin.networks.boltzmann.machines import Gradients, Machine, gradients_of

__all__ = ["MOST_UNITS", "Enumerated", "averaged_gradients", "can_enumerate", "enumerated"]

MOST_UNITS = 25
"""Units up to which a side is enumerated; 2^25 configurations, each of which costs a row of weights."""

_CHUNK = 2**22  # numbers that one step of an enumeration holds


@dataclass(frozen=True)
class Enumerated:
    """Of every configuration of a side.

    Parameters
    ----------
    side : its name
    n : units of it
    log_partition : ln Z of the machine
    probabilities : of its configurations by number (2^n,)
    """

    side: str
    n: int
    log_partition: float
    probabilities: Tensor

    def states(self, machine: Machine, numbers: Tensor) -> Tensor:
        """Configurations (..., n) by number."""
        return machine.units.states(numbers, self.n, machine.like.dtype)

    def draws(self, machine: Machine, n: int, generator: torch.Generator) -> Tensor:
        """Independent configurations (n, N) of the whole machine; raises CapacityError for too many."""
        machine.require_room(n)
        upto = torch.cumsum(self.probabilities.to(torch.float64), 0)
        uniform = torch.rand(n, generator=generator, device=upto.device, dtype=torch.float64)
        numbers = torch.searchsorted(upto, uniform * upto[-1]).clamp(max=len(upto) - 1)
        return machine.completed(self.side, self.states(machine, numbers), generator)


def can_enumerate(machine: Machine, most: int = MOST_UNITS) -> bool:
    """Whether `enumerated` would take no more than 2^most configurations."""
    return min((cost for _, cost in machine.sides().values()), default=most + 1) <= most


def enumerated(
    machine: Machine, most: int = MOST_UNITS, otherwise: str = "Estimate it (ais, tempering)"
) -> Enumerated:
    """ln Z by the side that costs least.

    Parameters
    ----------
    most : units of that side
    otherwise : what to do where it has more, for the message

    Raises
    ------
    CapacityError
        If no side has so few units; it says what the sum would cost.
    """
    side, n = _cheapest(machine, most, otherwise)
    require_bytes(16 * 2**n, f"weights of 2^{n} configurations", "take fewer units")
    with torch.no_grad():
        energies = torch.cat([machine.side_energy(side, states) for states in _chunks(machine, side, n)])
        log_partition = torch.logsumexp(-energies, 0)
        return Enumerated(side, n, float(log_partition), torch.exp(-energies - log_partition))


def averaged_gradients(machine: Machine, found: Enumerated) -> Gradients:
    """<dE/d(parameter)> of the model, exact; where it has been enumerated with the present parameters."""
    total: Gradients = {name: torch.zeros_like(p) for name, p in machine.named_parameters()}
    at = 0
    for states in _chunks(machine, found.side, found.n):
        weights = found.probabilities[at : at + len(states)]
        at += len(states)
        part = gradients_of(machine, (weights * machine.side_energy(found.side, states)).sum())
        total = {name: total[name] + part[name] for name in total}
    return total


def _cheapest(machine: Machine, most: int, otherwise: str) -> tuple[str, int]:
    sides = machine.sides()
    if not can_enumerate(machine, most):
        least = min((cost for _, cost in sides.values()), default=machine.n_visible + machine.n_hidden)
        raise CapacityError(
            f"an exact sum over this machine takes 2^{least} configurations, 2^{least - most} times those of "
            f"{most} units, the limit: {_hours(machine, least)}. {otherwise}, or take a machine "
            f"with at most {most} units on its smaller side"
        )
    return min(((name, n) for name, (n, cost) in sides.items() if cost <= most), key=lambda s: sides[s[0]][1])


def _hours(machine: Machine, least: int) -> str:
    """What it would cost, at a thousand million products a second."""
    hours = 2.0 ** min(least, 900) * machine.n_visible * max(machine.n_hidden, 1) / 1e9 / 3600
    return f"some {hours:.2g} hours of a core"


def _chunks(machine: Machine, side: str, n: int) -> Iterator[Tensor]:
    """All configurations of a side, in order."""
    extra = machine.sides()[side][1] - n
    width = max(len(machine.labels), 2**extra)
    step = max(1, _CHUNK // width)
    for first in range(0, 2**n, step):
        numbers = torch.arange(first, min(first + step, 2**n), device=machine.like.device)
        yield machine.units.states(numbers, n, machine.like.dtype)
