"""Ultrametricity: of three overlaps, are the two smaller ones equal?

Sources: Mezard, Parisi, Sourlas, Toulouse, Virasoro 1984 (J. Phys. 45, 843); Hed, Young, Domany 2004 (Phys.
Rev. Lett. 92, 157201) for the distribution of triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from qspin.analysis.landscape import overlap_matrix, turned
from qspin.analysis.nulls import shuffle_null
from qspin.arguments import checked_arguments
from qspin.errors import InputError

__all__ = ["Ultrametricity", "ultrametricity"]

_SIGNIFICANT = 0.05  # p-value,
_EFFECT = 0.05  # share of the null,
_SPREAD = 3.0  # and widths of the null, from which on ultrametricity counts as detected


@dataclass(frozen=True)
class Ultrametricity:
    """Triangles of overlaps against a null whose spins are dealt anew among the configurations, each on its
    own.

    Parameters
    ----------
    k : (q_mid - q_min) / sigma of triples (n_triples,); 0 for isosceles triangles whose two smaller overlaps
        are equal, which an ultrametric space has only
    k_mean, null_mean, null_deviation : mean of the same over ranked overlaps (see `ultrametricity`), and mean
        and standard deviation of that over nulls
    p_value : share of nulls with a mean as small
    spread : standard deviation of the overlaps over that of the nulls
    nulls : mean of every null (n_null,)
    """

    k: NDArray[np.float64]
    k_mean: float
    null_mean: float
    null_deviation: float
    p_value: float
    spread: float
    nulls: NDArray[np.float64]

    @property
    def effect(self) -> float:
        """By how much k_mean lies below the null: 0 for none, 1 for a perfectly ultrametric space."""
        return 1 - self.k_mean / self.null_mean

    @property
    def is_detected(self) -> bool:
        """Beyond chance (p <= 0.05), by 5 % at least, and with overlaps spread three times as wide as the
        null.

        The bounds are ours. The last keeps out the short-range order of a ferromagnet, whose droplets make
        some triangles isosceles; at a critical point they are large, and only other sizes can tell.
        """
        return self.p_value <= _SIGNIFICANT and self.effect >= _EFFECT and self.spread >= _SPREAD


@checked_arguments
def ultrametricity(
    spins: NDArray[np.int8],
    *,
    symmetric: bool = False,
    n_triples: int = 20_000,
    n_null: int = 49,
    seed: int = 0,
) -> Ultrametricity:
    """Test overlaps of independent configurations for ultrametricity, q_min = q_mid, against a null.

    For the test, the part of q_ab that belongs to single configurations, x_a + x_b, is taken off, and what is
    left is ranked and given the values of a normal distribution: neither the magnetisations of a ferromagnet
    nor the shape of P(q) then make triangles isosceles.

    Parameters
    ----------
    spins : (n, n_spins), independent
    symmetric : problems without fields: configurations are turned towards the principal one first
    n_triples : drawn at random, the same for the data and each null

    Raises
    ------
    InputError
        If there are fewer than four configurations, or all overlaps are equal.
    """
    n = len(spins)
    if n < 4:
        raise InputError(f"triangles need at least four configurations; got {n}")
    rng = np.random.default_rng(seed)
    aligned = turned(spins) if symmetric else spins
    triples = np.argsort(rng.random((n_triples, n)), axis=1)[:, :3] if n < 50 else _triples(rng, n, n_triples)
    upper = np.triu_indices(n, 1)
    q = overlap_matrix(aligned)
    sigma = float(q[upper].std())
    if sigma == 0:
        raise InputError("all overlaps are equal: there is no triangle to tell from another")
    k_mean = float(_triangles(_ranked(q, rng), triples).mean())

    def of_null(dealt: NDArray[np.int8]) -> tuple[float, float]:
        overlaps = overlap_matrix(dealt)
        return float(_triangles(_ranked(overlaps, rng), triples).mean()), float(overlaps[upper].std())

    nulls, widths = shuffle_null(aligned, of_null, n_null, rng).T
    p_value = (1 + int((nulls <= k_mean).sum())) / (n_null + 1)
    width = float(widths.mean())
    return Ultrametricity(
        _triangles(q, triples) / sigma,
        k_mean,
        float(np.mean(nulls)),
        float(np.std(nulls, ddof=1)),
        p_value,
        sigma / width if width else float("inf"),
        nulls,
    )


def _triples(rng: np.random.Generator, n: int, size: int) -> NDArray[np.int64]:
    drawn = rng.integers(0, n, (2 * size, 3))
    drawn.sort(axis=1)
    different = (drawn[:, 0] < drawn[:, 1]) & (drawn[:, 1] < drawn[:, 2])
    return drawn[different][:size]


def _triangles(q: NDArray[np.float64], triples: NDArray[np.int64]) -> NDArray[np.float64]:
    """q_mid - q_min of triples (n_triples,)."""
    a, b, c = triples.T
    sides = np.sort(np.stack([q[a, b], q[b, c], q[c, a]], axis=1), axis=1)
    return sides[:, 1] - sides[:, 0]


def _ranked(q: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Overlaps without their additive part, as normal scores; ties are broken at random."""
    n = len(q)
    upper = np.triu_indices(n, 1)
    off = q - np.diag(np.diag(q))
    total = off.sum() / (n * (n - 1))
    own = (off.sum(axis=1) - (n - 1) * total) / (n - 2)
    rest = (q - total - own[:, None] - own[None, :])[upper]
    scores = np.empty(len(rest))
    scores[np.lexsort((rng.random(len(rest)), rest))] = ndtri((np.arange(len(rest)) + 0.5) / len(rest))
    matrix = np.zeros_like(q)
    matrix[upper] = scores
    return matrix + matrix.T
