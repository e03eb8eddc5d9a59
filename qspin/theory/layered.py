"""Where a paramagnet of given couplings becomes unstable, and the order that grows from there.

The paramagnet of the TAP equations is unstable where the largest eigenvalue of -beta J - beta^2 diag(sum_j
J_ij^2) is 1 (Barney, Winer, Galitski 2024, arXiv:2408.06421, with E = +sum J s s). Random couplings only
touch 1; trained ones go beyond it, and what grows below is one pair of solutions, their hidden order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.linalg import eigh, eigvalsh
from scipy.sparse.linalg import LinearOperator, eigsh

from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.remarks import Remark
from qspin.theory._equations import Floats
from qspin.theory._results import told, unsettled
from qspin.theory.one_instance import tap
from qspin.theory.one_instance.found import checked_betas, fixed_point_remarks

__all__ = ["hidden_order", "tap_transition"]

_LARGEST = 4_000
_COARSE = 24
_FEW = 64  # spins up to which all eigenvalues are taken
_KRYLOV = 40  # vectors, of which the largest one is made
_RESIDUAL = 1e-8  # of it: that of the eigenvalue is its square


@checked_arguments
def tap_transition(problem: IsingProblem) -> xr.Dataset:
    """The temperature at which the paramagnet of these couplings becomes unstable, by TAP; fields are left
    out.

    Parameters
    ----------
    problem : up to 4,000 spins

    Returns
    -------
    over ``temperature``, in units of energy: ``instability``, the largest eigenvalue of
    -J/T - diag(sum_j J_ij^2)/T^2. Scalars ``critical_temperature`` and ``crosses``: whether it is the
    largest T with eigenvalue 1, or, where 1 is not reached, that of the largest eigenvalue,
    ``largest_instability``

    Raises
    ------
    InputError
        If there are no couplings, or too many spins.
    """
    n = problem.n_spins
    if n > _LARGEST or not problem.n_couplings or not problem.edges.couplings.any():
        raise InputError(
            f"tap_transition takes a problem with couplings and up to {_LARGEST} spins, of which it takes "
            f"some fifty eigenvalues; got {n} spins and {problem.n_couplings} couplings"
        )
    width = _squares(problem)
    instability = _instability(problem, width)
    scale = float(np.sqrt(width.max()))
    grid = np.geomspace(0.2, 5.0, _COARSE) * scale
    values = np.array([instability(float(t)) for t in grid])
    critical, largest, crosses = _critical(instability, grid, values)
    found = xr.Dataset(
        {
            "instability": ("temperature", values),
            "critical_temperature": critical,
            "largest_instability": largest,
            "crosses": crosses,
        },
        coords={"temperature": grid},
    )
    return told(
        found,
        source="Barney, Winer, Galitski 2024, arXiv:2408.06421",
        valid="dense couplings that are small each; random ones touch 1 at T_c, trained ones cross it",
        error="1e-10 where 1 is crossed, 1e-5 where it is touched",
    )


def _squares(problem: IsingProblem) -> Floats:
    """sum_j J_ij^2 (N,)."""
    edges = problem.edges
    squares = edges.couplings**2
    ends = np.concatenate([edges.i, edges.j])
    return np.bincount(ends, np.tile(squares, 2), problem.n_spins).astype(np.float64)


def _instability(problem: IsingProblem, width: Floats) -> Callable[[float], float]:
    """The largest eigenvalue of -J/T - diag(width)/T^2, over T; each search of Lanczos starts from the vector
    of the one before."""
    n, couplings = problem.n_spins, problem.couplings
    if n <= _FEW:
        attraction = -problem.toarray()
        return lambda t: float(
            eigvalsh(attraction / t - np.diag(width) / t**2, subset_by_index=[n - 1, n - 1])[0]
        )
    vector = np.random.default_rng(0).standard_normal(n)

    def instability(temperature: float) -> float:
        nonlocal vector

        def times(v: Floats) -> Floats:
            v = v.ravel()
            return np.asarray(-(couplings @ v) / temperature - width / temperature**2 * v)

        operator = LinearOperator((n, n), matvec=times, dtype=np.float64)
        (value,), vectors = eigsh(operator, k=1, which="LA", v0=vector, ncv=_KRYLOV, tol=_RESIDUAL)
        vector = vectors[:, 0]
        return float(value)

    return instability


def _critical(
    instability: Callable[[float], float], grid: Floats, values: Floats
) -> tuple[float, float, bool]:
    from scipy.optimize import brentq, minimize_scalar

    top = int(values.argmax())
    low, high = grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)]
    best = minimize_scalar(lambda t: -instability(t), bounds=(low, high), method="bounded")
    peak, largest = float(best.x), float(-best.fun)
    if largest < 1:
        return peak, largest, False
    hot = np.flatnonzero(values >= 1)
    start = max(peak, float(grid[hot[-1]]) if len(hot) else 0.0)
    end = float(grid[-1])
    while instability(end) >= 1:
        end *= 2
    return float(brentq(lambda t: instability(t) - 1, start, end, xtol=1e-12)), largest, True


@checked_arguments
def hidden_order(problem: IsingProblem, beta: ArrayLike) -> xr.Dataset:
    """The TAP solution that grows from the paramagnet's instability, followed from hot to cold.

    At each temperature it starts from the solution of the one above, at the hottest from the eigenvector of
    the instability there. Of trained couplings it is one of a pair, +m and -m, without fields.

    Parameters
    ----------
    problem : up to 4,000 spins
    beta : ascending inverse temperatures

    Returns
    -------
    as of `tap`, and ``alignment``: |overlap| of the magnetisations with the eigenvector, both of length 1

    Raises
    ------
    InputError
        If there are too many spins or no couplings, or a beta is not positive.
    """
    betas = checked_betas(beta)
    if problem.n_spins > _LARGEST or not problem.n_couplings:
        raise InputError(
            f"hidden_order takes a problem with couplings and up to {_LARGEST} spins; got {problem.n_spins} "
            f"spins and {problem.n_couplings} couplings"
        )
    direction = _direction(problem, float(betas[0]))
    state = 0.5 * direction / np.abs(direction).max()
    found = []
    for at in betas:
        point = tap(problem, float(at), initial=state)
        found.append(point)
        m = point.spin_mean.values[0]
        grown = bool(point.converged.values[0]) and np.abs(m).max() > 1e-6
        state = m if grown else state
    whole = xr.concat(found, "beta")
    means = whole.spin_mean.values
    length = np.linalg.norm(means, axis=1)
    aligned = np.abs(means @ direction) / np.where(length > 0, length, 1.0)
    return told(
        whole.assign(alignment=("beta", np.where(length > 1e-6, aligned, np.nan))),
        source="Barney, Winer, Galitski 2024, arXiv:2408.06421",
        valid="as tap",
        error="as tap: residual",
        remarks=[*_wandering(whole), *fixed_point_remarks(whole)],
    )


def _wandering(found: xr.Dataset) -> list[Remark]:
    wrong = ~found.converged.values
    if not wrong.any():
        return []
    advice = "there the order is no single solution (a glass), or follows in smaller steps of beta"
    steps = int(found.start_steps.values[wrong].max())
    return [unsettled("beta", found.beta.values[wrong], found.residual.values[wrong], steps, advice)]


def _direction(problem: IsingProblem, beta: float) -> Floats:
    n = problem.n_spins
    attraction = -beta * problem.toarray()
    attraction[np.arange(n), np.arange(n)] = -(attraction**2).sum(axis=1)
    _, vectors = eigh(attraction, subset_by_index=[n - 1, n - 1])
    return np.asarray(vectors[:, 0])
