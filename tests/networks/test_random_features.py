"""Random features: training as an Ising problem against its loss, and errors against theory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import qspin
from qspin import networks
from qspin.errors import InputError
from qspin.remarks import remarks_of
from qspin.testing import assert_within_errors
from qspin.theory import random_feature_double_descent


class TestTraining:
    def test_the_energy_is_the_loss(self):
        """Of 200 configurations, by a loop over samples."""
        rng = np.random.default_rng(1)
        phi, y = rng.normal(size=(7, 12)), rng.normal(size=7)
        problem = networks.training_problem(phi, y, ridge=0.3)
        for weights in rng.choice([-1, 1], size=(200, 12)):
            loss = 0.3 / 2 * (weights**2).sum()
            for features, target in zip(phi, y, strict=True):
                loss += 0.5 * (target - weights @ features / np.sqrt(12)) ** 2
            assert problem.energies(weights) == pytest.approx(loss, abs=1e-11)

    def test_a_teacher_is_the_ground_state_for_every_backend(self):
        problem = networks.random_feature_training(6, 12, 15, ridge=0.1, seed=3)
        spins = np.array(list(itertools.product([-1, 1], repeat=12)))
        energies = problem.energies(spins)
        best = spins[energies.argmin()]
        np.testing.assert_array_equal(best, problem.known.ground_states[0])
        assert problem.known.ground_energy == pytest.approx(energies.min(), abs=1e-10)
        for name, settings in (
            ("exact", {"betas": [200.0]}),
            ("tempering", {"betas": [1.0, 5.0, 50.0, 200.0], "n_sweeps": 200}),
        ):
            samples = qspin.get_backend(name, **settings).sample(problem, seed=1)
            np.testing.assert_array_equal(samples.best.spins, best)

    def test_noise_and_a_linear_teacher_leave_no_ground_state_that_is_known(self):
        for given in ({"noise": 0.1}, {"teacher": "linear"}):
            assert networks.random_feature_training(4, 6, 5, **given, seed=1).known is None


class TestNetwork:
    def test_its_twin_has_the_energy_of_its_connections(self):
        """Weights drawn again, the last by normal equations; 200 configurations, every connection."""
        n_inputs, n, n_samples, ridge = 4, 6, 9, 0.2
        twin = networks.random_feature_network(
            n_inputs, n, n_samples, "tanh", ridge=ridge, noise=0.5, scale="none", seed=8
        )
        rng = np.random.default_rng(8)
        first, beta = rng.normal(size=(n, n_inputs)), rng.normal(size=n_inputs)
        x = rng.normal(size=(n_samples, n_inputs)) / np.sqrt(n_inputs)
        y = x @ beta + 0.5 * rng.normal(size=n_samples)
        phi = np.tanh(x @ first.T) / np.sqrt(n)
        last = np.linalg.inv(phi.T @ phi + ridge * np.eye(n)) @ phi.T @ y
        assert {name: len(spins) for name, spins in twin.known.groups.items()} == {
            "layer 0": 4, "layer 1": 6, "layer 2": 1
        }  # fmt: skip
        for spins in rng.choice([-1, 1], size=(200, n_inputs + n + 1)):
            inputs, features, output = spins[:4], spins[4:10], spins[10]
            energy = 0.0
            for i in range(n):
                for j in range(n_inputs):
                    energy -= first[i, j] / np.sqrt(n_inputs) * features[i] * inputs[j]
                energy -= last[i] / np.sqrt(n) * output * features[i]
            assert twin.energies(spins) == pytest.approx(energy, abs=1e-10)

    def test_its_labels_are_those_of_twins(self):
        twin = networks.random_feature_network(2, 3, 4, seed=1)
        assert list(twin.labels) == ["0:0", "0:1", "1:0", "1:1", "1:2", "2:0"]


class TestRegression:
    @pytest.mark.parametrize("shape", [(5, 9), (9, 5)])
    @pytest.mark.parametrize("ridge", [0.0, 0.4])
    def test_weights_have_the_least_loss(self, shape, ridge):
        rng = np.random.default_rng(2)
        phi, y = rng.normal(size=shape), rng.normal(size=shape[0])
        weights = networks.ridge_regression(phi, y, ridge=ridge)
        scaled = phi / np.sqrt(shape[1])
        np.testing.assert_allclose(scaled.T @ (scaled @ weights - y) + ridge * weights, 0, atol=1e-12)
        if ridge == 0:
            np.testing.assert_allclose(weights, np.linalg.pinv(scaled) @ y, atol=1e-12)

    @pytest.mark.parametrize(
        ("activation", "teacher", "ridge"),
        [
            ("erf", "linear", 0.0),
            ("relu", "linear", 0.1),
            ("sign", "features", 0.0),
            ("tanh", "features", 0.5),
        ],
    )
    def test_errors_are_those_of_theory(self, activation, teacher, ridge):
        """Below and above N = P, of 200 samples."""
        given = {"activation": activation, "teacher": teacher, "ridge": ridge, "noise": 0.4}
        measured = networks.random_feature_regression(
            120, 200, [100, 300, 400], **given, n_draws=12, n_test=400, seed=7
        )
        expected = random_feature_double_descent(measured.features_per_sample, 0.6, **given)
        for name in expected:
            assert_within_errors(
                measured[name], measured[f"{name}_error"], expected[name], what=name, rounding=1e-10
            )

    @pytest.mark.parametrize(("n", "ridge", "codes"), [(11, 0.0, ["heavy-tails"]), (12, 0, []), (8, 0.1, [])])
    def test_means_without_a_standard_error_are_named(self, n, ridge, codes):
        found = networks.random_feature_regression(5, 8, [n], ridge=ridge, n_draws=2, n_test=5, seed=1)
        assert [remark.code for remark in remarks_of(found.attrs)] == codes

    def test_draws_repeat_by_their_seed(self):
        one, again, other = (
            networks.random_feature_regression(5, 8, [4, 12], n_draws=2, n_test=10, seed=seed)
            for seed in (1, 1, 2)
        )
        assert one.identical(again)
        assert not one.equals(other)
        assert one.n_features.values.tolist() == [4, 12]
        assert one.features_per_sample.values.tolist() == [0.5, 1.5]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.training_problem([[1.0, 2.0]], [1.0, 2.0]), r"got \(1, 2\) and \(2,\)"),
        (lambda: networks.training_problem(np.empty((0, 3)), []), "at least one of each"),
        (lambda: networks.training_problem([[1.0, np.nan]], [1.0]), "features must be finite; got nan"),
        (lambda: networks.training_problem([[1.0, 2.0]], [np.inf]), "targets must be finite; got inf"),
        (lambda: networks.training_problem([[1j, 2.0]], [1.0]), "features must be real numbers"),
        (lambda: networks.training_problem([[1.0]], [1.0], ridge=-1), "ridge must not be negative"),
        (lambda: networks.random_feature_regression(5, 8, [], seed=0), "one number of features or several"),
        (lambda: networks.random_feature_regression(5, 8, [4.5], seed=0), "n_features must be an integer"),
        (lambda: networks.random_feature_regression(5, 8, [0], seed=0), "n_features must be at least 1"),
        (
            lambda: networks.random_feature_regression(5, 8, [4], n_draws=1, seed=0),
            "n_draws must be at least 2",
        ),
        (lambda: networks.random_feature_regression(5, 8, [4], teacher="x", seed=0), "got 'x'"),
        (lambda: networks.random_feature_regression(5, 8, [10**7], seed=0), "GiB of this machine"),
        (
            lambda: networks.random_feature_training(4, 6, 5, activation="gelu", seed=0),
            "no activation 'gelu'",
        ),
        (lambda: networks.random_feature_network(0, 6, 5, seed=0), "n_inputs must be at least 1"),
    ],
)
def test_what_is_no_regression(call, message):
    with pytest.raises(InputError, match=message):
        call()
