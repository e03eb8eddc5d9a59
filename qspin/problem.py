"""IsingProblem: the one object that every sampler takes and every reader, generator and network gives."""

from __future__ import annotations

import copy
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from qspin.clamping import Clamping, clamp
from qspin.conversions import bqm_of, graph_of, qubo_of, terms_of_bqm, terms_of_graph, terms_of_qubo
from qspin.coupled import CSR, Edges, csr_of, digest_of, edges_of
from qspin.known import Facts, Known
from qspin.validate import (
    checked_couplings,
    checked_edges,
    checked_fields,
    checked_labels,
    checked_offset,
    checked_real,
    checked_spins,
)

if TYPE_CHECKING:
    import dimod
    import networkx as nx

__all__ = ["CSR", "Edges", "IsingProblem", "Known"]


class IsingProblem:
    """An Ising energy function of N spins, immutable.

    ``E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i + offset`` with s in {-1, +1}: a negative coupling is
    ferromagnetic, the sign convention of dimod.

    Parameters
    ----------
    couplings : array or scipy sparse matrix (N, N), units of energy
        Symmetric with zero diagonal. Dense input stays dense, sparse input stays sparse; explicit zeros of
        a sparse matrix are kept as couplings of strength zero.
    fields : array (N,), units of energy, default zero
    offset : constant added to every energy
    labels : N distinct names of the spins, default ``0 .. N-1``: text, finite numbers or tuples of them;
        numbers of NumPy become Python's

    Raises
    ------
    InputError
        If the couplings are not square, not symmetric, not finite or have a non-zero diagonal, or if the
        fields or labels do not fit them.

    Examples
    --------
    >>> pair = IsingProblem([[0, -1], [-1, 0]], fields=[0.5, 0])
    >>> pair.energies([[1, 1], [-1, -1], [1, -1]])
    array([-0.5, -1.5,  1.5])
    """

    def __init__(
        self,
        couplings: ArrayLike | sparse.sparray | sparse.spmatrix,
        fields: ArrayLike | None = None,
        offset: float = 0.0,
        labels: Iterable[Hashable] | None = None,
    ):
        self._couplings = checked_couplings(couplings)
        n = self._couplings.shape[0]
        self._fields = checked_fields(fields, n)
        self._offset = checked_offset(offset)
        self._labels = checked_labels(labels, n)

    _known: Known | None = None
    _clamping: Clamping | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise AttributeError(
                f"an IsingProblem is immutable: {name!r} cannot be set; make another problem"
            )
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """By what it was made from: arrays come out of a pickle writable, beside a digest that would lie."""
        made_from = (self._couplings, self._fields, self._offset, self._labels)
        beside = {"_known": self._known, "_clamping": self._clamping}
        return type(self), made_from, {k: v for k, v in beside.items() if v is not None} or None

    def __copy__(self) -> IsingProblem:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> IsingProblem:
        return self

    # -- what it is ------------------------------------------------------------------------------

    @property
    def couplings(self) -> NDArray[np.float64] | sparse.csr_array:
        """Symmetric (N, N) matrix: a read-only array, or a CSR array of such if the problem is sparse."""
        return copy.copy(self._couplings) if self.is_sparse else self._couplings

    def toarray(self) -> NDArray[np.float64]:
        """Couplings as a dense (N, N) array, a copy."""
        couplings: Any = self._couplings
        return couplings.toarray() if self.is_sparse else couplings.copy()

    @property
    def fields(self) -> NDArray[np.float64]:
        """Fields h_i, shape (N,), read-only."""
        return self._fields

    @property
    def offset(self) -> float:
        return self._offset

    @property
    def labels(self) -> Sequence[Hashable]:
        """Names of the spins in order; a `range` where none were given."""
        return self._labels

    @property
    def n_spins(self) -> int:
        return self._couplings.shape[0]

    @property
    def n_couplings(self) -> int:
        return len(self.edges.i)

    @property
    def is_sparse(self) -> bool:
        return sparse.issparse(self._couplings)

    @cached_property
    def csr(self) -> CSR:
        """Row-compressed couplings and fields: indptr (N+1,), indices and couplings (2 n_couplings,)."""
        return csr_of(self._couplings, self._fields)

    @cached_property
    def edges(self) -> Edges:
        """Every coupling once, arrays of shape (n_couplings,)."""
        return edges_of(self._couplings, self.csr if self.is_sparse else None)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of couplings, fields, offset and labels, hex; the same for dense and sparse storage."""
        return digest_of(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IsingProblem) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        kind = "sparse" if self.is_sparse else "dense"
        fields = "with fields" if self._fields.any() else "no fields"
        return f"IsingProblem({self.n_spins} spins, {self.n_couplings} couplings, {kind}, {fields})"

    # -- what it does ----------------------------------------------------------------------------

    def energies(self, spins: ArrayLike) -> NDArray[np.float64]:
        """Energies of configurations.

        Parameters
        ----------
        spins : array (..., N) of -1 and +1

        Returns
        -------
        array (...), float64, units of energy

        Raises
        ------
        InputError
            If the last axis is not N long or a value is neither -1 nor +1.
        """
        spins = checked_spins(spins, self.n_spins)
        flat = spins.reshape(math.prod(spins.shape[:-1]), self.n_spins).astype(np.int8, copy=False)
        from qspin.energies import dense_energies, sparse_energies

        if self.is_sparse:
            energies = sparse_energies(*self.edges, self._fields, np.ascontiguousarray(flat))
        else:
            energies = dense_energies(self._couplings, self._fields, flat)
        return (energies + self._offset).reshape(spins.shape[:-1])

    def scaled(self, factor: float) -> IsingProblem:
        """The same problem with couplings, fields and offset times `factor`, and what is known of it."""
        factor = checked_real(factor, "factor")
        changed = IsingProblem(
            self._couplings * factor, self._fields * factor, self._offset * factor, self._labels
        )
        clamping = self._clamping and self._clamping.scaled(factor)
        return changed._standing_for(clamping, self._known and self._known.scaled(factor))

    def shifted(self, energy: float) -> IsingProblem:
        """The same problem with `energy` added to the offset, and what is known of it."""
        energy = checked_real(energy, "energy")
        if energy == 0:
            return self
        changed = IsingProblem(self._couplings, self._fields, self._offset + energy, self._labels)
        clamping = self._clamping and self._clamping.shifted(energy)
        return changed._standing_for(clamping, self._known and self._known.shifted(energy))

    # -- some spins held fixed ---------------------------------------------------------------------

    def clamped(self, spins: Mapping[Any, int]) -> IsingProblem:
        """The problem of the other spins while some are held: what couples to those becomes a field.

        Energies are those of the whole. A ground energy stays known where a ground state has these spins, and
        groups and patterns keep what is left of them.

        Parameters
        ----------
        spins : label -> -1 or +1

        Raises
        ------
        InputError
            If a label is none of the problem's, a value is neither -1 nor +1, or no spin would be left.

        Examples
        --------
        >>> chain = IsingProblem([[0, -1, 0], [-1, 0, -1], [0, -1, 0]], labels="abc")
        >>> rest = chain.clamped({"b": -1})
        >>> rest.fields.tolist(), rest.restored([[1, -1]]).tolist()
        ([1.0, 1.0], [[1, -1, -1]])
        """
        return clamp(self, spins)

    @property
    def clamping(self) -> Clamping | None:
        """Which spins of which problem are held, if any: no part of `digest`, and files do not keep it."""
        return self._clamping

    def restored(self, spins: Any) -> Any:
        """Configurations, or a `SampleSet`, with the clamped spins back in their places.

        Parameters
        ----------
        spins : array (..., n_spins), which gives int8 (..., N) in the order of the whole problem; or samples,
            which give those of the whole, without what was measured of the rest beside the spins, but with
            the sweeps that replicas took to an energy: those of the whole are the same

        Raises
        ------
        InputError
            If no spin of this problem is clamped, or what is given is none of its.
        """
        if (of_the_whole := getattr(spins, "of_the_whole", None)) is not None:
            return of_the_whole(self)
        return Clamping.of(self).restored(spins)

    # -- what is known of it -----------------------------------------------------------------------

    @property
    def known(self) -> Known | None:
        """What is known beside the couplings: ground energy and states, groups, patterns; None: nothing.

        No part of `digest` or equality. Pickles, copies, `scaled`, `shifted` and .npz files keep it; other
        files, and the forms of other libraries, do not.
        """
        return self._known

    def with_known(self, **facts: Unpack[Facts]) -> IsingProblem:
        """The same problem, of which this is known as well.

        Parameters
        ----------
        facts : fields of `Known`. Those not given stay as they were; the energy of given ground states need
            not be given with them.

        Raises
        ------
        InputError
            If they do not fit the problem, or ground states do not have the ground energy.

        Examples
        --------
        >>> pair = IsingProblem([[0, -1], [-1, 0]]).with_known(ground_states=[[1, 1], [-1, -1]])
        >>> pair.known.ground_energy
        -1.0
        """
        return self._knowing(Known.of(self, {**(self._known.facts() if self._known else {}), **facts}))

    def _knowing(self, known: Known | None) -> IsingProblem:
        """A view of this problem with something else known, over the same arrays."""
        if known is self._known:
            return self
        return self._standing_for(self._clamping, known)

    def _standing_for(self, clamping: Clamping | None, known: Known | None) -> IsingProblem:
        """A view of this problem, what is left of another one, over the same arrays."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, _known=known, _clamping=clamping)
        return other

    # -- conversions -----------------------------------------------------------------------------

    @classmethod
    def from_edges(
        cls,
        n_spins: int,
        i: ArrayLike,
        j: ArrayLike,
        couplings: ArrayLike,
        fields: ArrayLike | None = None,
        offset: float = 0.0,
        labels: Iterable[Hashable] | None = None,
    ) -> IsingProblem:
        """A sparse problem from one entry a coupling; spins count from 0, entries of one pair add up.

        Raises
        ------
        InputError
            If `i`, `j` and `couplings` are not vectors of one length, or name a spin that is not there.
        CapacityError
            If so many spins would not fit in memory.
        """
        return cls(_both_triangles(*checked_edges(n_spins, i, j, couplings)), fields, offset, labels)

    @classmethod
    def from_bqm(cls, bqm: dimod.BinaryQuadraticModel) -> IsingProblem:
        """From a dimod BQM of either vartype; exact for SPIN, for BINARY as exact as dimod's own change.

        Raises
        ------
        InputError
            If it is another kind of model, or has a bias that is not finite.
        """
        return cls.from_edges(*terms_of_bqm(bqm))

    def to_bqm(self) -> dimod.BinaryQuadraticModel:
        """The same energy as a dimod BQM of vartype SPIN; couplings of strength zero are kept."""
        return bqm_of(self)

    @classmethod
    def from_qubo(cls, qubo: Mapping[Any, float], offset: float = 0.0) -> IsingProblem:
        """From ``E(x) = sum Q_uv x_u x_v + offset`` over x in {0, 1}, x = (1 + s) / 2.

        Parameters
        ----------
        qubo : (u, v) -> Q_uv; ``(u, u)`` is linear, and (u, v) and (v, u) add up

        Raises
        ------
        InputError
            If it is no such mapping, or a value is not finite.
        """
        return cls.from_edges(*terms_of_qubo(qubo, offset))

    def to_qubo(self) -> tuple[dict[tuple[Hashable, Hashable], float], float]:
        """(Q, offset) with ``E(s) = sum Q_uv x_u x_v + offset``, x = (1 + s) / 2.

        Every spin has a diagonal entry, so no label is lost. Sums are rounded once (`math.fsum`): the round
        trip is exact wherever the sums are representable, and within one rounding of them elsewhere.
        """
        return qubo_of(self)

    @classmethod
    def from_networkx(cls, graph: nx.Graph, *, weight: str = "weight", field: str = "field") -> IsingProblem:
        """From an undirected graph: edge attribute `weight` is the coupling, node attribute `field` the field
        of its spin.

        As everywhere in networkx, an edge without the attribute weighs 1, and parallel edges add up. A node
        without the attribute has field 0; ``graph.graph["offset"]`` is the offset, default 0.

        Raises
        ------
        InputError
            For a directed graph (couplings are symmetric) or a self-loop (s_i s_i is a constant), or an
            attribute that is no finite number.
        """
        return cls.from_edges(*terms_of_graph(graph, weight, field))

    def to_networkx(self, *, weight: str = "weight", field: str = "field") -> nx.Graph:
        """Graph with the couplings, fields and offset as attributes; the inverse of `from_networkx`."""
        return graph_of(self, weight, field)


def _both_triangles(
    n_spins: int, i: NDArray[np.int64], j: NDArray[np.int64], couplings: NDArray[np.float64]
) -> sparse.csr_array:
    """The symmetric matrix of couplings given once; entries of one pair add up."""
    kind = np.int32 if n_spins < 2**31 else np.int64
    rows, columns = (np.concatenate(ends, dtype=kind, casting="same_kind") for ends in ((i, j), (j, i)))
    values = np.concatenate([couplings, couplings])
    return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=(n_spins, n_spins)))
