"""What cluster moves of bonds bring: round trips, and processor time to the known optima, on one thread.

All contenders have the same ladder, the automatic one. Round trips are those of the recorded phase and the
burn-in, per second of the processor. Time to optimum is that of a run whose replicas stop at it, over the
number of them that got there, summed over seeds: nothing but the cluster moves differs between contenders.
"""

from __future__ import annotations

import time

import pytest
from bench_time_to_solution import INSTANCES, OPTIMA, target

import qspin
from qspin.registry import get_source
from qspin.testing.source import prepared_for

SECONDS = 3.0  # of a run
SEEDS = range(3)
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
    """Sweeps that take about `SECONDS` without cluster moves; and everything is compiled."""
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


@pytest.mark.parametrize("name", OPTIMA)
def test_time_to_optimum(benchmark, remark, name):
    problem = instance(name)
    settings = {"betas": ladder(problem), "target_energy": target(problem, name), "n_draws": None}
    n_sweeps = affordable(problem, **settings)
    parts, seconds = [], []
    for cluster in ("none", "auto"):
        runs = [run(problem, {**settings, "cluster": cluster}, n_sweeps, seed) for seed in SEEDS]
        arrived = sum(int(samples.dataset["sweeps_to_target"].notnull().sum()) for samples, _ in runs)
        seconds.append(sum(spent for _, spent in runs) / max(arrived, 1))
        parts.append(
            f"{cluster} {'' if arrived else 'over '}{seconds[-1]:.3g} s ({arrived} of {4 * len(SEEDS)})"
        )
    ratio = f"{seconds[0] / seconds[1]:.2g} times faster"
    remark(f"{name}: processor seconds a replica to the optimum: {', '.join(parts)}; {ratio}")
    benchmark.pedantic(run, args=(problem, {"betas": settings["betas"]}, 200, 0), rounds=1)
