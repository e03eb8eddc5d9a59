"""From spins to chains of qubits: which qubits stand for which spin, found once and kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.embedding import SCORES, Embedding
from qspin_backends.annealer.embeddings.kept import kept_or_found
from qspin_backends.annealer.embeddings.methods import (
    called,
    given_chains,
    native_chains,
    searched,
    too_large,
)

__all__ = ["best_of", "embed"]


def embed(
    problem: IsingProblem,
    hardware: Hardware | None,
    method: str | Mapping[Any, Sequence[int]] | Callable[..., Mapping[Any, Sequence[int]]],
    seed: int,
) -> Embedding:
    """Chains for a problem on a device; the same arguments give the same chains.

    Parameters
    ----------
    problem : only its graph and labels count
    hardware : None: every spin is a qubit
    method : a name of `METHODS`, chains by label, or a function of (problem graph, hardware graph) that finds
        them
    seed : of the search

    Raises
    ------
    CapacityError
        If nothing was found; the message says which size would fit.
    InputError
        If chains that were given are none.
    """
    if hardware is None:
        return Embedding(tuple((k,) for k in range(problem.n_spins)), "none")
    if not isinstance(method, str):
        given = method if isinstance(method, Mapping) else called(method, problem, hardware)
        return Embedding(given_chains(given, problem, hardware), "given")
    if method in ("auto", "native") and (chains := native_chains(problem, hardware)) is not None:
        return Embedding(chains, "native")
    if method == "native":
        raise InputError(
            f"embedding 'native' needs labels that are qubits of {hardware} and couplings on its couplers; "
            "use 'auto' for a problem of another graph",
            key=("embedding",),
        )
    if problem.n_spins > len(hardware.qubits):
        raise too_large(problem, hardware)

    def search() -> list[Embedding]:
        found, by = searched(problem, hardware, method, seed)
        if not found and problem.n_spins:
            raise too_large(problem, hardware)
        return [Embedding(tuple(tuple(map(int, found[k])) for k in range(problem.n_spins)), by)]

    return kept_or_found(problem, hardware, (method, seed), search)[0]


def best_of(
    problem: IsingProblem, hardware: Hardware | None, method: Any, seed: int, tries: int, score: str
) -> Embedding:
    """The best of as many embeddings, by one of `SCORES`; that of `seed`, and of the integers after it.

    Parameters
    ----------
    method, seed : see `embed`, which raises
    """
    found = [embed(problem, hardware, method, seed + k) for k in range(tries)]
    return min(found, key=lambda embedding: SCORES[score](embedding.chains))
