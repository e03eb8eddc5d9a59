"""Kinks that a quench leaves on a ring without frustration, beside what theory says of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from qspin.analysis import kink_density
from qspin.analysis.resampling import jackknife
from qspin.problem import IsingProblem
from qspin.studies.quench.states import State
from qspin.study import Results

__all__ = ["Kinks", "kinks_of", "no_kink_limit", "ring_coupling", "rings_of"]

_NONE = 1e-12  # of the density, which is a mean of ones
_RARE = 0.05


class Kinks(NamedTuple):
    """Density of kinks of one sampler at one time.

    Parameters
    ----------
    value, error : share of unsatisfied couplings, averaged over instances
    exact : of the distribution that the reads are drawn from, where it is known
    limit : upper end of a 95 % interval where no read has a kink and reads are independent, else NaN
    n_spins, coupling : of the ring; the coupling as it was programmed, size alone
    """

    state: State
    value: float
    error: float
    exact: float
    n_spins: int
    coupling: float
    limit: float = math.nan


def ring_coupling(problem: IsingProblem) -> float | None:
    """Size of the couplings of a ring of three spins or more, where all are equally strong and can be
    satisfied together, and there are no fields; None for any other problem.

    Examples
    --------
    >>> from qspin.instances import edwards_anderson, lattice_ferromagnet
    >>> ring_coupling(lattice_ferromagnet((5,))), ring_coupling(lattice_ferromagnet((2, 3)))
    (1.0, None)
    """
    n, (i, j, couplings) = problem.n_spins, problem.edges
    if n < 3 or len(couplings) != n or problem.fields.any() or (np.diff(problem.csr.indptr) != 2).any():
        return None
    size = float(np.abs(couplings[0]))
    if not size or not np.allclose(np.abs(couplings), size, rtol=1e-12, atol=0):
        return None
    if np.prod(-np.sign(couplings)) < 0 or not _is_one_ring(i, j, n):
        return None
    return size


def _is_one_ring(i: np.ndarray, j: np.ndarray, n: int) -> bool:
    """Whether a graph in which every vertex has two neighbours is connected."""
    neighbours: dict[int, list[int]] = {}
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    before, here, seen = -1, 0, 1
    while True:
        first, second = neighbours[here]
        before, here = here, second if first == before else first
        if here == 0:
            return seen == n
        seen += 1


def rings_of(states: Sequence[State], results: Results) -> dict[tuple[str, str], float]:
    """Place of a state -> size of its couplings, of problems that are such rings."""
    found = {}
    for state in {s.place: s for s in states}.values():
        if (coupling := ring_coupling(results.problem(state.problem, state.where))) is not None:
            found[state.place] = coupling
    return found


def kinks_of(states: Sequence[State], rings: Mapping[tuple[str, str], float]) -> Iterator[Kinks]:
    """Of every sampler at every time on a ring.

    Parameters
    ----------
    rings : place of a state -> size of its couplings
    """
    for state in states:
        if state.place not in rings or not state.correlations:
            continue
        every = list(state.correlations.values())
        found = [kink_density(own) for own in every]
        value, error = found[0]
        if len(found) > 1:
            value, error = (float(x) for x in jackknife([own[0] for own in found]))
        exact = np.mean([_exact(own) for own in every]) if state.is_exact else math.nan
        coupling = rings[state.place] * state.scale
        n_reads = sum(float(own["n_reads"]) for own in every)
        limit = math.nan if value > _NONE else no_kink_limit(n_reads, state.n_spins)
        yield Kinks(state, value, error, float(exact), state.n_spins, coupling, limit)


def no_kink_limit(n_reads: float, n_spins: int) -> float:
    """Density up to which reads without any kink are no rarer than one in twenty, where a read that has any
    has two: on such a ring they come in pairs.

    Examples
    --------
    >>> round(no_kink_limit(500, 12), 5)
    0.001
    """
    return float(2 / n_spins * (1 - _RARE ** (1 / n_reads)))


def _exact(found: object) -> float:
    """Kinks of the distribution itself."""
    own = found["coupling"].values != 0  # type: ignore[index]
    signs = np.sign(found["coupling"].values[own])  # type: ignore[index]
    return float((1 + signs * found["exact"].values[0][own]).mean() / 2)  # type: ignore[index]
