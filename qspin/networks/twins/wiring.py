"""The neurons of a network and what couples them, gathered while its `forward` is followed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from qspin.errors import InputError
from qspin.memory import require_bytes
from qspin.networks.twins.assembly import symmetric
from qspin.networks.twins.forms import Form, Matrix

__all__ = ["Group", "Wiring", "layered_temperature"]

Kept = Mapping[int, NDArray[np.int64]]

_BYTES_PER_ENTRY = 48  # of one half: both halves in order, 24, and what one block takes on the way


@dataclass(frozen=True)
class Group:
    """Neurons that one part of a network gives.

    Parameters
    ----------
    name : of that part, as `named_modules` has it; ``input`` for what goes in
    shape : without the batch
    terms : number of another group -> weights (n, neurons there)
    biases : (n,)
    """

    name: str
    shape: tuple[int, ...]
    terms: dict[int, Matrix]
    biases: NDArray[np.float64]

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Wiring:
    """Groups of neurons, each coupled to earlier ones."""

    def __init__(self) -> None:
        self.groups: list[Group] = []

    def entered(self, shape: tuple[int, ...], name: str = "input") -> Form:
        """Neurons that nothing stands before."""
        return self._grown(Group(name, shape, {}, np.zeros(math.prod(shape))))

    def neurons(self, form: Form) -> Form:
        """Values as neurons: new ones, unless they are some already."""
        if form.is_plain:
            return form
        return self._grown(Group(form.name, form.shape, dict(form.terms), form.constant))

    def settled(self, form: Form) -> Form:
        """Neurons where they are new; what is only a mean or a scale of neurons stays one."""
        return self.neurons(form) if form.is_new else form

    def as_words(self, tokens: Form, n_words: int, name: str) -> Form:
        """What goes in as neurons (places, words), one for each word of a vocabulary at each place."""
        is_input = tokens.is_plain and 0 in tokens.terms and tokens.shape == self.groups[0].shape
        if not is_input or len(self.groups) > 1:
            raise InputError(f"embedding {name!r} must take the tokens that go in, as they are")
        self.groups.clear()
        return self.entered((*tokens.shape, n_words))

    def couple(self, later: Form, earlier: Form, matrix: Matrix) -> None:
        """Couple neurons of two plain forms, weights (later, earlier)."""
        (target, picked), (source, before) = _only(later), _only(earlier)
        back = _transposed(picked)
        whole = back.after(matrix).after(before)
        if source > target:
            whole, source, target = _transposed(whole), target, source
        terms = self.groups[target].terms
        terms[source] = terms[source].plus(whole) if source in terms else whole

    def _grown(self, group: Group) -> Form:
        self.groups.append(group)
        return Form.of_group(len(self.groups) - 1, group.shape, group.name)

    @property
    def sizes(self) -> list[int]:
        return [group.size for group in self.groups]

    def require_memory(self, kept: Kept) -> None:
        """Refuse couplings that would not fit in memory, before any is made; raises CapacityError."""
        n_couplings = sum(
            round(matrix.n_entries * self._share(later, kept) * self._share(earlier, kept))
            for later, earlier, matrix in self._coupled(kept)
        )
        require_bytes(
            n_couplings * _BYTES_PER_ENTRY,
            f"the {n_couplings} couplings of a twin of {sum(map(len, kept.values()))} spins",
            "keep fewer layers (layers) or neurons (max_spins)",
        )

    def couplings(self, kept: Kept, factor: float = 1.0) -> sparse.csr_array:
        """J = -W times a factor, of every pair of groups, symmetric, of the neurons that are kept."""
        order = {number: k for k, number in enumerate(kept)}
        blocks = {}
        for later, earlier, matrix in self._coupled(kept):
            block = self._part(matrix.values(), later, earlier, kept)
            _check_finite(block.data, self.groups[later])
            block.data = -block.data * factor
            block.eliminate_zeros()
            block.sort_indices()
            blocks[order[later], order[earlier]] = block
        return symmetric([len(spins) for spins in kept.values()], blocks)

    def fields(self, kept: Kept) -> NDArray[np.float64]:
        """h = -b; those that enter have none."""
        for number in kept:
            if not np.isfinite(self.groups[number].biases).all():
                name = self.groups[number].name
                raise InputError(f"biases of layer {name!r} are not finite: did the training diverge?")
        return np.concatenate([0.0 - self.groups[number].biases[spins] for number, spins in kept.items()])

    def _coupled(self, kept: Kept) -> Iterator[tuple[int, int, Matrix]]:
        for later in kept:
            for earlier, matrix in self.groups[later].terms.items():
                if earlier in kept:
                    yield later, earlier, matrix

    def _share(self, number: int, kept: Kept) -> float:
        return len(kept[number]) / max(self.groups[number].size, 1)

    def _part(self, whole: sparse.csr_array, later: int, earlier: int, kept: Kept) -> sparse.csr_array:
        if self._share(later, kept) < 1:
            whole = whole[kept[later]]
        return whole if self._share(earlier, kept) == 1 else whole[:, kept[earlier]]

    def critical_temperature(self) -> float:
        """At which the same couplings, drawn at random, freeze: T_c^2 is the largest eigenvalue of the matrix
        of their variances, neuron by neuron; that of `qspin.networks.critical_temperature` where each layer
        of a chain has one variance.
        """
        spreads = [
            (later, earlier, matrix)
            for later, group in enumerate(self.groups)
            for earlier, matrix in group.terms.items()
        ]
        if all(matrix.uniform is not None for _, _, matrix in spreads):
            variances = {(later, earlier): matrix.uniform or 0.0 for later, earlier, matrix in spreads}
            return layered_temperature(self.sizes, variances)
        return self._of_neurons(spreads)

    def _of_neurons(self, spreads: Sequence[tuple[int, int, Matrix]]) -> float:
        from scipy.sparse.linalg import LinearOperator, eigsh

        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        blocks = [
            (slice(*starts[later : later + 2]), slice(*starts[earlier : earlier + 2]), matrix.spread())
            for later, earlier, matrix in spreads
        ]
        n = int(starts[-1])

        def times(vector: NDArray[np.float64]) -> NDArray[np.float64]:
            vector = vector.ravel()
            result = np.zeros(n)
            for rows, columns, block in blocks:
                result[rows] += block @ vector[columns]
                result[columns] += block.T @ vector[rows]
            return result

        if n < 3:
            return float(np.sqrt(np.abs(times(np.eye(n)[0])).max()))
        operator = LinearOperator((n, n), matvec=times, dtype=np.float64)
        (largest,) = eigsh(operator, k=1, which="LA", v0=np.ones(n), return_eigenvectors=False)
        return float(np.sqrt(largest))


def layered_temperature(sizes: ArrayLike, variances: Mapping[tuple[int, int], float]) -> float:
    """Of a glass of layers of these sizes, whose couplings between two layers have a variance each.

    T_c^2 is the largest eigenvalue of M with M_(l,k) = N_k var_lk, which is similar to the symmetric matrix
    with sqrt(M_(l,k) M_(k,l)) in both places.
    """
    n = np.asarray(sizes, dtype=np.float64)
    matrix = np.zeros((len(n), len(n)))
    for (later, earlier), variance in variances.items():
        matrix[later, earlier] = matrix[earlier, later] = np.sqrt(n[later] * n[earlier]) * variance
    return float(np.sqrt(np.linalg.eigvalsh(matrix)[-1]))


def _only(form: Form) -> tuple[int, Matrix]:
    ((number, matrix),) = form.terms.items()
    return number, matrix


def _transposed(matrix: Matrix) -> Matrix:
    n_out, n_in = matrix.shape
    if matrix.is_identity:
        return matrix
    return Matrix(
        (n_in, n_out),
        matrix.n_entries,
        lambda: sparse.csr_array(matrix.values().T),
        lambda: sparse.csr_array(matrix.spread().T),
        matrix.uniform,
    )


def _check_finite(values: NDArray[np.float64], group: Group) -> None:
    if not np.isfinite(values).all():
        raise InputError(f"weights of layer {group.name!r} are not finite: did the training diverge?")
