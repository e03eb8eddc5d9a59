"""Where the levels of a good ladder lie: what the solutions of the Sherrington-Kirkpatrick model at all
temperatures and fields have in common.

By the hypothesis of Parisi and Toulouse (1980, J. Phys. Lett. 41, L361) x/T is about one function of q, of
which a temperature and a field cut out a piece. So is the density of the levels that serve it best: in the
`place` of q below they are equally far apart. Coefficients were fitted to ladders of ten steps; they are
where a search begins, and coordinates in which it goes straight, and decide nothing.
"""

from __future__ import annotations

import numpy as np

from qspin.theory._equations import Floats

__all__ = ["FARTHEST", "first_guess", "middles", "overlap_at", "place", "usual_breaking"]

_BEND = 0.53  # levels are about (1 - q)^(3/4) (1 - 0.53 (1 - q)) apart
_ROOT = _BEND**0.25
_ROOTS = np.linspace(1, 0, 4001)  # of 1 - q, the fourth


def _length(root: Floats) -> Floats:
    """4 times the integral of 1 / (1 - 0.53 v^4) up to the fourth root of 1 - q."""
    return 2 / _ROOT * (np.arctanh(_ROOT * root) + np.arctan(_ROOT * root))


FARTHEST = float(_length(np.ones(1))[0])
"""The place of q = 1."""

_PLACES = FARTHEST - _length(_ROOTS)


def place(q: Floats) -> Floats:
    """Of overlaps, from 0 at q = 0 on."""
    return np.asarray(FARTHEST - _length((1 - q) ** 0.25))


def overlap_at(places: Floats) -> Floats:
    """The inverse of `place`."""
    root = np.interp(places, _PLACES, _ROOTS)
    for _ in range(2):  # Newton's steps
        root = np.clip(root + (FARTHEST - places - _length(root)) * (1 - _BEND * root**4) / 4, 0.0, 1.0)
    return np.asarray(1 - root**4)


def middles(q: Floats) -> Floats:
    """Between neighbouring levels: x jumps there."""
    places = place(q)
    return overlap_at((places[1:] + places[:-1]) / 2)


def usual_breaking(q: Floats) -> Floats:
    """x/T at overlaps, roughly, at low temperature."""
    return 1.25 * q * (1 - 0.46 * q) / np.sqrt(np.maximum(1 - q, 1e-15))


def _share(temperature: float, q: Floats) -> Floats:
    """What x/T is of the usual one, to a few percent."""
    t = temperature**2
    rest = (-0.38 + 0.08 * q + 0.12 * q**2) - temperature * (0.38 - 0.51 * q) + 0.58 * t
    return 1.11 - 0.16 * t + 0.56 * t**2 + 0.06 * t**3 + q * rest


def first_guess(
    temperature: float, steps: int, ends: tuple[float, float], stretched: float = 1.0
) -> tuple[Floats, Floats]:
    """Overlaps q_0 .. q_k and breaks m_1/T .. m_k/T of a ladder, roughly.

    Levels lie d apart up to q(1). The first stands for all of q(x) before the first break, of a straight line
    from the origin that sets in at q(0): its place is sqrt(p^2 + d^2 / 4), p being that of q(0).

    Parameters
    ----------
    ends : q(0) and q(1) of the continuous solution, roughly
    stretched : how far the levels reach in units of what fits best
    """
    k = steps
    low, high = place(np.array(ends)).tolist()
    roots = (1 - np.array(ends)) ** 0.25
    last = float(np.hypot(roots[1], (roots[0] - roots[1]) / (k + 0.5)))  # it keeps a distance from q = 1
    high = FARTHEST - float(_length(np.array(last)))
    high = low + min(stretched * (high - low), 0.99 * (FARTHEST - low))
    apart = (k * high - np.sqrt((k * high) ** 2 - (k**2 - 0.25) * (high**2 - low**2))) / (k**2 - 0.25)
    places = high - apart * np.arange(k, -1, -1.0)
    q, breaks = overlap_at(places), overlap_at(places[1:] - apart / 2)
    if temperature == 0:
        q[-1] = 1.0
    return q, _share(temperature, breaks) * usual_breaking(breaks)
