"""A quantum Hopfield memory against the exact solution, its own matrices, and the classical network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from qspin.errors import InputError
from qspin.networks.quantum import quantum_recall
from qspin.networks.quantum.hopfield import Memory
from qspin.testing import STANDARD_ERRORS

pytest.importorskip("qiskit_aer", reason="the circuits run on Qiskit Aer")
from qiskit.quantum_info import Operator

from qspin.networks.quantum.circuit import _controlled_step

PATTERNS = np.array([[1, 1, 1, 1, -1, -1, -1, -1], [1, -1, 1, -1, 1, -1, -1, 1]])
CUE = [1, 1, 1, 1, -1, 0, 0, 0]


def memory(patterns=PATTERNS, cue=CUE, **changes):
    settings = {"n_clock": 5, "n_trotter": 2, "cutoff": 0.25, **changes}
    return Memory(np.asarray(patterns, np.int8), np.asarray(cue, np.int8), *settings.values())


@pytest.fixture(scope="module")
def recalled():
    return quantum_recall(PATTERNS, CUE, n_shots=4_000, seed=1)


class TestAlgebra:
    def test_the_solution_is_stationary_and_keeps_what_is_known(self):
        """Of -x W x / 2 + gamma x x / 2 under K x = cue."""
        own = memory(cutoff=1e-9)
        solution = own.solved()
        x, multipliers = solution[:8], solution[8:]
        hebb = own.states.T @ own.states / 2 - np.eye(8) / 8
        gamma = np.linalg.eigvalsh(hebb)[-1]
        np.testing.assert_allclose(gamma * x - hebb @ x, own.known * multipliers, atol=1e-12)
        np.testing.assert_allclose((x * own.known), own.right_side[8:], atol=1e-12)

    def test_orthogonal_patterns_are_recalled_exactly(self):
        x = memory(cutoff=1e-9).solved()[:8]
        assert abs(PATTERNS[0] @ x) / np.sqrt(8) / np.linalg.norm(x) == pytest.approx(1, abs=1e-12)

    @pytest.mark.parametrize("seed", range(4))
    def test_no_eigenvalue_winds_around(self, seed):
        rng = np.random.default_rng(seed)
        patterns = rng.choice([-1, 1], size=(rng.integers(1, 4), 8))
        cue = patterns[0] * rng.integers(0, 2, size=8)
        assert np.abs(np.linalg.eigvalsh(memory(patterns, cue).matrix)).max() <= (1 + np.sqrt(5)) / 2

    def test_steps_converge_quadratically_to_the_evolution(self):
        errors = []
        for n in (2, 4, 8):
            own = memory(n_trotter=n)
            steps = np.linalg.matrix_power(own.step(), n)
            errors.append(np.linalg.norm(steps - linalg.expm(1j * own.time * own.matrix), 2))
        assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)
        assert errors[1] / errors[2] == pytest.approx(4, rel=0.05)

    def test_the_circuit_makes_these_steps(self):
        own = memory()
        unitary = Operator(_controlled_step(own)).data
        np.testing.assert_allclose(unitary[:16, :16], np.eye(16), atol=1e-12)
        np.testing.assert_allclose(unitary[16:, 16:], own.step(), atol=1e-12)


class TestRecall:
    def test_shots_follow_the_matrices_of_the_circuit(self, recalled):
        for found, expected, error in (
            (recalled["recall"], recalled["recall_expected"], recalled["recall_error"]),
            (recalled["success"], recalled["success_expected"], recalled["success_error"]),
        ):
            assert (abs(found - expected) < STANDARD_ERRORS * error).all()

    def test_a_finite_clock_comes_close_to_the_exact_solution(self, recalled):
        np.testing.assert_allclose(recalled["recall_expected"], recalled["recall_exact"], atol=0.02)
        finer = memory(n_clock=8, n_trotter=16)
        told, exact = finer.answered()[:8], finer.solved()[:8]
        assert abs(np.vdot(told, exact)) / np.linalg.norm(told) / np.linalg.norm(exact) > 0.9999

    def test_the_right_pattern_is_found_as_the_classical_network_does(self, recalled):
        assert recalled["recall"][0] > 0.95
        assert recalled["recall"][1] < 0.05
        assert recalled["classical"].values.argmax() == 0
        assert np.sign(recalled["neurons"].values).tolist() == PATTERNS[0].tolist()

    def test_a_seed_repeats_it(self, recalled):
        again = quantum_recall(PATTERNS, CUE, n_shots=4_000, seed=1)
        assert again.identical(recalled)

    def test_one_pattern_of_two_neurons(self):
        found = quantum_recall([[1, -1]], [1, 0], n_clock=4, cutoff=0.3, n_shots=500, seed=1)
        assert found["recall_exact"][0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patterns": [[1, -1, 0, 1]]}, r"patterns are a matrix \(P, N\) of -1 and \+1; got shape \(1, 4\)"),
        ({"patterns": [[1, -1, 1]], "cue": [1, 1, 1]}, "there are 2, 4, 8 or 16 of them; got 3"),
        ({"cue": [1, 0]}, "cue gives each of the 8 neurons"),
        ({"cue": [0] * 8}, "knows one at least"),
        ({"cue": [2] + [0] * 7}, r"got shape \(8,\), values \[0, 2\]"),
        ({"cue": ["a"] * 8}, "cue gives each"),
        ({"n_clock": 11}, "n_clock is at most 10"),
        ({"n_clock": 2}, "n_clock must be at least 3"),
        (
            {"cutoff": 0.01},
            "cutoff lies between 0.0531, which 6 qubits of the clock resolve, and 1",
        ),
        ({"n_trotter": 0}, "n_trotter must be at least 1"),
        ({"n_shots": 0}, "n_shots must be at least 1"),
    ],
)
def test_bad_input(changes, message):
    settings = {"patterns": PATTERNS, "cue": CUE, **changes}
    with pytest.raises(InputError, match=message):
        quantum_recall(**settings)
