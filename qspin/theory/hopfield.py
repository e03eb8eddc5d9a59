"""The Hopfield model of infinitely many spins and load alpha = P/N patterns, stored by Hebb's rule.

Energies are those of `qspin.networks.hebbian`, without its diagonal. Replica-symmetric: Amit, Gutfreund,
Sompolinsky 1985 (Phys. Rev. A 32, 1007; Phys. Rev. Lett. 55, 1530) and 1987 (Ann. Phys. 173, 30).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.errors import InputError
from qspin.remarks import Remark
from qspin.theory._equations import root
from qspin.theory._results import (
    checked_parameter,
    checked_temperatures,
    checked_values,
    replica_symmetry_broken,
    temperature_curve,
    told,
)
from qspin.theory._retrieval import Memory, largest_load, memory_at, spin_glass_at

__all__ = ["hopfield", "hopfield_capacity", "hopfield_phase_diagram", "hopfield_transitions"]

_STATES = {"spin_glass": 0, "retrieval": 1, "mixture_3": 3, "mixture_5": 5}
_LEAST_LOAD = 1e-12
_SOURCE = "Amit, Gutfreund, Sompolinsky 1987, Ann. Phys. 173, 30"
_BROKEN_CAPACITIES = (0.138186, 0.138187)
"""At T = 0, of one and two steps of replica symmetry breaking (Steffan, Kuehn 1994, Z. Phys. B 95, 249)."""

_COLUMNS = ("overlap", "q", "noise", "free_energy", "energy", "entropy", "replicon", "pattern_stability")


def hopfield(load: float, temperature: ArrayLike) -> xr.Dataset:
    """States of the Hopfield model, replica-symmetric.

    Parameters
    ----------
    load : alpha, patterns per spin, from 0 on
    temperature : one or several, from 0 on

    Returns
    -------
    over (``beta``, ``state``), with ``temperature``; states are ``retrieval`` of one pattern, mixtures of 3
    and 5, and ``spin_glass``, which overlaps with none: the paramagnet, with q = 0, from T = 1 + sqrt(load)
    on. ``overlap`` m with each of their patterns, ``q``, and ``noise`` r, that of all other patterns, the
    variance of fields over alpha; ``free_energy``, ``energy`` and ``entropy`` per spin; ``replicon``,
    negative where replica symmetry breaks in the state; ``pattern_stability``, the smallest eigenvalue of
    fluctuations of overlaps; NaN where there is no such state. Further ``exists``, ``stable`` (against
    fluctuations of overlaps) and ``lowest`` in free energy. Remarks: ``beyond-capacity``,
    ``replica-symmetry-broken``

    Raises
    ------
    InputError
        If the load or a temperature is negative.

    Examples
    --------
    >>> found = hopfield(0.1, 0.2).sel(state="retrieval")
    >>> print(f"{float(found.overlap[0]):.4f}")
    0.9891
    """
    alpha = checked_load(load)
    temperatures = checked_temperatures(temperature)
    rows = [[_state(n, alpha, t) for n in _STATES.values()] for t in temperatures.tolist()]
    variables = {name: np.array([[_value(one, name) for one in row] for row in rows]) for name in _COLUMNS}
    exists = np.isfinite(variables["free_energy"])
    variables["exists"] = exists
    variables["stable"] = exists & (np.nan_to_num(variables["pattern_stability"]) > 0)
    values = np.where(exists, variables["free_energy"], np.inf)
    variables["lowest"] = np.arange(len(_STATES)) == values.argmin(axis=1)[:, None]
    found = temperature_curve(temperatures, variables, dict.fromkeys(variables, "state"))
    found = found.assign_coords(state=list(_STATES)).assign_attrs(load=alpha)
    return told(
        found,
        source=_SOURCE,
        valid="infinitely many spins; replica-symmetric, exact where replicon is positive",
        error="1e-9 of the equations; where replica symmetry breaks in retrieval, about 1e-3",
        remarks=_remarks(found),
    )


def hopfield_capacity(temperature: ArrayLike = 0.0) -> xr.Dataset:
    """The largest load at which patterns are retrieved.

    Parameters
    ----------
    temperature : one or several, from 0 on

    Returns
    -------
    over ``beta``, with ``temperature``: ``capacity`` alpha_c, replica-symmetric, 0 from T = 1 on, and
    ``overlap``, that of a retrieved pattern there. At T = 0 replica symmetry breaks: attributes
    ``capacity_one_step`` and ``capacity_two_steps`` are the published values of one and two steps there,
    0.138186 and 0.138187 (Steffan, Kuehn 1994)

    Raises
    ------
    InputError
        If a temperature is negative.

    Examples
    --------
    >>> found = hopfield_capacity()
    >>> print(f"{float(found.capacity[0]):.6f} {float(found.overlap[0]):.4f}")
    0.137906 0.9674
    """
    temperatures = checked_temperatures(temperature)
    loads, overlaps = np.array([_capacity(t) for t in temperatures.tolist()]).T
    found = temperature_curve(temperatures, {"capacity": loads, "overlap": overlaps})
    one, two = _BROKEN_CAPACITIES
    return told(
        found.assign_attrs(capacity_one_step=one, capacity_two_steps=two),
        source=_SOURCE + "; broken: Steffan, Kuehn 1994, Z. Phys. B 95, 249",
        valid="infinitely many spins; replica-symmetric, exact above the line retrieval_stability of "
        "hopfield_phase_diagram",
        error="1e-9 of the equations; at T = 0 the ansatz is 0.0003 too low",
    )


def hopfield_phase_diagram(load: ArrayLike | None = None) -> xr.Dataset:
    """Lines of the Hopfield model over the load, replica-symmetric.

    Parameters
    ----------
    load : one or several, positive; default 25 from 0.002 to 0.16

    Returns
    -------
    temperatures over ``load``: ``spin_glass`` T_g = 1 + sqrt(load), of the paramagnet; ``retrieval`` T_M, up
    to which patterns are retrieved; ``ground_state`` T_c, below which they are the lowest states;
    ``retrieval_stability`` T_R, below which replica symmetry breaks in them, if above 1e-13; ``mixture_3``,
    up to which mixtures of three patterns are stable. NaN where there is no such line. Attributes:
    ``capacity`` at T = 0, ``ground_state_load`` and ``mixture_3_load``, where those lines end at T = 0

    Raises
    ------
    InputError
        If a load is not positive.

    Examples
    --------
    >>> found = hopfield_phase_diagram([0.05])
    >>> [round(float(found[name][0]), 4) for name in ("spin_glass", "retrieval")]
    [1.2236, 0.5423]
    """
    given = np.concatenate([np.linspace(0.002, 0.05, 13), np.linspace(0.06, 0.16, 11)])
    loads = given if load is None else checked_values(load, "load", least=0.0, open_end=True)
    ends = {
        "capacity": largest_load(1, 0.0)[0],
        "ground_state_load": _ground_state_load(),
        "mixture_3_load": largest_load(3, 0.0)[0],
    }
    top = _largest_of_all(ends["capacity"])
    rows = [_lines(alpha, ends, top) for alpha in loads.tolist()]
    found = xr.Dataset(
        {name: ("load", np.array([row[name] for row in rows])) for name in rows[0]}, coords={"load": loads}
    )
    return told(
        found.assign_attrs(ends),
        source=_SOURCE,
        valid="infinitely many spins; replica-symmetric, and so approximate below retrieval_stability",
        error="1e-6, of mixture_3 1e-5",
    )


def hopfield_transitions(load: float) -> xr.Dataset:
    """Temperatures of the Hopfield model at one load, replica-symmetric; see `hopfield_phase_diagram`.

    Parameters
    ----------
    load : alpha, patterns per spin, above 0

    Returns
    -------
    ``spin_glass`` T_g = 1 + sqrt(load), ``retrieval`` T_M and ``ground_state`` T_c; NaN where there is none

    Raises
    ------
    InputError
        If the load is not positive.

    Examples
    --------
    >>> found = hopfield_transitions(0.05)
    >>> [round(float(found[name]), 4) for name in ("spin_glass", "retrieval", "ground_state")]
    [1.2236, 0.5423, 0.2164]
    """
    (alpha,) = checked_values(checked_load(load), "load", least=0.0, open_end=True).tolist()
    capacity = largest_load(1, 0.0)[0]
    found = xr.Dataset(_transitions(alpha, _ground_state_load(), _largest_of_all(capacity)))
    return told(
        found.assign_attrs(load=alpha),
        source=_SOURCE,
        valid="infinitely many spins; replica-symmetric, and so approximate where retrieval states are cold",
        error="1e-6",
    )


def _ground_state_load() -> float:
    return root(lambda a: _lead(a, 0.0), 0.02, 0.1, "the load of T_c = 0")


def checked_load(load: float) -> float:
    alpha = checked_parameter(load, "load")
    if alpha < 0:
        raise InputError(f"load, patterns per spin, takes values of 0 or more; got {alpha:g}")
    if 0 < alpha < _LEAST_LOAD or alpha > 1 / _LEAST_LOAD:
        raise InputError(
            f"load takes 0, or {_LEAST_LOAD:g} to {1 / _LEAST_LOAD:g}, for which rounding leaves digits; got "
            f"{alpha:g}"
        )
    return alpha


def _state(n: int, alpha: float, t: float) -> Memory | None:
    return memory_at(n, alpha, t) if n else spin_glass_at(alpha, t)


def _value(state: Memory | None, name: str) -> float:
    return np.nan if state is None else float(getattr(state, name))


def _capacity(t: float) -> tuple[float, float]:
    if t >= 1:
        return 0.0, 0.0
    load, _ = largest_load(1, t)
    state = memory_at(1, load * (1 - 1e-12), t)
    return load, 0.0 if state is None else state.overlap


def _largest_of_all(at_zero: float) -> tuple[float, float]:
    """Temperature and load of the largest capacity: the replica-symmetric line bends back towards T = 0."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda t: -largest_load(1, t)[0], bounds=(0.0, 0.2), method="bounded")
    return (float(found.x), -float(found.fun)) if -found.fun > at_zero else (0.0, at_zero)


def _lead(alpha: float, t: float) -> float:
    """How much lower the retrieval state is than the spin glass."""
    state = memory_at(1, alpha, t)
    return np.nan if state is None else spin_glass_at(alpha, t).free_energy - state.free_energy


def _transitions(alpha: float, ground_state_load: float, top: tuple[float, float]) -> dict[str, float]:
    """T_g, T_M and T_c."""
    what = f"at load {alpha:g}"
    found = {"spin_glass": 1 + float(np.sqrt(alpha)), "retrieval": np.nan, "ground_state": np.nan}
    if alpha < top[1]:
        found["retrieval"] = root(lambda t: largest_load(1, t)[0] - alpha, top[0], 1.0 - 1e-9, f"T_M {what}")
    if alpha < ground_state_load:
        end = found["retrieval"] * (1 - 1e-9)
        found["ground_state"] = root(lambda t: _lead(alpha, t), 0.0, end, f"T_c {what}")
    return found


def _lines(alpha: float, ends: dict[str, float], top: tuple[float, float]) -> dict[str, float]:
    found = _transitions(alpha, ends["ground_state_load"], top)
    melting = found["retrieval"]
    found["retrieval_stability"] = _breaking(alpha, min(melting, 0.2)) if alpha < top[1] else np.nan
    found["mixture_3"] = _mixture(alpha) if alpha < ends["mixture_3_load"] else np.nan
    return found


def _breaking(alpha: float, high: float) -> float:
    """Where the replicon eigenvalue of the retrieval state vanishes: exponentially low at small loads."""

    def replicon(log_t: float) -> float:
        state = memory_at(1, alpha, float(np.exp(log_t)))
        return np.nan if state is None else state.replicon

    low = np.log(0.02) - 1 / (2 * alpha)  # sqrt(8 alpha / 9 pi) exp(-1 / 2 alpha) at small loads
    if low < np.log(1e-13) or not replicon(np.log(high * (1 - 1e-9))) > 0 > replicon(low):
        return np.nan
    return float(np.exp(root(replicon, low, np.log(high * (1 - 1e-9)), "T_R")))


def _mixture(alpha: float) -> float:
    """Up to where three patterns mix in a stable state."""

    def stability(t: float) -> float:
        state = memory_at(3, alpha, t)
        return -1.0 if state is None else state.pattern_stability

    low, high = 0.0, 0.5  # 0.461 at no load
    if stability(low) <= 0:
        return np.nan
    while high - low > 1e-5:  # the state may end before it becomes unstable
        middle = (low + high) / 2
        low, high = (middle, high) if stability(middle) > 0 else (low, middle)
    return (low + high) / 2


def _remarks(found: xr.Dataset) -> list[Remark]:
    remarks = []
    missing = int((~found.exists.sel(state="retrieval")).sum())
    if missing:
        remarks.append(
            Remark(
                "beyond-capacity",
                f"at load {found.attrs['load']:g} no pattern is retrieved at {missing} of "
                f"{found.sizes['beta']} temperatures; see hopfield_capacity",
            )
        )
    broken = (found.replicon.sel(state="retrieval") < 0).values
    if broken.any():
        highest = float(found.temperature.values[broken].max())
        where = f"of retrieval states up to T = {highest:g} at least, see hopfield_phase_diagram,"
        remarks.append(replica_symmetry_broken(where, "replica-symmetric solution"))
    glass = (found.q.sel(state="spin_glass") > 0) & (found.temperature < 1 + np.sqrt(found.attrs["load"]))
    if glass.any():
        where = f"of the spin glass below T = {1 + np.sqrt(found.attrs['load']):.4f}"
        remarks.append(replica_symmetry_broken(where, "replica-symmetric solution"))
    return remarks
