"""What cluster moves of bonds bring: round trips, and processor time to the known optima, on one thread.

All contenders have the same ladder, the automatic one. Round trips are those of the recorded phase and the
burn-in, per second of the processor. Time to optimum is that of runs whose replicas stop at it, over the
number of them that got there: nothing but the cluster moves differs between contenders. Runs of both take
turns, seed by seed, until the logarithm of the ratio of these times is known to `KNOWN` or time is up; the
remark says within which limits the ratio lies, or that too few got there to tell.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np
import pytest
from bench_time_to_solution import INSTANCES, OPTIMA, target

import qspin
from qspin.registry import get_source
from qspin.testing.source import prepared_for

SECONDS = 3.0  # of a run
SEEDS = range(3)
KNOWN = 0.05  # standard error of the logarithm of a ratio of times
MOST_SECONDS, QUICKLY = 60.0, 10.0  # of both contenders on an instance; with --quick
FEWEST_RUNS, FEWEST_ARRIVALS = 4, 8  # of each, for a standard error
REPLICAS = 32  # of a run that is timed to an optimum, so that its beginning counts little
DIGITS = {"dataset": "digits", "layers": [64, 32, 10], "epochs": 100, "batch_size": 64, "seed": 0}
DIGITS_LADDER = {"geometric": [0.1, 3.2, 28]}  # as in configs/digits.yaml


def tempering(**settings):
    return qspin.get_backend(
        "tempering", **{"move": "metropolis", "n_replicas": 4, "n_threads": 1, "n_draws": 1, **settings}
    )


def instance(name):
    if not (INSTANCES / name).is_file():
        pytest.skip(f"instance {name} is not beside this checkout (../shared/instances)")
    return qspin.read_problem(INSTANCES / name)


def digits_twin():
    """Of trained weights, as the configuration of that name."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    source = get_source("mlp", **DIGITS)
    return source.build(prepared_for(source))


def run(problem, settings, n_sweeps, seed):
    """Samples of a compiled run, and its seconds of processor time."""
    sampler = tempering(**settings, n_sweeps=n_sweeps)
    start = time.process_time()
    samples = sampler.sample(problem, seed=seed)
    return samples, time.process_time() - start


def affordable(problem, betas, **settings):
    """Sweeps that take four replicas about `SECONDS` without cluster moves; and everything is compiled."""
    for cluster in ("auto", "none"):
        short = tempering(betas=betas, cluster=cluster, n_sweeps=200, **settings).sample(problem, seed=0)
    return max(1_000, int(SECONDS * short.info["sweeps_per_second"] / 4 / len(short.betas)))


def ladder(problem):
    return tempering(betas="auto").shared([problem], seed=1)["betas"]


@pytest.mark.parametrize("case", ["ising3.0-150_5555.rudy", "digits twin"])
def test_round_trips(benchmark, remark, case):
    is_twin = case == "digits twin"
    problem = digits_twin() if is_twin else instance(case)
    betas = DIGITS_LADDER if is_twin else ladder(problem)
    n_sweeps = affordable(problem, betas)
    parts = []
    for cluster in ("none", "bonds", "auto"):
        runs = [run(problem, {"betas": betas, "cluster": cluster}, n_sweeps, seed) for seed in SEEDS]
        trips = sum(float(samples.dataset["round_trips"].sum()) for samples, _ in runs)
        best = min(samples.best.energy for samples, _ in runs)
        parts.append(f"{cluster} {trips / sum(spent for _, spent in runs):.3g} (lowest energy {best:.9g})")
    remark(f"{case}: round trips per second of the processor: {', '.join(parts)}")
    benchmark.pedantic(run, args=(problem, {"betas": betas}, 200, 0), rounds=1)


class Times(NamedTuple):
    """Processor seconds of runs of one contender, and how many replicas got to the optimum in each."""

    seconds: list[float]
    arrivals: list[int]

    def add(self, problem, settings, n_sweeps, seed):
        samples, spent = run(problem, settings, n_sweeps, seed)
        self.seconds.append(spent)
        self.arrivals.append(int(samples.dataset["sweeps_to_target"].notnull().sum()))

    @property
    def mean(self):
        """Seconds a replica that got there; at the least, where none did."""
        return sum(self.seconds) / max(sum(self.arrivals), 1)

    @property
    def error(self):
        """Standard error of the logarithm of the mean, from how runs scatter; infinite where nobody knows."""
        n = len(self.seconds)
        if n < FEWEST_RUNS or sum(self.arrivals) < FEWEST_ARRIVALS:
            return math.inf
        left = np.array(self.seconds) - self.mean * np.array(self.arrivals)
        return float(np.sqrt((left**2).sum() * n / (n - 1)) / sum(self.seconds))

    def __str__(self):
        over = "" if sum(self.arrivals) else "over "
        return f"{over}{self.mean:.3g} s ({sum(self.arrivals)} of {REPLICAS * len(self.seconds)})"


def compared(none, auto):
    """How much faster `auto` is, with two standard errors; and whether it is known as well as asked for."""
    error = math.hypot(none.error, auto.error)
    if math.isinf(error):
        return "too few got there to tell", False
    ratio = none.mean / auto.mean
    limits = f"{ratio * math.exp(-2 * error):.2f} to {ratio * math.exp(2 * error):.2f}"
    return f"auto is {ratio:.2f} times faster ({limits})", error <= KNOWN


@pytest.mark.parametrize("name", OPTIMA)
def test_time_to_optimum(benchmark, remark, request, name):
    problem = instance(name)
    most = QUICKLY if request.config.getoption("--quick") else MOST_SECONDS
    settings = {
        "betas": ladder(problem), "target_energy": target(problem, name), "n_draws": None,
        "n_replicas": REPLICAS,
    }  # fmt: skip
    n_sweeps = affordable(problem, **settings)
    found = {cluster: Times([], []) for cluster in ("none", "auto")}
    seed, is_known = 0, False
    while not is_known and sum(sum(times.seconds) for times in found.values()) < most:
        for cluster, times in found.items():
            times.add(problem, {**settings, "cluster": cluster}, n_sweeps, seed)
        told, is_known = compared(*found.values())
        seed += 1
    parts = ", ".join(f"{cluster} {times}" for cluster, times in found.items())
    remark(f"{name}: processor seconds a replica to the optimum: {parts}; {told}")
    benchmark.pedantic(run, args=(problem, {"betas": settings["betas"]}, 200, 0), rounds=1)
