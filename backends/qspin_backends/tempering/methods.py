"""From what is asked for and a problem to what was measured, one function a method."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Level, Remark
from qspin_backends.tempering.annealing import Cooling, cool, start_annealing
from qspin_backends.tempering.arrivals import run_until, target_facts, target_remarks, told
from qspin_backends.tempering.asked import Asked
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.diagnosis import diagnose_arrivals, diagnose_ladders, diagnose_populations
from qspin_backends.tempering.exchange import temper
from qspin_backends.tempering.keeping import Keeping
from qspin_backends.tempering.ladder import TunedLadder, annealing_ladder, tuned_ladder
from qspin_backends.tempering.packs import Seeds
from qspin_backends.tempering.population import Resampling, start_populations
from qspin_backends.tempering.recording import Averages, Extra, Recorder, Spins
from qspin_backends.tempering.search import running
from qspin_backends.tempering.tempering import Pack, Rules, Schedule, last_bits, run_packs, start_tempering
from qspin_backends.tempering.walkers import Walkers, run_sweeps
from qspin_backends.tempering.words import expanded

__all__ = ["METHODS", "Method", "Run", "pilot_sweeps"]

_PILOT = (200, 2_000)  # sweeps of the pilot of an automatic ladder: the burn-in, within these


@dataclass(frozen=True)
class Run:
    """What a method gives: samples, variables beside them, and what to say about them.

    Of its `clocks` ``sample`` is that of the walkers alone: neither what came before nor what is made of
    where they were is sampling.
    """

    betas: NDArray[np.float64]
    spins: NDArray[np.int8]
    extra: Extra
    facts: dict[str, Any]
    clocks: dict[str, float]
    remarks: list[Remark] = field(default_factory=list)
    status: str = "complete"


class Method(NamedTuple):
    """One way to sample.

    Parameters
    ----------
    run : of a problem, as kernels see it, from seeds, and on with what is kept
    ladder : that it finds where no betas are given; None: it has no temperatures
    """

    run: Callable[[IsingProblem, Graph, Asked, Rules, Seeds, Keeping], Run]
    ladder: Callable[[IsingProblem, Graph, Asked, Rules, Seeds], TunedLadder] | None


def _temper(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, seeds: Seeds, keeping: Keeping
) -> Run:
    began = time.perf_counter()
    betas, facts = _tuned(problem, graph, asked, rules, seeds)
    packs = start_tempering(
        problem, graph, betas, asked.n_replicas, seeds, rules, keeping, asked.initial, asked.target
    )
    schedule = Schedule(asked.n_burn_in, asked.n_sweeps, asked.n_draws(len(betas), problem.n_spins))
    recorder = _recorder(problem, len(betas), asked, schedule)
    prepared = time.perf_counter()
    _compile_tempering(packs[0], rules.reversible, rules.cluster_every)
    clocks = {"prepare": prepared - began, "compile": time.perf_counter() - prepared}
    progress = run_packs(packs, schedule, rules, recorder=recorder, keeping=keeping)
    clocks["sample"] = progress.seconds
    if recorder is None:
        spins, extra = expanded(last_bits(packs), problem.n_spins), Extra()
        measured, found, remarks = diagnose_arrivals(packs, asked, schedule, progress)
    else:
        spins, extra = recorder.result(last_bits(packs))
        measured, found, remarks = diagnose_ladders(packs, betas, schedule, progress)
    if recorder is not None and progress.status == "interrupted" and not recorder.n_draws:
        text = "interrupted before the first draw: the configurations are those at the time, not equilibrated"
        remarks.append(Remark("no-draw", text, Level.SERIOUS))
    facts |= _kernel_facts([pack.walkers for pack in packs]) | found
    return Run(betas, spins, {**measured, **extra}, facts, clocks, remarks, progress.status)


def _recorder(problem: IsingProblem, n_betas: int, asked: Asked, schedule: Schedule) -> Recorder | None:
    """What takes the draws; None where replicas stop at an energy, and keep where they were then."""
    if asked.target is not None:
        return None
    if asked.is_averaged:
        return Averages(problem, n_betas, asked.n_replicas)
    return Spins(n_betas, asked.n_replicas, schedule.n_draws, problem.n_spins)


def _anneal(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, seeds: Seeds, keeping: Keeping
) -> Run:
    began = time.perf_counter()
    betas = annealing_ladder(graph, asked.n_sweeps) if asked.betas is None else asked.betas
    packs = start_annealing(
        problem, graph, float(betas[-1]), asked.n_replicas, seeds, rules, keeping, asked.initial, asked.target
    )
    clocks = _compiled(packs, began)
    progress = cool(packs, betas, asked.n_sweeps, rules, keeping=keeping, graph=graph)
    clocks["sample"] = progress.seconds
    arrived = min(len(pack.kept) for pack in packs)
    bits = np.concatenate([np.array(pack.kept[:arrived] or [pack.bits()]) for pack in packs], axis=1)
    if asked.target is not None and progress.status == "interrupted":
        bits[-1] = np.concatenate([pack.bits() for pack in packs])
    facts = _kernel_facts([pack.walkers for pack in packs]) | {
        "sweeps_per_second": progress.sweeps_per_second
    }
    remark = Remark(
        "cooled-once",
        "each beta was passed once, at a finite speed of cooling: the spins may lag behind equilibrium",
    )
    extra, stopped, remarks = told([p.arrivals for p in packs], problem, asked.target, asked.n_sweeps)
    betas = betas[: len(bits)]
    if asked.only_coldest:
        bits, betas = bits[-1:], betas[-1:]
    spins = expanded(bits, problem.n_spins)
    return Run(betas, spins, extra, facts | stopped, clocks, [remark, *remarks], progress.status)


def _populate(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, seeds: Seeds, keeping: Keeping
) -> Run:
    began = time.perf_counter()
    betas, facts = _tuned(problem, graph, asked, rules, seeds)
    n_draws = asked.n_draws(len(betas), problem.n_spins)
    packs = start_populations(problem, graph, betas, asked.n_replicas, asked.n_population, seeds, rules)
    clocks = _compiled(packs, began)
    progress = cool(
        packs, betas, asked.n_sweeps, rules, keeping=keeping, graph=graph, arrive=Resampling(betas)
    )
    clocks["sample"] = progress.seconds
    arrived = min(len(pack.kept) for pack in packs)
    chosen = np.arange(n_draws) * asked.n_population // n_draws
    kept = np.array([pack.kept[:arrived] or [pack.walkers.bits()] for pack in packs])[:, :, chosen]
    n_replicas, n_betas, n_draws, _ = kept.shape
    flat = kept.swapaxes(0, 1).reshape(n_betas, n_replicas * n_draws, -1)
    spins = expanded(flat, problem.n_spins).reshape(n_betas, n_replicas, n_draws, problem.n_spins)
    measured, remarks = diagnose_populations(packs, betas[:n_betas], problem)
    facts |= _kernel_facts([pack.walkers for pack in packs]) | {
        "sweeps_per_second": progress.sweeps_per_second
    }
    return Run(betas[:n_betas], spins, measured, facts, clocks, remarks, progress.status)


def _search(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, seeds: Seeds, keeping: Keeping
) -> Run:
    began = time.perf_counter()
    rows, aim = running.rows_of(graph), running.aim_of(problem, graph, asked.target)
    n_draws, initial = asked.n_draws(1, problem.n_spins), None if asked.initial is None else asked.initial[0]
    searches = running.start_searches(rows, asked.n_replicas, n_draws, seeds, keeping, initial)
    prepared = time.perf_counter()
    running.compile_rounds(rows, searches, aim)
    clocks = {"prepare": prepared - began, "compile": time.perf_counter() - prepared}
    progress = running.run_searches(
        problem, rows, searches, aim, asked.n_sweeps, rules.n_threads, keeping, graph.unit
    )
    clocks["sample"] = progress.seconds
    spins, extra, remarks = running.found(searches, rows)
    facts: dict[str, Any] = {"kernel": "search", "sweeps_per_second": progress.sweeps_per_second}
    if asked.target is not None:
        sweeps = running.sweeps_to_target(searches, aim)
        extra["sweeps_to_target"] = (("replica",), sweeps)
        facts |= target_facts(sweeps, asked.target, asked.n_sweeps)
        remarks += target_remarks(problem, asked.target, sweeps)
    return Run(np.array([np.nan]), spins, extra, facts, clocks, remarks, progress.status)


def _tuned(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, seeds: Seeds
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """The ladder, and what there is to say of an automatic one."""
    if asked.betas is not None:
        return asked.betas, {}
    ladder = _pilot_ladder(problem, graph, asked, rules, seeds)
    return ladder.betas, {"ladder": ladder.facts()}


def pilot_sweeps(n_burn_in: int) -> int:
    """Sweeps of the pilot of an automatic ladder."""
    return int(np.clip(n_burn_in, *_PILOT))


def _pilot_ladder(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, seeds: Seeds
) -> TunedLadder:
    return tuned_ladder(problem, graph, seeds, rules, pilot_sweeps(asked.n_burn_in))


def _cooling_ladder(
    problem: IsingProblem, graph: Graph, asked: Asked, rules: Rules, seeds: Seeds
) -> TunedLadder:
    return TunedLadder(annealing_ladder(graph, asked.n_sweeps), 0.0)


METHODS = {
    "tempering": Method(_temper, _pilot_ladder),
    "annealing": Method(_anneal, _cooling_ladder),
    "population": Method(_populate, _pilot_ladder),
    "search": Method(_search, None),
}


def _kernel_facts(walkers: list[Walkers]) -> dict[str, Any]:
    first = walkers[0]
    real = getattr(first.plan, "real", np.float32)
    return {
        "kernel": first.plan.name,
        "precision": "integer" if first.plan.name == "multispin" else np.dtype(real).name,
        "energy_drift": max(w.drift for w in walkers) * first.unit,
    }


def _compile_tempering(pack: Pack, reversible: bool, cluster_every: int) -> None:
    """Compile the kernels, or load them from Numba's cache, by running no sweep."""
    w = pack.walkers
    temper(
        w.kernel, w.words, w.walker, w.energies, pack.betas, pack.ladders, pack.bonds,
        reversible, cluster_every, False, 0, 0,
    )  # fmt: skip


def _compiled(packs: list[Cooling], began: float) -> dict[str, float]:
    """The same for walkers that are cooled; seconds since `began` that were not compiling, and that were."""
    prepared = time.perf_counter()
    w, arrivals = packs[0].walkers, packs[0].arrivals
    run_sweeps(w.kernel, w.words, w.walker, w.energies, 0)
    if arrivals is not None:
        run_until(w.kernel, w.words, w.walker, w.energies, 0, arrivals.watch)
    return {"prepare": prepared - began, "compile": time.perf_counter() - prepared}
