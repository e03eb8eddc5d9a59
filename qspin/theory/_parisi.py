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
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import log_ndtr

from qspin.theory._equations import Floats, newton

__all__ = [
    "Covariance",
    "Ladder",
    "along",
    "broken_ladder",
    "broken_sk",
    "is_open",
    "places",
    "usual_breaking",
]

_PATH = (1, 2, 4, 7)  # steps of breaking on the way to more
_REACH = 8.5  # standard deviations of fields that a grid holds


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

    @property
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

    def kernel(self, variance: float, a: float, finer: int) -> Floats:
        """Weights of a normal distribution, as far as it counts when tilted by exp(a |y|)."""
        sigma, spacing = max(np.sqrt(variance), 1e-12), self.spacing / finer
        n = int(np.ceil((_REACH + a * sigma) * sigma / spacing)) + 1
        weights = np.exp(-((np.arange(-n, n + 1) * spacing / sigma) ** 2) / 2)
        return weights / weights.sum()

    def inward(self, outer: _Level, a: float, variance: float) -> _Level:
        """One step of breaking towards the first level."""
        finer = (len(outer.value) - 1) // (2 * self.reach)
        kernel = self.kernel(variance, a, finer)
        n = len(kernel) // 2
        beyond = self.spacing / finer * np.arange(1, n + 1)
        value, slope = outer.value, outer.slope
        left, right = value[0] - slope[0] * beyond[::-1], value[-1] + slope[-1] * beyond
        values = np.concatenate([left, value, right])
        slopes = np.concatenate([np.full(n, slope[0]), slope, np.full(n, slope[-1])])
        top = values.max()
        weights = np.exp(np.maximum(a * (values - top), -700.0))
        total, sloped, tilted = (
            np.convolve(part, kernel, "valid")[::finer]
            for part in (weights, weights * slopes, weights * values)
        )
        mean = top + np.log(total) / a
        return _Level(mean, sloped / total, (tilted / total - mean) / a)

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
        origin = inner[self.reach]
        sources = np.zeros(len(outer))
        sources[::finer] = fields * np.exp(-a * (inner - origin))
        tilted = np.convolve(sources, self.kernel(high - low, a, finer), "same") * np.exp(
            a * (outer - origin)
        )
        return tilted / tilted.sum()

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
    return _solved(_grid(temperature, covariance or Covariance(), field, overlaps), overlaps, breaking)


def _grid(temperature: float, covariance: Covariance, field: float, overlaps: Floats) -> _Grid:
    low, high = np.sqrt(covariance.fields(overlaps[[0, -1]])).tolist()
    spacing = 0.05 * np.sqrt(high**2 - low**2)
    if low > 0:  # sums of a normal distribution are exact from sigma = 1.2 d on
        spacing = min(spacing, max(low / 1.2, 0.015 * high))
    extent = _REACH * high + 2 * high**2  # what tilts the fields moves them by sums of m/T times variances
    finer = int(np.ceil(2.5 * spacing / temperature)) if temperature > 0 else 1
    return _Grid(temperature, covariance, field, spacing, int(np.ceil(extent / spacing)), finer)


def places(k: int, *, from_zero: bool) -> tuple[Floats, Floats]:
    """Where the overlaps and breaks of the best ladder lie along a continuous solution, from 0 to 1 where it
    rises: exactly so for a straight line.

    Parameters
    ----------
    from_zero : whether it rises from q = 0, x = 0 on, as it does without a field
    """
    n = np.arange(k + 1)
    if from_zero:
        return (2 * n + 1) / (2 * k + 1), 2 * n[1:] / (2 * k + 1)
    return n / k, (n[1:] - 0.5) / k


def broken_sk(temperature: float, steps: int, *, ends: tuple[float, float], field: float) -> list[Ladder]:
    """Ladders of two-body couplings with 1, 2, .. `steps` steps, some left out, each found from the one
    before.

    Parameters
    ----------
    ends : q(0) and q(1) of the continuous solution, roughly
    """
    found: list[Ladder] = []
    for k in [k for k in _PATH if k < steps] + [steps]:
        at, at_breaks = places(k, from_zero=is_open(ends, k))
        if found:
            opens = is_open(ends, len(found[-1].breaking))
            known, known_breaks = places(len(found[-1].breaking), from_zero=opens)
            q = along(known, found[-1].overlaps, at, ends[0] if opens else None)
            shares = found[-1].breaking / usual_breaking(_middles(found[-1].overlaps))
            share = np.interp(at_breaks, known_breaks, shares)
        else:
            q, share = along(np.array([0.0, 1.0]), np.array(ends), at), np.ones(k)
        found.append(broken_ladder(temperature, q, share * usual_breaking(_middles(q)), field=field))
    return found


def _middles(q: Floats) -> Floats:
    return (q[1:] + q[:-1]) / 2


def is_open(ends: tuple[float, float], k: int) -> bool:
    """Whether the first level of a ladder of k steps lies well above q(0)."""
    return ends[0] < ends[1] / (2 * k + 1)


def along(places: Floats, q: Floats, at: Floats, start: float | None = None) -> Floats:
    """Overlaps between those of a ladder: the root of 1 - q is about straight, at any temperature.

    Parameters
    ----------
    start : q(0), where the first level is another
    """
    x, y = places, np.sqrt(1 - q)
    if start is not None:
        x, y = np.append(0.0, x), np.append(np.sqrt(1 - min(start, q[0] / 2)), y)
    return np.asarray(1 - PchipInterpolator(x, y)(at) ** 2)


def usual_breaking(q: Floats) -> Floats:
    """x/T at overlaps of the Sherrington-Kirkpatrick model, roughly: about the same at all temperatures and
    fields (Parisi, Toulouse 1980, J. Phys. Lett. 41, L361)."""
    return 1.25 * q * (1 - 0.46 * q) / np.sqrt(1 - q)


def _solved(grid: _Grid, overlaps: Floats, breaking: Floats) -> Ladder:
    at_zero = int(grid.temperature == 0)
    n = len(overlaps) - at_zero
    largest = np.inf if at_zero else 1 / grid.temperature

    def split(values: Floats) -> tuple[Floats, Floats]:
        return np.append(values[:n], np.ones(at_zero)), values[n:]

    def allowed(values: Floats) -> bool:
        q, a = split(values)
        ordered = (np.diff(q) > 0).all() and (np.diff(a) > 0).all()
        return bool(ordered and q[0] >= 0 and q[-1] <= 1 and a[0] > 0 and a[-1] < largest)

    solved = newton(
        lambda values: grid.leftovers(*split(values)),
        np.append(overlaps[:n], breaking),
        allowed,
        f"replica symmetry breaking of {len(breaking)} steps at T = {grid.temperature:g}",
        tolerance=1e-8 * float(overlaps[n - 1]),
        enough=max(1e-6 * float(overlaps[n - 1]), 1e-8),
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
        replicon = -np.inf
    else:
        ends = np.array([overlaps[-1], 1.0])
        free_energy -= np.diff(covariance.fields(ends) - covariance.theta(ends))[0] / (2 * t)
        frozen = (1 - overlaps[-1]) / t
        sech4 = np.cosh(np.clip(grid.fine_fields / t, -150, 150)) ** -4.0
        replicon = 1 - covariance.response(overlaps[-1]) * float(fields @ sech4) / t**2
    return Ladder(
        overlaps, breaking, float(free_energy), magnetisation, float(frozen), replicon, residual, steps
    )
