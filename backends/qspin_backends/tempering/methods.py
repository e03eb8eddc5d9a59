"""From settings and a problem to what was measured, one function a method."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Checkpoint, Level, Remark, deciding_settings, run_info
from qspin_backends.tempering.annealing import cool, start_annealing
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.diagnosis import diagnose_ladders, diagnose_populations
from qspin_backends.tempering.exchange import temper
from qspin_backends.tempering.keeping import Keeping
from qspin_backends.tempering.ladder import TunedLadder, annealing_ladder, tuned_ladder
from qspin_backends.tempering.packs import Seeds
from qspin_backends.tempering.population import Resampling, start_populations
from qspin_backends.tempering.recording import Averages, Extra, Recorder, Spins
from qspin_backends.tempering.tempering import Pack, Schedule, last_bits, run_packs, start_tempering
from qspin_backends.tempering.walkers import Walkers, run_sweeps
from qspin_backends.tempering.words import expanded

if TYPE_CHECKING:
    from qspin_backends.tempering.sampler import Tempering

__all__ = ["METHODS", "Run", "own_ladder"]

_PILOT = (200, 2_000)  # sweeps of the pilot of an automatic ladder: the burn-in, within these


@dataclass(frozen=True)
class Run:
    """What a method gives: samples, variables beside them, and what to say about them."""

    betas: NDArray[np.float64]
    spins: NDArray[np.int8]
    extra: Extra
    facts: dict[str, Any]
    clocks: dict[str, float]
    remarks: list[Remark] = field(default_factory=list)
    status: str = "complete"


def _temper(
    given: Tempering, problem: IsingProblem, graph: Graph, seed: int, checkpoint: Checkpoint | None
) -> Run:
    began = time.perf_counter()
    keeping = Keeping.at(checkpoint, _identity(given, problem, seed))
    seeds, rules = Seeds.of(seed), given.rules()
    betas, facts = _tuned(given, problem, graph, seeds)
    packs = start_tempering(problem, graph, betas, given.n_replicas, seeds, rules, keeping)
    schedule = Schedule(given.n_burn_in, given.n_sweeps, given.draws(len(betas), problem.n_spins))
    recorder: Recorder = (
        Averages(problem, len(betas), given.n_replicas)
        if given.store == "statistics"
        else Spins(len(betas), given.n_replicas, schedule.n_draws, problem.n_spins)
    )
    prepared = time.perf_counter()
    _compile_tempering(packs[0], rules.reversible, rules.cluster_every)
    clocks = {"prepare": prepared - began, "compile": time.perf_counter() - prepared}
    progress = run_packs(packs, schedule, rules, recorder=recorder, keeping=keeping)
    spins, extra = recorder.result(last_bits(packs))
    measured, found, remarks = diagnose_ladders(packs, betas, schedule, progress)
    if progress.status == "interrupted" and not recorder.n_draws:
        text = "interrupted before the first draw: the configurations are those at the time, not equilibrated"
        remarks.append(Remark("no-draw", text, Level.SERIOUS))
    facts |= _kernel_facts([pack.walkers for pack in packs]) | found
    return Run(betas, spins, {**measured, **extra}, facts, clocks, remarks, progress.status)


def _anneal(
    given: Tempering, problem: IsingProblem, graph: Graph, seed: int, checkpoint: Checkpoint | None
) -> Run:
    began = time.perf_counter()
    keeping = Keeping.at(checkpoint, _identity(given, problem, seed))
    seeds, rules = Seeds.of(seed), given.rules()
    betas = own_ladder(given, problem, graph, seeds).betas if given.betas == "auto" else np.array(given.betas)
    packs = start_annealing(problem, graph, float(betas[-1]), given.n_replicas, seeds, rules, keeping)
    prepared = time.perf_counter()
    _compile_sweeps(packs[0].walkers)
    clocks = {"prepare": prepared - began, "compile": time.perf_counter() - prepared}
    progress = cool(packs, betas, given.n_sweeps, rules, keeping=keeping)
    arrived = min(len(pack.kept) for pack in packs)
    bits = np.concatenate([np.array(pack.kept[:arrived] or [pack.walkers.bits()]) for pack in packs], axis=1)
    facts = _kernel_facts([pack.walkers for pack in packs]) | {
        "sweeps_per_second": progress.sweeps_per_second
    }
    remark = Remark(
        "cooled-once",
        "each beta was passed once, at a finite speed of cooling: the spins may lag behind equilibrium",
    )
    betas = betas[: len(bits)]
    if given.store == "coldest":
        bits, betas = bits[-1:], betas[-1:]
    return Run(
        betas,
        expanded(bits, problem.n_spins),
        {},
        facts,
        clocks,
        [remark],
        progress.status,
    )


def _populate(
    given: Tempering, problem: IsingProblem, graph: Graph, seed: int, checkpoint: Checkpoint | None
) -> Run:
    began = time.perf_counter()
    keeping = Keeping.at(checkpoint, _identity(given, problem, seed))
    seeds, rules = Seeds.of(seed), given.rules()
    betas, facts = _tuned(given, problem, graph, seeds)
    packs = start_populations(problem, graph, betas, given.n_replicas, given.n_population, seeds, rules)
    prepared = time.perf_counter()
    _compile_sweeps(packs[0].walkers)
    clocks = {"prepare": prepared - began, "compile": time.perf_counter() - prepared}
    progress = cool(packs, betas, given.n_sweeps, rules, keeping=keeping, arrive=Resampling(betas))
    arrived = min(len(pack.kept) for pack in packs)
    chosen = np.arange(given.draws(len(betas), problem.n_spins)) * given.n_population
    chosen //= given.draws(len(betas), problem.n_spins)
    kept = np.array([pack.kept[:arrived] or [pack.walkers.bits()] for pack in packs])[:, :, chosen]
    n_replicas, n_betas, n_draws, _ = kept.shape
    flat = kept.swapaxes(0, 1).reshape(n_betas, n_replicas * n_draws, -1)
    spins = expanded(flat, problem.n_spins).reshape(n_betas, n_replicas, n_draws, problem.n_spins)
    measured, remarks = diagnose_populations(packs, betas[:n_betas], problem)
    facts |= _kernel_facts([pack.walkers for pack in packs]) | {
        "sweeps_per_second": progress.sweeps_per_second
    }
    return Run(betas[:n_betas], spins, measured, facts, clocks, remarks, progress.status)


METHODS: dict[str, Callable[[Tempering, IsingProblem, Graph, int, Checkpoint | None], Run]] = {
    "tempering": _temper,
    "annealing": _anneal,
    "population": _populate,
}


def _tuned(
    given: Tempering, problem: IsingProblem, graph: Graph, seeds: Seeds
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """The ladder, and what there is to say of an automatic one."""
    if given.betas != "auto":
        return np.array(given.betas), {}
    ladder = own_ladder(given, problem, graph, seeds)
    return ladder.betas, {"ladder": ladder.facts()}


def own_ladder(given: Tempering, problem: IsingProblem, graph: Graph, seeds: Seeds) -> TunedLadder:
    """The one that ``betas: auto`` finds for a problem."""
    if given.method == "annealing":
        return TunedLadder(annealing_ladder(graph, given.n_sweeps), 0.0)
    return tuned_ladder(problem, graph, seeds, given.rules(), int(np.clip(given.n_burn_in, *_PILOT)))


def _identity(given: Tempering, problem: IsingProblem, seed: int) -> dict[str, Any]:
    """What a checkpoint belongs to: everything that samples depend on."""
    info = run_info(given, seed)
    versions = {name: info["versions"].get(name) for name in ("qspin", "numpy", "numba")}
    return {
        "backend": info["backend"],
        "problem": problem.digest,
        "seed": seed,
        "settings": deciding_settings(given),
        "versions": versions,
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


def _compile_sweeps(walkers: Walkers) -> None:
    run_sweeps(walkers.kernel, walkers.words, walkers.walker, walkers.energies, 0)
