"""Searches from their start to their samples: what evolves, threads that advance it, and what was found."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Level, Remark, energy_tolerance, report_progress
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.keeping import Keeping
from qspin_backends.tempering.packs import Crew, Seeds
from qspin_backends.tempering.planning import nanoseconds_of, sweeps_a_piece
from qspin_backends.tempering.random import lane_streams, word_streams
from qspin_backends.tempering.search.descent import LANES, Rows, drawn, energy
from qspin_backends.tempering.search.rounds import POOL, Aim, Search, run_rounds
from qspin_backends.tempering.sparse import STATES
from qspin_backends.tempering.tempering import Progress

__all__ = [
    "aim_of",
    "compile_rounds",
    "found",
    "rows_of",
    "run_searches",
    "start_searches",
    "sweeps_to_target",
]

_UPDATES_A_STRETCH = 2**25  # of all searches between two looks at the clock ...
_UPDATES_A_PIECE = 2**23  # ... and of some of them between two looks at interrupts
_LONGEST = (2**30, 100)  # updates of a round at the most, and sweeps that are always allowed
_MOST_NEIGHBOURS = 20  # on average, up to which blocks fall apart
_ROUNDING = 1e-10  # of the largest coupling: gains below are none


def rows_of(graph: Graph) -> Rows:
    return Rows(graph.indptr, graph.indices.astype(np.int32), graph.couplings, graph.fields)


def aim_of(problem: IsingProblem, graph: Graph, target: float | None) -> Aim:
    """What decides on rounds; `target` with offset, units of energy."""
    updates, sweeps = _LONGEST
    mean = float(graph.degrees.mean()) if graph.n_spins else 0.0
    aim = -np.inf if target is None else (target + energy_tolerance(problem) - problem.offset) / graph.unit
    return Aim(
        mean <= _MOST_NEIGHBOURS,
        not graph.fields.any(),
        _ROUNDING,
        max(sweeps, updates // (LANES * max(1, graph.n_spins))),
        float(aim),
        np.zeros(1, np.uint8),
    )


def start_searches(
    rows: Rows,
    n_replicas: int,
    n_draws: int,
    seeds: Seeds,
    keeping: Keeping,
    initial: NDArray[np.int8] | None,
) -> Search:
    """Searches that have done nothing yet, or what is kept of them: all arrays by replica.

    Parameters
    ----------
    initial : int8 (n_replicas, N), configurations that are in their pools
    """
    n = len(rows.fields)
    lanes = lane_streams(seeds.lanes, n_replicas, LANES).reshape(n_replicas, -1, STATES, 4).swapaxes(2, 3)
    searches = Search(
        np.ascontiguousarray(lanes),
        word_streams(seeds.words, n_replicas, 1)[:, 0].copy(),
        np.zeros((n_replicas, 2), np.int64),
        np.zeros((n_replicas, POOL, n), np.int8),
        np.full((n_replicas, POOL), np.inf),
        np.zeros((n_replicas, n_draws, n), np.int8),
        np.full((n_replicas, n_draws), np.inf),
        np.zeros((n_replicas, n_draws), np.int64),
    )
    if initial is not None:
        searches.pool[:, 0] = searches.best[:, 0] = initial
        energies = [energy(rows, spins) for spins in np.ascontiguousarray(initial)]
        searches.pool_energies[:, 0] = searches.energies[:, 0] = energies
    if keeping.stored is not None:
        for name, array in searches._asdict().items():
            array[:] = keeping.stored[name]
    return searches


def compile_rounds(rows: Rows, searches: Search, aim: Aim) -> None:
    """Compile the kernels, or load them from Numba's cache, by running no round."""
    run_rounds(rows, searches, aim, 0, 0)


def run_searches(
    problem: IsingProblem, rows: Rows, searches: Search, aim: Aim, n_sweeps: int, n_threads: int,
    keeping: Keeping, unit: float,
) -> Progress:  # fmt: skip
    """Run all searches to the end; an interrupt ends them early, as they were after their last rounds."""
    n_replicas, updates = len(searches.place), LANES * max(1, len(rows.fields))
    most = sweeps_a_piece(LANES * nanoseconds_of(len(rows.fields), len(rows.indices) // 2, "sparse"))
    stretch = max(10, min(_UPDATES_A_STRETCH // (updates * n_replicas), most))
    at_once = min(stretch, n_sweeps)
    a_piece = int(np.clip(min(_UPDATES_A_PIECE // updates, most) // at_once, 1, -(-n_replicas // n_threads)))
    pieces = [_part(searches, slice(k, k + a_piece)) for k in range(0, n_replicas, a_piece)]
    first, began = int(searches.place[:, 0].sum()), time.perf_counter()
    status = "complete"

    def advance(piece: Search, stopped: Callable[[], bool], until: int) -> None:
        if not stopped():
            run_rounds(rows, piece, aim._replace(stop=crew.stop), n_sweeps, until)

    def speed() -> float:
        return (int(searches.place[:, 0].sum()) - first) * LANES / max(time.perf_counter() - began, 1e-9)

    with Crew(n_threads, lambda: keeping.is_last) as crew:
        try:
            while (left := _left(searches, aim, n_sweeps)) is not None:
                until = min(left + stretch, n_sweeps)
                crew.work(partial(advance, until=until), pieces, keep=partial(keeping.save, searches._asdict))
                left = _left(searches, aim, n_sweeps)
                report_progress(
                    1.0 if left is None else left / n_sweeps,
                    best_energy=problem.offset + unit * float(searches.energies[:, 0].min()),
                    sweeps_per_second=speed(),
                )
                if left is not None:
                    keeping.save_if_due(searches._asdict)
        except KeyboardInterrupt:
            status = "interrupted"
    return Progress(int(searches.place[:, 0].max()), status, speed(), time.perf_counter() - began)


def sweeps_to_target(searches: Search, aim: Aim) -> NDArray[np.float64]:
    """Sweeps of each walker of a search at the end of the round that reached the target, float64
    (n_replicas,); NaN where none did.
    """
    return np.where(searches.energies[:, 0] <= aim.target, searches.place[:, 0], np.nan)


def _part(searches: Search, some: slice) -> Search:
    parts: dict[str, Any] = {name: array[some] for name, array in searches._asdict().items()}
    return Search(**parts)


def _left(searches: Search, aim: Aim, n_sweeps: int) -> int | None:
    """Sweeps of the search that has come least far; None where all are over."""
    going = searches.place[:, 0][(searches.place[:, 0] < n_sweeps) & ~(searches.energies[:, 0] <= aim.target)]
    return int(going.min()) if going.size else None


def found(searches: Search, rows: Rows) -> tuple[NDArray[np.int8], dict[str, Any], list[Remark]]:
    """Spins (1, replica, draw, spin), variables of the dataset, and remarks.

    All searches give as many configurations as the one that found the fewest.
    """
    remarks = [
        Remark(
            "no-sampler",
            "the configurations are the lowest ones that were found: they follow no distribution",
            Level.NOTE,
        )
    ]
    n_draws = int(np.isfinite(searches.energies).sum(axis=1).min())
    if not n_draws:
        text = "interrupted before the end of the first round: the configurations are random ones"
        remarks.append(Remark("no-draw", text, Level.SERIOUS))
        n_spins = len(rows.fields)
        random = [drawn(n_spins, state)[:1] for state in searches.state.copy()]
        return np.array(random)[None], {}, remarks
    extra = {
        "n_hits": (("replica", "draw"), searches.hits[:, :n_draws].copy()),
        "n_rounds": (("replica",), searches.place[:, 1].copy()),
    }
    return searches.best[None, :, :n_draws].copy(), extra, remarks
