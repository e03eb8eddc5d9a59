"""Magnetisations of one problem by naive mean field, and with the reaction of Thouless, Anderson and Palmer.

In this project's sign, E = +sum J s s + sum h s, the free energy of magnetisations is

    F(m) = sum J_ij m_i m_j + sum h_i m_i - beta/2 sum J_ij^2 (1 - m_i^2)(1 - m_j^2) - S(m) / beta

over pairs i < j, S being the entropy of independent spins; without the third term it is naive mean field
(Thouless, Anderson, Palmer 1977, Phil. Mag. 35, 593; Plefka 1982, J. Phys. A 15, 1971). Its stationary points
are m_i = tanh beta [ -sum_j J_ij m_j - h_i - beta m_i sum_j J_ij^2 (1 - m_j^2) ].

F ends an expansion in the couplings early, and means something where that converges: in the glass of
Sherrington and Kirkpatrick where beta^2 <(1 - m^2)^2> < 1 (Plefka). There sum_j J_ij^2 = 1; of other
couplings the mean is taken with these sums, beta^2 / N sum_i (1 - m_i^2)^2 sum_j J_ij^2 < 1, as sure a sign
where it does not hold: of the paramagnet it is the least that the largest eigenvalue of beta^2 J_ij^2 is, by
which the variance of magnetisations grows from spin to spin.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple, Unpack

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.linalg import eigvalsh
from scipy.special import entr

from qspin.arguments import checked_arguments
from qspin.problem import IsingProblem
from qspin.theory._equations import Floats
from qspin.theory.one_instance.found import FixedPoint, checked_betas, curve
from qspin.theory.one_instance.iteration import Ended, iterate
from qspin.theory.one_instance.search import Search, checked_search

__all__ = ["Magnetisations", "mean_field", "tap"]

_LARGEST_DENSE = 2_000  # spins up to which all eigenvalues are computed
_INSIDE = 1 - 1e-12  # magnetisations stay short of 1, where the entropy has no slope


@checked_arguments
def mean_field(problem: IsingProblem, beta: ArrayLike, **search: Unpack[Search]) -> xr.Dataset:
    """Naive mean field: the independent spins whose free energy is lowest. An upper bound of the true one.

    Exact for couplings of all spins that fall as 1/N, such as those of one stored pattern; of a glass it
    knows nothing of the reaction, see `tap`.

    Parameters
    ----------
    problem, beta, search : see `tap`

    Returns
    -------
    As `tap`.

    Raises
    ------
    InputError
        As `tap`.

    Examples
    --------
    >>> pair = IsingProblem([[0, -1], [-1, 0]], fields=[-0.1, -0.1])
    >>> float(mean_field(pair, 0.5).spin_mean[0, 0].round(6))
    0.099342
    """
    return _curve(problem, beta, search, _PLAIN)


@checked_arguments
def tap(problem: IsingProblem, beta: ArrayLike, **search: Unpack[Search]) -> xr.Dataset:
    """Magnetisations by the equations of Thouless, Anderson and Palmer (see the head of this file).

    Exact for dense couplings that are small each, as the number of spins grows, above the line of de Almeida
    and Thouless. Below it there are many solutions, most of which this iteration does not come to:
    `tap_solutions` looks for them. What it may come to there instead is the paramagnet, whose free energy is
    a minimum and yet none of the problem: Plefka's condition does not hold, which a remark tells. The
    reaction is taken at the time of the step before, by which the iteration converges wherever the solution
    is the one of that phase (Bolthausen 2014, Commun. Math. Phys. 325, 333).

    Parameters
    ----------
    problem : any
    beta : one inverse temperature, or ascending ones, each solved from the same starts
    search : keywords, each of which may be left out:

        - ``seed`` of random starts, magnetisations drawn evenly from -1 to 1; default 0
        - ``n_starts``, of which the best is taken: converged, physical (``plefka`` and ``entropy`` not below
          0), stable, of the lowest free energy; default 1
        - ``initial``, magnetisations (N,) or (n_starts, N) to start from instead
        - ``damping``, the share of the old magnetisations in each step, or ``auto``, the default: none, and
          more where it does not come to rest
        - ``tolerance``, the largest change of a magnetisation in an undamped step that counts as rest;
          default 1e-10
        - ``max_steps`` of one start; default 10,000

    Returns
    -------
    over ``beta`` (with ``spin``): ``spin_mean``; per spin ``energy`` (offset included), ``entropy`` and
    ``free_energy``; ``q``, the mean square of the magnetisations; ``stability``, the smallest eigenvalue of
    beta times the Hessian of F between factors sqrt(1 - m_i^2), above 0 at a minimum; ``plefka``,
    1 - beta^2 / N sum_ij J_ij^2 (1 - m_i^2)^2, above 0 where F means something (NaN
    without the reaction); ``residual`` and ``converged``; over ``start`` as well: ``start_free_energy``,
    ``start_residual``, ``start_steps``, ``start_damping``. What did not converge is
    kept and remarked, it is no solution

    Raises
    ------
    InputError
        If a beta is not positive, a keyword is none, starts do not fit the problem, or a setting is out of
        range.

    Examples
    --------
    >>> pair = IsingProblem([[0, -1], [-1, 0]], fields=[-0.1, -0.1])
    >>> float(tap(pair, 0.5).spin_mean[0, 0].round(6))
    0.066633
    """
    return _curve(problem, beta, search, _TAP)


class _Equations(NamedTuple):
    """With the reaction or without, and what is to be told of the solutions."""

    reacts: bool
    source: str
    valid: str


_PLAIN = _Equations(False, "naive mean field", "couplings of all spins that fall as 1/N; else an upper bound")
_TAP = _Equations(
    True,
    "Thouless, Anderson, Palmer 1977, Phil. Mag. 35, 593",
    "dense couplings that are small each, above the line of de Almeida and Thouless",
)


def _curve(problem: IsingProblem, beta: ArrayLike, search: Search, equations: _Equations) -> xr.Dataset:
    betas = checked_betas(beta)
    starts, effort = checked_search(problem, search)

    def solve(at: float, start: int) -> FixedPoint:
        magnetisations = Magnetisations(problem, at, equations.reacts)
        first = np.stack([starts[start], starts[start]])
        return magnetisations.fixed_point(iterate(magnetisations.step, first, effort))

    told = {"source": equations.source, "valid": equations.valid}
    return curve(problem, betas, solve, len(starts), effort, **told)


class Magnetisations:
    """The free energy of magnetisations at one temperature: slopes, values, stability.

    Parameters
    ----------
    reacts : with the reaction term (TAP), or without (naive mean field)
    """

    def __init__(self, problem: IsingProblem, beta: float, reacts: bool = True):
        self.problem, self.beta = problem, beta
        self.couplings: Any = problem.couplings
        self.squares: Any = self._squares() if reacts else None

    def _squares(self) -> Any:
        return self.couplings.multiply(self.couplings) if self.problem.is_sparse else self.couplings**2

    def reaction(self, m: Floats) -> Floats:
        """beta sum_j J_ij^2 (1 - m_j^2), of m (..., N)."""
        if self.squares is None:
            return np.zeros(self.problem.n_spins)
        return np.asarray(self.beta * (self.squares @ (1 - m * m).T).T)

    def local_fields(self, m: Floats, before: Floats) -> Floats:
        """Times beta: what the arguments of tanh are, (..., N)."""
        outside = -(self.couplings @ m.T).T - self.problem.fields
        return np.asarray(self.beta * (outside - before * self.reaction(m)))

    def step(self, state: Floats, damping: float) -> tuple[Floats, float]:
        """Of magnetisations now and one step before (2, N)."""
        m, before = state
        wanted = np.tanh(self.local_fields(m, before))
        residual = max(np.abs(wanted - m).max(), np.abs(m - before).max())
        return np.stack([(1 - damping) * wanted + damping * m, m]), float(residual)

    def fixed_point(self, ended: Ended) -> FixedPoint:
        m = ended.state[0]
        n = self.problem.n_spins
        plain = 0.5 * m @ (self.couplings @ m) + self.problem.fields @ m
        onsager = 0.5 * float((1 - m * m) @ self.reaction(m))  # beta sum over pairs
        own = float((entr((1 + m) / 2) + entr((1 - m) / 2)).sum())
        energy = (float(plain) - onsager + self.problem.offset) / n
        free = (float(plain) - onsager / 2 + self.problem.offset - own / self.beta) / n
        entropy = self.beta * (energy - free)
        return FixedPoint(m, energy, entropy, free, ended, self.stability(m), self.plefka(m))

    def plefka(self, m: Floats) -> float:
        """1 - beta^2 / N sum_i (1 - m_i^2)^2 sum_j J_ij^2; NaN without the reaction."""
        if self.squares is None:
            return float("nan")
        return 1 - self.beta**2 * float(np.mean((1 - m * m) ** 2 * self.squares.sum(axis=1)))

    def stability(self, m: Floats) -> float:
        """The smallest eigenvalue of sqrt(D) (beta d2F/dm dm) sqrt(D), D = diag(1 - m^2)."""
        m = np.clip(m, -_INSIDE, _INSIDE)
        width = np.sqrt(1 - m * m)
        diagonal = 1 + self.beta * width**2 * self.reaction(m)
        n = self.problem.n_spins
        if self.problem.is_sparse and n > _LARGEST_DENSE:
            return self._sparse_stability(m, width, diagonal)
        matrix = self.beta * self.problem.toarray()
        if self.squares is not None:
            matrix -= 2 * np.multiply.outer(self.beta * m, self.beta * m) * self._dense_squares()
        matrix *= np.multiply.outer(width, width)
        matrix[np.arange(n), np.arange(n)] += diagonal
        return float(eigvalsh(matrix, subset_by_index=[0, 0])[0])

    def _dense_squares(self) -> Floats:
        return np.asarray(self.squares.toarray() if self.problem.is_sparse else self.squares)

    def _sparse_stability(self, m: Floats, width: Floats, diagonal: Floats) -> float:
        from scipy.sparse.linalg import eigsh

        between = self.beta * self.couplings
        if self.squares is not None:
            weighted = sparse.diags_array(self.beta * m)
            between = between - 2 * (weighted @ self.squares @ weighted)
        scale = sparse.diags_array(width)
        matrix = sparse.csr_array(scale @ between @ scale + sparse.diags_array(diagonal))
        return float(eigsh(matrix, k=1, which="SA", return_eigenvectors=False)[0])

    def slopes(self, x: Floats) -> Floats:
        """x - beta (local fields) of m = tanh x (n_starts, N): zero at a stationary point."""
        m = np.tanh(x)
        return x - self.local_fields(m, m)

    @cached_property
    def _straight(self) -> tuple[Floats, Floats]:
        """beta J, and -2 beta^2 J^2 of the reaction, (N, N)."""
        couplings = self.beta * self.problem.toarray()
        return couplings, -2 * couplings**2 if self.squares is not None else np.zeros_like(couplings)

    def curvature(self, x: Floats) -> Floats:
        """Jacobians of `slopes` (n_starts, N, N)."""
        m = np.tanh(x)
        linear, quadratic = self._straight
        found = m[:, :, None] * m[:, None, :]
        found *= quadratic
        found += linear
        diagonal = np.arange(self.problem.n_spins)
        found[:, diagonal, diagonal] += self.beta * self.reaction(m)
        found *= (1 - m * m)[:, None, :]
        found[:, diagonal, diagonal] += 1
        return found
