"""Replica symmetry breaking in k steps for Ising spins with Gaussian couplings of any number of bodies.

Energies of covariance ``E[H(s) H(s')] = N xi(q)``, ``xi(q) = q^p / 2``. An overlap of q_i holds for x between
m_i and m_(i+1), 0 = m_0 < m_1 < ... < m_k < m_(k+1) = 1; fields have the variance xi'(q_i). With a_i = m_i/T,

    G_(k+1)(y) = T ln 2cosh(y/T)
    G_i(y) = (1/a_i) ln E_z exp(a_i G_(i+1)(y + z sqrt(xi'(q_i) - xi'(q_(i-1)))))
    f = -E_z G_1(h + z sqrt(xi'(q_0))) + (1/2) sum_i a_i (theta(q_i) - theta(q_(i-1)))
        - (1/2T) [xi'(1) - xi'(q_k) - theta(1) + theta(q_k)],      theta(q) = q xi'(q) - xi(q)

(Parisi 1980, J. Phys. A 13, 1101; Crisanti, Rizzo 2002, Phys. Rev. E 65, 046137). Every ladder has f at or
below the true one (Guerra 2003, Commun. Math. Phys. 233, 1). Stationary are
``q_i = E_i [G_(i+1)'^2]`` over the distribution of fields after level i, and the derivatives with respect to
a_i. At T = 0 all of it stays as it is, with q_k = 1 and G_(k+1) = |y|, whose first step is a closed formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from qspin.errors import RunError
from qspin.theory._equations import Floats, damped_newton
from qspin.theory._levels import FARTHEST, first_guess, middles, overlap_at, place, usual_breaking
from qspin.theory._steps import REACH, averaged, spread

__all__ = ["Covariance", "Ladder", "broken_ladder", "broken_sk", "fewer_steps"]

_FEWER = (1, 2, 4, 7)  # steps of the ladders that more steps are compared with
_STRETCHES = (1.0, 0.97, 1.03, 0.9, 1.1)  # of the levels of a first guess
_MOST_GRIDS, _RESOLVED = 4, 0.7  # tried; spacing that a solution may need in units of what it had
_LARGEST_REACH = 20_000  # points of a grid on either side, beyond which levels are hardly two
_CLOSEST = 1e-9  # levels
_LARGEST_BREAK = 1e3  # m/T at T = 0
_FAR = 5.0  # of a logarithm of what a break is of the usual one
_ROUNDING = 1e-9  # of a place that is 0


@dataclass(frozen=True)
class Covariance:
    """``xi(q) = q^p / 2``: couplings of p spins, of variance p! / (2 N^(p-1))."""

    p: int = 2

    def energy(self, q: Floats) -> Floats:
        return q**self.p / 2

    def fields(self, q: Floats) -> Floats:
        """Variance xi'(q) of the fields."""
        return self.p / 2 * q ** (self.p - 1)

    def response(self, q: float) -> float:
        """xi''(q)."""
        return self.p * (self.p - 1) / 2 * q ** (self.p - 2)

    def theta(self, q: Floats) -> Floats:
        return (self.p - 1) / 2 * q**self.p


class Ladder(NamedTuple):
    """A solution of k steps."""

    overlaps: Floats
    """q_0 .. q_k."""
    breaking: Floats
    """m_1/T .. m_k/T."""
    free_energy: float
    magnetisation: float
    """Along the field."""
    frozen: float
    """(1 - q_k) / T, also at T = 0."""
    entropy: float
    """-df/dT at the ladder as it is: what q and a are off by is not divided by T, as in energies."""
    replicon: float
    """1 - xi''(q_k) E[(1 - tanh^2)^2] / T^2 of the innermost level, negative where more steps are needed."""
    residual: float
    steps: int


class _Level(NamedTuple):
    """Functions of the field on the grid (n,), energies a spin."""

    value: Floats
    slope: Floats
    by_breaking: Floats
    """Derivative of the value with respect to the a of its own step."""


@dataclass(frozen=True)
class _Grid:
    """Fields h + j d, on which Gaussian means are sums: exact to rounding while d resolves them.

    Parameters
    ----------
    reach : grid points on either side of `field`
    finer : so many times finer is the grid of the last level, which resolves ln 2cosh(y/T)
    """

    temperature: float
    covariance: Covariance
    field: float
    spacing: float
    reach: int
    finer: int

    @cached_property
    def fields(self) -> Floats:
        return self.field + self.spacing * np.arange(-self.reach, self.reach + 1, dtype=np.float64)

    @property
    def fine_fields(self) -> Floats:
        n = self.reach * self.finer
        return self.field + self.spacing / self.finer * np.arange(-n, n + 1, dtype=np.float64)

    def ends(self) -> _Level:
        """G_(k+1) at a temperature above 0, on the finer grid."""
        y = self.fine_fields
        size = np.abs(y) / self.temperature
        value = self.temperature * (size + np.log1p(np.exp(-2 * size)))
        return _Level(value, np.tanh(y / self.temperature), np.zeros_like(y))

    def inward(self, outer: _Level, a: float, variance: float) -> _Level:
        """One step of breaking towards the first level."""
        finer = (len(outer.value) - 1) // (2 * self.reach)
        return _Level(*averaged(outer.value, outer.slope, a, np.sqrt(variance), self.spacing / finer, finer))

    def first_at_zero(self, a: float, variance: float) -> _Level:
        """The step from |y|: (1/a) ln E exp(a |y + z sigma|)."""
        sigma, y = np.sqrt(variance), self.fields
        up, down = (sign * a * y + log_ndtr(sign * y / sigma + a * sigma) for sign in (1, -1))
        both = np.logaddexp(up, down)
        slope = np.exp(up - both) - np.exp(down - both)
        value = a * variance / 2 + both / a
        edge = np.exp(-((y / sigma) ** 2) / 2 - a**2 * variance / 2 - both) / np.sqrt(2 * np.pi)
        growth = a * variance + y * slope + 2 * sigma * edge
        return _Level(value, slope, (growth - value) / a)

    def levels(self, overlaps: Floats, breaking: Floats) -> list[_Level]:
        """G_1 .. G_(k+1), the last of which is left out at T = 0."""
        variances = np.diff(self.covariance.fields(overlaps))
        found = [self.ends()] if self.temperature > 0 else []
        for a, variance in zip(breaking[::-1].tolist(), variances[::-1].tolist(), strict=True):
            step = self.inward(found[0], a, variance) if found else self.first_at_zero(a, variance)
            found.insert(0, step)
        return found

    def start(self, overlap: float) -> Floats:
        """Distribution of fields at the first level."""
        found = np.zeros(2 * self.reach + 1)
        variance = float(self.covariance.fields(np.array(overlap)))
        if variance <= (1e-3 * self.spacing) ** 2:
            found[self.reach] = 1.0
            return found
        found[:] = np.exp(-((self.fields - self.field) ** 2) / (2 * variance))
        return found / found.sum()

    def outward(self, levels: list[_Level], i: int, a: float, overlaps: Floats, fields: Floats) -> Floats:
        """From the distribution of fields at level i to that at level i + 1, tilted by what it weighs."""
        low, high = self.covariance.fields(overlaps[i : i + 2]).tolist()
        inner, outer = levels[i].value, levels[i + 1].value
        finer = (len(outer) - 1) // (len(inner) - 1)
        return np.asarray(spread(fields, inner, outer, a, np.sqrt(high - low), self.spacing / finer, finer))

    def vanishing(self, fields: Floats, inner: _Level, a: float, overlap: float) -> float:
        """Twice the density of fields at 0 behind the last step at T = 0.

        Parameters
        ----------
        fields, overlap : before it
        """
        low, high = self.covariance.fields(np.array([overlap, 1.0])).tolist()
        arriving = np.exp(-(self.fields**2) / (2 * (high - low)) - a * inner.value)
        return float(2 * fields @ arriving / np.sqrt(2 * np.pi * (high - low)))

    def leftovers(self, overlaps: Floats, breaking: Floats) -> Floats:
        """Of the equations of q_0 .. q_k, or .. q_(k-1) at T = 0, and of a_1 .. a_k."""
        levels = self.levels(overlaps, breaking)
        rises = np.diff(self.covariance.theta(overlaps)) / 2
        fields = self.start(overlaps[0])
        of_overlaps, of_breaking = [], []
        for i, level in enumerate(levels):
            of_overlaps.append(fields @ level.slope**2 - overlaps[i])
            if i < len(breaking):
                of_breaking.append(fields @ level.by_breaking - rises[i])
            if i + 1 < len(levels):
                fields = self.outward(levels, i, breaking[i], overlaps, fields)
        return np.array(of_overlaps + of_breaking)


def broken_ladder(
    temperature: float,
    overlaps: Floats,
    breaking: Floats,
    *,
    covariance: Covariance | None = None,
    field: float = 0.0,
) -> Ladder:
    """The stationary ladder near a guess.

    Parameters
    ----------
    overlaps : q_0 .. q_k, ascending; q_k = 1 at T = 0
    breaking : m_1/T .. m_k/T, ascending, at least one

    Raises
    ------
    RunError
        If Newton's method does not end.
    """
    grid = _grid(temperature, covariance or Covariance(), field, overlaps)
    for _ in range(_MOST_GRIDS):
        ladder = _solved(grid, overlaps, breaking)
        needed = _grid(temperature, grid.covariance, field, ladder.overlaps)
        if needed.spacing > _RESOLVED * grid.spacing:
            return ladder
        if needed.reach > _LARGEST_REACH:
            break
        grid = needed  # levels came so close that sums on the first grid were wrong
    raise RunError(
        f"replica symmetry breaking of {len(breaking)} steps at T = {temperature:g} did not converge: levels "
        f"crowd, and ever finer grids do not resolve them (residual of {ladder.residual:.2g} on the last); "
        "take fewer steps"
    )


def _grid(temperature: float, covariance: Covariance, field: float, overlaps: Floats) -> _Grid:
    """Sums of a normal distribution are exact to rounding from sigma = 1.6 d on; the last step at T = 0 is no
    sum, and its result is smoother."""
    low, high = np.sqrt(covariance.fields(overlaps[[0, -1]])).tolist()
    widths = np.sqrt(np.diff(covariance.fields(overlaps)))
    if temperature == 0:
        widths[-1] *= 1.5
    spacing = min(widths.min() / 1.6, 0.12 * float(np.sqrt(high**2 - low**2)))
    if low > 0:
        spacing = min(spacing, max(low / 1.6, 0.015 * high))
    extent = REACH * high + 2 * high**2  # what tilts the fields moves them by sums of m/T times variances
    finer = int(np.ceil(2.5 * spacing / temperature)) if temperature > 0 else 1
    return _Grid(temperature, covariance, field, spacing, int(np.ceil(extent / spacing)), finer)


def broken_sk(temperature: float, steps: int, *, ends: tuple[float, float], field: float) -> list[Ladder]:
    """Ladders of two-body couplings: one of fewer steps, if there is one, and that of `steps`.

    Parameters
    ----------
    ends : q(0) and q(1) of the continuous solution, roughly
    """
    numbers = [k for k in (fewer_steps(steps), steps) if k]
    return [_of_steps(temperature, k, ends, field) for k in numbers]


def fewer_steps(steps: int) -> int:
    """Of the ladder that one of `steps`, at least 1, is compared with; 0 is the symmetric one."""
    return max((k for k in _FEWER if k < steps), default=0)


def _of_steps(temperature: float, steps: int, ends: tuple[float, float], field: float) -> Ladder:
    """From the first guess that leads to it."""
    for stretched in _STRETCHES:
        guess = first_guess(temperature, steps, ends, stretched)
        try:
            return broken_ladder(temperature, *guess, field=field)
        except RunError as error:
            failure = error
    raise failure


def _solved(grid: _Grid, overlaps: Floats, breaking: Floats) -> Ladder:
    """In places of overlaps and logarithms of what breaks are of the usual ones: along the continuous
    solution ladders are about equally good, and there the shares stay what they are."""
    at_zero = int(grid.temperature == 0)
    n = len(overlaps) - at_zero
    largest = _LARGEST_BREAK if at_zero else 1 / grid.temperature
    places = place(overlaps)

    def split(values: Floats) -> tuple[Floats, Floats]:
        moved = np.append(values[:n], places[n:])
        between = overlap_at((moved[1:] + moved[:-1]) / 2)
        return np.append(overlap_at(values[:n]), overlaps[n:]), np.exp(values[n:]) * usual_breaking(between)

    def allowed(values: Floats) -> bool:
        if values[0] < -_ROUNDING or values[n - 1] >= FARTHEST or np.abs(values[n:]).max() > _FAR:
            return False
        q, a = split(values)
        return bool((np.diff(q) > _CLOSEST).all() and (np.diff(a) > 0).all() and a[0] > 0 and a[-1] < largest)

    apart = np.diff(places).mean()
    solved = damped_newton(
        lambda values: grid.leftovers(*split(values)),
        np.append(places[:n], np.log(breaking / usual_breaking(middles(overlaps)))),
        np.repeat([apart, 0.1], [n, len(breaking)]),
        allowed,
        f"replica symmetry breaking of {len(breaking)} steps at T = {grid.temperature:g}",
        tolerance=1e-8 * float(overlaps[n - 1]) ** 4,  # near T_c levels matter by powers of what they are
        enough=max(1e-6 * float(overlaps[n - 1]) * min(grid.temperature or 1.0, 0.2), 1e-8),
    )
    return _ladder(grid, *split(solved.values), solved.residual, solved.steps)


def _ladder(grid: _Grid, overlaps: Floats, breaking: Floats, residual: float, steps: int) -> Ladder:
    covariance, t = grid.covariance, grid.temperature
    levels = grid.levels(overlaps, breaking)
    fields = grid.start(overlaps[0])
    free_energy = breaking @ np.diff(covariance.theta(overlaps)) / 2 - fields @ levels[0].value
    magnetisation = float(fields @ levels[0].slope)
    for i in range(len(levels) - 1):
        fields = grid.outward(levels, i, breaking[i], overlaps, fields)
    if t == 0:
        frozen = grid.vanishing(fields, levels[-1], breaking[-1], overlaps[-2])
        entropy, replicon = -(frozen**2) * covariance.response(1.0) / 4, -np.inf
    else:
        ends = np.array([overlaps[-1], 1.0])
        beyond = float(np.diff(covariance.fields(ends) - covariance.theta(ends))[0]) / 2
        free_energy -= beyond / t
        frozen = (1 - overlaps[-1]) / t
        entropy = float(fields @ _entropy_of_a_spin(grid.fine_fields / t)) - beyond / t**2
        sech4 = np.cosh(np.clip(grid.fine_fields / t, -150, 150)) ** -4.0
        replicon = 1 - covariance.response(overlaps[-1]) * float(fields @ sech4) / t**2
    return Ladder(
        overlaps, breaking, float(free_energy), magnetisation, float(frozen), float(entropy), replicon,
        residual, steps,
    )  # fmt: skip


def _entropy_of_a_spin(y: Floats) -> Floats:
    """ln 2cosh y - y tanh y."""
    falling = np.exp(-2 * np.abs(y))
    return np.asarray(np.log1p(falling) + 2 * np.abs(y) * falling / (1 + falling))
