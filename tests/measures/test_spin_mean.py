from __future__ import annotations

import qspin
from qspin.registry import get_measure
from qspin.spectrum import enumerate_problem
from qspin.testing import assert_within_errors


def test_it_is_that_of_enumeration():
    problem = qspin.IsingProblem([[0, -1, 0], [-1, 0, 0.5], [0, 0.5, 0]], fields=[0.3, -0.2, 0.1])
    samples = qspin.get_backend("exact", betas=[0.5, 1.5], n_replicas=500).sample(problem, seed=1)
    found = get_measure("spin_mean").measure(samples, problem)
    enumeration = enumerate_problem(problem)
    for row, beta in enumerate(samples.betas):
        mean, error = found["spin_mean"][row], found["spin_mean_error"][row]
        assert_within_errors(mean, error, enumeration.magnetisations(beta), what=f"mean at beta = {beta}")
