"""Which kernel, in which precision, and how walkers are put into packs."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from qspin.errors import InputError
from qspin.problem import IsingProblem
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.dense import DensePlan
from qspin_backends.tempering.multispin import MOST_NEIGHBOURS, MultispinPlan
from qspin_backends.tempering.sparse import SparsePlan
from qspin_backends.tempering.walkers import Plan, word_type
from qspin_backends.tempering.words import VECTOR, WORD

__all__ = [
    "SINGLE",
    "KernelName",
    "choose_kernel",
    "ladders_a_pack",
    "make_plan",
    "nanoseconds_of",
    "sweep_nanoseconds",
    "sweeps_a_piece",
    "uses_multispin",
    "walkers_a_pack",
    "words_for",
]

KernelName = Literal["auto", "sparse", "dense", "multispin"]

SINGLE = 2.0**13  # reach up to which float32 fields do: exponents are then off by less than 2e-3
_DOUBLE = 2.0**42  # the same for float64
_A_LANE, _A_SPIN = 26.0, 0.65  # nanoseconds of a sweep of one lane
_A_COUPLING = {"sparse": 0.045, "multispin": 0.0}  # of each end of a coupling; read by words of lanes
_A_PIECE = 2.5e8  # nanoseconds between two looks at interrupts, about, at the most
_SMALL = 256  # spins up to which ladders share several words: a call costs more than its sweeps then
_WIDE = 8  # words that they share
_A_FIELD = 0.035  # of a dense kernel: of each field of each spin, where as many flip as they usually do
_DENSE_SHARE, _DENSE_OFFSET = 0.3, 140  # mean degree from which keeping fields up to date pays; measured


def choose_kernel(graph: Graph, kernel: KernelName, largest_beta: float) -> KernelName:
    """The kernel asked for, or the fastest one that is exact for this problem.

    Parameters
    ----------
    largest_beta : units of 1/energy; with the largest local field it says how finely fields must be resolved

    Raises
    ------
    InputError
        If the kernel asked for cannot sample this problem, or no kernel can: couplings of too different
        sizes.
    """
    reach = _reach(graph, largest_beta)
    if not reach < _DOUBLE:
        raise InputError(
            "couplings differ too much in size for this ladder: beta x (largest local field) is "
            f"{reach:.2g}, and sums in double precision resolve the smallest effects only up to "
            f"{_DOUBLE:.0e}. Leave out couplings that do not matter at these temperatures, or fix the spins "
            "that the largest ones tie together, or lower the largest beta"
        )
    if kernel == "multispin":
        _require_multispin(graph)
    if kernel == "dense" and reach >= SINGLE:
        raise InputError(
            f"kernel 'dense' keeps fields in single precision, but beta x (largest local field) reaches "
            f"{reach:.2g} (limit {SINGLE:.0f}); use kernel 'sparse', which goes over to double precision, "
            "or lower the largest beta"
        )
    if uses_multispin(graph, kernel):
        return "multispin"
    if kernel == "dense" or (kernel == "auto" and reach < SINGLE and _is_dense(graph)):
        return "dense"
    return "sparse"


def make_plan(
    problem: IsingProblem, graph: Graph, kernel: KernelName, largest_beta: float, n_words: int
) -> Plan:
    """The problem made ready for the kernel that `choose_kernel` takes; raises as it does.

    Parameters
    ----------
    n_words : words of lanes a pack, for the multi-spin kernel
    """
    chosen = choose_kernel(graph, kernel, largest_beta)
    if chosen == "multispin":
        return MultispinPlan(graph, n_words)
    if chosen == "dense":
        return DensePlan(problem.toarray() / graph.unit, graph.fields)
    return SparsePlan(graph, np.float32 if _reach(graph, largest_beta) < SINGLE else np.float64)


def sweep_nanoseconds(graph: Graph, kernel: str) -> float:
    """What a sweep of one lane takes on a core of an AMD EPYC, measured; to weigh work against other work."""
    return nanoseconds_of(graph.n_spins, graph.n_couplings, kernel)


def nanoseconds_of(n: int, n_couplings: int, kernel: str) -> float:
    """The same, of so many spins and couplings."""
    couplings = _A_FIELD * n * n if kernel == "dense" else _A_COUPLING[kernel] * 2 * n_couplings
    return _A_LANE + _A_SPIN * n + couplings


def sweeps_a_piece(nanoseconds: float) -> int:
    """Sweeps between two looks at interrupts, of so many nanoseconds each; at least one."""
    return max(1, int(_A_PIECE // max(nanoseconds, 1.0)))


def _reach(graph: Graph, largest_beta: float) -> float:
    """beta x (largest local field): how finely fields must be resolved."""
    return largest_beta * graph.unit * graph.largest_field


def _is_multispin(graph: Graph) -> bool:
    return graph.is_bimodal and int(graph.degrees.max(initial=0)) <= MOST_NEIGHBOURS


def _is_dense(graph: Graph) -> bool:
    return (
        float(graph.degrees.mean()) > _DENSE_SHARE * graph.n_spins + _DENSE_OFFSET if graph.n_spins else False
    )


def _require_multispin(graph: Graph) -> None:
    if _is_multispin(graph):
        return
    most = int(graph.degrees.max(initial=0))
    if most > MOST_NEIGHBOURS:
        reason = f"a spin has {most} couplings"
    elif graph.fields.any():
        reason = "there are fields"
    elif not graph.n_couplings:
        reason = "there are no couplings"
    else:
        reason = "couplings differ in size"
    raise InputError(
        f"kernel 'multispin' needs couplings of one magnitude, no fields and at most {MOST_NEIGHBOURS} "
        f"couplings a spin; {reason}. Use kernel 'auto', 'sparse' or 'dense'"
    )


def uses_multispin(graph: Graph, kernel: KernelName) -> bool:
    """Whether `choose_kernel` will take the multi-spin kernel."""
    return kernel == "multispin" or (kernel == "auto" and _is_multispin(graph))


def ladders_a_pack(
    n_betas: int, n_ladders: int, *, n_spins: int, multispin: bool, n_threads: int, paired: bool
) -> int:
    """How many ladders share words, so that words are full and every thread has a pack.

    Ladders of small problems share several words where that leaves no more lanes idle.

    Samples do not depend on it, except by the multi-spin kernel, whose packs therefore do not depend on
    `n_threads`. With `paired` the number is even: isoenergetic cluster moves need two ladders in one pack.
    """
    least = 2 if paired else 1
    if multispin:
        for n_words in (VECTOR, 4, 2, 1):
            count = n_words * WORD // n_betas
            if count >= least and n_ladders >= 4 * count:
                break
        count = max(count, least)
    else:
        most = math.ceil(n_ladders / n_threads)
        narrow, wide = (
            _evenly(min(max(n_words * WORD // n_betas, least), most), n_ladders, least)
            for n_words in (1, _WIDE if n_spins <= _SMALL else 1)
        )
        swept = [_lanes_swept(n_betas, n_ladders, count) for count in (narrow, wide)]
        return wide if swept[1] <= swept[0] else narrow
    return _evenly(count, n_ladders, least)


def _evenly(count: int, n_ladders: int, least: int) -> int:
    """Ladders a pack of about `count`, in packs that are alike and of a multiple of `least`."""
    count -= count % least
    n_packs = math.ceil(n_ladders / max(count, least))
    even = math.ceil(n_ladders / n_packs)
    return even + even % least


def _lanes_swept(n_betas: int, n_ladders: int, count: int) -> int:
    """Lanes of all packs of `count` ladders, with those that idle."""
    sizes = [count] * (n_ladders // count) + [n_ladders % count] * bool(n_ladders % count)
    widths = [(size * n_betas, 8 * word_type(size * n_betas).itemsize) for size in sizes]
    return sum(math.ceil(used / width) * width for used, width in widths)


def words_for(n_lanes: int) -> int:
    """Words of the multi-spin kernel that hold `n_lanes`: 1, 2, 4 or a multiple of VECTOR."""
    n_words = max(1, math.ceil(n_lanes / WORD))
    return next((n for n in (1, 2, 4) if n >= n_words), math.ceil(n_words / VECTOR) * VECTOR)


def walkers_a_pack(graph: Graph, n_walkers: int, kernel: KernelName, n_threads: int) -> int:
    """How many independent walkers share words; samples depend on it with the multi-spin kernel alone."""
    if uses_multispin(graph, kernel):
        return min(VECTOR * WORD, words_for(n_walkers) * WORD)
    return min(WORD, math.ceil(n_walkers / n_threads))
