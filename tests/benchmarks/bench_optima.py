"""The known optima of the public instances by tempering with ``betas: auto`` and everything else default.

Two threads; runs of more and more sweeps, each from the beginning, until one finds the optimum or takes a
minute. A table tells sweeps, seconds of the run that found it (on this machine with its load, and of its
processors), and what the ladder was.
"""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from bench_time_to_solution import INSTANCES, OPTIMA, target

import qspin

LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
SECONDS = 60.0


@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimum_by_default(remark, name):
    if not (INSTANCES / name).is_file():
        pytest.skip(f"instance {name} is not beside this checkout (../shared/instances)")
    problem = qspin.read_problem(INSTANCES / name)
    goal = target(problem, name)
    spent = 0.0
    for n_sweeps in LENGTHS:
        began, worked = time.perf_counter(), time.process_time()
        samples = qspin.get_backend("tempering", n_sweeps=n_sweeps, n_threads=2).sample(problem, seed=1)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        spent += seconds
        hits = samples.energies.values <= goal
        if hits.any() or seconds * 2 > SECONDS:
            break
    ladder = samples.info["ladder"]
    found = f"in {int(hits.any(axis=(0, 2)).sum())} of {hits.shape[1]} replicas" if hits.any() else "MISSED"
    remark(
        f"{name}: {found}, {n_sweeps} sweeps, {seconds:.1f} s ({worked:.1f} s of processors; with shorter "
        f"runs before it {spent:.1f} s); {len(samples.betas)} betas, cold end by {ladder['cold_end']}, "
        f"{int(samples.dataset['round_trips'].sum())} round trips; load {np.round(os.getloadavg()[0], 1)}"
    )
    assert hits.any()
