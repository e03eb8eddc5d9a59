"""What a minor embedding costs: found for the first time and read from the disk; and reads of a device."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
from qspin_backends.annealer.embeddings.search import embed
from qspin_backends.annealer.simulated import Imperfections, Simulated

import qspin

ADVANTAGE2 = Path(__file__).parents[3] / "shared" / "data" / "advantage2_system1.5.json"
CUBE = [(i, i ^ (1 << b)) for i in range(8) for b in range(3) if i < i ^ (1 << b)]
EIGHT = {
    "a glass of all pairs": qspin.instances.sherrington_kirkpatrick(8, seed=1),
    "a ring": qspin.IsingProblem.from_edges(8, range(8), [*range(1, 8), 0], [-1.0] * 8),
    "a cube": qspin.IsingProblem.from_edges(8, *zip(*CUBE, strict=True), [-1.0] * 12),
}
FLAGSHIP = Simulated("zephyr", (12, 4), 1.0, 0, "thermal", 100, 1.0, Imperfections())


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """No embedding on disk, neither of ours nor of minorminer's."""
    monkeypatch.setenv("QSPIN_CACHE_DIR", str(tmp_path / "ours"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "minorminer"))


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def test_a_complete_graph_of_64_spins(benchmark, remark, empty):
    problem = qspin.instances.sherrington_kirkpatrick(64, seed=0)
    hardware = FLAGSHIP.hardware

    def found():
        return embed(problem, hardware, "auto", 0)

    first = seconds(found)
    cached = statistics.median(seconds(found) for _ in range(5))
    remark(f"K_64 in {hardware}: {first:.2f} s, from the disk {cached:.3f} s")
    assert found().cached
    benchmark.pedantic(found, rounds=1)


@pytest.mark.parametrize("name", EIGHT)
def test_copies_of_eight_spins_on_a_recorded_chip(benchmark, remark, empty, name):
    """As many as fit on 4,594 qubits of a Zephyr 12, and what they are worth by the solver's timing model."""
    if not ADVANTAGE2.exists():
        pytest.skip(f"{ADVANTAGE2.name} is not beside this checkout (../shared/data)")

    def told(n_reads, n_copies):
        settings = {"n_copies": n_copies, "n_reads": n_reads, "n_gauges": 1, "solver_file": ADVANTAGE2}
        return qspin.get_backend("annealer", **settings).embedded(EIGHT[name])

    taken = seconds(lambda: told(1_000, "auto"))
    n_copies = told(100_000, "auto")["n_copies"]
    remark(f"{name} of 8 spins on Advantage2_system1.5: {n_copies} copies in {taken:.1f} s")
    for n_anneals in (10, 50, 100, 1_000):
        one, many = told(n_anneals, 1), told(n_anneals * n_copies, n_copies)
        gain = n_copies * one["seconds"] / many["seconds"]
        remark(f"  reads of a second at {n_anneals} anneals: {gain:.0f} times, {gain / n_copies:.0%} of that")
    benchmark.pedantic(told, args=(1_000, "auto"), rounds=1)


def test_reads_of_an_embedded_problem(benchmark, remark, empty):
    problem = qspin.instances.sherrington_kirkpatrick(64, seed=0)
    for physics in ("path_integral", "rotor", "thermal"):
        sampler = qspin.get_backend("annealer", physics=physics, n_reads=20, n_sweeps=100, n_gauges=2)
        sampler.sample(problem, seed=0)
        taken = seconds(lambda: sampler.sample(problem, seed=0))  # noqa: B023
        remark(f"K_64 on Zephyr 12, 20 reads of 100 sweeps, {physics}: {taken:.2f} s")
    benchmark.pedantic(sampler.sample, args=(problem,), kwargs={"seed": 0}, rounds=1)
