"""Couplings as kernels read them: by rows, or each once; and the digest of what they make up."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qspin.labels import labels_to_json
from qspin.validate import locked

if TYPE_CHECKING:
    from qspin.problem import IsingProblem

__all__ = ["CSR", "Edges", "csr_of", "digest_of", "edges_of"]


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


def csr_of(couplings: Any, fields: NDArray[np.float64]) -> CSR:
    """Of a checked matrix (N, N), dense or sparse."""
    rows = sparse.csr_array(couplings)
    return CSR(
        locked(rows.indptr.astype(np.int64)),
        locked(rows.indices.astype(np.int32, copy=False)),
        locked(rows.data),
        fields,
    )


def edges_of(matrix: Any, csr: CSR | None) -> Edges:
    """Of a dense matrix (N, N), or of the rows of a sparse one, whose explicit zeros stay."""
    if csr is None:
        i, j = np.nonzero(np.triu(matrix))
        return Edges(locked(i), locked(j), locked(matrix[i, j]))
    rows = np.repeat(np.arange(len(csr.fields)), np.diff(csr.indptr))
    upper = csr.indices > rows
    columns = csr.indices[upper].astype(np.int64)
    return Edges(locked(rows[upper]), locked(columns), locked(csr.couplings[upper]))


def digest_of(problem: IsingProblem) -> str:
    """SHA-256 of couplings, fields, offset and labels, hex; the same for dense and sparse storage."""
    i, j, couplings = problem.edges
    present = couplings != 0
    sha = hashlib.sha256(f"ising 1 {problem.n_spins} ".encode())
    if not isinstance(problem.labels, range):
        sha.update(labels_to_json(problem.labels).encode())
    for indices in (i, j):
        sha.update(np.ascontiguousarray(indices[present], dtype="<i8").tobytes())
    for values in (couplings[present], problem.fields, np.asarray([problem.offset])):
        sha.update(np.ascontiguousarray(values + 0.0, dtype="<f8").tobytes())
    return sha.hexdigest()
