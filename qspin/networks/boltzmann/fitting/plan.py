"""What a training does, checked before it begins."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qspin.errors import InputError
from qspin.networks.boltzmann.fitting.choice import phase_of
from qspin.networks.boltzmann.fitting.phases import NegativePhase
from qspin.networks.boltzmann.machines import Machine
from qspin.networks.boltzmann.machines.accepted import checked_number
from qspin.validate import checked_count

__all__ = ["Plan", "checked_data", "checked_plan"]


@dataclass(frozen=True)
class Plan:
    """Settings of a training; see `fit_boltzmann`."""

    phase: NegativePhase
    data: Tensor
    n_steps: int
    batch_size: int
    evaluate_every: int
    keep_at: frozenset[int]
    centred: bool
    offset_rate: float
    paced: bool
    n_positive: int
    patience: int | None
    seed: int

    def seeds(self, step: int) -> list[int]:
        """Of the positive and of the negative phase of a step."""
        return [int(k) for k in np.random.SeedSequence([self.seed, 1, step]).generate_state(2)]

    def is_evaluated(self, done: int) -> bool:
        """Whether the likelihood is, after so many steps."""
        return done in self.keep_at or done % self.evaluate_every == 0 or done == self.n_steps

    @property
    def n_evaluations(self) -> int:
        """In all, before the first step and after the last one among them."""
        others = sum(step % self.evaluate_every != 0 for step in self.keep_at | {self.n_steps})
        return self.n_steps // self.evaluate_every + 1 + others

    def batch(self, step: int) -> Tensor:
        """The data of a step; they come in another order every time that all have been seen."""
        n = len(self.data)
        if self.batch_size >= n:
            return self.data
        per_epoch = -(-n // self.batch_size)
        epoch, k = divmod(step, per_epoch)
        order = _order(self.seed, epoch, n, self.data.device)
        return self.data[order[k * self.batch_size : (k + 1) * self.batch_size]]


@lru_cache(maxsize=1)
def _order(seed: int, epoch: int, n: int, device: torch.device) -> Tensor:
    """Of the data in one epoch."""
    return torch.as_tensor(np.random.default_rng([seed, 2, epoch]).permutation(n), device=device)


def checked_plan(
    data: Tensor,
    sampler: Any,
    *,
    seed: int,
    n_steps: int,
    batch_size: int | None,
    evaluate_every: int,
    keep_at: Collection[int],
    centred: bool,
    offset_rate: float,
    paced: bool,
    n_positive: int,
    patience: int | None,
) -> Plan:
    """Raises InputError for settings that are none."""
    n_steps = checked_count(n_steps, "n_steps", least=1)
    kept = frozenset(checked_count(step, "a step of keep_at") for step in keep_at)
    if kept and max(kept) > n_steps:
        raise InputError(f"keep_at names step {max(kept)}, after the last of {n_steps} steps")
    return Plan(
        phase=phase_of(sampler),
        data=data,
        n_steps=n_steps,
        batch_size=len(data) if batch_size is None else checked_count(batch_size, "batch_size", least=1),
        evaluate_every=checked_count(evaluate_every, "evaluate_every", least=1),
        keep_at=kept,
        centred=bool(centred),
        offset_rate=_share(offset_rate, "offset_rate"),
        paced=bool(paced),
        n_positive=checked_count(n_positive, "n_positive", least=1),
        patience=None if patience is None else checked_count(patience, "patience", least=1),
        seed=checked_count(seed, "seed"),
    )


def checked_data(machine: Machine, data: Any, what: str) -> Tensor:
    """Rows of visible units; raises InputError for anything else."""
    rows = machine.checked_visible(data, what)
    if rows.ndim != 2 or not len(rows):
        raise InputError(
            f"{what} must have shape (n, {machine.n_visible}), at least one row; got {tuple(rows.shape)}"
        )
    return rows


def _share(value: Any, what: str) -> float:
    number = checked_number(value, what)
    if not 0 < number <= 1:
        raise InputError(f"{what} must lie above 0 and not above 1; got {number:g}")
    return number
