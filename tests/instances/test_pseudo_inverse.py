from __future__ import annotations

import numpy as np
import pytest

from qspin.errors import InputError
from qspin.instances.pseudo_inverse import projected, pseudo_inverse
from qspin.spectrum import enumerate_problem


@pytest.mark.parametrize("n_patterns", [1, 4, 7, 12])
def test_patterns_are_ground_states(n_patterns):
    problem = pseudo_inverse(12, n_patterns, seed=3)
    energies = enumerate_problem(problem).energies
    assert problem.known.ground_energy == pytest.approx(energies.min(), abs=1e-12)
    np.testing.assert_allclose(problem.energies(problem.known.patterns), energies.min(), atol=1e-12)
    rank = np.linalg.matrix_rank(problem.known.patterns)
    assert energies.min() == pytest.approx((rank - 12) / 2, abs=1e-12)


def test_dependent_patterns_count_once():
    patterns = np.array([[1, 1, -1, 1], [-1, -1, 1, -1], [1, -1, 1, 1]])
    both, two = projected(patterns).couplings, projected(patterns[[0, 2]]).couplings
    np.testing.assert_allclose(both, two, atol=1e-15)


def test_orthogonal_patterns_are_those_of_hebb():
    from qspin.networks import hebbian

    patterns = np.array([[1, 1, 1, 1], [1, -1, 1, -1]])
    np.testing.assert_allclose(projected(patterns).couplings, hebbian(patterns).couplings, atol=1e-15)


def test_patterns_that_leave_no_coupling_are_refused():
    with pytest.raises(InputError, match="these 8 span all 6 dimensions"):
        projected(np.random.default_rng(1).choice([-1, 1], size=(8, 6)))
    alike = projected([[1, 1, -1, 1]] * 9)  # nine patterns, one direction
    np.testing.assert_allclose(alike.toarray(), projected([[1, 1, -1, 1]]).toarray(), atol=1e-15)


def test_no_patterns_are_refused():
    with pytest.raises(InputError, match=r"shape \(P, N\) with at least one of each; got \(0, 4\)"):
        projected(np.zeros((0, 4)))
