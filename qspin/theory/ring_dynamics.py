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

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.compiled import njit
from qspin.schedules import Course, schedule_of
from qspin.sizes import checked_size
from qspin.theory._results import checked_values, told
from qspin.theory.transverse_ring import checked_ring, mode_means, momenta

__all__ = ["checked_times", "ring_kinks", "ring_quench"]

Floats = NDArray[np.float64]

_SOURCE = "Dziarmaga 2005, Phys. Rev. Lett. 95, 245701; Cincio et al. 2007, Phys. Rev. A 75, 052321"
_VALID = "rings of any size without a bath, from the ground state of the driver on"
_ERROR = "1e-11 of the integration"
_BYTES_A_TIME = 200
_BYTES_A_SPIN = 1000  # of the momenta and what is kept of them
_FARTHEST_TURN = 3.0  # radians of a step, so that terms of its series stay as small as what they sum up to
_HIGHEST_ORDER, _NOTHING = 100, 1e-17  # of a series; three terms of it that are too small to count


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
    to n; ``bond_correlation`` and ``magnetisation_x`` at the end. Exact for this n, up to 1e-11 or so of the
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
    coupling = checked_ring(n, coupling, each=_BYTES_A_SPIN)
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
    coupling = checked_ring(n, coupling, each=_BYTES_A_SPIN)
    course = schedule_of(schedule).course(points)
    n_times = checked_size(n_times, "n_times", least=2, each=_BYTES_A_TIME)
    times = np.linspace(course.times[0], course.times[-1], n_times)
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
    marks = np.unique(np.concatenate([course.times, times]))
    k = np.clip(np.searchsorted(course.times, marks[:-1], side="right") - 1, 0, course.pieces.shape[1] - 1)
    length = np.diff(course.times)[k]
    begin, width = (marks[:-1] - course.times[k]) / length, np.diff(marks) / length
    f0, f1, f2 = np.moveaxis(course.pieces[:, k], -1, 0)
    slopes = (f1 + 2 * begin * f2) * width
    parabolas = np.stack([f0 + begin * (f1 + begin * f2), slopes, f2 * width**2], axis=-1)
    parabolas *= 8 * np.pi * np.diff(marks)[:, None]
    at = np.searchsorted(marks, times)
    kept = np.full(len(marks), -1)
    kept[at] = np.arange(len(times))
    across, along = -coupling * np.sin(pairs), coupling * np.cos(pairs)
    return np.asarray(_turned(*parabolas, across, along, kept, len(times))[..., kept[at]])


@njit(cache=True, nogil=True)
def _turned(transverse, problem, across, along, kept, n_kept):
    """Pseudospins (3, n_pairs, n_kept) at ends of intervals, through each of which fields are parabolas of a
    variable from 0 to 1, in radians an interval; by Taylor's series, whose terms follow from each other.

    Parameters
    ----------
    transverse, problem : coefficients (n_intervals, 3)
    across, along : of the problem's field (n_pairs,)
    kept : where the spins before each interval and those behind the last are kept; -1: nowhere
    """
    found = np.empty((3, len(across), n_kept))
    for pair in range(len(across)):
        spin = (0.0, 0.0, -1.0)
        for i in range(len(kept)):
            if kept[i] >= 0:
                found[0, pair, kept[i]], found[1, pair, kept[i]], found[2, pair, kept[i]] = spin
            if i < len(transverse):
                spin = _turned_by(transverse[i] + along[pair] * problem[i], across[pair] * problem[i], spin)
    return found


@njit(cache=True, nogil=True)
def _turned_by(c, a, spin):
    """One spin by the field (a, 0, c), both of them parabolas, in as many steps as its turns need."""
    x, y, z = spin
    n = int(np.ceil(np.hypot(np.abs(c).sum(), np.abs(a).sum()) / _FARTHEST_TURN))
    for part in range(n):
        u, w = part / n, 1 / n
        c0, c1, c2 = w * (c[0] + u * (c[1] + u * c[2])), w**2 * (c[1] + 2 * u * c[2]), w**3 * c[2]
        a0, a1, a2 = w * (a[0] + u * (a[1] + u * a[2])), w**2 * (a[1] + 2 * u * a[2]), w**3 * a[2]
        x0, y0, z0 = x, y, z
        x1 = y1 = z1 = x2 = y2 = z2 = 0.0  # terms before this one
        for order in range(1, _HIGHEST_ORDER):
            dx = -(c0 * y0 + c1 * y1 + c2 * y2)
            dy = c0 * x0 + c1 * x1 + c2 * x2 - (a0 * z0 + a1 * z1 + a2 * z2)
            dz = a0 * y0 + a1 * y1 + a2 * y2
            x2, y2, z2, x1, y1, z1 = x1, y1, z1, x0, y0, z0
            x0, y0, z0 = dx / order, dy / order, dz / order
            x, y, z = x + x0, y + y0, z + z0
            last = abs(x0) + abs(y0) + abs(z0) + abs(x1) + abs(y1) + abs(z1) + abs(x2) + abs(y2) + abs(z2)
            if last < _NOTHING:
                break
    return x, y, z


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
