"""What a minor embedding costs: found for the first time and read from the disk; and reads of a device."""

from __future__ import annotations

import statistics
import time

import pytest
from qspin_backends.annealer.embeddings.search import embed
from qspin_backends.annealer.simulated import Imperfections, Simulated

import qspin

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


def test_reads_of_an_embedded_problem(benchmark, remark, empty):
    problem = qspin.instances.sherrington_kirkpatrick(64, seed=0)
    for physics in ("path_integral", "rotor", "thermal"):
        sampler = qspin.get_backend("annealer", physics=physics, n_reads=20, n_sweeps=100, n_gauges=2)
        sampler.sample(problem, seed=0)
        taken = seconds(lambda: sampler.sample(problem, seed=0))  # noqa: B023
        remark(f"K_64 on Zephyr 12, 20 reads of 100 sweeps, {physics}: {taken:.2f} s")
    benchmark.pedantic(sampler.sample, args=(problem,), kwargs={"seed": 0}, rounds=1)
