"""What a call of `Tempering` will take, told before it starts."""

from __future__ import annotations

import math
from typing import NamedTuple

from qspin.problem import IsingProblem
from qspin.sampler import Workload, samples_bytes
from qspin_backends.tempering.asked import Asked
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.ladder import FEWEST_BETAS, MOST_BETAS, PILOT_BETAS, PILOT_LADDERS
from qspin_backends.tempering.memory import Size, parts_of
from qspin_backends.tempering.methods import pilot_sweeps
from qspin_backends.tempering.planning import (
    choose_kernel,
    ladders_a_pack,
    sweep_nanoseconds,
    uses_multispin,
    walkers_a_pack,
)
from qspin_backends.tempering.recording import Averages
from qspin_backends.tempering.search.descent import LANES
from qspin_backends.tempering.tempering import Rules
from qspin_backends.tempering.walkers import word_type
from qspin_backends.tempering.words import WORD

__all__ = ["expected_betas", "expected_workload"]

_BETAS_A_ROOT = 1.6  # betas of an automatic ladder over sqrt(N): 1.4 to 2.0 for glasses, MaxCut, Hopfield
_CALL = 2e7
_A_DRAW, _A_DRAWN_SPIN = 200.0, 7.0  # of a configuration that is kept, checked and written
_A_DRAWN_COUPLING, _A_DENSE_COUPLING = 1.6, 0.25  # of its energies, which are computed twice
"""Nanoseconds as in `planning.sweep_nanoseconds`: they weigh the parts of a call against each other."""


_BYTES_AN_ENTRY = 38  # of a matrix while it becomes rows, beside what kernels read of it


class _Lanes(NamedTuple):
    """Walkers as the kernel holds them: lanes with those that idle, and packs."""

    n_lanes: int
    n_packs: int


def expected_betas(n_spins: int, method: str) -> int:
    """How many betas an automatic ladder will about have: its barrier grows with the root of the size."""
    if method == "annealing":
        return MOST_BETAS
    if method == "search":
        return 1
    return min(max(round(_BETAS_A_ROOT * math.sqrt(n_spins)), FEWEST_BETAS), MOST_BETAS)


def expected_workload(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, method: str, size: Size
) -> Workload:
    """What a call takes; the ladder of ``betas: auto`` is not known yet and counts at its usual length.

    Parameters
    ----------
    size : of the samples, at the length that the ladder is expected to have
    """
    if method == "search":
        return _searching(problem, graph, asked, size)
    largest_beta = 0.0 if asked.betas is None else float(asked.betas[-1])
    kernel = choose_kernel(graph, rules.kernel, largest_beta)
    update = sweep_nanoseconds(graph, kernel)
    lanes = _lanes(graph, asked, rules, method, size)
    sweeps = {
        "tempering": asked.n_burn_in + asked.n_sweeps,
        "annealing": asked.n_sweeps,
        "population": asked.n_sweeps,
    }[method]
    work = _CALL + sweeps * lanes.n_lanes * update
    if asked.betas is None and method != "annealing":
        work += pilot_sweeps(asked.n_burn_in) * PILOT_BETAS * PILOT_LADDERS * update
    n_configurations = size.n_betas * size.n_replicas * size.n_draws
    work += n_configurations * _draw(problem)
    return Workload(
        f"tempering {method} {kernel}",
        work,
        _memory(problem, asked, size, method),
        _kept(problem, asked, size),
        n_parts=max(1, lanes.n_packs),
    )


def _searching(problem: IsingProblem, graph: Graph, asked: Asked, size: Size) -> Workload:
    """Of a search: its walkers, and once as much for blocks of their spins."""
    work = _CALL + asked.n_replicas * 2 * LANES * asked.n_sweeps * sweep_nanoseconds(graph, "sparse")
    memory = _memory(problem, asked, size, "tempering")
    return Workload("tempering search", work, memory, _kept(problem, asked, size), n_parts=asked.n_replicas)


def _memory(problem: IsingProblem, asked: Asked, size: Size, method: str) -> int:
    """Bytes at the peak: what a run is refused for, and what is made on the way."""
    n, n_entries = problem.n_spins, 2 * problem.n_couplings if problem.is_sparse else problem.n_spins**2
    memory = sum(n_bytes for n_bytes, _ in parts_of(problem, size).values()) + _BYTES_AN_ENTRY * n_entries
    if asked.is_averaged:
        memory += 3 * _kept(problem, asked, size)
    if method != "tempering":  # spins of all walkers at all betas, as bits, twice
        memory += 2 * size.n_betas * size.n_walkers * n // 8
    return memory


def _kept(problem: IsingProblem, asked: Asked, size: Size) -> int:
    """Bytes of the samples, or of the averages in their place."""
    n_betas = 1 if asked.only_coldest else size.n_betas
    if asked.is_averaged:
        averages = 2 * Averages.n_bytes(problem, n_betas, size.n_replicas)  # as means, of twice the bytes
        return averages + samples_bytes(n_betas, size.n_replicas, 1, problem.n_spins)
    return samples_bytes(n_betas, size.n_replicas, size.n_draws, problem.n_spins)


def _draw(problem: IsingProblem) -> float:
    """Of one configuration that is kept."""
    n = problem.n_spins
    couplings = (
        _A_DRAWN_COUPLING * 2 * problem.n_couplings if problem.is_sparse else _A_DENSE_COUPLING * n * n
    )
    return _A_DRAW + _A_DRAWN_SPIN * n + couplings


def _lanes(graph: Graph, asked: Asked, rules: Rules, method: str, size: Size) -> _Lanes:
    """Lanes over all packs, with one thread: more of them split packs, which then are no fuller."""
    multispin = uses_multispin(graph, rules.kernel)
    if method == "population":
        a_pack, n_columns, rows = 1, asked.n_replicas, asked.n_population
    elif method == "annealing":
        a_pack = walkers_a_pack(graph, asked.n_replicas, rules.kernel, 1)
        n_columns, rows = asked.n_replicas, 1
    else:
        rows, n_columns = size.n_betas, asked.n_replicas * rules.copies
        a_pack = ladders_a_pack(
            rows, n_columns, n_spins=graph.n_spins, multispin=multispin, n_threads=1,
            paired=rules.copies == 2,
        )  # fmt: skip
    n_packs = -(-n_columns // a_pack)
    used = rows * min(a_pack, n_columns)
    width = WORD if multispin else 8 * word_type(used).itemsize
    filled = -(-used // width) * width
    return _Lanes(n_packs * filled, n_packs if multispin else n_columns)
