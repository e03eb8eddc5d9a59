"""Where the values of a problem go once its spins are chains of qubits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.embedding import Embedding

__all__ = ["Layout", "lay_out"]


@dataclass(frozen=True)
class Layout:
    """How values of the problem are spread over qubits and couplers: what is programmed is linear in them.

    A field is shared evenly by the qubits of a chain, a coupling by all couplers between two chains; every
    coupler inside a chain holds it together, as in `dwave.embedding.embed_bqm`.

    Parameters
    ----------
    qubits : names of the qubits that are used, ascending (n_used,)
    spin_of : the spin that each stands for (n_used,)
    field_share : of the field of that spin (n_used,)
    couplers : positions of the two ends in `qubits` (n_couplers, 2), those between chains first
    edge_of : the edge of the problem behind each coupler between chains (n_between,)
    coupling_share : of its coupling (n_between,)
    """

    qubits: NDArray[np.int64]
    spin_of: NDArray[np.int64]
    field_share: NDArray[np.float64]
    couplers: NDArray[np.int64]
    edge_of: NDArray[np.int64]
    coupling_share: NDArray[np.float64]

    @property
    def n_between(self) -> int:
        return len(self.edge_of)

    def fields(self, fields: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fields of qubits from those of spins."""
        return fields[self.spin_of] * self.field_share

    def couplings(
        self, couplings: NDArray[np.float64], strengths: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Of couplers, from couplings of the problem's edges and strengths (n_spins,) of its chains."""
        inside = self.spin_of[self.couplers[self.n_between :, 0]]
        return np.concatenate([couplings[self.edge_of] * self.coupling_share, -strengths[inside]])


def lay_out(problem: IsingProblem, embedding: Embedding, hardware: Hardware | None) -> Layout:
    """Where the values of a problem go; without hardware every spin is a qubit and every edge a coupler.

    Raises
    ------
    InputError
        If two coupled spins have no coupler between their chains.
    """
    n = problem.n_spins
    chain_of = np.repeat(np.arange(n), [len(chain) for chain in embedding.chains])
    names = np.array([qubit for chain in embedding.chains for qubit in chain], dtype=np.int64)
    order = np.argsort(names)
    qubits, spin_of = names[order], chain_of[order]
    edges = problem.edges
    if hardware is None:
        ends = np.stack([edges.i, edges.j], axis=1)
    else:
        couplers = hardware.couplers
        ends = np.searchsorted(qubits, couplers[np.isin(couplers, qubits).all(axis=1)])
    spins = spin_of[ends]
    keys = spins.min(axis=1, initial=n) * n + spins.max(axis=1, initial=0)
    wanted = edges.i * n + edges.j
    edge_of = np.searchsorted(wanted, keys)
    between = np.append(wanted, -1)[edge_of] == keys
    inside = spins[:, 0] == spins[:, 1]
    counts = np.bincount(edge_of[between], minlength=len(wanted))
    if (counts == 0).any():
        k = int(np.argmin(counts))
        first, second = problem.labels[int(edges.i[k])], problem.labels[int(edges.j[k])]
        raise InputError(
            f"the embedding has no coupler between the chains of {first!r} and {second!r}, which are "
            "coupled; give other chains, or embedding 'auto'",
            key=("embedding",),
        )
    return Layout(
        qubits=qubits,
        spin_of=spin_of,
        field_share=1.0 / np.bincount(spin_of, minlength=n)[spin_of],
        couplers=np.concatenate([ends[between], ends[inside]]),
        edge_of=edge_of[between],
        coupling_share=1.0 / counts[edge_of[between]],
    )
