"""The values that units of a machine take: spins or bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qspin.errors import InputError, shown
from qspin.networks.boltzmann.machines.accepted import real_values, require_computable

__all__ = ["UnitName", "Units", "units_of"]

UnitName = Literal["spins", "bits"]
_THRESHOLD = 40.0  # of softplus, from which on exp(-x) is lost in double precision


@dataclass(frozen=True)
class Units:
    """Two values, of which the upper one is 1.

    Parameters
    ----------
    name : ``spins`` or ``bits``
    low : -1 or 0
    """

    name: UnitName
    low: int

    @property
    def step(self) -> int:
        """From the lower value to the upper one."""
        return 1 - self.low

    @property
    def told(self) -> str:
        return "-1 or +1" if self.low < 0 else "0 or 1"

    def log_sum(self, gains: Tensor) -> Tensor:
        """ln sum over x of exp(x gain), of each gain."""
        if not self.low:
            return torch.nn.functional.softplus(gains, threshold=_THRESHOLD)
        return self.low * gains + torch.nn.functional.softplus(self.step * gains, threshold=_THRESHOLD)

    def mean(self, gains: Tensor) -> Tensor:
        """<x> of the weights exp(x gain)."""
        return torch.sigmoid(gains) if not self.low else torch.tanh(gains)

    def draw(self, gains: Tensor, generator: torch.Generator) -> Tensor:
        """Values with the weights exp(x gain)."""
        uniform = torch.rand(gains.shape, generator=generator, device=gains.device, dtype=gains.dtype)
        if not self.low:
            return uniform.lt_(torch.sigmoid(gains))
        return uniform.lt_(torch.sigmoid(self.step * gains)).mul_(self.step).add_(self.low)

    def states(self, numbers: Tensor, n: int, dtype: torch.dtype) -> Tensor:
        """Configurations (..., n) of n units by number: bit i tells whether unit i is 1."""
        bits = (numbers[..., None] >> torch.arange(n, device=numbers.device)) & 1
        return (self.low + self.step * bits).to(dtype)

    def from_spins(self, spins: NDArray[np.integer]) -> NDArray[np.integer]:
        """Values of spins, of the same integer type."""
        return spins if self.low < 0 else (1 + spins) // 2

    def spin(self, value: Any, what: str) -> int:
        """The spin of one value; raises InputError where it is none of these units."""
        if isinstance(value, bool) or value not in (self.low, 1):
            raise InputError(f"{what} must be {self.told}, a value of {self.name}; got {shown(value)}")
        return 1 if value == 1 else -1

    def checked(self, data: Any, n: int, what: str, like: Tensor) -> Tensor:
        """Configurations (..., n) as a tensor of the device and precision of another.

        Raises
        ------
        InputError
            If the last axis is not n long, a value is none of these units, or the other tensor is of no
            precision that a machine works with.
        """
        require_computable("parameters", like)
        values = real_values(data, what, f"an array of {self.name} (..., {n})")
        if values.ndim < 1 or values.shape[-1] != n:
            raise InputError(
                f"{what} must have shape (..., {n}), one column a unit; got {tuple(values.shape)}"
            )
        values = values.detach().to(like.device, like.dtype)
        wrong = (values != self.low) & (values != 1)
        if wrong.any():
            came = float(values[wrong][0])
            raise InputError(
                f"{what} must be {self.told}, for units={self.name!r}; got {came:g}{self._mend(came)}"
            )
        return values

    def _mend(self, came: float) -> str:
        if self.low < 0:
            return "; bits x become spins by 2 x - 1, or take units='bits'" if came == 0 else ""
        return "; spins s become bits by (1 + s) / 2, or take units='spins'" if came == -1 else ""


_UNITS = {"spins": Units("spins", -1), "bits": Units("bits", 0)}


def units_of(name: Any) -> Units:
    """Raises InputError for a name of none."""
    if not isinstance(name, str) or name not in _UNITS:
        raise InputError(f"units must be 'spins' (-1 and +1) or 'bits' (0 and 1); got {shown(name)}")
    return _UNITS[name]
