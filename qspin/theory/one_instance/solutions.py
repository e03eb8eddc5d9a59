"""The solutions of the TAP equations of one problem, by search from many starts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin.remarks import Level, Remark
from qspin.theory._equations import Floats
from qspin.theory._results import told
from qspin.theory.one_instance.found import FixedPoint, checked_betas, unphysical_where
from qspin.theory.one_instance.iteration import Ended
from qspin.theory.one_instance.mean_field import Magnetisations
from qspin.theory.one_instance.starts import mixed_starts
from qspin.theory.one_instance.stationary import Searched, searched

__all__ = ["tap_solutions"]

_LARGEST = 500  # spins: the cost of a start grows as their cube
_SAME = 1e-5  # largest difference of magnetisations of one solution
_RESIDUAL = 1e-8


@checked_arguments
def tap_solutions(problem: IsingProblem, beta: float, *, seed: int = 0, n_starts: int = 100) -> xr.Dataset:
    """Stationary points of the TAP free energy that a search from many starts comes to.

    From all starts together the equations are solved by Levenberg and Marquardt's method in the arguments of
    tanh, which comes to saddles as well as to minima. Starts are random magnetisations and, most of them,
    configurations of low energy, annealed or descended.
    Without fields the mirror image of each solution is one too. The number of those found is a lower bound of
    their number; how often each was found tells how much is missing.

    Below the transition of a glass the paramagnet is still a minimum of its own, and no state of the problem:
    it violates Plefka's condition, as a remark tells. In glasses of few hundred spins a search often comes to
    no other solution unless it is far colder, about a quarter of the transition.

    Parameters
    ----------
    problem : up to 500 spins
    beta : one inverse temperature
    seed, n_starts : of the search

    Returns
    -------
    over ``solution``, physical ones first and of each kind the lowest free energy: ``spin_mean`` (with
    ``spin``), ``free_energy``, ``energy``, ``entropy`` per spin, ``q``, ``stability`` (see `tap`; above 0 at
    a minimum), ``plefka`` (see `tap`), ``physical``: neither it nor the entropy is below 0, ``weight``, its
    share of exp(-beta N f) among physical minima, NaN where there are none, and ``hits``, by how many starts
    it was found, 0 of a mirror image that was not. Attribute ``n_failed``: starts that came to none

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
    found = searched(magnetisations, mixed_starts(problem, float(at), n_starts, seed))
    solutions = _distinct(magnetisations, found)
    if not problem.fields.any():
        solutions += _mirrored(solutions)
    solutions.sort(key=lambda each: (not each.point.is_physical, each.point.free_energy))
    return _dataset(problem, float(at), solutions, n_starts)


def _refuse(beta: object) -> tuple[float]:
    raise InputError(f"tap_solutions takes one beta; got {beta!s}")


@dataclass
class _Solution:
    """And by how many starts it was found."""

    point: FixedPoint
    hits: int

    def is_at(self, m: Floats) -> bool:
        return bool(np.abs(self.point.spin_mean - m).max() < _SAME)


def _distinct(magnetisations: Magnetisations, found: Searched) -> list[_Solution]:
    """Each solution once."""
    m = np.tanh(found.x)
    residuals = np.abs(np.tanh(magnetisations.local_fields(m, m)) - m).max(axis=1)
    solutions: list[_Solution] = []
    for k in np.flatnonzero(residuals <= _RESIDUAL).tolist():
        if (same := next((each for each in solutions if each.is_at(m[k])), None)) is None:
            ended = Ended(np.stack([m[k], m[k]]), float(residuals[k]), int(found.steps[k]), 0.0)
            solutions.append(_Solution(magnetisations.fixed_point(ended), 1))
        else:
            same.hits += 1
    return solutions


def _mirrored(solutions: list[_Solution]) -> list[_Solution]:
    """Mirror images that are not among them."""
    images = [replace(each.point, spin_mean=-each.point.spin_mean) for each in solutions]
    return [
        _Solution(image, 0) for image in images if not any(each.is_at(image.spin_mean) for each in solutions)
    ]


def _weights(problem: IsingProblem, beta: float, points: list[FixedPoint]) -> Floats:
    """Shares of exp(-beta N f) among physical minima; NaN where there are none."""
    free = np.array([point.free_energy for point in points])
    minimum = np.array([point.is_physical and point.stability > 0 for point in points], dtype=bool)
    if not minimum.any():
        return np.full(len(points), np.nan)
    weights = np.zeros(len(points))
    weights[minimum] = np.exp(-beta * problem.n_spins * (free[minimum] - free[minimum].min()))
    return np.asarray(weights / weights.sum())


def _dataset(problem: IsingProblem, beta: float, solutions: list[_Solution], n_starts: int) -> xr.Dataset:
    points, hits = [each.point for each in solutions], [each.hits for each in solutions]
    values = {
        "spin_mean": (
            ("solution", "spin"),
            np.array([point.spin_mean for point in points]).reshape(len(points), problem.n_spins),
        ),
        "free_energy": ("solution", [point.free_energy for point in points]),
        "energy": ("solution", [point.energy for point in points]),
        "entropy": ("solution", [point.entropy for point in points]),
        "q": ("solution", [float(np.mean(point.spin_mean**2)) for point in points]),
        "stability": ("solution", [point.stability for point in points]),
        "plefka": ("solution", [point.plefka for point in points]),
        "physical": ("solution", np.array([point.is_physical for point in points], dtype=bool)),
        "weight": ("solution", _weights(problem, beta, points)),
        "hits": ("solution", np.array(hits, dtype=np.int64)),
    }
    failed = n_starts - sum(hits)
    found = xr.Dataset(values, attrs={"beta": beta, "n_starts": n_starts, "n_failed": failed})
    return told(
        found,
        source="Thouless, Anderson, Palmer 1977, Phil. Mag. 35, 593",
        valid="as tap; their number is a lower bound",
        error=f"of the equations {_RESIDUAL:g}",
        remarks=[*_unphysical(found), *_remarks(found)],
    )


def _unphysical(found: xr.Dataset) -> list[Remark]:
    physical = found.physical.values
    if physical.all():
        return []
    where = (
        f"{(~physical).sum()} of {len(physical)} solutions are no states of the problem and have no weight"
    )
    advice = "leave them out (`physical`)"
    if not physical.any():
        advice = "start more often, or go to where there are others: hotter, or colder and larger"
    return [unphysical_where(where, found.isel(solution=~physical), advice)]


def _remarks(found: xr.Dataset) -> list[Remark]:
    remarks = []
    hits, n_starts, failed = found.hits.values, found.attrs["n_starts"], found.attrs["n_failed"]
    if once := int((hits == 1).sum()):
        remarks.append(
            Remark(
                "unseen-solutions",
                f"{once} of {len(hits)} solutions were found by one start only: the share of starts that "
                f"would find another one is about {once / hits.sum():.2g} (Good 1953); start more often",
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
