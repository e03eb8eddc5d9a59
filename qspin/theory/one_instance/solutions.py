"""The solutions of the TAP equations of one problem, by search from many starts."""

from __future__ import annotations

import numpy as np
import xarray as xr

from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.remarks import Level, Remark
from qspin.theory._equations import Floats
from qspin.theory._results import told
from qspin.theory.one_instance.found import FixedPoint, checked_betas
from qspin.theory.one_instance.iteration import Ended
from qspin.theory.one_instance.mean_field import Magnetisations
from qspin.theory.one_instance.search import checked_starts
from qspin.theory.one_instance.stationary import Searched, searched

__all__ = ["tap_solutions"]

_LARGEST = 500  # spins: the cost of a start grows as their cube
_SAME = 1e-5  # largest difference of magnetisations of one solution
_RESIDUAL = 1e-8


@checked_arguments
def tap_solutions(problem: IsingProblem, beta: float, *, seed: int = 0, n_starts: int = 100) -> xr.Dataset:
    """Stationary points of the TAP free energy that a search from random starts comes to.

    From all starts together the equations are solved by Levenberg and Marquardt's method in the arguments of
    tanh, which comes to saddles as well as to minima. Starts are in turn a random magnetisation, and 0.9
    times a local minimum of the energy below a random configuration. The number of those found is a lower
    bound of their number; how often each was found tells how much is missing. A cold problem of few spins may
    have none.

    Parameters
    ----------
    problem : up to 500 spins
    beta : one inverse temperature
    seed, n_starts : of the search

    Returns
    -------
    over ``solution``, the lowest free energy first: ``spin_mean`` (with ``spin``), ``free_energy``,
    ``energy``, ``entropy`` per spin, ``q``, ``stability`` (see `tap`; above 0 at a minimum), ``weight``, its
    share of exp(-beta N f) among minima, and ``hits``, by how many starts it was found. Attribute
    ``n_failed``: starts that came to none

    Raises
    ------
    InputError
        If the problem is larger, or beta is not positive.
    """
    if problem.n_spins > _LARGEST:
        raise InputError(
            f"tap_solutions searches problems of up to {_LARGEST} spins, since each start costs N^3; got "
            f"{problem.n_spins}. Of larger ones `tap` gives one solution"
        )
    (at,) = checked_betas(beta) if np.ndim(beta) == 0 else _refuse(beta)
    magnetisations = Magnetisations(problem, float(at))
    found = searched(magnetisations, np.arctanh(0.999 * np.array(_starts(problem, n_starts, seed))))
    distinct, hits = _distinct(magnetisations, found)
    return _dataset(problem, float(at), distinct, hits, n_starts)


def _refuse(beta: object) -> tuple[float]:
    raise InputError(f"tap_solutions takes one beta; got {beta!s}")


def _starts(problem: IsingProblem, n_starts: int, seed: int) -> list[Floats]:
    """Random magnetisations, every second one replaced by a local minimum of the energy."""
    starts = checked_starts(problem, None, n_starts, seed)
    couplings = problem.toarray()
    for k in range(1, n_starts, 2):
        starts[k] = 0.9 * _descended(couplings, problem.fields, np.where(starts[k] < 0, -1.0, 1.0))
    return starts


def _descended(couplings: Floats, fields: Floats, spins: Floats) -> Floats:
    """Of single flips that each gain the most, until none gains."""
    local = couplings @ spins + fields
    while (gain := spins * local).max() > 0:
        k = int(gain.argmax())
        spins[k] = -spins[k]
        local += 2 * spins[k] * couplings[:, k]
    return spins


def _distinct(magnetisations: Magnetisations, found: Searched) -> tuple[list[FixedPoint], list[int]]:
    """Each solution once, the lowest first, and how often it was found."""
    m = np.tanh(found.x)
    residuals = np.abs(np.tanh(magnetisations.local_fields(m, m)) - m).max(axis=1)
    points: list[FixedPoint] = []
    hits: list[int] = []
    for k in np.flatnonzero(residuals <= _RESIDUAL).tolist():
        same = (i for i, each in enumerate(points) if np.abs(each.spin_mean - m[k]).max() < _SAME)
        if (i := next(same, None)) is None:
            ended = Ended(np.stack([m[k], m[k]]), float(residuals[k]), int(found.steps[k]), 0.0)
            points.append(magnetisations.fixed_point(ended))
            hits.append(1)
        else:
            hits[i] += 1
    lowest = sorted(range(len(points)), key=lambda i: points[i].free_energy)
    return [points[i] for i in lowest], [hits[i] for i in lowest]


def _dataset(
    problem: IsingProblem, beta: float, points: list[FixedPoint], hits: list[int], n_starts: int
) -> xr.Dataset:
    free = np.array([point.free_energy for point in points])
    minimum = np.array([point.stability > 0 for point in points], dtype=bool)
    weight = np.zeros(len(points))
    if minimum.any():
        weight[minimum] = np.exp(-beta * problem.n_spins * (free[minimum] - free[minimum].min()))
        weight /= weight.sum()
    values = {
        "spin_mean": (
            ("solution", "spin"),
            np.array([point.spin_mean for point in points]).reshape(len(points), problem.n_spins),
        ),
        "free_energy": ("solution", free),
        "energy": ("solution", [point.energy for point in points]),
        "entropy": ("solution", [point.entropy for point in points]),
        "q": ("solution", [float(np.mean(point.spin_mean**2)) for point in points]),
        "stability": ("solution", [point.stability for point in points]),
        "weight": ("solution", weight),
        "hits": ("solution", np.array(hits, dtype=np.int64)),
    }
    failed = n_starts - sum(hits)
    return told(
        xr.Dataset(values, attrs={"beta": beta, "n_starts": n_starts, "n_failed": failed}),
        source="Thouless, Anderson, Palmer 1977, Phil. Mag. 35, 593",
        valid="as tap; their number is a lower bound",
        error=f"of the equations {_RESIDUAL:g}",
        remarks=_remarks(hits, failed, n_starts),
    )


def _remarks(hits: list[int], failed: int, n_starts: int) -> list[Remark]:
    remarks = []
    if once := hits.count(1):
        remarks.append(
            Remark(
                "unseen-solutions",
                f"{once} of {len(hits)} solutions were found by one start only: the share of starts that "
                f"would find another one is about {once / max(sum(hits), 1):.2g} (Good 1953); start more "
                "often",
                Level.NOTE,
            )
        )
    if failed:
        remarks.append(
            Remark(
                "no-convergence",
                f"{failed} of {n_starts} starts came to no stationary point within {_RESIDUAL:g}",
                Level.NOTE,
            )
        )
    return remarks
