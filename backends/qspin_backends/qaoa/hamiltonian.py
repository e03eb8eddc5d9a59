"""Ising problems as Pauli operators and back. Spin i is Z of qubit i, the rightmost letters first, as in
Qiskit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.qaoa.ansatz import Terms

if TYPE_CHECKING:
    from qiskit.quantum_info import SparsePauliOp

__all__ = ["problem_of", "to_pauli"]


def to_pauli(problem: IsingProblem) -> SparsePauliOp:
    """The energy as an operator: J_ij Z_i Z_j + h_i Z_i + offset. A spin +1 is the state |0>.

    Examples
    --------
    >>> to_pauli(IsingProblem([[0, -1], [-1, 0]], fields=[0.5, 0]))
    SparsePauliOp(['ZZ', 'IZ'],
                  coeffs=[-1. +0.j,  0.5+0.j])
    """
    from qiskit.quantum_info import SparsePauliOp

    terms = Terms.of(problem)
    rows = [
        ("Z", [i], weight) if j < 0 else ("ZZ", [i, j], weight)
        for i, j, weight in zip(terms.i.tolist(), terms.j.tolist(), terms.weights.tolist(), strict=True)
    ]
    if problem.offset or not rows:
        rows.append(("", [], problem.offset))
    return SparsePauliOp.from_sparse_list(rows, num_qubits=problem.n_spins)


def problem_of(operator: SparsePauliOp, labels: Iterable[Hashable] | None = None) -> IsingProblem:
    """The inverse of `to_pauli`; equal terms add up.

    Raises
    ------
    InputError
        If a term is not a product of at most two Z, or its coefficient is not real.
    """
    i, j, couplings = [], [], []
    fields, offset = np.zeros(operator.num_qubits), 0.0
    for letters, qubits, coefficient in operator.to_sparse_list():
        if letters.strip("Z") or len(qubits) > 2:
            raise InputError(
                f"an Ising problem has terms Z and Z Z; the operator has {letters} on qubits {list(qubits)}"
            )
        if complex(coefficient).imag:
            raise InputError(
                f"energies are real; the coefficient of {letters or 'the identity'} is {coefficient}"
            )
        value = complex(coefficient).real
        if len(qubits) == 2:
            i.append(qubits[0])
            j.append(qubits[1])
            couplings.append(value)
        elif len(qubits) == 1:
            fields[qubits[0]] += value
        else:
            offset += value
    return IsingProblem.from_edges(operator.num_qubits, i, j, couplings, fields, offset, labels)
