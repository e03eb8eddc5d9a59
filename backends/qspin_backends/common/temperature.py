"""Effective inverse temperatures of rows of reads, and what a reader must know about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import STANDARD_ERRORS, Level, Remark
from qspin_backends.common.effective import (
    Estimate,
    energy_matching,
    enumerated_energies,
    pseudo_likelihood,
)

__all__ = ["Temperatures", "measured_temperatures", "temperature_bytes"]

_MANY_BROKEN = 0.05
_BYTES_A_SPIN = 40  # of each read of a row: its local field, and what is computed from it; measured


@dataclass(frozen=True)
class Temperatures:
    """Variables (n_rows,) by name, and remarks."""

    values: dict[str, NDArray[np.float64]]
    remarks: list[Remark]


def measured_temperatures(
    problem: IsingProblem,
    spins: NDArray[np.int8],
    groups: NDArray[np.integer],
    broken: NDArray[np.float64],
    wheres: Sequence[str],
) -> Temperatures:
    """Two estimates for every row of reads, and remarks where they cannot be had or contradict each other.

    Parameters
    ----------
    spins : (n_rows, n_reads, n_spins)
    groups : which programming each read belongs to (n_rows, n_reads), or several ways to group them
        (n_ways, n_rows, n_reads)
    broken : mean share of broken chains (n_rows,)
    wheres : what distinguishes each row, such as "in reads at half the energy", for remarks
    """
    levels = enumerated_energies(problem)
    rows, remarks = [], list[Remark]()
    for k, where in enumerate(wheres):
        local = pseudo_likelihood(problem, spins[k], groups[..., k, :], float(broken[k]))
        matched = energy_matching(problem, spins[k], levels)
        rows.append((local.beta, local.error, matched.beta, matched.error))
        remarks += _remarks(where, float(broken[k]), local, matched)
    names = ("beta_effective", "beta_effective_error", "beta_matched", "beta_matched_error")
    return Temperatures(dict(zip(names, np.array(rows).T, strict=True)), remarks)


def temperature_bytes(n_reads: int, n_spins: int) -> int:
    """Bytes that the estimates of a row of reads take at the peak."""
    return _BYTES_A_SPIN * n_reads * n_spins


def _remarks(where: str, broken: float, local: Estimate, matched: Estimate) -> Iterator[Remark]:
    if local.reason:
        yield Remark("no-effective-temperature", f"beta_effective {where} is unknown: {local.reason}")
        return
    if broken > _MANY_BROKEN:
        yield Remark("broken-chains", f"{broken:.0%} of the chains are broken {where}; raise chain_strength")
    if abs(local.beta - matched.beta) > STANDARD_ERRORS * np.hypot(local.error, matched.error):
        yield Remark(
            "not-boltzmann",
            f"{where} single spins are excited as at beta = {local.beta:.3g} and the mean energy "
            f"is that of beta = {matched.beta:.3g}: the reads follow no Boltzmann distribution of the "
            "problem",
            Level.SERIOUS,
        )
