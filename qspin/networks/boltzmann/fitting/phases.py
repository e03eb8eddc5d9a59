"""The negative phase of training: averages over the model, exact or from samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from qspin.networks.boltzmann.enumeration import (
    averaged_gradients,
    can_enumerate,
    enumerated,
)
from qspin.networks.boltzmann.machines import Gradients, Machine, generator_of, norm_of
from qspin.remarks import Remark
from qspin.sampler import PositiveInt, deciding_settings, settings

__all__ = ["ExactPhase", "GibbsPhase", "Negative", "NegativePhase", "State", "average_over", "persistence"]

State = Mapping[str, Tensor]
"""What a phase keeps from step to step, by name; empty at first."""

_FEWEST_CHAINS = 4


class Negative(NamedTuple):
    """Averages over the model at one step.

    Parameters
    ----------
    gradients : <dE/d(parameter)>
    noise : standard error of the norm of these, by two halves of the samples; NaN from fewer than two. It
        and the next may lie on the machine's device, until they are asked for
    state : for the next step
    persistence : correlation of visible units with those of the same chains a step before; NaN of new chains
    beta : at which the samples are, in units of the model, 1 where the sampler has a thermostat
    beta_error : its standard error
    factor : on the energy, with which a sampler without a thermostat was programmed
    shrunk : by what parameters are to be multiplied, after the update, for later samples to be of the model;
        less than 1 where a device gets no colder
    paid : seconds that cost money
    n_samples : configurations that were averaged over; 0 of an exact sum
    compiling : seconds of it in which code was compiled or loaded, which no later step takes
    remarks : what to know of them; those that still come at the end are remarks of the training
    """

    gradients: Gradients
    noise: float | Tensor
    state: State
    persistence: float | Tensor = float("nan")
    beta: float = 1.0
    beta_error: float = 0.0
    factor: float = 1.0
    shrunk: float = 1.0
    paid: float = 0.0
    n_samples: int = 0
    compiling: float = 0.0
    remarks: tuple[Remark, ...] = ()


_SAMPLED = "Train it by samples (pcd, cd, or a backend such as tempering)"


@runtime_checkable
class NegativePhase(Protocol):
    """Frozen settings of a way to take averages over the model."""

    def check(self, machine: Machine) -> None:
        """Raises InputError for a machine that it cannot serve."""
        ...

    def negative(self, machine: Machine, batch: Tensor, state: State, seed: int) -> Negative:
        """Averages with the present parameters; `batch` are data, `seed` is of this step."""
        ...

    def identity(self) -> dict[str, Any]:
        """What decides on the result, as plain values."""
        ...


@settings
class ExactPhase:
    """A sum over all configurations of the machine's smaller side.

    Parameters
    ----------
    most_units : of it
    """

    most_units: PositiveInt = 20

    def check(self, machine: Machine) -> None:
        """Raises CapacityError where it would take too many configurations."""
        if not can_enumerate(machine, self.most_units):
            enumerated(machine, self.most_units, _SAMPLED)  # raises, with what it would cost

    def negative(self, machine: Machine, batch: Tensor, state: State, seed: int) -> Negative:
        found = enumerated(machine, self.most_units)
        return Negative(averaged_gradients(machine, found), 0.0, {})

    def identity(self) -> dict[str, Any]:
        return {"phase": "exact"}


@settings
class GibbsPhase:
    """Block Gibbs: contrastive divergence, or its persistent form (Tieleman 2008).

    Parameters
    ----------
    n_sweeps : between two steps, the k of CD-k and PCD-k
    persistent : go on where the chains of the step before ended; else start at the data
    n_chains : that persist; chains that do not are as many as the data of a batch
    """

    n_sweeps: PositiveInt = 1
    persistent: bool = True
    n_chains: PositiveInt = 100

    def check(self, machine: Machine) -> None:
        """Every machine can be swept."""

    def negative(self, machine: Machine, batch: Tensor, state: State, seed: int) -> Negative:
        generator = generator_of(seed, machine.like.device)
        free = torch.zeros(len(machine.labels), dtype=machine.like.dtype, device=machine.like.device)
        before = state.get("chains") if self.persistent else None
        if before is not None:
            x = before
        else:
            x = machine.drawn_from(free, self.n_chains if self.persistent else len(batch), generator)
            if not self.persistent:
                x[:, : machine.n_visible] = batch
        for _ in range(self.n_sweeps):
            x = machine.swept(x, generator)
        gradients, noise = average_over(machine, x)
        last = float("nan") if before is None else persistence(machine, before, x)
        kept = {"chains": x} if self.persistent else {}
        return Negative(gradients, noise, kept, last, n_samples=len(x))

    def identity(self) -> dict[str, Any]:
        return {"phase": "gibbs", **deciding_settings(self)}


def average_over(machine: Machine, configurations: Tensor) -> tuple[Gradients, float | Tensor]:
    """<dE/d(parameter)> over configurations (n, N), hidden units summed over where that can be done, and the
    standard error of its norm.

    Parameters
    ----------
    configurations : of all units, or of visible ones alone where hidden units can be summed over; those that
        belong together stand together, and the two halves are compared
    """
    half = len(configurations) // 2
    parts = [configurations[:half], configurations[half:]] if half else [configurations]
    found = [machine.gradients_over(part) for part in parts]
    if not half:
        return found[0], float("nan")
    share = half / len(configurations)
    total = {name: torch.lerp(found[1][name], found[0][name], share) for name in found[0]}
    apart = norm_of({name: found[0][name] - found[1][name] for name in total})
    return total, math.sqrt(share * (1 - share)) * apart


def persistence(machine: Machine, before: Tensor, after: Tensor) -> float | Tensor:
    """Correlation over chains of visible units with themselves a step before, mean over those that vary."""
    if before.shape != after.shape or len(before) < _FEWEST_CHAINS:
        return float("nan")
    one, other = (x[:, : machine.n_visible] - x[:, : machine.n_visible].mean(0) for x in (before, after))
    spread = torch.sqrt((one * one).sum(0) * (other * other).sum(0))
    each = one.mul_(other).sum(0) / spread  # 0 / 0 of units that do not vary
    return torch.nanmean(each).nan_to_num(1.0)
