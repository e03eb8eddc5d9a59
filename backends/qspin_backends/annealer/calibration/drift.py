"""Drift: whether a run ended as it began, by the trend of its programmings in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from qspin.problem import IsingProblem
from qspin.sampler import BY_CHANCE, Remark
from qspin_backends.common.effective import pseudo_likelihood

__all__ = ["FEWEST", "Trend", "drifts", "trend"]

FEWEST = 4
"""Programmings, below which no trend is told from scatter."""


@dataclass(frozen=True)
class Trend:
    """Change of a quantity from the first programming to the last, by a straight line.

    Parameters
    ----------
    change : in units of the quantity
    error : standard error, from how programmings scatter about the line
    p_value : how often programmings that do not drift show as much, by Student's t
    """

    change: float
    error: float
    p_value: float

    def to_json(self) -> dict[str, float]:
        return {"change": self.change, "error": self.error, "p_value": self.p_value}


def trend(values: NDArray[np.float64], weights: NDArray[np.float64]) -> Trend | None:
    """Of means (n,) of programmings in the order of time; None where there are too few.

    Programmings differ by their gauges and control errors as well as by their reads, so the error comes from
    how they scatter, not from the reads.

    Parameters
    ----------
    weights : reads behind each
    """
    known = np.isfinite(values)
    values, weights = values[known], weights[known]
    times = np.flatnonzero(known).astype(np.float64)
    n = len(values)
    if n < FEWEST:
        return None
    times -= np.average(times, weights=weights)
    spread = float(weights @ times**2)
    slope = float(weights @ (times * values)) / spread
    residuals = values - np.average(values, weights=weights) - slope * times
    span = float(len(known) - 1)
    error = span * float(np.sqrt((weights @ residuals**2) / (n - 2) / spread))
    change = slope * span
    if error == 0:
        return Trend(change, 0.0, 1.0 if change == 0 else 0.0)
    return Trend(change, error, 2 * float(stats.t.sf(abs(change) / error, n - 2)))


def drifts(
    problem: IsingProblem,
    spins: NDArray[np.int8],
    programming: NDArray[np.int64],
    gauges: NDArray[np.int8],
    wheres: Sequence[str],
) -> tuple[list[dict[str, Any]], list[Remark]]:
    """Trends at every scale, and remarks where one is more than chance.

    Parameters
    ----------
    spins : (n_scales, n_reads, n_spins), in the variables of the problem
    programming : that each read belongs to, numbered in the order of time (n_scales, n_reads). Calls of one
        gauge count as one where there are several gauges: these differ without any drift
    gauges : of each read (n_scales, n_reads, n_spins) or what broadcasts to it
    wheres : what distinguishes each scale, such as "at scale 0.5"
    """
    rows, remarks = [], []
    for k, where in enumerate(wheres):
        trends = _trends(problem, spins[k], programming[k], gauges[k])
        told = {name: None if found is None else found.to_json() for name, found in trends.items()}
        rows.append({"where": where, **told})
        remarks += [
            _remark(where, name, found)
            for name, found in trends.items()
            if found is not None and found.p_value < BY_CHANCE
        ]
    return rows, remarks


def _remark(where: str, name: str, found: Trend) -> Remark:
    text = (
        f"{where} {name} changed by {found.change:.3g} +- {found.error:.2g} from the first programming to "
        "the last, more than programmings scatter: the device was not the same all the time"
    )
    return Remark("drift", text)


def _trends(
    problem: IsingProblem,
    spins: NDArray[np.int8],
    programming: NDArray[np.int64],
    gauges: NDArray[np.int8],
) -> dict[str, Trend | None]:
    """Of the mean energy per spin, the mean spin of the device, and the effective inverse temperature."""
    labels, index = np.unique(programming, return_inverse=True)
    counts = np.bincount(index).astype(np.float64)

    def means(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(index, weights=values) / counts)

    quantities = {
        "energy per spin": means(problem.energies(spins) / problem.n_spins),
        "magnetisation": means((spins * gauges).mean(axis=1)),
        "beta_effective": np.array(
            [pseudo_likelihood(problem, spins[index == k], np.zeros((index == k).sum(), int)).beta
             for k in range(len(labels))]
        ),
    }  # fmt: skip
    return {name: trend(values, counts) for name, values in quantities.items()}
