"""Spectra of weight matrices against those of random ones, and what stands out of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.correction import LEVEL
from qspin.errors import InputError
from qspin.theory import largest_eigenvalue, marchenko_pastur
from qspin.validate import checked_array

__all__ = ["Spectrum", "spectrum_of"]

Floats = NDArray[np.float64]


class Spectrum(NamedTuple):
    """Eigenvalues of W^T W / n, n the longer side of W, in units of the variance of what is no outlier.

    Parameters
    ----------
    shape : of W
    eigenvalues : those that can differ from 0, largest first (shorter side,)
    variance : of the entries, without what outliers bring
    lower, upper : edges of Marchenko and Pastur, in the same units
    p_values : that the largest is one of a random matrix, then the second of what is left, ...; as many as
        were tried: the first that is not rare ends it (n_outliers + 1,)
    """

    shape: tuple[int, int]
    eigenvalues: Floats
    variance: float
    lower: float
    upper: float
    p_values: Floats

    @property
    def n_outliers(self) -> int:
        return int((self.p_values <= LEVEL).sum())

    @property
    def ratio(self) -> float:
        return min(self.shape) / max(self.shape)


def spectrum_of(matrix: ArrayLike) -> Spectrum:
    """The spectrum of a matrix held against that of a random one of the same variance.

    Outliers are counted from the largest eigenvalue on: each is held against the largest of a random matrix
    without the ones before (Kritchman, Nadler 2009, IEEE Trans. Signal Process. 57, 3930), with the variance
    that is left, so that a random matrix has one by mistake in 5 % of cases. What is tried counts for that
    variance, which makes an outlier that holds much of it a little harder to find.

    Parameters
    ----------
    matrix : (n_rows, n_columns), each at least 2, finite, not all 0

    Raises
    ------
    InputError
        If it is no such matrix.
    """
    w = checked_array(matrix, "the matrix").astype(np.float64)
    if w.ndim != 2 or min(w.shape) < 2 or not np.isfinite(w).all() or not w.any():
        raise InputError(f"a spectrum needs a finite matrix of 2 x 2 at least, not all 0; got {w.shape}")
    shorter, longer = sorted(w.shape)
    eigenvalues = np.linalg.svd(w, compute_uv=False) ** 2 / longer
    p_values: list[float] = []
    variance = float((w**2).mean())
    for k in range(shorter - 1):
        variance = longer * float(eigenvalues[k:].sum()) / ((longer - k) * (shorter - k))
        scaled = eigenvalues[k] * longer / (longer - k)
        law = largest_eigenvalue(longer - k, shorter - k, [scaled], variance)
        p_values.append(float(law.exceedance[0]))
        if p_values[-1] > LEVEL:
            break
    edges = marchenko_pastur(shorter / longer, n_points=3).attrs
    return Spectrum(
        (w.shape[0], w.shape[1]), eigenvalues / variance, variance, edges["lower"], edges["upper"],
        np.array(p_values),
    )  # fmt: skip
