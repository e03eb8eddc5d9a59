"""The likelihood that training is watched by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from qspin.errors import InputError, nearest_name
from qspin.networks.boltzmann.enumeration import can_enumerate
from qspin.networks.boltzmann.likelihood import LikelihoodMethod, log_likelihood
from qspin.networks.boltzmann.machines import Machine
from qspin.remarks import Level, Remark

__all__ = ["Scores", "scores_of"]

_EXACT_UNITS = 16  # up to which an exact sum takes less time than the steps between two evaluations
_METHODS = ("auto", "exact", "ais", "tempering", "none")


@dataclass(frozen=True)
class Scores:
    """How the likelihood is found.

    Parameters
    ----------
    method : None: it is not
    rows, unseen : data that are learned, and held out
    seed : of an estimate
    remarks : why it is not
    """

    method: LikelihoodMethod | None
    rows: Tensor
    unseen: Tensor | None
    seed: int
    remarks: tuple[Remark, ...] = ()

    def of(self, machine: Machine, step: int) -> dict[str, float]:
        """Of learned and held-out data, by the names of `Record`; one ln Z serves both."""
        if self.method is None:
            return {}
        seed = int(np.random.SeedSequence([self.seed, 3, step]).generate_state(1)[0])
        own: dict[str, Any] = {"n_chains": 200} if self.method == "ais" else {}
        found = log_likelihood(machine, self.rows, self.method, seed=seed, **own)
        values = {
            "log_likelihood": found.value,
            "log_likelihood_error": found.error,
            "bounds_gap": found.gap,
        }
        if self.unseen is not None:
            mean = float(machine.free_energy(self.unseen).detach().mean())
            values |= {"held_out": -mean - found.log_partition, "held_out_error": found.error}
        return values


def scores_of(machine: Machine, rows: Tensor, unseen: Tensor | None, method: Any, seed: int) -> Scores:
    """Raises InputError for an unknown method, CapacityError for a sum that is too long."""
    if method not in _METHODS:
        raise InputError(f"likelihood {method!r}: {nearest_name(str(method), _METHODS)}")
    remarks: tuple[Remark, ...] = ()
    if method == "auto":
        method = "exact" if can_enumerate(machine, _EXACT_UNITS) else "ais"
        if not machine.is_summable:
            method = "none"
            text = "hidden units are coupled to too many others to be summed over, so there is no likelihood"
            remarks = (Remark("no-likelihood", text, Level.NOTE),)
    elif method != "none" and not machine.is_summable:
        machine.free_energy(rows[:1])  # raises
    return Scores(None if method == "none" else method, rows, unseen, seed, remarks)
