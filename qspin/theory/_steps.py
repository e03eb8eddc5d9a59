"""One step of replica symmetry breaking on a grid of fields: tilted normal means, and the distribution of
fields behind them. See `qspin.theory._parisi`."""

from __future__ import annotations

import numpy as np

from qspin.compiled import njit

__all__ = ["REACH", "averaged", "spread"]

REACH = 8.5
"""Standard deviations of fields that a grid holds."""

_SPAN = 300.0  # of exponents a G that are numbers together


@njit(cache=True, nogil=True)
def _normal(a, sigma, spacing):
    """Weights of a normal distribution, as far as it counts when tilted by exp(a |y|)."""
    width = max(sigma, 1e-12) / spacing
    n = int(np.ceil((REACH + a * sigma) * width)) + 1
    weights = np.empty(2 * n + 1)
    total = 0.0
    for j in range(2 * n + 1):
        weights[j] = np.exp(-(((j - n) / width) ** 2) / 2)
        total += weights[j]
    for j in range(2 * n + 1):
        weights[j] /= total
    return weights


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def averaged(value, slope, a, sigma, spacing, finer):
    """(1/a) ln of the normal mean of exp(a value), at every `finer`-th point, its derivative by the field
    and by a; beyond its ends the value goes on straight."""
    kernel = _normal(a, sigma, spacing)
    n, m = len(kernel) // 2, len(value)
    here, bent = np.empty(m + 2 * n), np.empty(m + 2 * n)
    for j in range(m + 2 * n):
        at = min(max(j - n, 0), m - 1)
        here[j], bent[j] = value[at] + slope[at] * spacing * (j - n - at), slope[at]
    weights, sloped, tilted = np.empty(m + 2 * n), np.empty(m + 2 * n), np.empty(m + 2 * n)
    size = (m - 1) // finer + 1
    means, slopes, growths = np.empty(size), np.empty(size), np.empty(size)
    block = max(int(_SPAN / (a * spacing * finer)), 1)
    for first in range(0, size, block):
        last = min(first + block, size)
        low, high = first * finer, (last - 1) * finer + 2 * n + 1
        top = here[low:high].max()
        for j in range(low, high):
            weights[j] = np.exp(max(a * (here[j] - top), -700.0))
            sloped[j], tilted[j] = weights[j] * bent[j], weights[j] * here[j]
        for i in range(first, last):
            total = along = turned = 0.0
            start, end = i * finer, i * finer + 2 * n + 1
            near, near_sloped, near_tilted = weights[start:end], sloped[start:end], tilted[start:end]
            for j in range(len(kernel)):
                total += kernel[j] * near[j]
                along += kernel[j] * near_sloped[j]
                turned += kernel[j] * near_tilted[j]
            means[i] = top + np.log(total) / a
            slopes[i] = along / total
            growths[i] = (turned / total - means[i]) / a
    return means, slopes, growths


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def spread(fields, inner, outer, a, sigma, spacing, finer):
    """The distribution of fields behind a step, `finer` times finer, that weighs them by exp(a (outer -
    inner))."""
    kernel = _normal(a, sigma, spacing)
    n, m = len(kernel) // 2, len(outer)
    found, reached = np.zeros(m), np.zeros(m)
    block = max(int(_SPAN / (a * spacing * finer)), 1)
    for first in range(0, len(fields), block):
        last = min(first + block, len(fields))
        origin = inner[(first + last) // 2]
        for i in range(first, last):
            source = fields[i] * np.exp(-a * (inner[i] - origin))
            low, high = max(i * finer - n, 0), min(i * finer + n + 1, m)
            arriving = kernel[low - i * finer + n : high - i * finer + n]
            for j in range(low, high):
                reached[j] += source * arriving[j - low]
        for j in range(max(first * finer - n, 0), min((last - 1) * finer + n + 1, m)):
            found[j] += reached[j] * np.exp(a * (outer[j] - origin))
            reached[j] = 0.0
    return found / found.sum()
