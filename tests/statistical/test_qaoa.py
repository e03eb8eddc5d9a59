"""QAOA against published and exact averages. Instances are our own; seeds are fixed."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from qspin_backends.qaoa.ansatz import Angles
from qspin_backends.qaoa.objective import Expectation
from qspin_backends.qaoa.statevector import StateVector
from qspin_backends.qaoa.tables import published, table_angles

import qspin
from qspin.testing import assert_within_errors

N_INSTANCES = 400
# state-vector averages with the table's angles, and the standard errors of those for n = 12
AVERAGES = {12: (0.2903, 0.3886, 0.4474, 0.4848), 14: (0.2934, 0.3917, 0.4505, 0.4877)}
ERRORS = (0.0019, 0.0029, 0.0037, 0.0043)


def table(depth):
    """As published, for couplings of variance 1/n: no rescaling by instance."""
    row = published()["sk"]["depths"][str(depth)]
    return Angles.of(row["gamma"], row["beta"])


@pytest.fixture(scope="module")
def energies():
    """-E/n of instances (n_instances, 4 depths), by n."""
    found = {}
    for n in AVERAGES:
        rows = []
        for k in range(N_INSTANCES):
            problem = qspin.instances.sherrington_kirkpatrick(n, seed=[n, k])
            with StateVector(problem) as vector:
                rows.append([-vector.value(table(p), Expectation()) / n for p in (1, 2, 3, 4)])
        found[n] = np.array(rows)
    return found


def mean_and_error(values):
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


class TestSherringtonKirkpatrick:
    @pytest.mark.parametrize("n", AVERAGES)
    def test_averages_at_the_angles_of_the_table(self, energies, n):
        mean, error = mean_and_error(energies[n])
        print(f"n = {n}:", *(f"{m:.4f}({e:.4f})" for m, e in zip(mean, error, strict=True)))
        assert_within_errors(mean, np.hypot(error, ERRORS), AVERAGES[n], what=f"energy, n = {n}, p")

    @pytest.mark.parametrize("n", AVERAGES)
    def test_the_exact_average_at_depth_one(self, energies, n):
        """V = ((n-1)/n) gamma exp(-2 gamma^2 (n-1)/n) sin 4 beta."""
        gamma, beta = table(1).gamma[0], table(1).beta[0]
        share = (n - 1) / n
        exact = share * gamma * np.exp(-2 * gamma**2 * share) * np.sin(4 * beta)
        mean, error = mean_and_error(energies[n][:, 0])
        print(f"n = {n}: {mean:.4f}({error:.4f}), exact {exact:.4f}")
        assert_within_errors(mean, error, exact, what=f"energy, n = {n}, p = 1")

    def test_rescaling_by_instance_costs_nothing(self, energies):
        """Gamma over the coupling scale of the instance, as the backend has it, is no worse on average."""
        differences = []
        for k in range(100):
            problem = qspin.instances.sherrington_kirkpatrick(12, seed=[12, k])
            with StateVector(problem) as vector:
                rescaled = -vector.value(table_angles(problem, 2)[0], Expectation()) / 12
            differences.append(rescaled - energies[12][k, 1])
        mean, error = mean_and_error(np.array(differences))
        assert mean > -4 * error


@pytest.mark.parametrize("depth", [1, 2])
def test_no_cubic_graph_is_cut_worse_than_guaranteed(depth):
    ratios = []
    for seed in range(50):
        graph = nx.random_regular_graph(3, 16, seed=seed)
        problem = qspin.IsingProblem.from_networkx(graph)
        lowest = qspin.get_backend("exact").enumerate(problem).ground_energy
        angles, origin = table_angles(problem, depth)
        with StateVector(problem) as vector:
            cut = (24 - vector.value(angles, Expectation())) / 2
        ratios.append(cut / ((24 - lowest) / 2))
    print(f"p = {depth}: least {min(ratios):.4f}, guaranteed {origin['guaranteed_ratio']:.4f}")
    assert min(ratios) >= origin["guaranteed_ratio"]
