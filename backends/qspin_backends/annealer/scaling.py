"""How much a problem has to shrink to fit the range of a device: one factor for all scales and gauges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin_backends.annealer.device import Limits
from qspin_backends.annealer.embedding import Layout

__all__ = ["Fit", "fit"]


@dataclass(frozen=True)
class Fit:
    """A factor of at most 1 on all energies, and the limit of the device that asks for it."""

    factor: float
    limit: str


def fit(
    problem: IsingProblem,
    layout: Layout,
    scale: float,
    strengths: NDArray[np.float64],
    limits: Limits,
    *,
    gauged: bool,
    extended: bool,
) -> Fit:
    """What fits the problem, multiplied by `scale`, with its chains into the limits.

    Parameters
    ----------
    strengths : of the chains (n_spins,), in units of the problem times `scale`
    gauged : the signs of fields and couplings are not known, so either may occur
    extended : couplings may use the extended range; in a gauge that turns them positive they cannot, so with
        gauges it serves the chains alone
    """
    fields = scale * layout.fields(problem.fields)
    couplings = layout.couplings(scale * problem.edges.couplings, strengths)
    between, chains = couplings[: layout.n_between], couplings[layout.n_between :]
    if gauged:
        fields, between = _either_sign(fields), _either_sign(between)
    j_range = limits.extended_j if extended else limits.j
    factors = {
        "h_range": _ratio(fields, limits.h),
        "j_range": _ratio(between, j_range),
        "extended_j_range" if extended else "j_range of chains": _ratio(chains, j_range),
    }
    if limits.per_qubit is not None:
        sums = np.concatenate(list(_sums(layout, couplings, gauged)))
        factors["per_qubit_coupling_range"] = _ratio(sums, limits.per_qubit)
    limit = min(factors, key=lambda name: factors[name])
    return Fit(min(1.0, factors[limit]), limit)


def _either_sign(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([values, -values])


def _ratio(values: NDArray[np.float64], allowed: tuple[float, float]) -> float:
    """By which values may be multiplied."""
    low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), 0.0)
    return min(allowed[0] / low if low < 0 else np.inf, allowed[1] / high if high > 0 else np.inf)


def _sums(layout: Layout, couplings: NDArray[np.float64], gauged: bool) -> Iterator[NDArray[np.float64]]:
    """Sums of the couplings at each qubit; in unknown gauges the largest and the least that may occur."""
    n, between = len(layout.qubits), slice(None, layout.n_between)
    inside = slice(layout.n_between, None)

    def at_qubits(values: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
        ends = layout.couplers[part].T
        return sum(np.bincount(end, weights=values[part], minlength=n) for end in ends) + np.zeros(n)

    chains = at_qubits(couplings, inside)
    if not gauged:
        yield chains + at_qubits(couplings, between)
        return
    most = at_qubits(np.abs(couplings), between)
    yield chains + most
    yield chains - most
