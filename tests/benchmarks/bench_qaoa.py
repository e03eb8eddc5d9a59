"""QAOA: the state vector against Qiskit Aer in one run, its growth and memory; product states; training."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from qiskit_aer import AerSimulator
from qspin_backends.qaoa import to_pauli
from qspin_backends.qaoa.circuit import qaoa_circuit
from qspin_backends.qaoa.objective import Expectation
from qspin_backends.qaoa.statevector import StateVector
from qspin_backends.qaoa.tables import table_angles

import qspin

MEAN = Expectation()


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def median(call, rounds=5) -> float:
    call()
    return statistics.median(seconds(call) for _ in range(rounds))


@pytest.mark.parametrize("fields", [False, True])
def test_expectation_and_gradient(benchmark, remark, fields):
    """n = 20, p = 4, dense. Aer's circuit is built beforehand; it only runs and takes the expectation."""
    problem = qspin.instances.sherrington_kirkpatrick(20, seed=1)
    if fields:
        problem = qspin.IsingProblem(problem.couplings, np.random.default_rng(1).normal(size=20))
    angles = table_angles(problem, 4)[0]
    circuit = qaoa_circuit(problem, angles, measured=False)
    circuit.save_expectation_value(to_pauli(problem), range(20))
    simulator = AerSimulator(method="statevector")

    def peer():
        return simulator.run(circuit).result().data()["expectation_value"]

    with StateVector(problem) as vector:
        value, gradient = (
            lambda: vector.value(angles, MEAN),
            lambda: vector.value_and_gradient(angles, MEAN),
        )
        assert abs(value() - peer()) < 1e-6
        theirs = median(peer, 3)
        ours, both = median(value), median(gradient)
        remark(
            f"n = 20, p = 4, dense{' with fields' if fields else ''}: Aer {theirs:.3g} s, expectation "
            f"{ours:.3g} s ({theirs / ours:.0f}x), with gradient {both:.3g} s ({theirs / both:.0f}x)"
        )
        benchmark.pedantic(value, rounds=3)


def test_cost_of_a_layer(benchmark, remark, request):
    """Seconds over n 2^n, dense with fields, so that all amplitudes are stored."""
    sizes, costs = list(range(14, 25, 2)), []
    for n in sizes:
        problem = qspin.IsingProblem(qspin.instances.sherrington_kirkpatrick(n, seed=1).couplings, np.ones(n))
        angles = table_angles(problem, 4)[0]
        with StateVector(problem) as vector:
            costs.append(median(lambda: vector.value(angles, MEAN), 3) / 4)  # noqa: B023
    per_step = [cost / (n * 2**n) for n, cost in zip(sizes, costs, strict=True)]
    remark(
        "seconds a layer over n 2^n: "
        + ", ".join(f"n = {n}: {c:.2e}" for n, c in zip(sizes, per_step, strict=True))
    )
    if path := request.config.getoption("--plot"):
        draw(sizes, costs, Path(path).with_name("qaoa.svg"))
    benchmark.pedantic(lambda: None, rounds=1)


CHILD = """
import resource, sys
import numpy as np
import qspin
from qspin_backends.qaoa.objective import Expectation
from qspin_backends.qaoa.statevector import StateVector
from qspin_backends.qaoa.tables import table_angles
n = int(sys.argv[1])
problem = qspin.IsingProblem(qspin.instances.sherrington_kirkpatrick(n, seed=1).couplings, np.ones(n))
with StateVector(problem) as vector:
    vector.value_and_gradient(table_angles(problem, 1)[0], Expectation())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def test_memory_of_26_spins(benchmark, remark):
    """Expectation with gradient, all amplitudes stored, the whole process with its libraries."""
    done = subprocess.run([sys.executable, "-c", CHILD, "26"], capture_output=True, text=True, check=True)
    remark(f"n = 26 with gradient, in a process of its own: {float(done.stdout):.2f} GiB at most")
    benchmark.pedantic(lambda: None, rounds=1)


@pytest.mark.parametrize("bond", [8, 32, None])
def test_product_states(benchmark, remark, bond):
    """A cubic graph of 20 spins, p = 2: expectation by a matrix product state against the state vector."""
    problem = qspin.IsingProblem.from_networkx(nx.random_regular_graph(3, 20, seed=1))
    angles = table_angles(problem, 2)[0]
    circuit = qaoa_circuit(problem, angles, measured=False)
    circuit.save_expectation_value(to_pauli(problem), range(20))
    options = {} if bond is None else {"matrix_product_state_max_bond_dimension": bond}
    result = AerSimulator(method="matrix_product_state", **options).run(circuit).result()
    with StateVector(problem) as vector:
        exact = vector.value(angles, MEAN)
    sampler = qspin.get_backend(
        "qaoa", depth=2, method="matrix_product_state", max_bond_dimension=bond, n_shots=10
    )
    batch = sampler.sample(problem, seed=1).info["batches"][0]
    difference = abs(result.data()["expectation_value"] - exact)
    remark(
        f"n = 20, bonds {bond or 'unlimited'}: energy differs by {difference:.1e} of {exact:.3f}, truncation "
        f"{batch['truncation']:.1e} at bonds of {batch['bond_dimension']}"
    )
    benchmark.pedantic(lambda: None, rounds=1)


def test_a_ring_of_60(benchmark, remark):
    ring = qspin.IsingProblem.from_edges(60, range(60), [*range(1, 60), 0], [1.0] * 60)
    sampler = qspin.get_backend("qaoa", depth=3, n_shots=1_000)
    remark(
        "ring of 60, p = 3, 1000 shots by a matrix product state: "
        f"{seconds(lambda: sampler.sample(ring, seed=1)):.2f} s"
    )
    benchmark.pedantic(lambda: None, rounds=1)


def test_trained_angles(benchmark, remark):
    """SK, N = 20, p = 8, 20 instances: mean energy a spin at the table's angles, and at trained ones."""
    table, trained = [], []
    for k in range(20):
        problem = qspin.instances.sherrington_kirkpatrick(20, seed=[20, k])
        info = qspin.get_backend("qaoa", depth=8, angles="optimise", n_shots=1).sample(problem, seed=k).info
        record = info["angles"]["origin"]["training"]
        table.append(record["starts"]["table"]["start"] / 20)
        trained.append(record["value"] / 20)
    gap = np.subtract(table, trained)
    errors = [np.std(values, ddof=1) / np.sqrt(20) for values in (table, trained, gap)]
    remark(
        f"SK, N = 20, p = 8: table {np.mean(table):.4f}({errors[0]:.4f}), trained {np.mean(trained):.4f}"
        f"({errors[1]:.4f}), gap {gap.mean():.4f}({errors[2]:.4f}) a spin"
    )
    benchmark.pedantic(lambda: None, rounds=1)


def draw(sizes, costs, path):
    """Time of a layer, and n 2^n through the largest."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "qaoa", "font.size": 9.5}):
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        ax = figure.subplots()
        law = np.array([n * 2.0**n for n in sizes])
        ax.plot(sizes, costs, "o", label="measured")
        ax.plot(sizes, law * costs[-1] / law[-1], "-", color="0.5", label="n 2^n")
        ax.set_yscale("log")
        ax.set_xlabel("spins, dense with fields")
        ax.set_ylabel("seconds a layer, one thread")
        ax.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
