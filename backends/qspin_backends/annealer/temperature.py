"""Effective inverse temperatures of all scales, and what a reader must know about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin_backends.annealer.effective import (
    Estimate,
    energy_matching,
    enumerated_energies,
    pseudo_likelihood,
)
from qspin_backends.annealer.pipeline import Reads

__all__ = ["Temperatures", "measured_temperatures"]

_DISAGREE = 4.0  # standard errors between the two estimates
_MANY_BROKEN = 0.05


@dataclass(frozen=True)
class Temperatures:
    """Variables (n_scales,) by name, and warnings."""

    values: dict[str, NDArray[np.float64]]
    warnings: list[str]


def measured_temperatures(problem: IsingProblem, reads: Reads, scales: Sequence[float]) -> Temperatures:
    """Two estimates at every scale, and warnings where they cannot be had or contradict each other."""
    levels = enumerated_energies(problem)
    rows, warnings = [], []
    for k, scale in enumerate(scales):
        broken = float(reads.break_fraction[k].mean())
        local = pseudo_likelihood(problem, reads.spins[k], reads.batch[k], broken)
        matched = energy_matching(levels, problem.energies(reads.spins[k]))
        rows.append((local.beta, local.error, matched.beta, matched.error))
        warnings += _warnings(scale, broken, local, matched)
    names = ("beta_effective", "beta_effective_error", "beta_matched", "beta_matched_error")
    return Temperatures(dict(zip(names, np.array(rows).T, strict=True)), warnings)


def _warnings(scale: float, broken: float, local: Estimate, matched: Estimate) -> list[str]:
    if local.reason:
        return [f"beta_effective at scale {scale:g} is unknown: {local.reason}"]
    warnings = []
    if broken > _MANY_BROKEN:
        warnings.append(f"{broken:.0%} of the chains are broken at scale {scale:g}; raise chain_strength")
    if abs(local.beta - matched.beta) > _DISAGREE * np.hypot(local.error, matched.error):
        warnings.append(
            f"at scale {scale:g} single spins are excited as at beta = {local.beta:.3g} and the mean energy "
            f"is that of beta = {matched.beta:.3g}: the reads follow no Boltzmann distribution of the problem"
        )
    return warnings
