"""What is known of a device's temperature as training goes on, and whether it is at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["KnownDevice"]

_UNSURE = 3.0  # standard deviation of the inverse temperature of a device that nobody knows yet, around 1
_MOST_CHANGE = 3.0  # factor by which one step may change it
_MOST = 1e6  # its bounds, up and down
_AT_MODEL = 0.1  # |beta - 1| up to which samples are near enough to the model to show what a device can do
_WARMER = 0.25  # of ln beta: so much warmer a device may come to look before it counts as at its end, ...
_DEVIATIONS = 2.0  # ... or so many standard deviations of its drift
_TOO_HOT = 0.95  # mean beta of samples below which more energy would be programmed
_NEW = 0.2  # weight of the last samples in that mean
_GIVES = 0.2  # share of what is missing by which parameters give way at every step
_FAR, _PATIENCE = 0.8, 20  # beta that so many steps must bring samples to, or the device itself is warmer
_MOST_COUNTED = 1.2  # beta of one step's samples, in that mean
_NAME = "device"


class KnownDevice(NamedTuple):
    """A Kalman filter over the steps, that starts at 1 and gives way to every measurement by its error.

    Programming a device with the energy of a machine over `beta` has it sample the machine at beta = 1 as
    long as its temperature is its own. It is not where chains of qubits freeze, the earlier the stronger they
    are, or break; where couplings end; or where anneals are too fast for a machine as cold as that. The more
    energy is then programmed, the warmer the device looks, and its samples come no nearer. So a beta that
    falls faster than a device drifts, from what it was when samples were of the machine, while they are too
    hot, is that end: the factor stays, and the parameters give way, to what the device can sample. Where that
    brings samples no nearer either, the device itself has warmed up, and the factor follows again.

    Parameters
    ----------
    beta : inverse temperature of the device, units of 1/energy as it is programmed
    variance : of it
    coldest : the largest beta since samples were first of the machine; 0 before
    age : steps since then
    mean : moving average of beta of the samples, in units of the machine: 1 is the model
    held : steps, one after the other, that the device was at its end
    """

    beta: float = 1.0
    variance: float = _UNSURE**2
    coldest: float = 0.0
    age: float = 0.0
    mean: float = 1.0
    held: float = 0.0

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> KnownDevice:
        """As a step before left it, or nothing known."""
        return cls(*state[_NAME].tolist()) if _NAME in state else cls()

    def kept(self) -> dict[str, Tensor]:
        """For the step that follows."""
        return {_NAME: torch.tensor(self, dtype=torch.float64)}

    def after(self, beta: float, error: float, *, factor: float, drift: float) -> KnownDevice:
        """What one more measurement tells; one that is NaN tells nothing.

        Parameters
        ----------
        beta, error : as it was measured, units of 1/energy as it was programmed
        factor : on the energy of the machine
        drift : by which the device may change between two steps, a share
        """
        variance = self.variance + (drift * self.beta) ** 2
        if not (math.isfinite(beta) and math.isfinite(error)):
            return self._replace(variance=variance, age=self.age + 1)
        gain = variance / (variance + error**2)
        moved = self.beta + gain * (beta - self.beta)
        moved = min(max(moved, self.beta / _MOST_CHANGE), self.beta * _MOST_CHANGE)
        moved = min(max(moved, 1 / _MOST), _MOST)
        of_samples = beta * factor
        mean = self.mean + _NEW * (min(of_samples, _MOST_COUNTED) - self.mean)
        found = KnownDevice(moved, (1 - gain) * variance, self.coldest, self.age + 1, mean)
        is_seen = self.coldest > 0 or abs(of_samples - 1) <= _AT_MODEL
        has_warmed = self.held >= _PATIENCE and mean < _FAR
        if has_warmed or (is_seen and moved > self.coldest):
            return found._replace(coldest=moved, age=0.0)
        if not found.is_at_end(drift):
            return found
        return found._replace(beta=found._least(drift), held=self.held + 1)

    def is_at_end(self, drift: float) -> bool:
        """Whether samples are too hot although the device was programmed with all that ever served."""
        return self.mean < _TOO_HOT and self.beta <= self._least(drift)

    def shrinks(self, drift: float) -> float:
        """By what parameters are to be multiplied: less than 1 at the end of the device."""
        return 1 - _GIVES * (1 - self.mean) if self.is_at_end(drift) else 1.0

    def _least(self, drift: float) -> float:
        """To which beta the device can have drifted."""
        return self.coldest * math.exp(-max(_WARMER, _DEVIATIONS * drift * math.sqrt(self.age)))
