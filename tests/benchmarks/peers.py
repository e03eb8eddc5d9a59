"""Whom qspin is compared with: how each is asked for so many sweeps, and what a sweep of it attempts.

Everything runs on one thread; `make bench` sees to that. A rate is the difference between a long and a short
run, so that what a call costs whatever its length cancels out.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import qspin
from qspin import IsingProblem

BETAS = np.geomspace(0.1, 3.0, 32)
READS = 16


@dataclass(frozen=True)
class Contender:
    """`run(n_sweeps)` attempts `updates` spin updates a sweep."""

    run: Callable[[int], object]
    updates: int

    def seconds(self, n_sweeps: int) -> float:
        start = time.perf_counter()
        self.run(n_sweeps)
        return time.perf_counter() - start

    def rate(self, n_sweeps: int, rounds: int = 5) -> float:
        """Attempted spin updates per second: the median over rounds of (long - short) runs."""
        self.run(max(1, n_sweeps // 10))
        short = max(1, n_sweeps // 5)
        return statistics.median(
            self.updates * (n_sweeps - short) / (self.seconds(n_sweeps) - self.seconds(short))
            for _ in range(rounds)
        )


def ours(problem: IsingProblem, n_replicas: int = 2, n_threads: int = 1) -> Contender:
    def run(n_sweeps: int) -> object:
        sampler = qspin.get_backend(
            "tempering",
            betas=BETAS,
            n_replicas=n_replicas,
            n_burn_in=0,
            n_sweeps=n_sweeps,
            n_draws=1,
            n_threads=n_threads,
        )
        return sampler.sample(problem, seed=1)

    return Contender(run, problem.n_spins * len(BETAS) * n_replicas)


def dwave_annealer(problem: IsingProblem) -> Contender:
    from dwave.samplers import SimulatedAnnealingSampler

    bqm, sampler = problem.to_bqm(), SimulatedAnnealingSampler()
    return Contender(
        lambda n_sweeps: sampler.sample(
            bqm, num_reads=READS, num_sweeps=n_sweeps, beta_range=[BETAS[0], BETAS[-1]], seed=1
        ),
        problem.n_spins * READS,
    )


def openjij_annealer(problem: IsingProblem) -> Contender:
    import openjij

    bqm, sampler = problem.to_bqm(), openjij.SASampler()
    return Contender(
        lambda n_sweeps: sampler.sample(
            bqm,
            num_reads=READS,
            num_sweeps=n_sweeps,
            beta_min=float(BETAS[0]),
            beta_max=float(BETAS[-1]),
            sparse=problem.is_sparse,
            seed=1,
        ),
        problem.n_spins * READS,
    )


def peapods_tempering(length: int, couplings: str) -> Contender:
    """Parallel tempering on the 3D lattice, with couplings of its own drawing."""
    import peapods

    model = peapods.Ising((length,) * 3, couplings=couplings, temperatures=1 / BETAS[::-1], n_replicas=2)
    return Contender(
        lambda n_sweeps: model.sample(n_sweeps, sweep_mode="gibbs", pt_interval=1, sequential=True),
        length**3 * len(BETAS) * 2,
    )
