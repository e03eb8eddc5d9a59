"""The Sherrington-Kirkpatrick model without a field just below T_c = 1, as series in tau = 1 - T.

There the overlaps of a ladder of k steps matter to its free energy by tau^5 and less, so that equations leave
them to rounding. With w = 1 / (2k + 1)^2, r_i = (2i + 1) / (2k + 1) and s_i = 2i / (2k + 1),

    q_i = tau r_i [1 + (1 - 2w/3) tau - (2/5 + 3 r_i^2 / 5 + 2w/3 - 8w^2 / 9) tau^2 + ..]
    m_i = 2 tau s_i [1 - (2 + 2w/3) tau + (28/5 + 2 s_i^2 / 5 + 14w/15 + 8w^2 / 9) tau^2 + ..],

the stationary points of Parisi's free energy (1980, J. Phys. A 13, 1101) order by order; k = 0 is the
replica-symmetric solution and k -> infinity the full one, q(1) = tau + tau^2 - tau^3 (Kondor 1983, J. Phys. A
16, L127), in which q(x) = (1 + 3 tau) x / 2 up to x = 2 tau - 4 tau^2.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from qspin.theory._equations import Floats

__all__ = ["NEAR", "energy_above_symmetric", "is_near", "near_levels", "near_rise", "near_symmetric_overlap"]

NEAR = 0.03
"""1 - T up to which levels are these series: overlaps within 1e-4 and breaks within 1e-3 of themselves."""

_SQUARES = (2.0, -17 / 3, 62 / 3, -1382 / 15, 21844 / 45)  # 1 - E tanh^2 (z sqrt u) / u, by powers
_NEAREST = 3e-3  # 1 - T below which the equation of q, as it stands, is rounding


def is_near(temperature: float, field: float) -> bool:
    """Whether levels are these series."""
    return field == 0 and 0 < 1 - temperature <= NEAR


def near_levels(temperature: float, steps: int) -> tuple[Floats, Floats]:
    """Overlaps q_0 .. q_k and breaking points m_1 .. m_k."""
    tau, n = 1 - temperature, 2 * steps + 1
    w = 1 / n**2
    r, s = np.arange(1, n + 1, 2) / n, np.arange(2, n, 2) / n
    q = 1 + (1 - 2 * w / 3) * tau - (0.4 + 0.6 * r**2 + 2 * w / 3 - 8 * w**2 / 9) * tau**2
    m = 1 - (2 + 2 * w / 3) * tau + (5.6 + 0.4 * s**2 + 14 * w / 15 + 8 * w**2 / 9) * tau**2
    return tau * r * q, 2 * tau * s * m


def near_rise(temperature: float, n: int = 9) -> tuple[Floats, Floats]:
    """Overlaps (n,) from 0 to q(1) and x there, of the full solution."""
    tau, r = 1 - temperature, np.linspace(0, 1, n)
    q = tau * r * (1 + tau - (0.4 + 0.6 * r**2) * tau**2)
    return q, 2 * tau * r * (1 - 2 * tau + (5.6 + 0.4 * r**2) * tau**2)


def energy_above_symmetric(temperature: float, steps: int) -> float:
    """Of a ladder, what its <q^2> / 2T is more: 2 (1 - w^2) tau^4 / 9; tau^5 and more are left out."""
    return 2 / 9 * (1 - (2 * steps + 1) ** -4.0) * (1 - temperature) ** 4


def near_symmetric_overlap(temperature: float) -> float | None:
    """The replica-symmetric q, of its equation divided by q; None farther from T_c, where it need not be."""
    tau = 1 - temperature
    if tau > _NEAREST:
        return None
    square = tau * (1 + temperature)  # 1 - T^2, to its own last digits

    def excess(u: float) -> float:
        return sum(c * u**k for k, c in enumerate(_SQUARES, start=1)) - square

    return float(brentq(excess, square / 2, square, xtol=1e-300, rtol=1e-14)) * temperature**2
