"""The replica-symmetric solution of the Sherrington-Kirkpatrick model, and where it becomes unstable (de
Almeida, Thouless 1978, J. Phys. A 11, 983)."""

from __future__ import annotations

import numpy as np

from qspin.theory._equations import root, tanh_means
from qspin.theory._near_transition import near_symmetric_overlap

__all__ = ["line", "line_field", "line_overlap", "overlap_ends", "replicon", "symmetric_overlap"]

_STRONG_FIELD = 8.0  # from which on the line is its limit of strong fields, to rounding


def symmetric_overlap(t: float, h: float) -> float:
    """The replica-symmetric q."""
    if t == 0:
        return 1.0
    if h == 0 and t >= 1:
        return 0.0
    if h == 0 and (near := near_symmetric_overlap(t)) is not None:
        return near

    def excess(q: float) -> float:
        return 1 - float(tanh_means(h / t, np.sqrt(q) / t).sech2) - q

    return root(excess, 0.0 if h else 0.1 * (1 - t), 1.0, f"the overlap at T = {t:g}, h = {h:g}")


def replicon(t: float, h: float, q: float) -> float:
    """The eigenvalue that is negative below the line, of a solution."""
    return 1 - float(tanh_means(h / t, np.sqrt(q) / t).sech4) / t / t


def line(h: float) -> float:
    """The temperature below which replica symmetry breaks in a field of 0 or more."""
    if h == 0:
        return 1.0
    limit = np.log(4 / (3 * np.sqrt(2 * np.pi))) - h**2 / 2  # where the line goes in strong fields
    if h > _STRONG_FIELD:
        return float(np.exp(limit))

    def excess(log_t: float) -> float:
        t = float(np.exp(log_t))
        return replicon(t, h, symmetric_overlap(t, h))

    return float(np.exp(root(excess, min(limit, 0.0) - 2, 0.0, f"the line at h = {h:g}")))


def line_overlap(h: float) -> float:
    """q on the line."""
    return 1.0 if h > _STRONG_FIELD else symmetric_overlap(line(h), h)


def line_field(t: float) -> float:
    """The field below which replica symmetry breaks at a temperature above 0."""
    if t >= 1:
        return 0.0
    far = 2 + 1.5 * np.sqrt(2 * np.log(1 / t))

    def excess(h: float) -> float:
        return replicon(t, h, symmetric_overlap(t, h))

    return root(excess, 0.0, far, f"the line at T = {t:g}")


def overlap_ends(t: float, h: float) -> tuple[float, float]:
    """q(0) and q(1) by the hypothesis of Parisi and Toulouse, 1980: the first depends on the field alone and
    the second on the temperature alone, as they are on the line."""
    low = line_overlap(h) if h else 0.0
    return low, symmetric_overlap(t, line_field(t)) if t else 1.0
