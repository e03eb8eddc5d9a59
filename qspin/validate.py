"""What a problem and its configurations must look like, with the message for each that does not."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from qspin.counts import checked_count
from qspin.errors import InputError, shown
from qspin.memory import require_spins

__all__ = [
    "Symmetric",
    "checked_array",
    "checked_count",
    "checked_couplings",
    "checked_edges",
    "checked_fields",
    "checked_labels",
    "checked_offset",
    "checked_patterns",
    "checked_positions",
    "checked_real",
    "checked_row",
    "checked_spins",
    "locked",
]

_ROUNDING = 8 * np.finfo(np.float64).eps
_NEARLY = 1e-3  # of the largest coupling: two halves that were meant to be equal
_LARGEST_LABEL = 2**63  # libraries and files hold integers of 64 bits
_DEEPEST_LABEL = 20  # tuples in tuples


def locked(array: NDArray[Any]) -> NDArray[Any]:
    """An array of ours, which nobody may write to from now on."""
    array.flags.writeable = False
    return array


def checked_spins(spins: ArrayLike, n_spins: int, what: str = "spins") -> NDArray[Any]:
    """`spins` as an array whose last axis is `n_spins` long and whose values are -1 and +1.

    Parameters
    ----------
    what : they are, a plural for messages
    """
    spins = checked_array(spins, what)
    if spins.ndim == 0 or spins.shape[-1] != n_spins:
        raise InputError(
            f"{what} must have shape (..., {n_spins}), one value a spin; got shape {spins.shape}"
        )
    if spins.size and not (spins.min() >= -1 and spins.max() <= 1 and _is_nonzero_integer(spins)):
        wrong = spins[np.abs(spins) != 1].flat[0]
        hint = "; binary values x become spins by s = 2 x - 1" if wrong == 0 else ""
        raise InputError(f"{what} must be -1 or +1; got {wrong}{hint}")
    return spins


def _is_nonzero_integer(spins: NDArray[Any]) -> bool:
    if spins.dtype.kind in "iu":
        return np.count_nonzero(spins) == spins.size
    return bool((np.abs(spins) == 1).all())


def checked_positions(positions: ArrayLike, n: int, what: str) -> NDArray[np.intp]:
    """Positions of some of `n` spins, each once: given as integers from 0, or as a Boolean mask of length n.

    Parameters
    ----------
    positions : (n_chosen,), or a mask (n,)
    what : they are, such as "group 'left'", for messages

    Raises
    ------
    InputError
        If a mask has another length, or a position is no integer, out of range or there twice.
    """
    try:
        given = np.asarray(positions)
    except ValueError:  # rows of different lengths
        given = np.empty((0, 0))
    if given.ndim != 1:
        raise InputError(f"{what} must be one list of positions or a mask; got shape {given.shape}")
    if given.dtype.kind == "b":
        if len(given) != n:
            raise InputError(
                f"{what} is a mask of {len(given)} values, but there are {n} spins; give one a spin"
            )
        return np.flatnonzero(given)
    if given.size and given.dtype.kind not in "iu":
        raise InputError(f"{what} must hold whole numbers, 0 to {n - 1}; got {given.tolist()!r:.60}")
    outside = (given < 0) | (given >= n) if given.size else np.zeros(0, dtype=bool)
    if outside.any():
        raise InputError(f"{what} must hold positions of spins, 0 to {n - 1}; got {given[outside][0]}")
    values, counts = np.unique(given, return_counts=True)
    if (counts > 1).any():
        raise InputError(f"{what} holds position {values[counts > 1][0]} twice; name each once")
    return given.astype(np.intp)


def checked_row(row: int, n_rows: int) -> int:
    """A row of a sample set, counted from 0.

    Raises
    ------
    InputError
        If there is no such row, or it is no whole number.
    """
    whole = isinstance(row, (int, np.integer)) and not isinstance(row, (bool, np.bool_))
    if not whole or not 0 <= row < n_rows:
        raise InputError(f"row must be a whole number, 0 to {n_rows - 1}; got {row!r}")
    return int(row)


class Symmetric(NamedTuple):
    """Couplings for `IsingProblem` that were made symmetric and finite, with sorted columns and no diagonal:
    they are taken as they are, neither checked nor copied. For whoever builds large problems.
    """

    matrix: sparse.csr_array


def checked_couplings(couplings: Any) -> NDArray[np.float64] | sparse.csr_array:
    if isinstance(couplings, Symmetric):
        return _locked_rows(couplings.matrix)
    is_sparse = sparse.issparse(couplings)
    matrix: Any = couplings if is_sparse else checked_array(couplings, "couplings")
    if matrix.shape in {(0,), (0, 0)}:
        return locked(np.zeros((0, 0)))
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
    if sparse.issparse(matrix) and _is_its_mirror(matrix):
        return _locked_rows(matrix)
    difference = abs(matrix - matrix.T)
    largest = difference.max()
    if largest > _ROUNDING * abs(matrix).max():
        raise InputError(_asymmetry(matrix, difference))
    if largest:
        matrix = 0.5 * (matrix + matrix.T)
    if not sparse.issparse(matrix):
        return locked(matrix)
    matrix = matrix.tocsr()
    if not _has_symmetric_pattern(matrix):  # an explicit zero in one triangle only
        matrix.eliminate_zeros()
    matrix.sort_indices()
    return _locked_rows(matrix)


def _locked_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    for array in (matrix.data, matrix.indices, matrix.indptr):
        locked(array)
    return matrix


def _is_its_mirror(matrix: sparse.csr_array) -> bool:
    """Whether rows with sorted columns equal those of the transpose, entry by entry."""
    mirror = matrix.T.tocsr()
    return all(
        np.array_equal(getattr(matrix, part), getattr(mirror, part)) for part in ("indptr", "indices", "data")
    )


def _asymmetry(matrix: Any, difference: Any) -> str:
    """Which couplings differ most from their mirror image, and how this matrix becomes symmetric."""
    i, j = np.unravel_index(int(difference.argmax()), matrix.shape)
    one, other = _told_apart(float(matrix[i, j]), float(matrix[j, i]))
    given = f"couplings must be symmetric; J[{i}, {j}] is {one} but J[{j}, {i}] is {other}"
    halves = sparse if sparse.issparse(matrix) else np
    lower, upper = halves.tril(matrix), halves.triu(matrix)
    if not abs(lower).max() or not abs(upper).max():
        return f"{given}. A triangle J becomes symmetric by J + J.T"
    if difference.max() <= _NEARLY * abs(matrix).max():
        return f"{given}. Two halves that should be equal become so by (J + J.T) / 2"
    return (
        f"{given}. If J_ij and J_ji are parts of one coupling, J + J.T adds them up; if they should be "
        "equal, one of them is wrong"
    )


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Two different numbers with as few digits as show that they differ."""
    for digits in range(6, 18):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _has_symmetric_pattern(matrix: sparse.csr_array) -> bool:
    rows, columns = matrix.tocoo().coords
    n = matrix.shape[0]
    return np.array_equal(np.sort(rows * n + columns), np.sort(columns * n + rows))


def checked_array(values: Any, what: str) -> NDArray[Any]:
    """`values` as an array of real numbers; Python's own numbers of any kind become float64.

    Raises
    ------
    InputError
        If they are ragged, or something else than real numbers; `what` is a plural for the message.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and array.ndim and all(isinstance(v, numbers.Real) for v in array.flat):
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(f"{what} must be an array of real numbers; {error}") from None
    if array.size and array.dtype.kind not in "biuf":
        came = f"a {type(values).__name__}" if array.ndim == 0 else f"an array of dtype {array.dtype}"
        raise InputError(f"{what} must be real numbers; got {came}")
    return array


def checked_real(value: Any, what: str | Callable[[], str]) -> float:
    """A finite real number as a float; text is none. `what` may be made when it is needed, of millions."""
    is_number = not isinstance(value, str | bytes)
    try:
        number = float(value) if is_number else math.nan
    except (TypeError, ValueError, OverflowError) as error:
        number, is_number = math.nan, isinstance(error, OverflowError)
    if not math.isfinite(number):
        name = what if isinstance(what, str) else what()
        expected = "finite" if is_number else "one finite number"
        raise InputError(f"{name} must be {expected}; got {shown(value)}")
    return number


def checked_edges(
    n_spins: Any, i: ArrayLike, j: ArrayLike, couplings: ArrayLike
) -> tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Number of spins, and three vectors of one length, spins in range; before memory is taken for them."""
    n = checked_count(n_spins, "n_spins")
    ends = [_checked_numbers(end, name) for end, name in ((i, "i"), (j, "j"))]
    values = checked_array(couplings, "couplings")
    if {ends[0].shape, ends[1].shape, values.shape} != {(len(values) if values.ndim else -1,)}:
        raise InputError(
            f"i, j and couplings must be vectors of one length, one entry a coupling; got shapes "
            f"{ends[0].shape}, {ends[1].shape} and {values.shape}"
        )
    outside = (np.minimum(*ends) < 0) | (np.maximum(*ends) >= n)
    if outside.any():
        k = int(np.flatnonzero(outside)[0])
        raise InputError(f"spins are numbered 0 to {n - 1}; edge {k} joins {ends[0][k]} and {ends[1][k]}")
    to_itself = (ends[0] == ends[1]) & (values != 0)
    if to_itself.any():
        k = int(np.flatnonzero(to_itself)[0])
        raise InputError(
            f"edge {k} joins spin {ends[0][k]} to itself, with {values[k]:g}, but s_i s_i is a constant. "
            "Put it into offset=, or use fields= if a linear term was meant"
        )
    require_spins(n, len(values))
    return n, ends[0], ends[1], values.astype(np.float64)


def _checked_numbers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = checked_array(values, name)
    whole = array.astype(np.int64) if array.dtype.kind in "iu" or not array.size else None
    if whole is None:
        with np.errstate(invalid="ignore"):
            whole = array.astype(np.int64)
        if array.dtype.kind == "b" or not np.array_equal(whole, array):
            raise InputError(f"{name} must be integers, numbers of spins; got dtype {array.dtype}")
    return whole


def checked_fields(fields: ArrayLike | None, n_spins: int) -> NDArray[np.float64]:
    values = np.zeros(n_spins) if fields is None else checked_array(fields, "fields")
    if values.shape != (n_spins,):
        raise InputError(f"fields must have shape ({n_spins},), one a spin; got shape {values.shape}")
    values = values.astype(np.float64)  # a copy
    if not np.isfinite(values).all():
        i = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"fields must be finite; h[{i}] is {values[i]}")
    return locked(values)


def checked_patterns(patterns: ArrayLike) -> NDArray[np.float64]:
    """Patterns of -1 and +1, at least one (P, N)."""
    xi = np.asarray(patterns)
    if xi.ndim != 2 or 0 in xi.shape:
        raise InputError(f"patterns must have shape (P, N) with at least one of each; got {xi.shape}")
    return checked_spins(xi, xi.shape[1]).astype(np.float64)


def checked_offset(offset: float) -> float:
    return checked_real(offset, "offset")


class _Checked(tuple[Hashable, ...]):
    """Labels as `checked_labels` gave them, which it takes as they are."""


def checked_labels(labels: Iterable[Hashable] | None, n_spins: int) -> Sequence[Hashable]:
    """`n_spins` distinct labels that every file and every library gives back as they are; a `range` where
    they only count.

    Text, finite numbers and (nested) tuples of them. Numbers that are equal are one label and take one form,
    a Python integer where they are whole: ``numpy.int64(1)``, ``True``, ``1.0`` and 1 are the same.
    """
    if labels is None or (isinstance(labels, range) and labels == range(n_spins)):
        return range(n_spins)
    if isinstance(labels, _Checked) and len(labels) == n_spins:
        return labels
    if isinstance(labels, range) and len(labels) != n_spins:
        raise InputError(f"labels must name {n_spins} spins; got {len(labels)} labels")
    try:
        given = tuple(labels)
    except TypeError as error:
        raise InputError(f"labels must be a list, one a spin; got {shown(labels)}") from error
    if len(given) != n_spins:
        raise InputError(f"labels must name {n_spins} spins; got {len(given)} labels")
    names = tuple(map(_label, given))
    seen: dict[Hashable, Hashable] = {}
    for name, spelled in zip(names, given, strict=True):
        if name in seen:
            first = seen[name]
            also = "" if repr(first) == repr(spelled) else f", first as {shown(first)}"
            raise InputError(f"labels must be distinct; {shown(spelled)} stands twice{also}")
        seen[name] = spelled
    return range(n_spins) if names == tuple(range(n_spins)) else _Checked(names)


def _label(label: Any, depth: int = 0) -> Hashable:
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, str) and _is_storable(label):
        return str.__str__(label)
    if isinstance(label, float) and math.isfinite(label) and not label.is_integer():
        return float(label)
    if isinstance(label, int | float) and abs(label) < _LARGEST_LABEL:
        return int(label)
    if isinstance(label, tuple) and depth < _DEEPEST_LABEL:
        return tuple(_label(part, depth + 1) for part in label)
    raise InputError(
        "labels must be hashable: text that files can hold (no NUL, no lone surrogate), finite numbers "
        f"(whole ones below 2^63) or tuples of them; got {shown(label)}: rename the spins, for instance by "
        "numbers"
    )


def _is_storable(text: str) -> bool:
    """Whether the strings of NetCDF files, which are UTF-8 and end at NUL, can hold it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text
