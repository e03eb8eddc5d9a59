"""Time to the known optimum with 99 % probability, on the public instances, on one thread.

TTS = (seconds a read) ln(0.01) / ln(1 - p), at least one read, p being the share of reads that end at the
optimum. Every optimiser is given its best setting and its best length of run on each instance: all of them
are tried for a moment, then the best ones anew and for longer, and only that second time counts. The time of
a call is the wall time of the public interface, everything included, divided by the number of reads in it.

Where an optimiser had fewer than three successes, what is excluded at 95 % is given: a lower bound, and said
to be one. The virtual best of the peers is the best of them on each instance, a bound where that is least.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from optimisers import OPTIMISERS, PEERS, Optimiser
from scipy import stats

import qspin

INSTANCES = Path(__file__).resolve().parents[3] / "shared" / "instances"
OPTIMA = {  # energies of the stated optima
    "t3g5_5555.rudy": ("cut", 10933215),
    "t2g10_5555.rudy": ("cut", 6049461),
    "ising2.5-100_5555.rudy": ("cut", 2460049),
    "G1.rudy": ("cut", 11624),
    "G11.rudy": ("cut", 564),
    "G14.rudy": ("cut", 3064),
    "t3g7_5555.rudy": ("cut", 28302918),
    "t2g15_5555.rudy": ("cut", 15051133),
    "t2g20_5555.rudy": ("cut", 24838942),
    "ising2.5-200_5555.rudy": ("cut", 6294701),
    "ising3.0-150_5555.rudy": ("cut", 4279261),
    "ising3.0-200_5555.rudy": ("cut", 6215531),
    "torus2d_8x8_00000000.coo": ("energy per spin", -1.41666596),
    "torus2d_8x8_00000001.coo": ("energy per spin", -1.22281547),
    "torus2d_8x8_00000002.coo": ("energy per spin", -1.34614977),
    "wishart_n50_alpha0.50_1.coo": ("energy", -1534000),
}
QUICK = ("t2g10_5555.rudy", "ising2.5-100_5555.rudy", "G11.rudy", "torus2d_8x8_00000000.coo")


def target(problem, name):
    quantity, value = OPTIMA[name]
    return {
        "cut": problem.edges.couplings.sum() - 2 * value,
        "energy per spin": (value + 2e-6) * problem.n_spins,
        "energy": value,
    }[quantity] + 1e-6


def loaded(name):
    if not (INSTANCES / name).is_file():
        pytest.skip(f"instance {name} is not beside this checkout (../shared/instances)")
    problem = qspin.read_problem(INSTANCES / name)
    return problem, target(problem, name)


@dataclass(frozen=True)
class Effort:
    """Seconds for a first look at each setting and length, and for all that are looked at again."""

    look: float
    measure: float
    n_measured: int = 3


class Found(NamedTuple):
    """Seconds to the optimum with 99 %, whether that is a lower bound, and by what it was reached."""

    seconds: float
    is_bound: bool
    length: int
    settings: dict

    def __str__(self):
        return f"{'over ' if self.is_bound else ''}{self.seconds:.3g} s"


@dataclass
class Trial:
    """Reads of one setting and length: their time, and how many ended at the optimum."""

    settings: dict
    length: int
    reads: int = 0
    hits: int = 0
    spent: float = 0.0

    @property
    def a_read(self):
        return self.spent / max(self.reads, 1)

    @property
    def estimate(self):
        """Of the time to solution; infinite without a success."""
        if not self.hits:
            return np.inf
        p = self.hits / self.reads
        return self.a_read * (1.0 if p == 1 else max(1.0, np.log(0.01) / np.log1p(-p)))

    @property
    def excluded(self):
        """The time that the upper limit (95 %) of the success rate would need."""
        most = stats.chi2.ppf(0.95, 2 * (self.hits + 1)) / 2  # of a Poisson mean, after so many successes
        return self.spent * -np.log(0.01) / most

    def go_on(self, run, energies, goal, n_reads, seed):
        start = time.perf_counter()
        answer = run(self.length, n_reads, seed)
        self.spent += time.perf_counter() - start
        found = energies(answer)
        self.reads += len(found)
        self.hits += int((found <= goal).sum())


def _reads(optimiser, a_read, seconds):
    """In one call, that it takes no longer than `seconds`."""
    return int(np.clip(seconds / max(a_read, 1e-9), 1, optimiser.most_reads))


def _first_look(optimiser: Optimiser, problem, goal, effort):
    """A trial of each setting and length that can still be the best, and what runs it."""
    for settings in optimiser.settings:
        run, energies = optimiser.prepare(problem, **settings)
        run(optimiser.lengths[0], 2, 0)  # whatever has to be compiled or loaded
        a_read, before, best = 0.0, optimiser.lengths[0], np.inf
        for length in optimiser.lengths:
            expected = a_read * length / before
            if expected > min(effort.measure / 2, best):
                break
            trial = Trial(settings, length)
            trial.go_on(run, energies, goal, _reads(optimiser, expected, effort.look), 1)
            if trial.spent < effort.look / 2:
                trial.go_on(run, energies, goal, _reads(optimiser, trial.a_read, effort.look / 2), 2)
            a_read, before, best = trial.a_read, length, min(best, trial.estimate)
            yield trial, run, energies


def time_to_solution(optimiser, problem, goal, effort):
    """What the best of the settings and lengths needs."""
    looked = list(_first_look(optimiser, problem, goal, effort))
    looked.sort(key=lambda entry: (entry[0].estimate, -entry[0].a_read))
    measured = []
    for trial, run, energies in looked[: effort.n_measured]:
        again = Trial(trial.settings, trial.length)
        for seed in range(100, 10_000):
            n_reads = _reads(optimiser, trial.a_read, effort.measure / effort.n_measured / 4)
            again.go_on(run, energies, goal, n_reads, seed)
            if again.spent > effort.measure / effort.n_measured:
                break
        measured.append(again)
    solved = [trial for trial in measured if trial.hits >= 3]
    best = min(solved or measured, key=lambda trial: trial.estimate if solved else trial.excluded)
    return Found(best.estimate if solved else best.excluded, not solved, best.length, best.settings)


@pytest.fixture(scope="module")
def effort(request):
    return Effort(0.1, 2.0) if request.config.getoption("--quick") else Effort(0.15, 4.0)


_ratios: dict[str, tuple[float, bool]] = {}


@pytest.mark.parametrize("name", OPTIMA)
def test_time_to_the_known_optimum(request, benchmark, remark, effort, name):
    if request.config.getoption("--quick") and name not in QUICK:
        pytest.skip(f"{name} is not among the few instances of --quick")
    problem, goal = loaded(name)
    found = {who: time_to_solution(OPTIMISERS[who], problem, goal, effort) for who in OPTIMISERS}
    ours = found["search"]
    best = min(PEERS, key=lambda who: found[who].seconds)
    ratio = found[best].seconds / ours.seconds
    _ratios[name] = (ratio, found[best].is_bound)
    parts = [
        f"{who} {each} ({each.length} {OPTIMISERS[who].unit}"
        + "".join(f", {key} {value}" for key, value in each.settings.items())
        + ")"
        for who, each in found.items()
    ]
    over = "over " if found[best].is_bound else ""
    remark(f"{name}: {', '.join(parts)}; {over}{ratio:.3g} times faster than the best peer, {best}")
    run, _ = OPTIMISERS["search"].prepare(problem)
    benchmark.pedantic(run, args=(ours.length, 8, 0), rounds=1)
    assert not ours.is_bound, f"{name} was not solved by method 'search'"


def test_mean_over_instances(benchmark, remark):
    benchmark.pedantic(lambda: None, rounds=1)
    if _ratios:
        ratios = np.array([ratio for ratio, _ in _ratios.values()])
        bounds = sum(bound for _, bound in _ratios.values())
        mean = float(np.exp(np.log(ratios).mean()))
        note = f", of which {bounds} are lower bounds" if bounds else ""
        remark(
            f"virtual best of the peers over search, geometric mean over {len(ratios)} instances{note}: "
            f"{mean:.3g}"
        )


@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimum_by_default(benchmark, remark, name):
    """Method `search` as it is, on two threads; where it misses the optimum, with ten times the sweeps."""
    problem, goal = loaded(name)
    start, hits, n_sweeps = time.perf_counter(), 0, 1_000
    while not hits and time.perf_counter() - start < 60:
        n_sweeps *= 10
        sampler = qspin.get_backend("tempering", method="search", n_threads=2, n_sweeps=n_sweeps)
        energies = sampler.sample(problem, seed=1).energies.values.min(axis=(0, 2))
        hits = int((energies <= goal).sum())
    remark(
        f"{name}, search by default, two threads: {hits} of {len(energies)} searches of {n_sweeps} sweeps "
        f"found the optimum, after {time.perf_counter() - start:.3g} s in all"
    )
    benchmark.pedantic(lambda: None, rounds=1)
    assert hits, f"{name} was not solved by default"
