"""Attempted spin updates per second, in one run: on one thread each, and on all cores of a socket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from peers import BETAS, dwave_annealer, openjij_annealer, ours, peapods_tempering

from qspin import instances

GAUSSIAN = "3D Gaussian, L = 10"
BIMODAL = "3D ±J, L = 10"
MANY = "3D ±J, 64 replicas"
SK = "SK, N = 1000"
SK_LARGE = "SK, N = 4000"


def lattice(couplings):
    return instances.edwards_anderson((10, 10, 10), couplings=couplings, seed=5)


def glass(n_spins):
    return instances.sherrington_kirkpatrick(n_spins, seed=5)


# case, contender, how it is made, sweeps of the long run
CASES = [
    (GAUSSIAN, "qspin", lambda: ours(lattice("gaussian")), 4_000),
    (GAUSSIAN, "dwave-samplers", lambda: dwave_annealer(lattice("gaussian")), 400),
    (GAUSSIAN, "OpenJij", lambda: openjij_annealer(lattice("gaussian")), 400),
    (GAUSSIAN, "peapods", lambda: peapods_tempering(10, "gaussian"), 400),
    (BIMODAL, "qspin", lambda: ours(lattice("bimodal")), 10_000),
    (BIMODAL, "dwave-samplers", lambda: dwave_annealer(lattice("bimodal")), 400),
    (BIMODAL, "OpenJij", lambda: openjij_annealer(lattice("bimodal")), 400),
    (BIMODAL, "peapods", lambda: peapods_tempering(10, "bimodal"), 400),
    (MANY, "qspin", lambda: ours(lattice("bimodal"), n_replicas=64), 500),
    (MANY, "dwave-samplers", lambda: dwave_annealer(lattice("bimodal")), 400),
    (SK, "qspin", lambda: ours(glass(1_000)), 200),
    (SK, "dwave-samplers", lambda: dwave_annealer(glass(1_000)), 50),
    (SK, "OpenJij", lambda: openjij_annealer(glass(1_000)), 50),
    (SK_LARGE, "qspin", lambda: ours(glass(4_000)), 30),
]


@pytest.mark.parametrize(("case", "contender", "make", "n_sweeps"), CASES, ids=lambda value: str(value)[:22])
def test_updates(benchmark, report_rate, case, contender, make, n_sweeps):
    made = make()
    report_rate(case, contender, made.rate(n_sweeps))
    benchmark.pedantic(made.run, args=(n_sweeps,), rounds=3)


def test_scaling_of_the_dense_kernel(benchmark, remark):
    """Updates per second times N, N = 4000 over N = 1000, measured in turn: 1 if memory costs nothing."""
    small, large = ours(glass(1_000)), ours(glass(4_000))
    ratios = sorted(large.rate(24, 1) * 4 / small.rate(200, 1) for _ in range(5))
    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    remark(f"dense kernel, updates/s x N at N = 4000 over N = 1000: {ratios[2]:.2f} {spread}")
    benchmark.pedantic(large.run, args=(5,), rounds=1)


@pytest.mark.parametrize("case", [GAUSSIAN, BIMODAL, SK])
def test_two_threads(benchmark, remark, case):
    """Rate of two threads over one, 32 betas x 8 replicas, in turn."""
    problem = {GAUSSIAN: lattice("gaussian"), BIMODAL: lattice("bimodal"), SK: glass(1_000)}[case]
    one, two = (ours(problem, n_replicas=8, n_threads=n) for n in (1, 2))
    n_sweeps = {GAUSSIAN: 4_000, BIMODAL: 10_000, SK: 200}[case]
    ratios = sorted(two.rate(n_sweeps, 1) / one.rate(n_sweeps, 1) for _ in range(5))
    remark(f"two threads over one, {case}: {ratios[2]:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    benchmark.pedantic(two.run, args=(n_sweeps // 10,), rounds=1)


def cores_of_a_socket() -> int:
    """Processors that this process may use, on the first of the sockets that they belong to."""
    place = "/sys/devices/system/cpu/cpu{}/topology/physical_package_id"
    usable = sorted(os.sched_getaffinity(0))
    sockets = [Path(place.format(k)).read_text() for k in usable if Path(place.format(k)).exists()]
    return sockets.count(sockets[0]) if sockets else len(usable)


@pytest.mark.parametrize("case", [GAUSSIAN, MANY, SK])
def test_a_socket(benchmark, remark, case):
    """Rate of as many threads as a socket has cores, each with full words."""
    n_threads = cores_of_a_socket()
    problem = {GAUSSIAN: lattice("gaussian"), MANY: lattice("bimodal"), SK: glass(1_000)}[case]
    lanes = 8 * 64 if case == MANY else 64
    n_sweeps = {GAUSSIAN: 2_000, MANY: 500, SK: 200}[case]
    replicas = lanes // len(BETAS) * max(n_threads, 4)  # four packs are the fewest with so many lanes
    socket = ours(problem, n_replicas=replicas, n_threads=n_threads)
    remark(f"a socket of {n_threads} cores, {case}: {socket.rate(n_sweeps, 3):.3g} updates/s")
    benchmark.pedantic(socket.run, args=(max(1, n_sweeps // 10),), rounds=1)
