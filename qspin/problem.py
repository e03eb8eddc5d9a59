"""IsingProblem: the one object that every sampler takes and every reader, generator and network gives."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from qspin.archives import parse_json
from qspin.errors import InputError, shown
from qspin.validate import (
    checked_couplings,
    checked_edges,
    checked_fields,
    checked_labels,
    checked_offset,
    checked_real,
    checked_spins,
    locked,
)

if TYPE_CHECKING:
    import dimod
    import networkx as nx

__all__ = ["CSR", "Edges", "IsingProblem", "labels_from_json", "labels_to_json"]

_CHUNK_ELEMENTS = 2**20


class CSR(NamedTuple):
    """Compressed rows of the symmetric coupling matrix, and the fields: what a kernel reads; read-only."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    couplings: NDArray[np.float64]
    fields: NDArray[np.float64]


class Edges(NamedTuple):
    """Each coupling once, `i < j`, ordered by (i, j); read-only."""

    i: NDArray[np.int64]
    j: NDArray[np.int64]
    couplings: NDArray[np.float64]


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

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise AttributeError(
                f"an IsingProblem is immutable: {name!r} cannot be set; make another problem"
            )
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """By what it was made from: arrays come out of a pickle writable, beside a digest that would lie."""
        return type(self), (self._couplings, self._fields, self._offset, self._labels)

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
        rows = sparse.csr_array(self._couplings)
        return CSR(
            locked(rows.indptr.astype(np.int64)),
            locked(rows.indices.astype(np.int32, copy=False)),
            locked(rows.data),
            self._fields,
        )

    @cached_property
    def edges(self) -> Edges:
        """Every coupling once, arrays of shape (n_couplings,)."""
        if self.is_sparse:
            rows = np.repeat(np.arange(self.n_spins), np.diff(self.csr.indptr))
            columns, values = self.csr.indices, self.csr.couplings
            upper = columns > rows
            i, j, couplings = rows[upper], columns[upper].astype(np.int64), values[upper]
        else:
            i, j = np.nonzero(np.triu(self._couplings))
            couplings = self._couplings[i, j]
        return Edges(locked(i), locked(j), locked(couplings))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of couplings, fields, offset and labels, hex; the same for dense and sparse storage."""
        i, j, couplings = self.edges
        present = couplings != 0
        sha = hashlib.sha256(f"ising 1 {self.n_spins} ".encode())
        if not isinstance(self._labels, range):
            sha.update(labels_to_json(self._labels).encode())
        for indices in (i, j):
            sha.update(np.ascontiguousarray(indices[present], dtype="<i8").tobytes())
        for values in (couplings[present], self._fields, np.asarray([self._offset])):
            sha.update(np.ascontiguousarray(values + 0.0, dtype="<f8").tobytes())
        return sha.hexdigest()

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
        energies = np.empty(len(flat))
        if self.is_sparse:
            from qspin.energies import sparse_energies

            sparse_energies(*self.edges, self._fields, np.ascontiguousarray(flat), energies)
        else:
            from qspin.energies import dense_energies

            chunk = max(1, _CHUNK_ELEMENTS // max(1, self.n_spins))
            for start in range(0, len(flat), chunk):
                block = flat[start : start + chunk]
                energies[start : start + chunk] = dense_energies(self._couplings, self._fields, block)
        return (energies + self._offset).reshape(spins.shape[:-1])

    def scaled(self, factor: float) -> IsingProblem:
        """The same problem with couplings, fields and offset times `factor`."""
        factor = checked_real(factor, "factor")
        return IsingProblem(
            self._couplings * factor, self._fields * factor, self._offset * factor, self._labels
        )

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
        n_spins, i, j, values = checked_edges(n_spins, i, j, couplings)
        rows, columns = np.concatenate([i, j]), np.concatenate([j, i])
        matrix = sparse.coo_array(
            (np.concatenate([values, values]), (rows, columns)), shape=(n_spins, n_spins)
        )
        return cls(sparse.csr_array(matrix), fields, offset, labels)

    @classmethod
    def from_bqm(cls, bqm: dimod.BinaryQuadraticModel) -> IsingProblem:
        """From a dimod BQM of either vartype; exact for SPIN, for BINARY as exact as dimod's own change.

        Raises
        ------
        InputError
            If it is another kind of model, or has a bias that is not finite.
        """
        import dimod

        if not isinstance(bqm, dimod.BinaryQuadraticModel):
            raise InputError(
                f"expected a dimod.BinaryQuadraticModel; got a {type(bqm).__name__}. Models with "
                "constraints, or other variables than spins and bits, are no Ising problems"
            )
        vectors: Any = bqm.spin.to_numpy_vectors(variable_order=list(bqm.variables), sort_indices=True)
        linear, (i, j, quadratic), offset = vectors
        return cls.from_edges(len(linear), i, j, quadratic, linear, float(offset), list(bqm.variables))

    def to_bqm(self) -> dimod.BinaryQuadraticModel:
        """The same energy as a dimod BQM of vartype SPIN; couplings of strength zero are kept."""
        import dimod

        bqm = dimod.BinaryQuadraticModel(dimod.SPIN)
        bqm.offset = self._offset
        bqm.add_linear_from(zip(self._labels, self._fields.tolist(), strict=True))
        labels = self._labels
        bqm.add_quadratic_from(
            (labels[i], labels[j], value)
            for i, j, value in zip(*(column.tolist() for column in self.edges), strict=True)
        )
        return bqm

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
        if not isinstance(qubo, Mapping):
            raise InputError(
                f"a QUBO is a mapping from pairs of labels to numbers; got a {type(qubo).__name__}. A matrix "
                "becomes one by dict(numpy.ndenumerate(Q))"
            )
        index: dict[Hashable, int] = {}
        linear: dict[int, list[float]] = {}
        quadratic: dict[tuple[int, int], list[float]] = {}
        for pair, value in qubo.items():
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise InputError(f"QUBO keys must be pairs of labels, e.g. ('a', 'b'); got {shown(pair)}")
            u, v = (index.setdefault(label, len(index)) for label in pair)
            number = checked_real(value, partial(_entry_name, *pair))
            if u == v:
                linear.setdefault(u, []).append(number)
            else:
                quadratic.setdefault((min(u, v), max(u, v)), []).append(number)
        offset = checked_real(offset, "offset")
        try:
            return cls._from_bits(list(index), linear, quadratic, offset)
        except OverflowError:
            raise InputError("the values of the QUBO add up to more than a float64 can hold") from None

    @classmethod
    def _from_bits(
        cls,
        labels: list[Hashable],
        linear: Mapping[int, list[float]],
        quadratic: Mapping[tuple[int, int], list[float]],
        offset: float,
    ) -> IsingProblem:
        """The QUBO by position of its bits, terms to be summed; each sum is rounded once."""
        diagonal = {u: math.fsum(values) for u, values in linear.items()}
        pairs = {pair: math.fsum(values) for pair, values in quadratic.items()}
        halves = [[diagonal.get(u, 0.0) / 2] for u in range(len(labels))]
        for (u, v), value in pairs.items():
            halves[u].append(value / 4)
            halves[v].append(value / 4)
        constant = math.fsum(
            [offset, *(value / 2 for value in diagonal.values()), *(v / 4 for v in pairs.values())]
        )
        i, j = zip(*pairs, strict=True) if pairs else ((), ())
        couplings = [value / 4 for value in pairs.values()]
        return cls.from_edges(len(labels), i, j, couplings, [math.fsum(h) for h in halves], constant, labels)

    def to_qubo(self) -> tuple[dict[tuple[Hashable, Hashable], float], float]:
        """(Q, offset) with ``E(s) = sum Q_uv x_u x_v + offset``, x = (1 + s) / 2.

        Every spin has a diagonal entry, so no label is lost. Sums are rounded once (`math.fsum`): the round
        trip is exact wherever the sums are representable, and within one rounding of them elsewhere.
        """
        labels, (i, j, couplings) = self._labels, self.edges
        terms = [[2 * h] for h in self._fields.tolist()]
        qubo: dict[tuple[Hashable, Hashable], float] = {(v, v): 0.0 for v in labels}
        for u, v, value in zip(i.tolist(), j.tolist(), couplings.tolist(), strict=True):
            terms[u].append(-2 * value)
            terms[v].append(-2 * value)
            qubo[labels[u], labels[v]] = 4 * value
        for label, parts in zip(labels, terms, strict=True):
            qubo[label, label] = math.fsum(parts)
        return qubo, math.fsum([self._offset, *couplings.tolist(), *(-self._fields).tolist()])

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
        import networkx as nx

        if not isinstance(graph, nx.Graph):
            raise InputError(f"expected a networkx graph; got a {type(graph).__name__}")
        if graph.is_directed():
            raise InputError("couplings are symmetric, but the graph is directed; pass graph.to_undirected()")
        index = {node: k for k, node in enumerate(graph.nodes)}
        edges = list(graph.edges(data=weight, default=1.0))
        for u, v, _ in edges:
            if u == v:
                raise InputError(
                    f"node {shown(u)} has a self-loop; s_i s_i is a constant, so remove it with "
                    "graph.remove_edges_from(nx.selfloop_edges(graph)) or put it into the offset"
                )
        i = [index[u] for u, _, _ in edges]
        j = [index[v] for _, v, _ in edges]
        couplings = [
            checked_real(value, partial(_attribute_name, weight, "edge", u, v)) for u, v, value in edges
        ]
        fields = [
            checked_real(value, partial(_attribute_name, field, "node", node))
            for node, value in graph.nodes(data=field, default=0.0)
        ]
        offset = graph.graph.get("offset", 0.0)
        return cls.from_edges(len(index), i, j, couplings, fields, offset, list(index))

    def to_networkx(self, *, weight: str = "weight", field: str = "field") -> nx.Graph:
        """Graph with the couplings, fields and offset as attributes; the inverse of `from_networkx`."""
        import networkx as nx

        graph = nx.Graph(offset=self._offset)
        for label, value in zip(self._labels, self._fields.tolist(), strict=True):
            graph.add_node(label, **{field: value})
        for i, j, value in zip(*(column.tolist() for column in self.edges), strict=True):
            graph.add_edge(self._labels[i], self._labels[j], **{weight: value})
        return graph


def _entry_name(u: Hashable, v: Hashable) -> str:
    return f"Q[{shown(u)}, {shown(v)}]"


def _attribute_name(name: str, kind: str, *nodes: Hashable) -> str:
    return f"{shown(name)} of {kind} {', '.join(map(shown, nodes))}"


def labels_to_json(labels: Iterable[Hashable]) -> str:
    """Labels of a problem as JSON: numbers, strings and (nested) tuples of them; a `range` in short form."""
    from dimod.variables import iter_serialize_variables

    if isinstance(labels, range):
        return json.dumps({"range": len(labels)})
    return json.dumps(list(iter_serialize_variables(labels)))


def labels_from_json(text: str) -> Sequence[Hashable]:
    """The inverse of `labels_to_json`; raises InputError if `text` is nothing that it wrote."""
    from dimod.variables import iter_deserialize_variables

    stored = parse_json(text)
    if isinstance(stored, dict) and type(stored.get("range")) is int and 0 <= stored["range"] < 2**63:
        return range(stored["range"])
    if not isinstance(stored, list):
        raise InputError(f"expected stored labels, a list; got {text[:60]!r}")
    try:
        return tuple(iter_deserialize_variables(stored))
    except RecursionError:
        raise InputError("stored labels are nested too deeply") from None
