"""What a problem and its configurations must look like, with the message for each that does not."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from qspin.errors import InputError

__all__ = [
    "checked_couplings",
    "checked_fields",
    "checked_labels",
    "checked_offset",
    "checked_spins",
]

_ROUNDING = 8 * np.finfo(np.float64).eps


def checked_spins(spins: ArrayLike, n_spins: int) -> NDArray[Any]:
    """`spins` as an array whose last axis is `n_spins` long and whose values are -1 and +1."""
    spins = np.asarray(spins)
    if spins.ndim == 0 or spins.shape[-1] != n_spins:
        raise InputError(f"spins must have shape (..., {n_spins}), one value a spin; got shape {spins.shape}")
    if spins.size and not (spins.min() >= -1 and spins.max() <= 1 and _is_nonzero_integer(spins)):
        wrong = spins[np.abs(spins) != 1].flat[0]
        hint = "; binary values x become spins by s = 2 x - 1" if wrong == 0 else ""
        raise InputError(f"spins must be -1 or +1; got {wrong}{hint}")
    return spins


def _is_nonzero_integer(spins: NDArray[Any]) -> bool:
    if spins.dtype.kind in "iu":
        return np.count_nonzero(spins) == spins.size
    return bool((np.abs(spins) == 1).all())


def checked_couplings(couplings: Any) -> NDArray[np.float64] | sparse.csr_array:
    is_sparse = sparse.issparse(couplings)
    matrix: Any = couplings if is_sparse else np.asarray(couplings)
    if matrix.shape in {(0,), (0, 0)}:
        empty = np.zeros((0, 0))
        empty.flags.writeable = False
        return empty
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"couplings must be a square matrix (N, N); got shape {tuple(matrix.shape)}")
    matrix = sparse.csr_array(matrix, copy=True) if is_sparse else matrix
    if matrix.dtype.kind not in "biuf":
        raise InputError(f"couplings must be real numbers; got an array of dtype {matrix.dtype}")
    matrix = matrix.astype(np.float64, copy=not is_sparse)
    if is_sparse:
        matrix.sum_duplicates()
    _check_finite_couplings(matrix)
    _check_diagonal(matrix)
    return _symmetric(matrix)


def _check_finite_couplings(matrix: Any) -> None:
    values = matrix.data if sparse.issparse(matrix) else matrix
    if np.isfinite(values).all():
        return
    coordinates = matrix.tocoo() if sparse.issparse(matrix) else None
    if coordinates is not None:
        wrong = int(np.flatnonzero(~np.isfinite(coordinates.data))[0])
        i, j = int(coordinates.coords[0][wrong]), int(coordinates.coords[1][wrong])
    else:
        i, j = (int(k) for k in np.argwhere(~np.isfinite(matrix))[0])
    raise InputError(f"couplings must be finite; J[{i}, {j}] is {matrix[i, j]}")


def _check_diagonal(matrix: Any) -> None:
    diagonal = matrix.diagonal()
    if diagonal.any():
        i = int(np.flatnonzero(diagonal)[0])
        raise InputError(
            f"the diagonal of the couplings must be zero (s_i s_i is a constant); J[{i}, {i}] is "
            f"{diagonal[i]:g}. Put its sum into offset=, or use fields= if linear terms were meant"
        )


def _symmetric(matrix: Any) -> NDArray[np.float64] | sparse.csr_array:
    """The matrix itself, or its symmetric part where the two halves differ by rounding alone."""
    difference = abs(matrix - matrix.T)
    largest = difference.max()
    if largest > _ROUNDING * abs(matrix).max():
        i, j = np.unravel_index(int(difference.argmax()), matrix.shape)
        raise InputError(
            f"couplings must be symmetric; J[{i}, {j}] is {matrix[i, j]:g} but J[{j}, {i}] is "
            f"{matrix[j, i]:g}. A triangle J becomes symmetric by J + J.T"
        )
    if largest:
        matrix = 0.5 * (matrix + matrix.T)
    if not sparse.issparse(matrix):
        matrix.flags.writeable = False
        return matrix
    matrix = matrix.tocsr()
    if not _has_symmetric_pattern(matrix):  # an explicit zero in one triangle only
        matrix.eliminate_zeros()
    matrix.sort_indices()
    matrix.data.flags.writeable = False
    return matrix


def _has_symmetric_pattern(matrix: sparse.csr_array) -> bool:
    rows, columns = matrix.tocoo().coords
    n = matrix.shape[0]
    return np.array_equal(np.sort(rows * n + columns), np.sort(columns * n + rows))


def checked_fields(fields: ArrayLike | None, n_spins: int) -> NDArray[np.float64]:
    values = np.zeros(n_spins) if fields is None else np.array(fields)
    if values.shape != (n_spins,):
        raise InputError(f"fields must have shape ({n_spins},), one a spin; got shape {values.shape}")
    if values.size and values.dtype.kind not in "biuf":
        raise InputError(f"fields must be real numbers; got an array of dtype {values.dtype}")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        i = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"fields must be finite; h[{i}] is {values[i]}")
    values.flags.writeable = False
    return values


def checked_offset(offset: float) -> float:
    value = float(offset)
    if not math.isfinite(value):
        raise InputError(f"offset must be finite; got {value}")
    return value


def checked_labels(labels: Iterable[Hashable] | None, n_spins: int) -> Sequence[Hashable]:
    if labels is None:
        return range(n_spins)
    names = labels if isinstance(labels, range) else tuple(labels)
    if len(names) != n_spins:
        raise InputError(f"labels must name {n_spins} spins; got {len(names)} labels")
    try:
        distinct = set(names)
    except TypeError as error:
        raise InputError(f"labels must be hashable; {error}") from None
    if len(distinct) != n_spins:
        seen: set[Hashable] = set()
        for twice in names:
            if twice in seen:
                break
            seen.add(twice)
        raise InputError(f"labels must be distinct; {twice!r} stands twice")
    if all(type(name) is int and name == k for k, name in enumerate(names)):
        return range(n_spins)
    return names
