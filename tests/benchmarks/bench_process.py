"""What a process takes: memory of a million spins, time to the first sample once kernels are compiled."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

FIRST_SAMPLE = """
import numpy as np, qspin
problem = qspin.instances.sherrington_kirkpatrick(100, seed=0)
qspin.get_backend("tempering", betas=np.geomspace(0.1, 3, 16), n_replicas=4, n_sweeps=100).sample(
    problem, seed=0
)
"""
MILLION_SPINS = """
import qspin
problem = qspin.instances.edwards_anderson((100, 100, 100), seed=0)
sampler = qspin.get_backend("tempering", betas=[0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6],
                            n_replicas=2, n_burn_in=5, n_sweeps=10, n_draws=1, n_threads=1)
samples = sampler.sample(problem, seed=0)
print(samples.info["sweeps_per_second"] * problem.n_spins)
"""


def run(code: str) -> tuple[float, str]:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return time.perf_counter() - start, done.stdout


def test_first_sample_of_a_process(benchmark, remark):
    run(FIRST_SAMPLE)
    seconds = [run(FIRST_SAMPLE)[0] for _ in range(5)]
    remark(f"a new process, first sample of 100 spins, kernels cached: {statistics.median(seconds):.2f} s")
    benchmark.pedantic(run, args=(FIRST_SAMPLE,), rounds=1)


def test_memory_of_a_million_spins(benchmark, remark):
    rate = float(benchmark.pedantic(run, args=(MILLION_SPINS,), rounds=1)[1])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # of the largest child, in GiB
    remark(f"10^6 spins (3D, L = 100), 16 lanes: {peak:.2f} GiB, {rate:.3g} updates/s")
