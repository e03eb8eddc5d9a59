"""Which embeddings a problem gets: the best of several, copies side by side, other ones to average over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qspin.errors import CapacityError, InputError
from qspin.problem import IsingProblem
from qspin.sampler import report_progress
from qspin_backends.annealer.device import Hardware
from qspin_backends.annealer.embeddings.copies import displaced
from qspin_backends.annealer.embeddings.embedding import Chains, Embedding, source_graph
from qspin_backends.annealer.embeddings.kept import kept_or_found
from qspin_backends.annealer.embeddings.methods import native_chains
from qspin_backends.annealer.embeddings.placement import Placement, place
from qspin_backends.annealer.embeddings.search import best_of, embed
from qspin_backends.common.child import in_child

__all__ = ["COPIES_SECONDS", "Wanted", "placements_of"]

COPIES_SECONDS = 60.0
"""Of computing for copies, once for each graph and device; ``auto`` uses what was found by then."""

_MOST_SYMMETRIC = 300  # spins of a graph whose automorphisms are looked for
_DRAWS = 20  # of another embedding, before there is none


@dataclass(frozen=True)
class Wanted:
    """What embeddings are asked for; see the settings of `Annealer`."""

    method: str | Mapping[Any, Sequence[int]] | Callable[..., Mapping[Any, Sequence[int]]]
    seed: int = 0
    n_copies: int | Literal["auto"] = 1
    n_embeddings: int = 1
    tries: int = 1
    score: str = "longest_chain"


def placements_of(
    problem: IsingProblem, hardware: Hardware | None, wanted: Wanted, n_reads: int
) -> tuple[Placement, ...]:
    """As many placements as embeddings are to be averaged over, each of equally many copies.

    Parameters
    ----------
    hardware : None: every spin is a qubit
    n_reads : of the problem at each scale: no more copies are of use, and of ``auto`` only as many are taken
        as the fewest anneals need

    Raises
    ------
    CapacityError
        If nothing was found, or fewer copies than were asked for; the message says how many fit.
    InputError
        If chains that were given are none, or there are fewer different embeddings than were asked for.
    """
    copies = _copies(problem, hardware, wanted, n_reads)
    if hardware is None or wanted.n_embeddings == 1:  # without a graph one is like another
        return (place(problem, copies, hardware),)
    different = _different(problem, hardware, wanted, copies)
    return tuple(place(problem, own, hardware) for own in (copies, *different))


# -- copies --------------------------------------------------------------------------------------


def _copies(
    problem: IsingProblem, hardware: Hardware | None, wanted: Wanted, n_reads: int
) -> tuple[Embedding, ...]:
    if wanted.n_copies == 1:
        return (_one(problem, hardware, wanted),)
    if hardware is None:
        assert isinstance(wanted.n_copies, int)  # settings refuse the other
        n, most = problem.n_spins, min(wanted.n_copies, n_reads)
        return tuple(Embedding(tuple((c * n + k,) for k in range(n)), "none") for c in range(most))
    found = _found(problem, hardware, wanted, n_reads)
    if wanted.n_copies == "auto":
        n_anneals = -(-n_reads // len(found))
        return tuple(found[: -(-n_reads // n_anneals)])
    if len(found) < min(wanted.n_copies, n_reads):
        raise CapacityError(
            f"{wanted.n_copies} copies were asked for and {len(found)} of them were found side by side in "
            f"{hardware} by a search that may take {COPIES_SECONDS:.0f} s of computing: lower n_copies, or "
            "choose 'auto'"
        )
    return tuple(found)


def _one(problem: IsingProblem, hardware: Hardware | None, wanted: Wanted) -> Embedding:
    if wanted.tries == 1:
        return embed(problem, hardware, wanted.method, wanted.seed)
    return best_of(problem, hardware, wanted.method, wanted.seed, wanted.tries, wanted.score)


def _found(problem: IsingProblem, hardware: Hardware, wanted: Wanted, n_reads: int) -> list[Embedding]:
    """Copies that were found now or before, at least one."""
    room = len(hardware.qubits) // problem.n_spins
    most = room if wanted.n_copies == "auto" else min(wanted.n_copies, n_reads)
    first = _first(problem, hardware, wanted)
    finders = _FINDERS.get(wanted.method, ()) if isinstance(wanted.method, str) else ()

    def search(start: Embedding | None) -> list[Embedding]:
        report_progress(0.0, f"searching copies, for {COPIES_SECONDS:.0f} s at most; they are kept")
        chains = in_child(
            "qspin_backends.annealer.embeddings.copies:search_copies", problem, hardware,
            first=None if start is None else start.chains, finders=finders, score=wanted.score, most=most,
            seconds=COPIES_SECONDS, seed=wanted.seed, tries=wanted.tries, tell=_tell,
        )  # fmt: skip
        if chains or start is not None:
            return [Embedding(own, "copies" if start is None else start.method) for own in chains]
        return search(_one(problem, hardware, wanted))  # which says why if there is none

    if first is not None and first.method == "given":
        return search(first)
    purpose = ("copies", wanted.method, wanted.seed, wanted.tries, wanted.score, most, COPIES_SECONDS)
    return kept_or_found(problem, hardware, purpose, lambda: search(first))


_FINDERS = {"auto": ("native", "clique", "minor"), "minorminer": ("minor",)}
"""By which copies are searched; those of a method that is not here are displacements of its embedding."""


def _first(problem: IsingProblem, hardware: Hardware, wanted: Wanted) -> Embedding | None:
    """An embedding that has to be the first copy; None where the best for copies is to be found."""
    if wanted.method == "auto":
        chains = native_chains(problem, hardware)
        return None if chains is None else Embedding(chains, "native")
    return None if wanted.method == "minorminer" else _one(problem, hardware, wanted)


def _tell(seconds: float) -> None:
    report_progress(0.0, f"searching copies, {seconds:.0f} s of at most {COPIES_SECONDS:.0f}; they are kept")


# -- other embeddings ----------------------------------------------------------------------------


def _different(
    problem: IsingProblem, hardware: Hardware, wanted: Wanted, copies: tuple[Embedding, ...]
) -> list[tuple[Embedding, ...]]:
    """Placements of which no two are the same, nor one of them the first."""
    rng = np.random.default_rng([wanted.seed, len(copies)])
    places = list(displaced(copies[0].chains, problem, hardware)) if len(copies) == 1 else []
    symmetric = _automorphisms(problem)
    seen = {tuple(embedding.chains for embedding in copies)}
    found: list[tuple[Embedding, ...]] = []
    for _ in range(_DRAWS * (wanted.n_embeddings - 1)):
        if len(found) == wanted.n_embeddings - 1:
            break
        moved = [places[rng.integers(len(places))]] if places else [own.chains for own in copies]
        drawn = tuple(_permuted(chains, symmetric(rng)) for chains in moved)
        if drawn not in seen:
            seen.add(drawn)
            methods = [embedding.method for embedding in copies]
            found.append(tuple(Embedding(chains, by) for chains, by in zip(drawn, methods, strict=True)))
    if len(found) < wanted.n_embeddings - 1:
        raise InputError(
            f"{wanted.n_embeddings} different embeddings were asked for, and displacements of one over "
            f"{hardware} and automorphisms of the graph give {len(found) + 1}: lower n_embeddings",
            key=("n_embeddings",),
        )
    return found


def _permuted(chains: Chains, automorphism: NDArray[np.intp]) -> Chains:
    return tuple(chains[k] for k in automorphism.tolist())


def _automorphisms(problem: IsingProblem) -> Callable[[np.random.Generator], NDArray[np.intp]]:
    """Draws relabellings of the spins after which the same pairs are coupled, by what strength ever.

    By Schreier and Sims, as `dwave.graphs` has it; large graphs are taken to have none.
    """
    from dwave.graphs import sample_automorphisms, schreier_rep

    if not problem.n_couplings:
        return lambda rng: rng.permutation(problem.n_spins)
    if problem.n_spins > _MOST_SYMMETRIC:
        return lambda rng: np.arange(problem.n_spins)
    found = schreier_rep(source_graph(problem))
    return lambda rng: sample_automorphisms(
        found.u_vector, seed=int(rng.integers(2**31)), num_nodes=problem.n_spins
    )[0]
