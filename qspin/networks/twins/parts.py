"""Pieces that rules for layers share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qspin.networks.twins.forms import Form, Matrix
from qspin.networks.twins.windows import OUTSIDE

__all__ = ["averaged", "repeated", "tokenwise"]


def repeated(matrix: Matrix, times: int) -> Matrix:
    """The same matrix for each of several blocks of values."""
    if times == 1:
        return matrix
    n_out, n_in = matrix.shape
    eye = sparse.eye_array(times, format="csr")
    return Matrix(
        (times * n_out, times * n_in),
        times * matrix.n_entries,
        lambda: sparse.csr_array(sparse.kron(eye, matrix.values(), format="csr")),
        lambda: sparse.csr_array(sparse.kron(eye, matrix.spread(), format="csr")),
    )


def tokenwise(matrix: Matrix, bias: NDArray[np.float64] | None, given: Form, name: str) -> Form:
    """A matrix on the last axis, each row of the other axes for itself."""
    rows = given.shape[:-1]
    times, n_out = math.prod(rows), matrix.shape[0]
    constant = np.zeros(times * n_out) if bias is None else np.tile(bias, times)
    return given.applied(repeated(matrix, times), constant, (*rows, n_out), name, is_new=True)


def averaged(windows: NDArray[np.int64], n_in: int, divisors: NDArray[np.float64] | None = None) -> Matrix:
    """Means of values over windows (n_out, k) of positions, `OUTSIDE` for none.

    Parameters
    ----------
    divisors : (n_out,); default how many values there are
    """
    inside = windows != OUTSIDE
    counts = inside.sum(axis=1)
    shares = 1.0 / (np.maximum(counts, 1) if divisors is None else divisors)

    def values() -> sparse.csr_array:
        starts = np.concatenate([[0], np.cumsum(counts)])
        entries = np.repeat(shares, counts)
        matrix = sparse.csr_array((entries, windows[inside], starts), shape=(len(windows), n_in))
        matrix.sum_duplicates()
        return matrix

    return Matrix(
        (len(windows), n_in),
        int(inside.sum()),
        values,
        lambda: sparse.csr_array(values().power(2)),
    )
