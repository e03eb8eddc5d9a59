"""Memory that samplers say a call takes, against the peak of processes that make the call.

Each call has a process of its own, since a peak is that of a process.
"""

from __future__ import annotations

import gc
import sys

import pytest
from forks import forking

from qspin.registry import get_backend, get_source
from qspin.sampler import workload_of

BASE = 2**25  # bytes that come and go whatever is sampled: blocks, pools, loaded libraries
SK, EA = "sherrington_kirkpatrick", "edwards_anderson"
SMALL = {SK: {"n_spins": 12}, EA: {"shape": [3, 4]}}
THREE = {"betas": [0.5, 1.0, 2.0], "n_burn_in": 10}

CALLS = {
    "draws": (
        "tempering",
        {**THREE, "n_sweeps": 2_000, "n_draws": 2_000, "n_replicas": 20},
        EA,
        {"shape": [30, 30]},
    ),
    "a dense matrix": ("tempering", {**THREE, "n_sweeps": 50, "n_draws": 10}, SK, {"n_spins": 2_000}),
    "averages": (
        "tempering",
        {**THREE, "n_sweeps": 200, "n_draws": 100, "n_replicas": 20, "store": "statistics"},
        EA,
        {"shape": [24, 24, 24]},
    ),
    "populations": (
        "tempering",
        {"method": "population", "betas": [0.2, 0.5, 1.0], "n_sweeps": 30, "n_population": 8_000},
        EA,
        {"shape": [32, 32]},
    ),
    "an enumeration": ("exact", {"betas": [0.5, 1.0]}, SK, {"n_spins": 22}),
    "reads of an annealer": (
        "annealer",
        {"topology": "none", "physics": "thermal", "n_reads": 20_000, "n_sweeps": 2},
        EA,
        {"shape": [16, 16]},
    ),
    "reads of Ocean": (
        "ocean",
        {"n_reads": 40_000, "parameters": {"num_sweeps": 2}},
        EA,
        {"shape": [16, 16]},
    ),
    "shots": ("qaoa", {"n_shots": 100_000}, SK, {"n_spins": 12}),
    "a training": ("qaoa", {"angles": "interp", "n_iterations": 2, "n_shots": 10}, SK, {"n_spins": 20}),
}


def status(name):
    """Of this process, in bytes."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def call(name, told):
    """Make a call of these, and send what was told and what was measured."""
    backend, settings, kind, large = CALLS[name]
    sampler = get_backend(backend, **settings)
    small = get_source(kind, **SMALL[kind]).build({})
    sampler.sample(small, seed=1)  # what is imported and compiled is no part of it
    problem = get_source(kind, **large).build({})
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    base = status("VmRSS")
    samples = sampler.sample(problem, seed=2)
    peak = status("VmHWM") - base
    expected = workload_of(sampler, problem)
    told.send((expected.memory, peak, expected.kept, samples.dataset.nbytes))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("name", CALLS)
def test_it_is_within_a_factor_of_two_beyond_a_base(name):
    receiving, sending = forking().Pipe(duplex=False)
    process = forking().Process(target=call, args=(name, sending))
    process.start()
    sending.close()
    told, measured, kept, nbytes = receiving.recv()
    process.join()
    assert told / 2 - BASE <= measured <= 2 * told + BASE, f"told {told:.3g}, measured {measured:.3g} bytes"
    assert kept / 2 - 2**20 <= nbytes <= 2 * kept + 2**20, f"kept {kept:.3g}, samples {nbytes:.3g} bytes"
