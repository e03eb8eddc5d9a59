"""Parallel tempering: ladders of walkers that exchange temperatures, recorded after a burn-in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import report_progress
from qspin_backends.tempering.arrivals import Arrivals, are_complete, kept_of, look, on_watch
from qspin_backends.tempering.clusters.graph import BondGraph, bond_graph, no_bonds
from qspin_backends.tempering.clusters.pacing import moving_nanoseconds, set_paces
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move
from qspin_backends.tempering.exchange import Ladders, start_ladders, temper
from qspin_backends.tempering.keeping import Arrays, Keeping, gathered, put_back
from qspin_backends.tempering.packs import Crew, Grid, Seeds, start_packs
from qspin_backends.tempering.planning import (
    KernelName,
    ladders_a_pack,
    sweep_nanoseconds,
    sweeps_a_piece,
    uses_multispin,
)
from qspin_backends.tempering.random import word_streams
from qspin_backends.tempering.recording import Recorder
from qspin_backends.tempering.walkers import Walkers

__all__ = ["Pack", "Progress", "Rules", "Schedule", "last_bits", "run_packs", "start_tempering"]

_UPDATES_A_STRETCH = 2**27  # of one ladder between two refreshes ...
_STRETCH = (64, 8192)  # ... but no fewer and no more sweeps than these
_UPDATES_A_PIECE = 2**23  # of one pack between two looks at interrupts, at the most
_NOWHERE = Keeping()


@dataclass(frozen=True)
class Schedule:
    """Sweeps of burn-in, sweeps of the recorded phase and number of draws, evenly spaced over it."""

    n_burn_in: int
    n_sweeps: int
    n_draws: int = 0

    @property
    def total(self) -> int:
        return self.n_burn_in + self.n_sweeps

    @property
    def draws(self) -> NDArray[np.int64]:
        """Sweep number at each draw, (n_draws,), ascending."""
        return self.n_burn_in + np.arange(1, self.n_draws + 1) * self.n_sweeps // max(self.n_draws, 1)

    def next_stop(self, done: int, longest: int) -> int:
        """Last sweep of the stretch after sweep `done`: a multiple of `longest`, or the end of burn-in."""
        stop = min((done // longest + 1) * longest, self.total)
        return min(stop, self.n_burn_in) if done < self.n_burn_in else stop


@dataclass(frozen=True)
class Rules:
    """How walkers move: everything but the ladder and the schedule."""

    kernel: KernelName = "auto"
    move: Move = Move.HEAT_BATH
    reversible: bool = False
    cluster: str = "none"
    cluster_every: int = 0
    cluster_pace: int = 1
    n_threads: int = 1

    @property
    def copies(self) -> int:
        """Ladders that a replica takes: isoenergetic moves need a partner at the same betas."""
        return 2 if self.cluster == "isoenergetic" else 1


@dataclass(eq=False)
class Pack:
    """Ladders that share words: their walkers, what exchange keeps of them, and draws not yet recorded.

    With isoenergetic cluster moves ladders are replicas and their unrecorded partners in turn.
    """

    walkers: Walkers
    ladders: Ladders
    bonds: BondGraph
    graph: Graph
    betas: NDArray[np.float64]  # of the kernel
    stride: int
    done: int = 0  # sweeps; packs differ where a run was interrupted, or a target reached
    draws: list[NDArray[np.uint64]] = field(default_factory=list)
    arrivals: Arrivals | None = None  # where replicas stop at an energy
    is_exact: bool = True  # energies are of the spins, and not carried along since

    def refresh(self) -> None:
        """Energies, and fields where they are cached, anew from the spins, if these have moved since."""
        if not self.is_exact:
            self.walkers.refresh()
            self.is_exact = True

    @property
    def is_complete(self) -> bool:
        """Whether all of its replicas have arrived where they were to stop."""
        return self.arrivals is not None and self.arrivals.are_complete

    def replica_bits(self) -> NDArray[np.uint64]:
        """Spins of the recorded ladders as bits, (n_betas, replicas of this pack, words)."""
        bits = self.walkers.bits()
        if self.arrivals is not None:
            bits = self.arrivals.settled(bits)
        return bits.reshape(len(self.betas), -1, bits.shape[1])[:, :: self.stride]

    def of_replicas(self, by_lane: NDArray[Any]) -> NDArray[Any]:
        """Values (..., n_betas * n_ladders) of the recorded ladders, (..., n_betas, replicas of this
        pack).
        """
        return by_lane.reshape(*by_lane.shape[:-1], len(self.betas), -1)[..., :: self.stride]

    def evolving(self) -> Arrays:
        """All arrays that a checkpoint holds; energies and cached fields follow from the spins."""
        return {
            "words": self.walkers.words,
            "walker": self.walkers.walker,
            "random": self.walkers.kernel.random,
            "pace": self.bonds.pace,
            "flow": self.bonds.flow,
            **{f"ladders.{name}": array for name, array in self.ladders.evolving().items()},
            **kept_of(self.arrivals),
        }

    def within(self) -> Arrays:
        """What a checkpoint holds besides where the pack was stopped between two refreshes."""
        return {
            "done": np.array(self.done),
            "draws": np.array(self.draws, np.uint64),
            **self.walkers.carried(),
        }

    def go_on(self, within: Arrays) -> None:
        """The inverse of `within`, after everything else was put back."""
        self.done = int(within["done"])
        self.draws = list(within["draws"])
        for name, array in self.walkers.carried().items():
            array[:] = within[name]
        self.is_exact = False


@dataclass(frozen=True)
class Progress:
    """How far packs came: sweeps done, status, and walker sweeps per second and seconds of this session."""

    done: int
    status: str
    sweeps_per_second: float
    seconds: float


def start_tempering(
    problem: IsingProblem,
    graph: Graph,
    betas: NDArray[np.float64],
    n_replicas: int,
    seeds: Seeds,
    rules: Rules,
    keeping: Keeping | None = None,
    initial: NDArray[np.int8] | None = None,
    target: float | None = None,
) -> list[Pack]:
    """Packs of ladders at random configurations; betas (n_betas,) in units of 1/energy.

    With `keeping` they have the layout of the work that is to be gone on with; with `initial`, int8 (1 or
    n_betas, n_replicas, N), they start there, partners beside their ladders; with `target`, an energy with
    offset, replicas stop there.

    Raises
    ------
    InputError
        If the kernel asked for cannot sample this problem.
    """
    copies = rules.copies
    columns = ladders_a_pack(
        len(betas),
        n_replicas * copies,
        n_spins=problem.n_spins,
        multispin=uses_multispin(graph, rules.kernel),
        n_threads=rules.n_threads,
        paired=copies == 2,
    )
    if keeping is not None:
        columns = keeping.columns_a_pack(columns)
    grid = Grid(len(betas), n_replicas * copies, columns)
    all_walkers = start_packs(
        problem, graph, grid, seeds, kernel=rules.kernel, move=rules.move, largest_beta=float(betas[-1]),
        initial=initial,
    )  # fmt: skip
    exchange = word_streams(seeds.exchange, grid.n_columns, 1)[:, 0]
    packs = []
    shared = no_bonds(len(betas))
    if rules.cluster_every:
        plan, pace = all_walkers[0].plan, rules.cluster_pace
        shared = bond_graph(graph, plan.row, plan.n_rows, len(betas), rules.cluster, pace)
    for own, walkers in zip(grid.packs(), all_walkers, strict=True):
        walkers.set_betas(np.repeat(betas, own.stop - own.start))
        bonds = shared._replace(pace=shared.pace.copy(), flow=shared.flow.copy())
        ladders = start_ladders(exchange[own], len(betas), len(walkers.walker))
        pack = Pack(walkers, ladders, bonds, graph, betas * graph.unit, copies)
        if target is not None:
            pack.arrivals = on_watch(walkers, target, ladders.watch, len(betas), copies)
        packs.append(pack)
    return packs


def run_packs(
    packs: list[Pack],
    schedule: Schedule,
    rules: Rules,
    *,
    recorder: Recorder | None = None,
    keeping: Keeping = _NOWHERE,
    tell: Callable[..., None] = report_progress,
) -> Progress:
    """Run all packs to the end of the schedule; an interrupt ends the run early, with what there is.

    Parameters
    ----------
    recorder : takes the draws; None: nothing is recorded
    keeping : where unfinished work goes, and what to go on with
    tell : takes the fraction done, and figures, as `qspin.progress.report_progress`
    """
    first = _start(packs) if keeping.stored is None else _restore(keeping.stored, packs, recorder)
    status, done, began = "complete", first, time.perf_counter()
    draws = schedule.draws if recorder is not None else np.zeros(0, np.int64)
    longest = _stretch(packs[0])
    n_lanes = sum(pack.walkers.n_lanes for pack in packs)
    with Crew(rules.n_threads, lambda: keeping.is_last) as crew:
        try:
            while done < schedule.total and not are_complete(packs):
                last = schedule.next_stop(done, longest)
                if done == schedule.n_burn_in and all(p.done == done or p.is_complete for p in packs):
                    _begin_recording(packs, rules, done)
                n_drawn = 0 if recorder is None else recorder.n_draws
                task = partial(
                    _advance,
                    rules=rules,
                    now=done,
                    last=last,
                    draws=draws[n_drawn : np.searchsorted(draws, last, "right")].tolist(),
                    recording=done >= schedule.n_burn_in,
                )
                state = partial(_state, packs, recorder, done)
                crew.work(task, packs, keep=partial(keeping.save, state))
                _collect(packs, recorder)
                done = max(pack.done for pack in packs)
                tell(
                    1.0 if are_complete(packs) else done / schedule.total,
                    best_energy=min(pack.walkers.best_energy for pack in packs),
                    sweeps_per_second=(done - first) * n_lanes / (time.perf_counter() - began),
                )
                if done < schedule.total:
                    keeping.save_if_due(partial(_state, packs, recorder, done))
        except KeyboardInterrupt:
            status = "interrupted"
            _collect(packs, recorder)
    for pack in packs:
        pack.refresh()
    seconds = time.perf_counter() - began
    return Progress(done, status, (done - first) * n_lanes / max(seconds, 1e-9), seconds)


def last_bits(packs: list[Pack]) -> NDArray[np.uint64]:
    """Spins of all replicas where they are now, or have stopped, as bits (n_betas, n_replicas, words)."""
    return np.concatenate([pack.replica_bits() for pack in packs], axis=1)


def _stretch(pack: Pack) -> int:
    """Sweeps between two refreshes: the same however ladders are packed, so that samples do not depend on
    it.
    """
    updates = max(1, pack.walkers.problem.n_spins) * len(pack.betas)
    shortest, longest = _STRETCH
    return int(np.clip(_UPDATES_A_STRETCH / updates, shortest, longest))


def _advance(
    pack: Pack,
    stopped: Callable[[], bool],
    *,
    rules: Rules,
    now: int,
    last: int,
    draws: list[int],
    recording: bool,
) -> None:
    """Run one pack to sweep `last` of the stretch that begins at `now`, keeping the bits at every draw.

    A pack that was stopped within the stretch goes on from there, without a refresh; one whose replicas have
    all arrived does not go on.
    """
    w = pack.walkers
    if pack.is_complete:
        return
    if pack.done == now:
        pack.refresh()
        look(pack.walkers, pack.arrivals, pack.done)
    piece = _piece(pack, rules)
    for k, end in enumerate([*draws, last]):
        while pack.done < end and not pack.is_complete:
            if stopped():
                return
            n_sweeps = min(piece, end - pack.done)
            pack.is_exact = False
            pack.done += temper(
                w.kernel, w.words, w.walker, w.energies, pack.betas, pack.ladders, pack.bonds,
                rules.reversible, rules.cluster_every, recording, pack.done, n_sweeps,
            )  # fmt: skip
            look(pack.walkers, pack.arrivals, pack.done)
        if len(pack.draws) == k < len(draws):
            pack.draws.append(pack.replica_bits())


def _piece(pack: Pack, rules: Rules) -> int:
    """Sweeps between two looks at interrupts; samples do not depend on it."""
    n_lanes, looks = pack.walkers.n_lanes, float(pack.graph.participation.sum())
    lane = sweep_nanoseconds(pack.graph, pack.walkers.plan.name)
    lane += moving_nanoseconds(pack.bonds, looks, rules.cluster_every)
    updates = max(1, pack.walkers.problem.n_spins) * n_lanes
    return max(1, min(_UPDATES_A_PIECE // updates, sweeps_a_piece(lane * n_lanes)))


def _begin_recording(packs: list[Pack], rules: Rules, n_burn_in: int) -> None:
    """The burn-in is over: choose the pace of cluster moves by what they did, and count swaps anew.

    All packs decide together, so that samples do not depend on how ladders are packed.
    """
    if rules.cluster_every and n_burn_in:
        counted, bonds = [pack.ladders for pack in packs], [pack.bonds for pack in packs]
        sweep = sweep_nanoseconds(packs[0].graph, packs[0].walkers.plan.name)
        set_paces(counted, bonds, n_burn_in, rules.cluster_every, sweep, reversible=rules.reversible)
    for pack in packs:
        pack.refresh()
        ladders = pack.ladders
        ladders.attempts[:] = 0
        ladders.accepted[:] = 0
        ladders.origin[:] = pack.walkers.energies[: len(ladders.origin)]


def _collect(packs: list[Pack], recorder: Recorder | None) -> None:
    """Hand over the draws that all packs have reached."""
    if recorder is not None:
        for parts in zip(*(pack.draws for pack in packs), strict=False):
            recorder.record(recorder.n_draws, np.ascontiguousarray(np.concatenate(parts, axis=1)))
    for pack in packs:
        pack.draws.clear()


def _start(packs: list[Pack]) -> int:
    """Sweeps are counted from here."""
    for pack in packs:
        pack.done = 0
    return 0


def _state(packs: list[Pack], recorder: Recorder | None, done: int) -> Arrays:
    """Of a run whose present stretch begins at sweep `done`; packs may be within it."""
    kept = {f"recorder.{name}": array for name, array in (recorder.state() if recorder else {}).items()}
    columns = np.array(packs[0].ladders.random.shape[0])
    for k, pack in enumerate(packs):
        if pack.done > done:
            kept |= {f"within{k}.{name}": array for name, array in pack.within().items()}
    return {"done": np.array(done), "columns_a_pack": columns, **gathered(packs), **kept}


def _restore(stored: Arrays, packs: list[Pack], recorder: Recorder | None) -> int:
    """Put everything back; returns the sweep at which the stretch begins."""
    put_back(stored, packs)
    for k, pack in enumerate(packs):
        pack.done = int(stored["done"])
        if f"within{k}.done" in stored:
            pack.go_on({name: stored[f"within{k}.{name}"] for name in pack.within()})
    if recorder is not None:
        prefix = "recorder."
        recorder.restore(
            {n.removeprefix(prefix): array for n, array in stored.items() if n.startswith(prefix)}
        )
    return int(stored["done"])
