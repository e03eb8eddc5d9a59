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
from qspin_backends.tempering.planning import choose_kernel, ladders_a_pack, uses_multispin, walkers_a_pack
from qspin_backends.tempering.recording import Averages
from qspin_backends.tempering.tempering import Rules
from qspin_backends.tempering.walkers import word_type
from qspin_backends.tempering.words import WORD

__all__ = ["expected_betas", "expected_workload"]

_BETAS_A_ROOT = 1.6  # betas of an automatic ladder over sqrt(N): 1.4 to 2.0 for glasses, MaxCut, Hopfield
_A_SPIN, _A_COUPLING = 3.0, 1.0  # of one update, in the time that a neighbour takes
_A_FLIP = 0.1  # share of spins that flip in a sweep of a dense kernel, which then updates all fields
_A_DRAW = 2.0  # sweeps that a draw is worth: it is unpacked, and its energy computed twice, without SIMD


class _Lanes(NamedTuple):
    """Walkers as the kernel holds them: lanes with those that idle, and packs."""

    n_lanes: int
    n_packs: int


def expected_betas(n_spins: int, method: str) -> int:
    """How many betas an automatic ladder will about have: its barrier grows with the root of the size."""
    if method == "annealing":
        return MOST_BETAS
    return min(max(round(_BETAS_A_ROOT * math.sqrt(n_spins)), FEWEST_BETAS), MOST_BETAS)


def expected_workload(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, method: str, size: Size
) -> Workload:
    """What a call takes; the ladder of ``betas: auto`` is not known yet and counts at its usual length.

    Parameters
    ----------
    size : of the samples, at the length that the ladder is expected to have
    """
    largest_beta = 0.0 if asked.betas is None else float(asked.betas[-1])
    kernel = choose_kernel(graph, rules.kernel, largest_beta)
    update = _update(graph, kernel)
    lanes = _lanes(graph, asked, rules, method, size)
    sweeps = {
        "tempering": asked.n_burn_in + asked.n_sweeps,
        "annealing": asked.n_sweeps,
        "population": asked.n_sweeps,
    }[method]
    work = sweeps * lanes.n_lanes * update
    if asked.betas is None and method != "annealing":
        work += pilot_sweeps(asked.n_burn_in) * PILOT_BETAS * PILOT_LADDERS * update
    n_configurations = size.n_betas * size.n_replicas * size.n_draws
    work += _A_DRAW * n_configurations * (problem.n_spins + 2 * problem.n_couplings)
    memory = sum(n_bytes for n_bytes, _ in parts_of(problem, size).values())
    return Workload(
        f"tempering {method} {kernel}",
        work,
        memory,
        _kept(problem, asked, size),
        n_parts=max(1, lanes.n_packs),
    )


def _kept(problem: IsingProblem, asked: Asked, size: Size) -> int:
    """Bytes of the samples, or of the averages in their place."""
    n_betas = 1 if asked.only_coldest else size.n_betas
    if asked.is_averaged:
        averages = Averages.n_bytes(problem, n_betas, size.n_replicas)
        return averages + samples_bytes(n_betas, size.n_replicas, 1, problem.n_spins)
    return samples_bytes(n_betas, size.n_replicas, size.n_draws, problem.n_spins)


def _update(graph: Graph, kernel: str) -> float:
    """Time of one sweep of one lane, in units of the kernel."""
    n = graph.n_spins
    if kernel == "dense":
        return _A_SPIN * n + _A_FLIP * n * n
    return _A_SPIN * n + _A_COUPLING * 2 * graph.n_couplings


def _lanes(graph: Graph, asked: Asked, rules: Rules, method: str, size: Size) -> _Lanes:
    """Lanes over all packs, with one thread: more of them split packs, which then are no fuller."""
    multispin = uses_multispin(graph, rules.kernel)
    if method == "population":
        a_pack, n_columns, rows = 1, asked.n_replicas, asked.n_population
    elif method == "annealing":
        a_pack = walkers_a_pack(graph, asked.n_replicas, rules.kernel, 1)
        n_columns, rows = asked.n_replicas, 1
    else:
        copies = 2 if rules.cluster_every else 1
        rows, n_columns = size.n_betas, asked.n_replicas * copies
        a_pack = ladders_a_pack(rows, n_columns, multispin=multispin, n_threads=1, paired=copies == 2)
    n_packs = -(-n_columns // a_pack)
    used = rows * min(a_pack, n_columns)
    width = WORD if multispin else 8 * word_type(used).itemsize
    filled = -(-used // width) * width
    return _Lanes(n_packs * filled, n_packs if multispin else n_columns)
