"""States of the Hopfield model by Amit, Gutfreund, Sompolinsky 1987 (Ann. Phys. 173, 30), replica-symmetric.

A state overlaps by m with n patterns. Its fields are m z + s y, with z the sum of n signs and y normal; with
C = (1 - q)/T and D = 1 - C

    m = E[z tanh] / n,   q = E[tanh^2],   s^2 = alpha q / D^2.

Iterations of these run off to false solutions. Here the ratio m/s is given instead: then one equation in m/T
is left, which has one root, and the load follows. The states of a load are on the branch from an infinite
ratio, which is no load at all, to the largest load.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import comb
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import erf

from qspin.theory._equations import Floats, root, tanh_mean, tanh_means

__all__ = ["Memory", "largest_load", "memory_at", "spin_glass_at"]

_SMALLEST_RATIO, _LARGEST_RATIO = 0.3, 60.0


class Memory(NamedTuple):
    """A state, energies per spin."""

    n: int
    """Patterns that it overlaps with, 0 of the spin glass and the paramagnet."""
    overlap: float
    q: float
    noise: float
    """s^2 / alpha, of the patterns that are not condensed: r."""
    free_energy: float
    energy: float
    entropy: float
    replicon: float
    """Negative where replica symmetry breaks."""
    pattern_stability: float
    """Smallest eigenvalue of the overlaps' fluctuations about it, among the n patterns and with others."""


class _Means(NamedTuple):
    """Of a state with overlaps m = temperature x, over z and y; at T = 0 limits, in units of 1 / s."""

    overlap: float
    q: float
    frozen: float
    """C = (1 - q)/T."""
    spread: float
    """As C, weighed by what the patterns' fluctuations against each other feel."""
    s: float


@cache
def _signs(n: int) -> tuple[Floats, Floats, Floats]:
    """Sums z > 0 of an odd number of signs, their probabilities, those of -z included, and the mean product
    of two different signs."""
    z = np.arange(n, 0, -2, dtype=np.float64)
    probability = np.array([comb(n, k) / 2 ** (n - 1) for k in range(len(z))])
    return z, probability, (z**2 - n) / (n * (n - 1)) if n > 1 else np.zeros(1)


def _means(n: int, t: float, ratio: float) -> _Means:
    """Of the state with this m/s."""
    z, probability, products = _signs(n)
    if t == 0:
        density = np.sqrt(2 / np.pi) * np.exp(-((ratio * z) ** 2) / 2)
        m = float(probability @ (z * erf(ratio * z / np.sqrt(2)))) / n
        s = m / ratio
        spread = float(probability @ ((1 - products) * density)) / s
        return _Means(m, 1.0, float(probability @ density) / s, spread, s)

    def excess(log_x: float) -> float:
        x = np.exp(log_x)
        return float(probability @ (z * tanh_mean(x * z, x / ratio))) / (n * x) - t

    x = float(
        np.exp(root(excess, np.log(1e-7), np.log(1.1 / t), f"the state of m/s = {ratio:g} at T = {t:g}"))
    )
    sech2 = tanh_means(x * z, x / ratio).sech2
    frozen = float(probability @ sech2)
    return _Means(
        t * x, 1 - frozen, frozen / t, float(probability @ ((1 - products) * sech2)) / t, t * x / ratio
    )


def _root_load(means: _Means) -> float:
    """sqrt(alpha), negative where there is none."""
    return means.s * (1 - means.frozen) / np.sqrt(means.q)


@lru_cache(4096)
def largest_load(n: int, t: float) -> tuple[float, float]:
    """Up to which states of n patterns exist at a temperature below 1, and their m/s there."""
    found = minimize_scalar(
        lambda log: -_root_load(_means(n, t, float(np.exp(log)))),
        bounds=(np.log(_SMALLEST_RATIO), np.log(_LARGEST_RATIO)),
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(max(-found.fun, 0.0) ** 2), float(np.exp(found.x))


def memory_at(n: int, load: float, t: float) -> Memory | None:
    """The state of n patterns; None where it does not exist."""
    if t >= 1:
        return None
    if load == 0:
        return _of_no_load(n, t)
    largest, ratio = largest_load(n, t)
    if load > largest:
        return None
    level = np.sqrt(load)
    log = root(
        lambda log: _root_load(_means(n, t, float(np.exp(log)))) - level,
        np.log(ratio),
        np.log(max(1.01 / level, 1.01 * ratio)),
        f"the state of {n} patterns at load {load:g}, T = {t:g}",
    )
    return _memory(n, load, t, _means(n, t, float(np.exp(log))))


def _of_no_load(n: int, t: float) -> Memory:
    z, probability, products = _signs(n)
    if t == 0:
        m = float(probability @ np.abs(z)) / n
        return _memory(n, 0.0, 0.0, _Means(m, 1.0, 0.0, 0.0, 0.0))

    def excess(log_x: float) -> float:
        x = np.exp(log_x)
        return float(probability @ (z * np.tanh(x * z))) / (n * x) - t

    x = float(np.exp(root(excess, np.log(1e-7), np.log(1.1 / t), f"the state of no load at T = {t:g}")))
    sech2 = np.cosh(np.clip(x * z, -300, 300)) ** -2.0
    frozen = float(probability @ sech2)
    spread = float(probability @ ((1 - products) * sech2)) / t
    return _memory(n, 0.0, t, _Means(t * x, 1 - frozen, frozen / t, spread, 0.0))


def spin_glass_at(load: float, t: float) -> Memory:
    """The state that overlaps with no pattern: the paramagnet from T = 1 + sqrt(load) on."""
    if t >= 1 + np.sqrt(load) or load == 0:
        return _memory(0, load, t, _Means(0.0, 0.0, 1 / t if t else np.inf, 1 / t if t else np.inf, 0.0))
    if t == 0:
        s = np.sqrt(load) + np.sqrt(2 / np.pi)
        frozen = np.sqrt(2 / np.pi) / s
        return _memory(0, load, 0.0, _Means(0.0, 1.0, frozen, frozen, s))

    def means(log_s: float) -> _Means:
        frozen = float(tanh_means(0.0, np.exp(log_s)).sech2)
        return _Means(0.0, 1 - frozen, frozen / t, frozen / t, t * float(np.exp(log_s)))

    far = np.log((np.sqrt(load) + 2) / t)
    log = root(
        lambda log: _root_load(means(log)) - np.sqrt(load), np.log(1e-4), far, f"the spin glass at T = {t:g}"
    )
    return _memory(0, load, t, means(log))


def _memory(n: int, load: float, t: float, means: _Means) -> Memory:
    """Free energy, and energy as its derivative d(beta f)/d beta."""
    z, probability, _ = _signs(n) if n else (np.zeros(1), np.ones(1), np.zeros(1))
    m, q, s, left = means.overlap, means.q, means.s, 1 - means.frozen
    noise = q / left**2 if load or left else 0.0
    energy = load / 2 - n * m**2 / 2
    if load:
        energy -= load / 2 * (1 / left + noise * means.frozen)
    if t == 0:
        density = np.sqrt(2 / np.pi) * np.exp(-((m * z / s) ** 2) / 2) / s if s else np.zeros(len(z))
        entropy = -load / 2 * (np.log(left) + means.frozen / left) if load else 0.0
        replicon = -np.inf if probability @ density > 0 else 1.0
        return Memory(n, m, q, noise, energy, energy, entropy, replicon, 1 - means.spread)
    of_fields = tanh_means(m * z / t, s / t)
    free_energy = load / 2 + n * m**2 / 2 - t * float(probability @ of_fields.log2cosh)
    if load:
        free_energy += load / 2 * (t * np.log(left) - q / left + noise * means.frozen)
    sech4 = float(probability @ of_fields.sech4)
    replicon = 1 - load / left**2 * sech4 / t / t if load else 1.0
    return Memory(n, m, q, noise, free_energy, energy, (energy - free_energy) / t, replicon, 1 - means.spread)
