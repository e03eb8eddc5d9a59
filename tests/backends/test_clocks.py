"""The clock of sampling is that of sampling alone: neither what comes before nor what follows counts."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

import qspin
from qspin import instances

PROBLEM = instances.edwards_anderson((3, 3), seed=1).clamped({0: 1})
SLOW = 0.5  # seconds, of a call; all else takes a microsecond between two looks at the clock
LADDER = {"betas": [0.5, 1.0], "n_replicas": 2, "n_sweeps": 100, "n_threads": 1}
BACKENDS = {
    "tempering": ("tempering", LADDER),
    "statistics": ("tempering", {**LADDER, "store": "statistics"}),
    "target": ("tempering", {**LADDER, "target_energy": -10.0}),
    "annealing": ("tempering", {**LADDER, "method": "annealing"}),
    "search": ("tempering", {"method": "search", "n_replicas": 2, "n_sweeps": 100, "n_threads": 1}),
    "annealer": ("annealer", {"topology": "none", "n_reads": 2, "n_sweeps": 10}),
    "qaoa": ("qaoa", {"n_shots": 10, "depth": 1}),
    "exact": ("exact", {"betas": [1.0]}),
    "ocean": ("ocean", {"sampler": "dwave.samplers:SteepestDescentSampler", "n_reads": 2}),
}


def slow(monkeypatch, place):
    """As if an import, or a sum over all of the problem, took that long, by a clock of our own."""
    now = [0.0]

    def clock():
        now[0] += 1e-6
        return now[0]

    monkeypatch.setattr(time, "perf_counter", clock)
    module, _, name = place.rpartition(".")
    path = f"qspin_backends.{module}"
    owner = __import__(path, fromlist=["_"])
    real = getattr(owner, name)

    def late(*arguments, **more):
        now[0] += SLOW
        return real(*arguments, **more)

    monkeypatch.setattr(owner, name, late)


@pytest.mark.parametrize(
    ("case", "place"),
    [
        *((case, "tempering.sampler.run_info") for case in ("tempering", "annealing", "search")),
        ("tempering", "tempering.methods.diagnose_ladders"),
        ("statistics", "tempering.methods.diagnose_ladders"),
        ("target", "tempering.arrivals.target_remarks"),
        ("target", "tempering.methods.diagnose_arrivals"),
        ("annealing", "tempering.methods.told"),
        ("search", "tempering.search.running.found"),
        ("annealer", "annealer.sampler.remarks_on"),
        ("annealer", "annealer.sampler.plan"),
        ("annealer", "annealer.pipeline.unembed"),
        ("qaoa", "qaoa.sampler.after_measurement"),
        ("qaoa", "qaoa.sampler.summary"),
        ("exact", "exact.sampler.run_info"),
        ("ocean", "ocean.sampler.run_info"),
    ],
)
def test_sampling_alone_is_counted(case, place, monkeypatch):
    name, settings = BACKENDS[case]
    sampler = qspin.get_backend(name, **settings)
    sampler.sample(PROBLEM, seed=1)  # imports and compiles
    slow(monkeypatch, place)
    assert sampler.sample(PROBLEM, seed=1).info["clocks"]["sample"] < SLOW


def test_what_comes_before_is_preparation(monkeypatch, tmp_path):
    sampler = qspin.get_backend("tempering", **LADDER)
    slow(monkeypatch, "tempering.sampler.run_info")  # of the identity of a checkpoint
    with qspin.checkpointing(tmp_path / "unfinished"):
        samples = sampler.sample(PROBLEM, seed=1)
    assert samples.info["clocks"]["prepare"] >= SLOW
    assert samples.info["clocks"]["sample"] < SLOW


def test_plain_labels_need_no_dimod():
    """Its import takes longer than a small run."""
    text = (
        "import sys\n"
        "from qspin.labels import labels_from_json, labels_to_json\n"
        "for labels in (range(3), (1, 2, 5), ('a', 'b'), ('a', 7)):\n"
        "    assert labels_from_json(labels_to_json(labels)) == labels\n"
        "print('dimod' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
