"""A run of 2,000 small instances: memory, and what a task costs beside its sampling and measuring."""

from __future__ import annotations

import json
import subprocess
import sys

RUN = """
import json, resource, sys, tempfile, time
from pathlib import Path

import qspin.engine.actions as actions
from qspin.experiment import RunFolder, run_experiment
from qspin.experiment.config.run_config import config_from_plain
from qspin.measures import base

spent = {"sampling": 0.0, "measuring": 0.0}

def timed(name, function):
    def call(*arguments, **options):
        start = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            spent[name] += time.process_time() - start
    return call

actions.sampled = timed("sampling", actions.sampled)
base.NamedMeasure.measure = timed("measuring", base.NamedMeasure.measure)
config = config_from_plain({
    "schema": 2, "name": "many",
    "problems": {"glass": {"kind": "sherrington_kirkpatrick", "n_spins": 12, "instances": int(sys.argv[1])}},
    "backends": {"tempering": {"name": "tempering", "betas": [0.5, 1.0], "n_replicas": 4, "n_burn_in": 10,
                               "n_sweeps": 100, "n_draws": 20}},
    "studies": {"overlaps": {}, "equilibrium": {}},
})
with tempfile.TemporaryDirectory() as place:
    start = time.process_time()
    folder = run_experiment(config, RunFolder(Path(place) / "run"))
    spent["all"] = time.process_time() - start
spent["tasks"] = len(folder.plan.tasks)
spent["gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps(spent))
"""


def run(n_instances: int) -> dict[str, float]:
    """Seconds of the processor by what they were spent on, number of tasks, and GiB, in a new process."""
    command = [sys.executable, "-c", RUN, str(n_instances)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_two_thousand_instances(benchmark, remark):
    run(2)  # kernels are compiled once
    spent = benchmark.pedantic(run, args=(2_000,), rounds=1)
    overhead = (spent["all"] - spent["sampling"] - spent["measuring"]) / spent["tasks"]
    remark(
        f"2,000 instances of 12 spins, {spent['tasks']:.0f} tasks: {spent['all']:.0f} s, "
        f"{spent['gib']:.2f} GiB, {1e3 * overhead:.1f} ms a task beside sampling and measuring"
    )
    assert spent["gib"] < 1
    assert overhead < 10e-3
