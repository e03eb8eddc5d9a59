"""Effective dimensions against published values, and Fisher information against closed formulas."""

from __future__ import annotations

import numpy as np
import pytest

from qspin.errors import InputError
from qspin.networks.quantum import effective_dimension, fisher_information
from qspin.networks.quantum.effective import _probabilities

pytest.importorskip("qiskit_aer", reason="the circuits run on Qiskit Aer")
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import real_amplitudes, z_feature_map

PUBLISHED = 0.01
"""To which the values of qiskit-machine-learning's own test are to be met; its draws are ours, so they
are met far closer."""


def model(n=3):
    features, ansatz = z_feature_map(n, reps=1), real_amplitudes(n, reps=1)
    return features.compose(ansatz), list(features.parameters), list(ansatz.parameters)


def turned(*gates):
    """One qubit that is turned, with a weight for each gate."""
    circuit, weights = QuantumCircuit(1), []
    for k, name in enumerate(gates):
        weights.append(Parameter(f"w{k}"))
        getattr(circuit, name)(weights[-1], 0)
    return circuit, weights


class TestPublished:
    @pytest.mark.parametrize(
        ("outcome", "n_inputs", "n_weights", "expected"),
        [
            ("parity", 10, 10, 4.51202148),
            ("parity", 1, 1, 1.39529449),
            ("parity", 10, 1, 3.97371533),
            ("configuration", 10, 10, 5.90859124),
        ],
    )
    def test_values_of_qiskit_machine_learning(self, outcome, n_inputs, n_weights, expected):
        found = effective_dimension(
            *model(), 5_000, input_draws=n_inputs, weight_draws=n_weights, outcome=outcome, seed=1234
        )["effective_dimension"]
        assert float(found[0]) == pytest.approx(expected, rel=PUBLISHED)
        assert float(found[0]) == pytest.approx(expected, abs=1e-7)

    def test_circuits_in_circuits_are_taken_apart(self):
        circuit, (plain, inputs, weights) = QuantumCircuit(3), model()
        features, ansatz = z_feature_map(3, reps=1), real_amplitudes(3, reps=1)
        circuit.append(features.to_instruction(), range(3))
        circuit.append(ansatz.to_instruction(), range(3))
        draws = {"input_draws": 2, "weight_draws": 2, "seed": 1}
        one = effective_dimension(circuit, list(features.parameters), list(ansatz.parameters), 5_000, **draws)
        other = effective_dimension(plain, inputs, weights, 5_000, **draws)
        np.testing.assert_allclose(one["effective_dimension"], other["effective_dimension"], atol=1e-9)


class TestFisher:
    def test_of_one_rotation_it_is_one(self):
        """p = cos^2(w / 2): (dp)^2 / (p (1 - p)) = 1."""
        circuit, weights = turned("ry")
        found = fisher_information(circuit, [], weights, np.zeros((1, 0)), [[0.3], [1.2], [2.9]])
        np.testing.assert_allclose(found[:, 0, 0, 0], 1.0, atol=1e-12)

    def test_where_an_outcome_never_comes(self):
        circuit, weights = turned("ry")
        found = fisher_information(circuit, [], weights, np.zeros((1, 0)), [[0.0]])
        assert np.isfinite(found).all()

    def test_a_weight_that_does_nothing_has_none(self):
        circuit, weights = turned("ry", "rz")
        found = fisher_information(circuit, [], weights, np.zeros((1, 0)), [[0.7, 0.4]])
        np.testing.assert_allclose(found[0, 0], [[1, 0], [0, 0]], atol=1e-12)

    def test_derivatives_are_those_of_small_steps(self):
        circuit, inputs, weights = model(2)
        x, w, step = np.array([[0.3, -0.8]]), np.array([[0.1, 0.5, 0.9, 0.2]]), 1e-5

        def p(weights_at):
            return _probabilities(circuit, [*inputs, *weights], np.hstack([x, weights_at]))[0]

        slopes = np.array([(p(w + step * one) - p(w - step * one)) / (2 * step) for one in np.eye(4)])
        expected = (slopes / p(w)) @ slopes.T
        np.testing.assert_allclose(
            fisher_information(circuit, inputs, weights, x, w)[0, 0], expected, atol=1e-7
        )


class TestDimension:
    def test_it_grows_with_data_up_to_the_rank(self):
        """Where the Fisher information is the same for all weights, d(n) -> its rank."""
        circuit, weights = turned("ry", "rz")
        found = effective_dimension(circuit, [], weights, [100, 10**6, 10**12], seed=1, weight_draws=3)
        dimension = found["effective_dimension"].values
        k = found["n_data"].values / (2 * np.pi * np.log(found["n_data"].values))
        np.testing.assert_allclose(dimension, np.log(1 + 2 * k) / np.log(k), rtol=1e-9)
        assert found["normalised_dimension"].values == pytest.approx(dimension / 2)

    def test_draws_may_be_given(self):
        circuit, inputs, weights = model(2)
        rng = np.random.default_rng(3)
        w, x = rng.uniform(0, 1, (4, 4)), rng.normal(0, 1, (5, 2))
        given = effective_dimension(circuit, inputs, weights, 1_000, input_draws=x, weight_draws=w)
        drawn = effective_dimension(circuit, inputs, weights, 1_000, input_draws=5, weight_draws=4, seed=3)
        assert given.identical(drawn)

    def test_outcomes_may_be_any_function(self):
        circuit, inputs, weights = model(2)
        settings = {"input_draws": 3, "weight_draws": 3, "seed": 3}
        parity, own = (
            effective_dimension(circuit, inputs, weights, 1_000, outcome=outcome, **settings)
            for outcome in ("parity", lambda number: -(number.bit_count() % 2))
        )
        np.testing.assert_allclose(parity["effective_dimension"], own["effective_dimension"])


class TestBadInput:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"n_data": 17}, "n_data are sizes of data that exceed 2 pi ln n, so 18 or more each; got 17"),
            ({"n_data": np.nan}, "18 or more each; got nan"),
            ({"weight_draws": 0}, "weight_draws must be at least 1"),
            ({"weight_draws": [[1.0, 2.0]]}, r"finite values of shape \(draws, 4\); got shape \(1, 2\)"),
            ({"input_draws": [[np.nan, 0.0]]}, r"finite values of shape \(draws, 2\)"),
            ({"outcome": "sum"}, "outcome is 'configuration', 'parity' or a function"),
        ],
    )
    def test_numbers(self, changes, message):
        circuit, inputs, weights = model(2)
        settings = {"n_data": 1_000, "input_draws": 1, "weight_draws": 1, "seed": 1, **changes}
        with pytest.raises(InputError, match=message):
            effective_dimension(circuit, inputs, weights, settings.pop("n_data"), **settings)

    def test_an_outcome_is_refused_before_any_circuit_runs(self, monkeypatch):
        from qspin.networks.quantum import effective

        monkeypatch.setattr(effective, "_probabilities", lambda *_: pytest.fail("circuits ran"))
        circuit, inputs, weights = model(2)
        with pytest.raises(InputError, match="outcome is 'configuration', 'parity' or a function"):
            effective_dimension(circuit, inputs, weights, 1_000, outcome="nope")

    def test_parameters_that_are_left_out(self):
        circuit, inputs, weights = model(2)
        with pytest.raises(InputError, match="all parameters of the circuit, each once; at odds are"):
            effective_dimension(circuit, inputs, weights[:-1], 1_000)

    def test_a_weight_of_two_gates(self):
        circuit, weight = QuantumCircuit(1), Parameter("w")
        circuit.ry(weight, 0)
        circuit.rx(weight, 0)
        with pytest.raises(InputError, match="a weight is the angle of one rotation.*; w stands in ry, rx"):
            effective_dimension(circuit, [], [weight], 1_000)

    def test_nothing_that_depends_on_weights(self):
        circuit, weights = turned("rz")
        with pytest.raises(InputError, match="no outcome depends on any weight"):
            effective_dimension(circuit, [], weights, 1_000, weight_draws=2, seed=1)
