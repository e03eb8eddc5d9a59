"""Values of a network as linear forms of its neurons: what a weight layer, a normalisation or a pooling
makes of them, entry by entry and without numbers until they are asked for.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Form", "Matrix", "dense", "identity", "stacked"]


@dataclass(frozen=True)
class Matrix:
    """A matrix (n_out, n_in) that is made when it is needed.

    Parameters
    ----------
    shape : (n_out, n_in)
    n_entries : that it will hold, at most
    values : makes it
    spread : makes the variance of each entry at random initialisation, the same shape; of an entry that no
        initialisation draws, its square
    uniform : that variance where it is the same for every entry and none is left out; else None
    picks : the column that each row is, -1 for a row of zeros (n_out,); None where rows are more than that
    """

    shape: tuple[int, int]
    n_entries: int
    values: Callable[[], sparse.csr_array]
    spread: Callable[[], sparse.csr_array]
    uniform: float | None = None
    picks: NDArray[np.int64] | None = None

    @property
    def is_identity(self) -> bool:
        n_out, n_in = self.shape
        return n_out == n_in and self.picks is not None and bool((self.picks == np.arange(n_in)).all())

    def taken(self, rows: NDArray[np.int64]) -> Matrix:
        """Rows in another order, some of them, or some again."""
        n_out = len(rows)
        entries = self.n_entries * n_out // max(self.shape[0], 1)
        return Matrix(
            (n_out, self.shape[1]),
            entries,
            lambda: self.values()[rows],
            lambda: self.spread()[rows],
            self.uniform,
            None if self.picks is None else self.picks[rows],
        )

    def scaled(self, factors: NDArray[np.float64]) -> Matrix:
        """Rows times a factor each (n_out,), of which an initialisation knows nothing."""
        return Matrix(
            self.shape,
            self.n_entries,
            lambda: sparse.csr_array(sparse.diags_array(factors) @ self.values()),
            self.spread,
            self.uniform,
        )

    def after(self, before: Matrix) -> Matrix:
        """This one applied to what another gives."""
        if before.is_identity:
            return self
        if self.picks is not None and before.picks is not None:
            return selection(np.where(self.picks < 0, -1, before.picks[self.picks]), before.shape[1])
        shape = (self.shape[0], before.shape[1])
        each = before.n_entries / max(before.shape[0], 1)
        return Matrix(
            shape,
            min(math.prod(shape), round(self.n_entries * each)),
            lambda: sparse.csr_array(self.values() @ before.values()),
            lambda: sparse.csr_array(self.spread() @ before.values().power(2)),
        )

    def plus(self, other: Matrix) -> Matrix:
        if (
            self.picks is not None
            and other.picks is not None
            and (np.minimum(self.picks, other.picks) < 0).all()
        ):
            return selection(np.maximum(self.picks, other.picks), self.shape[1])
        return Matrix(
            self.shape,
            min(math.prod(self.shape), self.n_entries + other.n_entries),
            lambda: sparse.csr_array(self.values() + other.values()),
            lambda: sparse.csr_array(self.spread() + other.spread()),
        )


def dense(values: NDArray[np.float64], variance: float) -> Matrix:
    """All entries of an array (n_out, n_in), drawn with one variance."""

    def spread() -> sparse.csr_array:
        return sparse.csr_array(np.full(values.shape, variance))

    n_out, n_in = values.shape
    return Matrix((n_out, n_in), values.size, lambda: _csr_of(values), spread, variance)


def identity(n: int) -> Matrix:
    """Of n values, themselves."""
    return selection(np.arange(n), n)


def selection(picks: NDArray[np.int64], n_in: int) -> Matrix:
    """Values by their positions, 0 where that is -1."""
    there = picks >= 0

    def values() -> sparse.csr_array:
        starts = np.concatenate([[0], np.cumsum(there)])
        ones = np.ones(int(starts[-1]))
        return sparse.csr_array((ones, picks[there], starts), shape=(len(picks), n_in))

    return Matrix((len(picks), n_in), int(there.sum()), values, values, picks=picks)


def _csr_of(values: NDArray[np.float64]) -> sparse.csr_array:
    """All entries of an array, its zeros among them: faster than to look for these."""
    n_out, n_in = values.shape
    columns = np.tile(np.arange(n_in, dtype=np.int32), n_out)
    starts = np.arange(n_out + 1, dtype=np.int64) * n_in
    return sparse.csr_array((values.ravel(), columns, starts), shape=values.shape)


@dataclass(frozen=True)
class Form:
    """A tensor of the network, each of its values a weighted sum of neurons and a constant.

    Parameters
    ----------
    shape : without the batch
    terms : number of a group of neurons -> matrix (size, neurons of the group)
    constant : (size,)
    is_new : a weight layer or a sum stands between it and the neurons: it is to become neurons itself before
        anything else is made of it
    name : of what gave it, for messages
    """

    shape: tuple[int, ...]
    terms: Mapping[int, Matrix]
    constant: NDArray[np.float64]
    is_new: bool
    name: str

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @classmethod
    def of_group(cls, number: int, shape: tuple[int, ...], name: str) -> Form:
        """The neurons of a group."""
        n = math.prod(shape)
        return cls(shape, {number: identity(n)}, np.zeros(n), False, name)

    def taken(self, rows: NDArray[np.int64], shape: tuple[int, ...]) -> Form:
        """Values in another order, some of them, or some again."""
        if np.array_equal(rows, np.arange(self.size)):
            return dataclasses.replace(self, shape=shape)
        terms = {number: matrix.taken(rows) for number, matrix in self.terms.items()}
        return Form(shape, terms, self.constant[rows], self.is_new, self.name)

    def scaled(self, factors: NDArray[np.float64], shifts: NDArray[np.float64]) -> Form:
        """Each value times a factor, and shifted."""
        terms = {number: matrix.scaled(factors) for number, matrix in self.terms.items()}
        return Form(self.shape, terms, factors * self.constant + shifts, self.is_new, self.name)

    def applied(
        self,
        matrix: Matrix,
        constant: NDArray[np.float64],
        shape: tuple[int, ...],
        name: str,
        *,
        is_new: bool,
    ) -> Form:
        """A linear map of it."""
        terms = {number: matrix.after(before) for number, before in self.terms.items()}
        if self.constant.any():
            constant = constant + matrix.values() @ self.constant
        return Form(shape, terms, constant, is_new, name)

    def plus(self, other: Form, name: str) -> Form:
        """Value by value; it is to become neurons."""
        terms = dict(self.terms)
        for number, matrix in other.terms.items():
            terms[number] = terms[number].plus(matrix) if number in terms else matrix
        return Form(self.shape, terms, self.constant + other.constant, True, name)

    @property
    def is_plain(self) -> bool:
        """Whether its values are neurons as they are, in any order."""
        if self.is_new or self.constant.any():
            return False
        picks = [matrix.picks for matrix in self.terms.values() if matrix.picks is not None]
        return len(picks) == len(self.terms) and bool((np.sum([p >= 0 for p in picks], axis=0) == 1).all())


def stacked(forms: Sequence[Form], name: str) -> Form:
    """Forms one after the other, flat."""
    if len(forms) == 1:
        return forms[0]
    sizes = np.array([form.size for form in forms])
    ends = np.cumsum(sizes)
    total = int(ends[-1])
    terms: dict[int, Matrix] = {}
    for form, end in zip(forms, ends.tolist(), strict=True):
        place = selection(_from(np.arange(total) - (end - form.size), form.size), form.size)
        for number, matrix in form.terms.items():
            lifted = place.after(matrix)
            terms[number] = terms[number].plus(lifted) if number in terms else lifted
    constant = np.concatenate([form.constant for form in forms])
    return Form((total,), terms, constant, any(form.is_new for form in forms), name)


def _from(positions: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Positions that lie in 0 .. n - 1; -1 for the others."""
    return np.where((positions >= 0) & (positions < n), positions, -1)
