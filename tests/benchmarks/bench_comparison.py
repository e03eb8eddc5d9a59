"""Overlaps of many replicas against a NumPy loop; how often tests accept and reject; P(q) and triangles of
SK.
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

import qspin
from qspin.analysis import (
    effective_temperature,
    independent_configurations,
    overlap_distribution,
    same_ensemble,
    ultrametricity,
)
from qspin.theory import square_lattice

LARGE = """
import resource, time
import numpy as np, qspin
from qspin.analysis import overlap_curve, overlap_distribution
rng = np.random.default_rng(0)
bits = rng.integers(0, 2, size=(1, 256, 1000, 1000), dtype=np.int8)
bits *= 2
bits -= 1
problem = qspin.IsingProblem.from_edges(1000, range(999), range(1, 1000), np.ones(999))
samples = qspin.SampleSet.from_spins(problem, bits, [1.0])
overlap_curve(samples)
start = time.perf_counter()
overlap_curve(samples), overlap_distribution(samples)
taken = time.perf_counter() - start
x = bits[0]
start = time.perf_counter()
for b in range(1, 41):
    (x[0] * x[b]).mean(axis=-1)
loop = (time.perf_counter() - start) / 40 * (256 * 255 // 2)
print(taken, loop, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def test_overlaps_of_many_replicas(benchmark, remark):
    """256 replicas x 1000 draws x 1000 spins, curve and distribution, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    taken, loop, memory = map(float, done.stdout.split())
    remark(
        f"overlap curve and P(q) of 256 x 1000 x 1000: {taken:.2f} s, NumPy loop over pairs {loop:.1f} s "
        f"(twice over for both: {2 * loop / taken:.0f}x); {memory:.2f} GiB at most"
    )
    benchmark.pedantic(lambda: None, rounds=1)


def configurations(problem, temperature, seed):
    betas = [0.3, 0.5, 0.7, 0.85, 1 / temperature]
    sampler = qspin.get_backend(
        "tempering", betas=betas, n_replicas=50, n_burn_in=500, n_sweeps=2_000, n_draws=20
    )
    return independent_configurations(sampler.sample(problem, seed=seed), -1, most=1_000)


def test_same_ensemble(benchmark, remark):
    """SK, N = 64, T = 0.8, up to 1000 configurations a side, 100 seeds; then another temperature, and a
    quench.
    """
    problem = qspin.instances.sherrington_kirkpatrick(64, seed=1)
    accepted = hotter = quenched = 0
    quench = qspin.get_backend("ocean", sampler="dwave.samplers:SteepestDescentSampler", n_reads=1_000)
    start = time.perf_counter()
    for seed in range(100):
        one, two = (configurations(problem, 0.8, s) for s in (2 * seed, 2 * seed + 1))
        accepted += not same_ensemble(one.spins, two.spins, one.energies, two.energies, seed=seed).rejects()
        if seed < 20:
            three = configurations(problem, 0.88, 10_000 + seed)
            hotter += same_ensemble(one.spins, three.spins, one.energies, three.energies, seed=seed).rejects()
            four = independent_configurations(quench.sample(problem, seed=seed), 0, most=1_000)
            quenched += same_ensemble(one.spins, four.spins, one.energies, four.energies, seed=seed).rejects()
    remark(
        f"same ensemble, SK N = 64: two runs accepted in {accepted} of 100; T higher by 10 % rejected in "
        f"{hotter} of 20, a quench in {quenched} of 20 ({time.perf_counter() - start:.0f} s)"
    )
    benchmark.pedantic(lambda: None, rounds=1)


def test_a_shallow_circuit(benchmark, remark):
    """QAOA, p = 1, N = 16, at its own effective temperature: 10 instances."""
    rejected = 0
    for seed in range(10):
        problem = qspin.instances.sherrington_kirkpatrick(16, seed=seed)
        ladder = {"geometric": [0.1, 4, 16]}
        sampler = qspin.get_backend("tempering", betas=ladder, n_replicas=50, n_sweeps=2_000, n_draws=20)
        reference = sampler.sample(problem, seed=seed)
        shots = qspin.get_backend("qaoa", depth=1, n_shots=1_000).sample(problem, seed=seed)
        rejected += qspin.analysis.compare(reference, shots, problem, seed=seed).test.rejects()
    remark(f"QAOA p = 1, N = 16, at its effective temperature: rejected in {rejected} of 10 instances")
    benchmark.pedantic(lambda: None, rounds=1)


def test_effective_temperatures(benchmark, remark):
    problem = qspin.instances.sherrington_kirkpatrick(12, seed=1)
    reference = qspin.get_backend("exact", betas=[0.3, 0.6, 1.0, 1.5, 2.0], n_replicas=4_000).sample(
        problem, seed=0
    )
    inside = 0
    for seed in range(100):
        beta = 0.5 + seed / 100
        samples = qspin.get_backend("exact", betas=[beta], n_replicas=500).sample(problem, seed=seed + 1)
        found = effective_temperature(samples, reference)
        inside += abs(found.beta - beta) < 2 * found.error
    remark(f"effective temperatures of exact samples within 2 standard errors: {inside} of 100")
    benchmark.pedantic(lambda: None, rounds=1)


def test_overlaps_of_spin_glasses(benchmark, remark):
    """P(0) at T = 0.4 for growing N, peaks, and triangles; the square ferromagnet beside it."""
    lines = []
    for n, n_instances in ((64, 24), (128, 16), (256, 8), (512, 6)):
        zero, peaks, detected = [], [], 0
        for seed in range(n_instances):
            problem = qspin.instances.sherrington_kirkpatrick(n, seed=[n, seed])
            sampler = qspin.get_backend(
                "tempering", betas={"geometric": [0.5, 2.5, 16]}, n_replicas=48, n_burn_in=2_000,
                n_sweeps=3_000, n_draws=6,
            )  # fmt: skip
            samples = sampler.sample(problem, seed=seed)
            density = overlap_distribution(samples, bins=20).isel(beta=-1)
            q, p = density["q"].values, density["density"].values
            zero.append(p[np.abs(q) < 0.2].mean())
            peaks.append(abs(q[np.argmax(p + p[::-1])]))
            spins = samples.spins.values[-1, :, [1, 3, 5]].reshape(-1, n)
            detected += ultrametricity(spins, symmetric=True, n_null=19).is_detected
        error = np.std(zero, ddof=1) / np.sqrt(n_instances)
        lines.append(
            f"N = {n}: P(0) = {np.mean(zero):.3f}({error:.3f}), peak at |q| = {np.mean(peaks):.2f}, "
            f"ultrametric in {detected} of {n_instances}"
        )
    square = qspin.instances.lattice_ferromagnet((22, 22))
    betas = [0.4, 0.44, 0.5, 0.55]
    sampler = qspin.get_backend(
        "tempering", betas=betas, n_replicas=48, n_burn_in=2_000, n_sweeps=3_000, n_draws=6
    )
    detected = 0
    for seed in range(6):
        samples = sampler.sample(square, seed=seed)
        for row in (-1, -2):
            spins = samples.spins.values[row, :, [1, 3, 5]].reshape(-1, 484)
            detected += ultrametricity(spins, symmetric=True, n_null=19).is_detected
    density = overlap_distribution(samples, bins=40).isel(beta=-1)
    q, p = density["q"].values, density["density"].values
    m2 = float(square_lattice(1 / betas[-1]).m_abs[0]) ** 2
    remark("SK at T = 0.4: " + "; ".join(lines))
    remark(
        f"square ferromagnet L = 22, T = 1.82 and 2.0: ultrametric in {detected} of 12; P(q) peaks at |q| = "
        f"{abs(q[np.argmax(p)]):.2f} (m^2 = {m2:.2f}), P(0) = {p[np.abs(q) < 0.2].mean():.4f}"
    )
    benchmark.pedantic(lambda: None, rounds=1)
