"""The Sherrington-Kirkpatrick model of infinitely many spins: J_ij of mean 0 and variance 1/N, T_c = 1.

Energies are those of this project, E = sum J s s + h sum s: the signs of the couplings do not matter, and the
magnetisation is opposite to the field. Replica-symmetric: Sherrington, Kirkpatrick 1975 (Phys. Rev. Lett. 35,
1792); its stability: de Almeida, Thouless 1978 (J. Phys. A 11, 983); k steps: Parisi 1980 (J. Phys. A 13,
1101), see `qspin.theory._parisi`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.errors import InputError, shown
from qspin.remarks import Level, Remark
from qspin.theory._equations import Floats, tanh_means
from qspin.theory._near_transition import NEAR, energy_above_symmetric, is_near, near_levels
from qspin.theory._parisi import Ladder, broken_sk, fewer_steps
from qspin.theory._results import (
    checked_parameter,
    checked_temperatures,
    checked_values,
    listed,
    replica_symmetry_broken,
    temperature_curve,
    told,
)
from qspin.theory._stability import line, line_field, line_overlap, overlap_ends, replicon, symmetric_overlap
from qspin.validate import checked_count

__all__ = [
    "SkState",
    "almeida_thouless",
    "almeida_thouless_field",
    "sk",
    "sk_energy",
    "sk_states",
    "unresolved",
]

_MOST_STEPS = 12
_LEAST_TEMPERATURE = 0.01  # of broken ladders, whose fields need a grid finer than T
_UNRESOLVED = 2e-3  # q(1) - q(0) so close to the line that levels crowd
_ENERGY_OF_WIDTH = 5e-3  # what energies are off by there at most, a unit of q(1) - q(0)
_LARGEST_FIELD = 37.0
_SOURCE = "Sherrington, Kirkpatrick 1975; de Almeida, Thouless 1978; Parisi 1980"
_ERROR = (
    "replica-symmetric 1e-10; with steps, energy_error is the difference from the ladder with fewer steps: "
    "10 steps lie within 1e-5 of the full solution. At T <= 0.02 energies are those of the ladder within "
    "1e-7 and entropies within 1e-5, since equations there are solved to 1e-8, over T. Without a field from "
    "T = 0.97 to 1 ladders are series in 1 - T: levels within 1e-4 and breaks within 1e-3 of themselves, "
    "energies within 2e-8, stability within 2 %"
)


class SkState(NamedTuple):
    """The ladder at one temperature and what it gives; of one level where replica symmetry holds."""

    ladder: Ladder
    energy: float
    energy_error: float
    broken: bool


def sk(temperature: ArrayLike, field: float = 0.0, steps: int = 5) -> xr.Dataset:
    """The Sherrington-Kirkpatrick model with `steps` steps of replica symmetry breaking.

    Parameters
    ----------
    temperature : one or several, from 0 on; with steps 0, or from 0.01 on
    field : h of every spin
    steps : 0 is the replica-symmetric solution, 1 to 12 the best ladder of so many steps, which converges to
        Parisi's as steps^-4. Above the line of `almeida_thouless` all are the replica-symmetric one

    Returns
    -------
    over ``beta``, with ``temperature``, per spin: ``energy`` (fields included) and ``energy_error``,
    ``free_energy``, ``entropy``; ``magnetisation``; ``susceptibility`` at equilibrium, (1 - int q dx)/T;
    ``q_abs``, ``q2``, ``q4`` and ``binder`` as measured curves have them, and ``q_ea``, the largest overlap;
    ``stability``, the replicon eigenvalue, negative where more steps would change the solution. Over
    (``beta``, ``level``): ``overlap_level`` and ``weight``, which are P(q) (of |q| without a field); over
    (``beta``, ``step``): ``breaking_point`` m_i and ``breaking_over_temperature`` m_i / T, NaN where all
    levels are one. A remark ``replica-symmetry-broken`` tells where steps are too few, and
    ``levels-unresolved`` where in a field the levels lie too close to each other to be told apart

    Raises
    ------
    InputError
        If a temperature is negative, or below 0.01 with steps and not 0, or steps are not 0 to 12.
    RunError
        If a ladder does not converge, with its residual.

    Examples
    --------
    >>> found = sk([0.0, 0.5], steps=1)
    >>> found.energy.values.round(6).tolist()
    [-0.765259, -0.711668]
    """
    temperatures = checked_temperatures(temperature)
    h = checked_parameter(field, "field")
    states = sk_states(temperatures, h, steps)
    ladders = [state.ladder for state in states]
    weights = np.array([_weights(one, t) for one, t in zip(ladders, temperatures, strict=True)])
    levels = np.array([one.overlaps for one in ladders])
    breaking = np.array([one.breaking for one in ladders]).reshape(len(ladders), steps)
    moments = [(weights * np.abs(levels) ** power).sum(axis=1) for power in (1, 2, 4)]
    with np.errstate(invalid="ignore", divide="ignore"):
        binder = np.where(moments[1] > 0, (3 - moments[2] / moments[1] ** 2) / 2, 0.0)
    variables = {
        "energy": np.array([state.energy for state in states]),
        "energy_error": np.array([state.energy_error for state in states]),
        "free_energy": np.array([one.free_energy for one in ladders]),
        "entropy": np.array([one.entropy for one in ladders]),
        "magnetisation": np.array([-np.sign(h) * one.magnetisation + 0.0 for one in ladders]),
        "susceptibility": np.array([_susceptibility(one) for one in ladders]),
        **dict(zip(("q_abs", "q2", "q4"), moments, strict=True)),
        "binder": binder,
        "q_ea": levels[:, -1],
        "stability": np.array([one.replicon for one in ladders]),
        "overlap_level": levels,
        "weight": weights,
        "breaking_point": breaking * temperatures[:, None],
        "breaking_over_temperature": breaking,
    }
    over_steps = ("breaking_point", "breaking_over_temperature")
    dims = {"overlap_level": "level", "weight": "level", **dict.fromkeys(over_steps, "step")}
    found = temperature_curve(temperatures, variables, dims).assign_attrs(field=h, steps=steps)
    return told(
        found,
        source=_SOURCE,
        valid="infinitely many spins; exact above the line of almeida_thouless, below it as steps grow",
        error=_ERROR,
        remarks=[*_remarks(states, h, steps), *unresolved(states, temperatures, h, steps)],
    )


def sk_energy(temperature: ArrayLike, steps: int = 1) -> xr.Dataset:
    """Energy, free energy and entropy a spin of `sk` without a field.

    Parameters
    ----------
    temperature, steps : as `sk` takes them

    Returns
    -------
    over ``beta``: ``energy`` and ``energy_error``, ``free_energy``, ``entropy``

    Raises
    ------
    InputError, RunError
        As `sk`.

    Examples
    --------
    >>> [round(float(sk_energy(0.0, steps=steps).energy[0]), 5) for steps in (0, 1, 10)]
    [-0.79788, -0.76526, -0.76317]
    """
    return sk(temperature, steps=steps)[["energy", "energy_error", "free_energy", "entropy"]]


def almeida_thouless(field: ArrayLike) -> xr.Dataset:
    """The temperature below which replica symmetry breaks in a field: 1 = beta^2 E (1 - tanh^2)^2.

    Parameters
    ----------
    field : one or several, of either sign, up to 37

    Returns
    -------
    over ``field``: ``temperature`` of the line, and ``overlap`` q there

    Raises
    ------
    InputError
        If a field is not finite or larger than 37, where the line lies below 1e-297.

    Examples
    --------
    >>> almeida_thouless([0.1, 1.0]).temperature.values.round(5).tolist()
    [0.81885, 0.32118]
    """
    fields = checked_values(field, "field", least=-_LARGEST_FIELD, most=_LARGEST_FIELD)
    lines = np.array([line(abs(h)) for h in fields.tolist()])
    overlaps = np.array([line_overlap(abs(h)) for h in fields.tolist()])
    found = xr.Dataset(
        {"temperature": ("field", lines), "overlap": ("field", overlaps)}, coords={"field": fields}
    )
    return told(found, source="de Almeida, Thouless 1978", valid="any field up to 37", error="1e-10")


def almeida_thouless_field(temperature: ArrayLike) -> xr.Dataset:
    """The field below which replica symmetry breaks at a temperature: `almeida_thouless` the other way round.

    Parameters
    ----------
    temperature : one or several, positive

    Returns
    -------
    over ``beta``, with ``temperature``: ``field``, 0 from T = 1 on, and ``overlap`` q there

    Raises
    ------
    InputError
        If a temperature is not positive: the line goes to infinite fields at T = 0.

    Examples
    --------
    >>> almeida_thouless_field([0.32118]).field.values.round(4).tolist()
    [1.0]
    """
    temperatures = checked_values(temperature, "temperature", least=0.0, open_end=True)
    fields = np.array([line_field(t) for t in temperatures.tolist()])
    overlaps = [symmetric_overlap(t, h) for t, h in zip(temperatures.tolist(), fields.tolist(), strict=True)]
    found = temperature_curve(temperatures, {"field": fields, "overlap": np.array(overlaps)})
    return told(
        found, source="de Almeida, Thouless 1978", valid="any temperature above 0", error="1e-9 in h^2"
    )


def sk_states(temperatures: Floats, field: float, steps: int) -> list[SkState]:
    """Of every temperature, see `sk`."""
    checked_count(steps, "steps", least=0)
    if steps > _MOST_STEPS:
        raise InputError(
            f"steps takes 0 to {_MOST_STEPS}; got {shown(steps)}: 10 are within 1e-5 of the full solution"
        )
    low = temperatures[(temperatures > 0) & (temperatures < _LEAST_TEMPERATURE)]
    if steps and low.size:
        raise InputError(
            f"temperature takes 0, or {_LEAST_TEMPERATURE:g} and more with steps of breaking; got "
            f"{low[0]:g}: take 0, or steps=0"
        )
    return [_state(t, abs(field), steps) for t in temperatures.tolist()]


def _state(t: float, h: float, steps: int) -> SkState:
    symmetric = _symmetric(t, h)
    if steps and is_near(t, h):
        return _near_transition(symmetric, t, steps)
    broken = symmetric.replicon < -1e-9 or (h == 0 and t < 1)
    ends = overlap_ends(t, h) if broken and steps else (0.0, 0.0)
    if not steps or ends[1] - ends[0] < _UNRESOLVED:
        levels, none = np.repeat(symmetric.overlaps, steps + 1), np.full(steps, np.nan)
        error = np.nan if broken and not steps else _ENERGY_OF_WIDTH * max(ends[1] - ends[0], 0.0)
        ladder = symmetric._replace(overlaps=levels, breaking=none)
        return SkState(ladder, _energy(symmetric, t), error, broken)
    ladders = [symmetric, *broken_sk(t, steps, ends=ends, field=h)]
    fewer, energy = (_energy(one, t) for one in ladders[-2:])
    return SkState(ladders[-1], energy, abs(energy - fewer), broken)


def _near_transition(symmetric: Ladder, t: float, steps: int) -> SkState:
    """Just below T_c without a field, where ladders are series."""
    levels, breaks = near_levels(t, steps)
    above = energy_above_symmetric(t, steps)
    energy = _energy(symmetric, t) + above
    free_energy = symmetric.free_energy + above * (1 - t) / 5  # of what grows as tau^4: f/T is its integral
    ladder = symmetric._replace(
        overlaps=levels,
        breaking=breaks / t,
        free_energy=free_energy,
        entropy=(energy - free_energy) / t,
        frozen=(1 - float(levels[-1])) / t,
        replicon=-4 / 3 * ((1 - t) / (2 * steps + 1)) ** 2,
    )
    return SkState(ladder, energy, abs(above - energy_above_symmetric(t, fewer_steps(steps))), True)


def _symmetric(t: float, h: float) -> Ladder:
    """The replica-symmetric ladder."""
    q = symmetric_overlap(t, h)
    none = np.empty(0)
    if t == 0:
        from scipy.special import erf

        frozen = np.sqrt(2 / np.pi) * np.exp(-(h**2) / 2)
        m = float(erf(h / np.sqrt(2)))
        energy = -frozen - h * m
        return Ladder(np.array([1.0]), none, energy, m, frozen, -(frozen**2) / 4, -np.inf, 0.0, 0)
    means = tanh_means(h / t, np.sqrt(q) / t)
    left, m = float(means.sech2), float(means.tanh)  # 1 - q, to its own last digits where q is nearly 1
    free_energy = -(left**2) / (4 * t) - t * float(means.log2cosh)
    energy = -left * (2 - left) / (2 * t) - h * m
    entropy = (energy - free_energy) / t
    return Ladder(np.array([q]), none, free_energy, m, left / t, entropy, replicon(t, h, q), 0.0, 0)


def _weights(ladder: Ladder, t: float) -> Floats:
    """Of every level in P(q)."""
    breaks = ladder.breaking * t
    if np.isnan(breaks).any():
        return np.append(np.zeros(len(breaks)), 1.0)
    return np.diff(np.concatenate([[0.0], breaks, [1.0]]))


def _energy(ladder: Ladder, t: float) -> float:
    """From the free energy, which is stationary, and the entropy: in the cold from the overlaps alone, it
    would be off by what these are, over T."""
    return ladder.free_energy + t * ladder.entropy


def _susceptibility(ladder: Ladder) -> float:
    if np.isnan(ladder.breaking).any() or not len(ladder.breaking):
        return ladder.frozen
    return float(ladder.frozen + ladder.breaking @ np.diff(ladder.overlaps))


def _remarks(states: list[SkState], h: float, steps: int) -> list[Remark]:
    broken = sum(state.broken for state in states)
    if not broken or steps > 1:
        return []
    below = max(line(abs(h)), 1e-300)
    where = (
        f"below T = {below:{'.5f' if below > 1e-3 else '.3g'}} in a field of {abs(h):g}, at {broken} of "
        f"{len(states)} temperatures,"
    )
    ansatz = "replica-symmetric solution" if steps == 0 else "solution of one step"
    return [replica_symmetry_broken(where, ansatz, "take more steps, 10 for the full solution within 1e-5")]


def unresolved(states: list[SkState], temperatures: Floats, h: float, steps: int) -> list[Remark]:
    """What is to be said of states in a field whose levels lie too close to each other."""
    if not steps or h == 0:
        return []
    broken = np.array([state.broken for state in states])
    crowded = broken & np.array([np.isnan(state.ladder.breaking).any() for state in states])
    near = broken & ~crowded & (temperatures > 1 - NEAR)
    found = []
    if crowded.any():
        text = (
            f"q(1) - q(0) is below {_UNRESOLVED:g} at {listed('T', temperatures[crowded])}: the "
            "replica-symmetric solution stands in for the ladder, with energies as good as energy_error "
            f"tells, overlaps within {_UNRESOLVED:g}, and nothing known of breaking points"
        )
        found.append(Remark("levels-unresolved", text, Level.NOTE))
    if near.any():
        text = (
            f"so close to T_c in a field, at {listed('T', temperatures[near])}, rounding decides about inner "
            "levels and breaking points, which may be off by 30 %; energies and q_ea are not"
        )
        found.append(Remark("levels-unresolved", text, Level.CAUTION))
    return found
