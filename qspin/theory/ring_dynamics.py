"""Quenches of a ring in a transverse field by free fermions: exact for any size and any schedule.

The driver's ground state has P = +1, and so has everything after it. Each pair of modes k, -k is a pseudospin
that precesses about its own field,

    d n / dt = 4 pi b_k(t) x n,    b_k = 2 (-J kappa sin k, 0, Gamma + J kappa cos k)  in GHz,

from n = (0, 0, -1) on: the Bogoliubov-de Gennes equations of Dziarmaga 2005 (Phys. Rev. Lett. 95, 245701),
here for the rings and the schedules of annealers. At the end a pair has broken two bonds or none,
independently of all others, which makes the distribution of kinks exact as well (Cincio, Dziarmaga, Rams,
Zurek 2007, Phys. Rev. A 75, 052321).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.memory import require_bytes
from qspin.schedules import Course, schedule_of
from qspin.theory._equations import checked_values, told
from qspin.theory.transverse_ring import checked_ring, mode_means, momenta
from qspin.validate import checked_count

__all__ = ["checked_times", "ring_kinks", "ring_quench"]

Floats = NDArray[np.float64]

_SOURCE = "Dziarmaga 2005, Phys. Rev. Lett. 95, 245701; Cincio et al. 2007, Phys. Rev. A 75, 052321"
_VALID = "rings of any size without a bath, from the ground state of the driver on"
_ERROR = "1e-9 of the integration"
_BYTES_A_SPIN = 1000  # of the momenta and what an integrator of 8th order keeps of them
_RELATIVE, _ABSOLUTE = 1e-11, 1e-12  # of a step of the precession


def ring_kinks(n: int, schedule: Any, annealing_time_ns: ArrayLike, coupling: float = -1.0) -> xr.Dataset:
    """Kinks that annealing a ring leaves: bonds that are not satisfied.

    Parameters
    ----------
    n : spins, three or more
    schedule : as `qspin.schedules.schedule_of` takes it; of a shape, a unit of the couplings is 1 GHz
    annealing_time_ns : from s = 0 to 1, one or several
    coupling : J of the problem, as it is programmed; negative is ferromagnetic

    Returns
    -------
    over ``annealing_time`` (ns): ``kink_density``, mean kinks a spin; ``kinks`` and ``kinks_variance``, their
    mean number and its variance over reads; ``probability`` (annealing_time, n_kinks) of each number from 0
    to n; ``bond_correlation`` and ``magnetisation_x`` at the end. Exact for this n, up to 1e-9 or so of the
    integration

    Raises
    ------
    InputError
        If n is below 3, a time is not positive, or the schedule is none.
    CapacityError
        If so many fermions would not fit in memory.

    Examples
    --------
    >>> found = ring_kinks(16, "linear", [1.0, 4.0])
    >>> found.kink_density.values.round(4).tolist()
    [0.1294, 0.0587]
    """
    coupling = checked_ring(n, coupling)
    require_bytes(_BYTES_A_SPIN * n, f"free fermions of {n} spins", "take fewer: long rings are alike")
    times = checked_times(annealing_time_ns)
    followed = schedule_of(schedule)
    pairs, alone = momenta(n, odd=False)
    bonds, along, distributions = [], [], []
    for time in times.tolist():
        x, _, z = _precessed(followed.course([(0.0, 0.0), (time, 1.0)]), coupling, pairs, [time])[..., 0]
        means = mode_means(n, z, x, pairs)
        along.append(means[0])
        bonds.append(means[1])
        satisfied = -np.sign(coupling) * (np.cos(pairs) * z - np.sin(pairs) * x)
        distributions.append(_kinks(n, (1 - satisfied) / 2, len(alone) if coupling > 0 else 0))
    numbers, probability = np.arange(n + 1), np.array(distributions)
    mean = probability @ numbers
    variables = {
        "kink_density": mean / n,
        "kinks": mean,
        "kinks_variance": probability @ numbers**2 - mean**2,
        "bond_correlation": np.array(bonds),
        "magnetisation_x": np.array(along),
    }
    found = xr.Dataset(
        {
            **{name: ("annealing_time", values) for name, values in variables.items()},
            "probability": (("annealing_time", "n_kinks"), probability),
        },
        coords={"annealing_time": times, "n_kinks": numbers},
        attrs={"n_spins": n, "coupling": coupling, "schedule": followed.name},
    )
    return told(found, source=_SOURCE, valid=_VALID, error=_ERROR)


def ring_quench(
    n: int,
    schedule: Any,
    points: Sequence[tuple[float, float]],
    coupling: float = -1.0,
    n_times: int = 101,
) -> xr.Dataset:
    """What a ring does in the course of an anneal that begins in the ground state of the driver.

    Parameters
    ----------
    n, schedule, coupling : see `ring_kinks`
    points : (time in ns, s), linear between them; pauses and quenches as you like
    n_times : at which means are given, spread evenly

    Returns
    -------
    over ``time`` (ns): ``transverse_field`` and ``problem_field``, Gamma and kappa in GHz;
    ``magnetisation_x`` and ``bond_correlation`` of a spin and a bond; ``energy`` of a spin, GHz

    Raises
    ------
    InputError
        As `ring_kinks`, and if the points are no anneal.
    CapacityError
        As `ring_kinks`.
    """
    coupling = checked_ring(n, coupling)
    require_bytes(_BYTES_A_SPIN * n, f"free fermions of {n} spins", "take fewer: long rings are alike")
    course = schedule_of(schedule).course(points)
    times = np.linspace(course.times[0], course.times[-1], checked_count(n_times, "n_times", least=2))
    pairs, _ = momenta(n, odd=False)
    x, _, z = _precessed(course, coupling, pairs, times.tolist()).swapaxes(1, 2)
    along, bond = mode_means(n, z, x, pairs)
    transverse, problem = course.fields(times)
    values = {
        "transverse_field": transverse,
        "problem_field": problem,
        "magnetisation_x": along,
        "bond_correlation": bond,
        "energy": problem * coupling * bond - transverse * along,
    }
    found = xr.Dataset(
        {name: ("time", value) for name, value in values.items()},
        coords={"time": times},
        attrs={"n_spins": n, "coupling": coupling},
    )
    return told(found, source=_SOURCE, valid=_VALID, error=_ERROR)


def checked_times(annealing_time_ns: ArrayLike) -> Floats:
    """Positive times in ns (n_times,)."""
    return checked_values(annealing_time_ns, "annealing_time_ns", least=0.0, open_end=True)


def _precessed(course: Course, coupling: float, pairs: Floats, times: Sequence[float]) -> Floats:
    """Pseudospins at these times, (3, n_pairs, n_times)."""
    from scipy.integrate import solve_ivp

    m = len(pairs)
    across, along = -8 * np.pi * coupling * np.sin(pairs), 8 * np.pi * coupling * np.cos(pairs)
    edges, pieces = course.times.tolist(), np.moveaxis(course.pieces, 0, 1).tolist()

    def slope(time: float, values: Floats) -> Floats:
        k = min(max(bisect_right(edges, time) - 1, 0), len(pieces) - 1)
        u = (time - edges[k]) / (edges[k + 1] - edges[k])
        (g0, g1, g2), (p0, p1, p2) = pieces[k]
        problem = p0 + u * (p1 + u * p2)
        field_z = 8 * np.pi * (g0 + u * (g1 + u * g2)) + problem * along
        field_x = problem * across
        x, y, z = values[:m], values[m : 2 * m], values[2 * m :]
        return np.concatenate([-field_z * y, field_z * x - field_x * z, field_x * y])

    start = np.repeat([0.0, 0.0, -1.0], m)
    solved = solve_ivp(
        slope, (edges[0], edges[-1]), start, "DOP853", list(times), rtol=_RELATIVE, atol=_ABSOLUTE
    )
    return np.asarray(solved.y).reshape(3, m, len(times))


def _kinks(n: int, broken: Floats, alone: int) -> Floats:
    """Distribution of the number of kinks (n + 1,).

    Parameters
    ----------
    broken : probability that a pair has broken two bonds (n_pairs,)
    alone : bonds that are broken in any case
    """
    pairs = np.ones(1)
    for probability in np.clip(broken, 0.0, 1.0).tolist():
        pairs = np.convolve(pairs, [1 - probability, probability])
    distribution = np.zeros(n + 1)
    distribution[alone : alone + 2 * len(pairs) - 1 : 2] = pairs
    return distribution
