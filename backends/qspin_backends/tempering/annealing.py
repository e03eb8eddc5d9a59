"""Simulated annealing: walkers are cooled (Kirkpatrick, Gelatt, Vecchi 1983, Science 220, 671)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import report_progress
from qspin_backends.tempering.arrivals import (
    Arrivals,
    are_complete,
    kept_of,
    look,
    nobody,
    on_watch,
    run_until,
)
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.keeping import Arrays, Keeping, gathered, put_back
from qspin_backends.tempering.packs import Crew, Grid, Seeds, start_packs
from qspin_backends.tempering.planning import sweep_nanoseconds, sweeps_a_piece, walkers_a_pack
from qspin_backends.tempering.tempering import Progress, Rules
from qspin_backends.tempering.walkers import Walkers, run_sweeps
from qspin_backends.tempering.words import WORD

__all__ = ["Cooling", "cool", "start_annealing"]

_UPDATES_A_CHUNK = 2**25  # of one pack between two refreshes, looks at the clock and at interrupts ...
_LOOKED_AT = 4  # ... and of an energy to stop at, sweeps that exact looks at energies take beside each sweep


@dataclass(eq=False)
class Cooling:
    """A pack on its way down: its walkers, their spins at the end of each beta, and what evolves with it.

    `place` is the number of betas entered and of sweeps done.
    """

    walkers: Walkers
    kept: list[NDArray[np.uint64]] = field(default_factory=list)
    more: Arrays = field(default_factory=dict)
    place: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    arrivals: Arrivals | None = None  # where walkers stop at an energy

    @property
    def is_complete(self) -> bool:
        """Whether all of its walkers have arrived where they were to stop."""
        return self.arrivals is not None and self.arrivals.are_complete

    def bits(self) -> NDArray[np.uint64]:
        """Spins of its walkers where they are now, or have stopped, as bits (n_lanes, words)."""
        bits = self.walkers.bits()
        return bits if self.arrivals is None else self.arrivals.settled(bits)

    def evolving(self) -> Arrays:
        """All arrays that a checkpoint holds, besides `kept`."""
        return {
            "words": self.walkers.words,
            "random": self.walkers.kernel.random,
            "place": self.place,
            **self.more,
            **kept_of(self.arrivals),
        }


def start_annealing(
    problem: IsingProblem,
    graph: Graph,
    coldest: float,
    n_replicas: int,
    seeds: Seeds,
    rules: Rules,
    keeping: Keeping,
    initial: NDArray[np.int8] | None = None,
    target: float | None = None,
) -> list[Cooling]:
    """Walkers at random configurations, or at `initial` ones (1, n_replicas, N); `coldest` in units of
    1/energy. With `target`, an energy with offset, they stop there.
    """
    columns = keeping.columns_a_pack(walkers_a_pack(graph, n_replicas, rules.kernel, rules.n_threads))
    grid = Grid(1, n_replicas, columns)
    packs = start_packs(
        problem, graph, grid, seeds, kernel=rules.kernel, move=rules.move, largest_beta=coldest,
        initial=initial,
    )  # fmt: skip
    started = [Cooling(walkers) for walkers in packs]
    if target is None:
        return started
    for pack in started:
        watch = nobody(pack.walkers.n_lanes, len(pack.walkers.walker))
        pack.arrivals = on_watch(pack.walkers, target, watch, n_betas=1)
    return started


def cool(
    packs: list[Cooling],
    betas: NDArray[np.float64],
    n_sweeps: int,
    rules: Rules,
    *,
    keeping: Keeping,
    graph: Graph,
    arrive: Callable[[Cooling, int], None] = lambda pack, stage: None,
) -> Progress:
    """Take all packs through `betas` (n_betas,), sharing `n_sweeps` evenly; an interrupt ends it early.

    Parameters
    ----------
    keeping : where unfinished work goes, and what to go on with
    graph : of the problem
    arrive : called with a pack and the number of a beta before its sweeps
    """
    ends = (np.arange(len(betas) + 1) * n_sweeps // len(betas)).tolist()
    first = 0 if keeping.stored is None else _restore(keeping.stored, packs)
    done, status, began = first, "complete", time.perf_counter()
    n_lanes = sum(pack.walkers.n_lanes for pack in packs)
    chunk = _chunk(packs, graph)

    def descend(pack: Cooling, stopped: Callable[[], bool], until: int) -> None:
        """To sweep `until`, or to the end of the ladder if no sweeps are left; unless stopped before."""
        if stopped() or pack.is_complete:
            return
        pack.walkers.refresh()
        look(pack.walkers, pack.arrivals, int(pack.place[1]))
        if pack.place[0]:
            _set_beta(pack.walkers, betas[pack.place[0] - 1])
        while (stage := len(pack.kept)) < len(betas) and not pack.is_complete:
            if pack.place[0] == stage:
                arrive(pack, stage)
                _set_beta(pack.walkers, betas[stage])
                pack.place[0] += 1
            _sweep_to(pack, min(ends[stage + 1], until))
            if pack.place[1] < ends[stage + 1]:
                break
            pack.kept.append(pack.bits())
        if pack.is_complete:
            pack.kept += [pack.bits()] * (len(betas) - len(pack.kept))

    with Crew(rules.n_threads, lambda: keeping.is_last) as crew:
        try:
            while done < n_sweeps and not are_complete(packs):
                until = min(done + chunk, n_sweeps)
                save = partial(keeping.save, partial(_state, packs, done))
                crew.work(partial(descend, until=until), packs, keep=save)
                is_over = are_complete(packs)
                done = max(int(pack.place[1]) for pack in packs) if is_over else until
                report_progress(
                    1.0 if is_over else done / n_sweeps,
                    best_energy=min(pack.walkers.best_energy for pack in packs),
                    sweeps_per_second=(done - first) * n_lanes / (time.perf_counter() - began),
                )
                if done < n_sweeps:
                    keeping.save_if_due(partial(_state, packs, done))
        except KeyboardInterrupt:
            status = "interrupted"
    seconds = time.perf_counter() - began
    return Progress(done, status, (done - first) * n_lanes / max(seconds, 1e-9), seconds)


def _chunk(packs: list[Cooling], graph: Graph) -> int:
    """Sweeps between two refreshes; samples may depend on them by rounding, and so on no clock.

    Where so many updates would take too long, of spins with many neighbours, there are fewer, as if packs
    were full.
    """
    n_spins = max(1, graph.n_spins)
    most = _UPDATES_A_CHUNK // (max(pack.walkers.n_lanes for pack in packs) * n_spins)
    lane = sweep_nanoseconds(graph, packs[0].walkers.plan.name)
    if packs[0].arrivals is not None:
        lane *= 1 + _LOOKED_AT
    if sweeps_a_piece(lane) * n_spins < _UPDATES_A_CHUNK:
        most = min(most, sweeps_a_piece(lane * WORD))
    return max(1, most)


def _sweep_to(pack: Cooling, end: int) -> None:
    """At one beta to sweep `end`, or until all of its walkers have arrived."""
    w, arrivals = pack.walkers, pack.arrivals
    while pack.place[1] < end and not pack.is_complete:
        count = end - int(pack.place[1])
        if arrivals is None:
            run_sweeps(w.kernel, w.words, w.walker, w.energies, count)
        else:
            count = run_until(w.kernel, w.words, w.walker, w.energies, count, arrivals.watch)
        pack.place[1] += count
        look(pack.walkers, pack.arrivals, int(pack.place[1]))


def _set_beta(walkers: Walkers, beta: float) -> None:
    walkers.set_betas(np.full(walkers.n_lanes, beta))


def _state(packs: list[Cooling], done: int) -> Arrays:
    kept = {f"kept{k}": np.array(pack.kept) for k, pack in enumerate(packs)}
    columns = np.array(packs[0].walkers.n_lanes)
    return {"done": np.array(done), "columns_a_pack": columns, **gathered(packs), **kept}


def _restore(stored: Arrays, packs: list[Cooling]) -> int:
    """Put everything back; returns the number of sweeps that were done."""
    put_back(stored, packs)
    for k, pack in enumerate(packs):
        pack.kept = list(stored[f"kept{k}"])
    return int(stored["done"])
