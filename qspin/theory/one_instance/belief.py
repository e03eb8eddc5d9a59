"""Belief propagation on the graph of one problem, and Bethe's free energy.

A message along i -> j is the field u on j, times beta, that i would cause were j's own influence on i taken
away: tanh u = tanh(beta K_ij) tanh(beta h_(i -> j)), K = -J (Mezard, Montanari 2009, "Information, Physics,
and Computation", chapter 14; Yedidia, Freeman, Weiss 2005, IEEE Trans. Inf. Theory 51, 2282).
"""

from __future__ import annotations

from typing import Unpack

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy import sparse

from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.remarks import Level, Remark, remarks_of, stored
from qspin.theory._equations import Floats
from qspin.theory.one_instance.found import FixedPoint, checked_betas, curve
from qspin.theory.one_instance.iteration import Effort, Ended, iterate
from qspin.theory.one_instance.search import Search, checked_search

__all__ = ["belief_propagation", "log_cosh", "passed_field"]

_TOLERANCE = 1e-13


@checked_arguments
def belief_propagation(
    problem: IsingProblem, beta: ArrayLike, *, exact: bool = False, **search: Unpack[Search]
) -> xr.Dataset:
    """Magnetisations, correlations and free energy by belief propagation: exact on trees, else Bethe's
    approximation.

    Parameters
    ----------
    problem : any; the cost of a step is its number of couplings
    beta : one inverse temperature, or ascending ones, each solved from the same starts
    exact : refuse a graph with loops, on which the result is an approximation
    search : keywords as of `tap`; first messages are sent from the magnetisations of a start, and
        ``tolerance`` is of the tanh of a message; default 1e-13

    Returns
    -------
    as of `tap`, and over ``pair``, the problem's couplings in the order of its edges: ``correlation``, <s_i
    s_j>, with ``first``, ``second`` and ``coupling``. ``stability`` and ``plefka`` are NaN: messages know
    nothing of them

    Raises
    ------
    InputError
        If `exact` is asked of a graph with loops, a beta is not positive, a keyword is none, starts do not
        fit, or a setting is out of range.

    Examples
    --------
    >>> chain = IsingProblem([[0, -1, 0], [-1, 0, -1], [0, -1, 0]], fields=[-0.3, 0, 0])
    >>> belief_propagation(chain, 1.0, exact=True).spin_mean.values[0].round(6).tolist()
    [0.291313, 0.221862, 0.168969]
    """
    betas = checked_betas(beta)
    starts, effort = checked_search(problem, search, tolerance=_TOLERANCE)
    loops = _n_loops(problem)
    if exact and loops:
        raise InputError(
            f"belief propagation is exact on trees; this graph has {loops} independent loops. Leave out "
            "exact to have Bethe's approximation of it, or sample"
        )

    def solve(at: float, start: int) -> FixedPoint:
        messages = _Messages(problem, at)
        return messages.fixed_point(_run(messages, starts[start], effort))

    found = curve(
        problem, betas, solve, len(starts), effort,
        source="Mezard, Montanari 2009, chapter 14",
        valid="exact on trees; with loops Bethe's approximation",
    ).assign_attrs(n_loops=loops)  # fmt: skip
    edges = problem.edges
    ends = {"first": ("pair", edges.i), "second": ("pair", edges.j), "coupling": ("pair", edges.couplings)}
    return _remarked(found.assign(ends), loops)


def _remarked(found: xr.Dataset, loops: int) -> xr.Dataset:
    if not loops:
        return found
    remark = Remark(
        "loops",
        f"the graph has {loops} independent loops: what stands here is Bethe's approximation, exact on trees "
        "only",
        Level.NOTE,
    )
    return found.assign_attrs(remarks=stored([*remarks_of(found.attrs), remark]))


def _n_loops(problem: IsingProblem) -> int:
    """Couplings that could be taken away until a forest is left."""
    from scipy.sparse.csgraph import connected_components

    edges, n = problem.edges, problem.n_spins
    links = sparse.coo_array((np.ones(len(edges.i)), (edges.i, edges.j)), shape=(n, n))
    parts, _ = connected_components(links, directed=False)
    return len(edges.i) - n + int(parts)


def log_cosh(x: Floats) -> Floats:
    size = np.abs(x)
    return np.asarray(size + np.log1p(np.exp(-2 * size)) - np.log(2))


def passed_field(coupling: Floats, field: Floats) -> Floats:
    """atanh(tanh(K) tanh(h)), also where both are large; all times beta."""
    return np.asarray(0.5 * (log_cosh(coupling + field) - log_cosh(coupling - field)))


def _run(messages: _Messages, start: Floats, effort: Effort) -> Ended:
    return iterate(messages.step, messages.sent(np.arctanh(0.999 * start)), effort)


class _Messages:
    """Messages of both directions of each coupling, times beta: (2, n_couplings), i -> j and j -> i."""

    def __init__(self, problem: IsingProblem, beta: float):
        self.problem, self.beta = problem, beta
        self.edges = problem.edges
        self.couplings = -beta * self.edges.couplings
        self.fields = -beta * problem.fields
        n, m = problem.n_spins, len(self.edges.i)
        into = np.concatenate([self.edges.j, self.edges.i])
        self.gather = sparse.csr_array((np.ones(2 * m), (into, np.arange(2 * m))), shape=(n, 2 * m))

    def local(self, messages: Floats) -> Floats:
        """beta H_i, whole (N,)."""
        return np.asarray(self.fields + self.gather @ messages.ravel())

    def cavity(self, messages: Floats, local: Floats) -> Floats:
        """beta h_(i -> j) and beta h_(j -> i), each without what came from where it goes."""
        towards_j = local[self.edges.i] - messages[1]
        towards_i = local[self.edges.j] - messages[0]
        return np.stack([towards_j, towards_i])

    def sent(self, local: Floats) -> Floats:
        """First messages, as from fields (N,) that nobody caused."""
        return passed_field(self.couplings[None], np.stack([local[self.edges.i], local[self.edges.j]]))

    def step(self, messages: Floats, damping: float) -> tuple[Floats, float]:
        wanted = passed_field(self.couplings[None], self.cavity(messages, self.local(messages)))
        residual = float(np.abs(np.tanh(wanted) - np.tanh(messages)).max(initial=0.0))
        return (1 - damping) * wanted + damping * messages, residual

    def fixed_point(self, ended: Ended) -> FixedPoint:
        """Of messages in which one more step has been taken: they are as good as the residual says."""
        messages = passed_field(self.couplings[None], self.cavity(ended.state, self.local(ended.state)))
        local = self.local(messages)
        cavity = self.cavity(messages, local)
        log_pairs, correlation = self._pairs(cavity)
        log_spins = (log_cosh(local) + np.log(2)).sum() + (
            2 * log_cosh(self.couplings).sum() - log_cosh(messages).sum()
        )
        n, spin_mean = self.problem.n_spins, np.tanh(local)
        free = (self.problem.offset - (log_spins - log_pairs.sum()) / self.beta) / n
        energy = float(self.edges.couplings @ correlation + self.problem.fields @ spin_mean)
        energy = (energy + self.problem.offset) / n
        return FixedPoint(
            spin_mean, energy, self.beta * (energy - float(free)), float(free), ended,
            further={"correlation": correlation},
        )  # fmt: skip

    def _pairs(self, cavity: Floats) -> tuple[Floats, Floats]:
        """ln of the sum over both spins of a coupling, cavity fields normalised, and <s_i s_j>."""
        one, other = cavity
        alike = np.logaddexp(one + other, -one - other) + self.couplings
        opposed = np.logaddexp(one - other, other - one) - self.couplings
        total = np.logaddexp(alike, opposed)
        norm = log_cosh(one) + log_cosh(other) + 2 * np.log(2)
        return total - norm, np.tanh((alike - opposed) / 2)
