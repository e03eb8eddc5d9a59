"""Passing a gap in finite time: one avoided crossing, and the many of a quantum phase transition."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import gamma

from qspin.errors import InputError
from qspin.schedules import Schedule, schedule_of
from qspin.theory._results import checked_parameter, checked_values, told
from qspin.theory.ring_dynamics import checked_times

__all__ = ["kibble_zurek_kinks", "landau_zener"]

_DILUTE = 0.1  # kinks a spin up to which they are far apart


def landau_zener(gap: float, speed: ArrayLike) -> xr.Dataset:
    """One spin in H / h = -gap/2 sigma^x + v t/2 sigma^z: the probability to end in the upper state.

    An annealer does this to a problem of one spin with a field h where A(s) stays at the gap and B(s) goes
    linearly through or away from zero: v is h times the change of B in a ns.

    Parameters
    ----------
    gap : at the crossing, GHz; positive
    speed : v, GHz a ns; positive

    Returns
    -------
    over ``speed``: ``excitation``, exp(-pi^2 gap^2 / v), from t = -infinity (Landau 1932, Zener 1932);
    ``excitation_from_crossing``, which starts at t = 0 in the lower state (Damski, Zurek 2006, Phys. Rev. A
    73, 063405). Both are exact where the end is far: what is missing falls as gap / (v^2 t^3), among the
    states at that time

    Raises
    ------
    InputError
        If a value is not positive.

    Examples
    --------
    >>> landau_zener(1.0, [5.0]).excitation.values.round(6).tolist()
    [0.138911]
    """
    gap = checked_parameter(gap, "gap")
    speeds = checked_values(speed, "speed", least=0.0, open_end=True)
    if gap <= 0:
        raise InputError(f"landau_zener takes a positive gap; got {gap:g}")
    adiabaticity = 2 * np.pi * gap**2 / speeds  # gap^2 / speed, both angular
    found = xr.Dataset(
        {
            "excitation": ("speed", np.exp(-np.pi * adiabaticity / 2)),
            "excitation_from_crossing": ("speed", _from_crossing(adiabaticity)),
        },
        coords={"speed": speeds},
        attrs={"gap": gap},
    )
    return told(
        found,
        source="Landau 1932; Zener 1932; Damski, Zurek 2006, Phys. Rev. A 73, 063405",
        valid="passages that end far from the crossing",
        error="exact; what is missing falls as gap / (v^2 t^3)",
    )


def _from_crossing(adiabaticity: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - 2/(pi a) sinh(pi a/4) exp(-pi a/8) |G(1 + ia/8) + exp(i pi/4) sqrt(a/8) G(1/2 + ia/8)|^2."""
    a = adiabaticity
    turned = np.exp(0.25j * np.pi) * np.sqrt(a / 8) * gamma(0.5 + 0.125j * a)
    size = np.abs(gamma(1 + 0.125j * a) + turned) ** 2
    return 1 - 2 / (np.pi * a) * np.sinh(np.pi * a / 4) * np.exp(-np.pi * a / 8) * size


def kibble_zurek_kinks(schedule: Any, annealing_time_ns: ArrayLike, coupling: float = -1.0) -> xr.Dataset:
    """Kinks that annealing a ring leaves, by Kibble and Zurek: 1 / (2 pi sqrt(2 b t)) a spin.

    The ring has its transition where Gamma = |J| kappa, and b = 2 pi Gamma / |d ln(Gamma / kappa) / ds|
    there: Dziarmaga's exact density of a linear quench (2005, Phys. Rev. Lett. 95, 245701) with the slope at
    the transition.

    Parameters
    ----------
    schedule, annealing_time_ns, coupling : as of `qspin.theory.ring_kinks`

    Returns
    -------
    over ``annealing_time`` (ns): ``kink_density``, and ``in_range``, whether the kinks are far apart, up to
    0.1 a spin; of faster quenches the formula is no description. A ring of n spins follows it while it has
    several kinks, density times n well above 1. Attributes ``critical_fraction``, s at the transition, and
    ``rate``, b in 1/ns

    Raises
    ------
    InputError
        If the schedule is none or has no transition, the coupling is 0, or a time is not positive.
    """
    strength = abs(checked_parameter(coupling, "coupling"))
    times = checked_times(annealing_time_ns)
    followed = schedule_of(schedule)
    s, rate = _transition(followed, strength)
    density = 1 / (2 * np.pi * np.sqrt(2 * rate * times))
    found = xr.Dataset(
        {
            "kink_density": ("annealing_time", density),
            "in_range": ("annealing_time", density <= _DILUTE),
        },
        coords={"annealing_time": times},
        attrs={"critical_fraction": s, "rate": rate, "coupling": coupling, "schedule": followed.name},
    )
    return told(
        found,
        source="Dziarmaga 2005, Phys. Rev. Lett. 95, 245701",
        valid="long rings, slow quenches: kinks far apart, up to 0.1 a spin",
        error="leading order; 5 % at 0.03 kinks a spin",
    )


def _transition(schedule: Schedule, strength: float) -> tuple[float, float]:
    """The fraction at which Gamma = strength kappa, and the rate b there."""
    from scipy.optimize import brentq

    def excess(s: float) -> float:
        transverse, problem = schedule.fields(np.array(s))
        return float(transverse - strength * problem)

    if not excess(0.0) > 0 > excess(1.0):
        raise InputError(
            f"the schedule {schedule.name!r} has no transition at coupling {strength:g}: Gamma must begin "
            "above |J| kappa and end below it"
        )
    s = float(brentq(excess, 0.0, 1.0, xtol=1e-14))
    k = int(np.clip(np.searchsorted(schedule.s, s, side="right") - 1, 0, len(schedule.s) - 2))
    low, high = schedule.s[k], schedule.s[k + 1]
    width = min(1e-6, 0.01 * (high - low))
    ends = np.clip([s - width, s + width], low, high)
    transverse, problem = schedule.fields(ends)
    steepness = -float(np.diff(np.log(transverse / problem))[0] / np.diff(ends)[0])
    return s, float(2 * np.pi * schedule.fields(np.array(s))[0] / steepness)
